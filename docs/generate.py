"""Write docs/settings.md from the settings themselves: `make docs`. A test holds the page to what this gives."""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from semcache.settings import fields, variable

PAGE: Final = Path(__file__).parent / "settings.md"

_HEAD: Final = """\
# Settings

Made by `make docs` from `semcache/settings/`.

A setting is an environment variable, or the same name in the TOML file that `SEMCACHE_CONFIG` (or `--config`) names.
Environment wins over file, file over default; an empty variable counts as not set, and a list or a table is JSON in one
(`SEMCACHE_GATEWAY__DENY='["(?i)secret"]'`). In the file, groups are tables:

```toml
threshold = 0.92

[store]
deadline_s = 0.5

[namespaces.support]
ttl_s = 600
```

`semcache check-config` shows what is in force, where each value comes from, and what is wrong with it, and warns of
settings that decide nothing (a `confidence` in mode `threshold`, say); secrets are shown as asterisks. A `SEMCACHE_`
variable that is no setting is reported at start, with the name that was probably meant. A wrong value, or a wrong name
inside a group or the file, stops the start.
"""

_GROUPS: Final = {
    "": "Service",
    "store": "Store",
    "embedding": "Embedding",
    "verification": "Verification",
    "normalization": "Normalisation",
    "ttl": "Life of entries",
    "limits": "Limits",
    "gateway": "Gateway",
    "upstreams": "Upstreams",
    "prices": "Prices",
    "rate": "Rate limits",
    "warm": "Warming",
    "near": "Near cache",
    "maintenance": "Maintenance",
    "namespaces": "Namespaces",
}


def page() -> str:
    """The whole of docs/settings.md."""
    parts = [_HEAD]
    known = [(path.split(".")[0] if "." in path else "", path, info) for path, info in fields()]
    if left_out := {group for group, *_ in known} - set(_GROUPS):
        raise ValueError(f"settings of no section of the page: {', '.join(sorted(left_out))}")
    for group, title in _GROUPS.items():
        rows = [_row(path, info) for own, path, info in known if own == group]
        parts.append(f"## {title}\n\n| variable | default | what |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(path: str, info: FieldInfo) -> str:
    kind = _kind(info.annotation)
    what = f"{info.description} {kind}".strip().replace("|", "\\|")
    return f"| `{variable(path).replace('<NAME>', '<name>')}` | {_default(info.default)} | {what} |"


def _kind(annotation: Any) -> str:
    """What kind of value, where the default does not tell."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return " ".join(_kind(each) for each in get_args(annotation) if each is not NoneType)
    if get_origin(annotation) is Literal:
        return f"({', '.join(get_args(annotation))})"
    if annotation is SecretStr:
        return "(secret)"
    if isinstance(annotation, type) and hasattr(annotation, "__members__"):
        return f"({', '.join(annotation.__members__.values())})"
    return ""


def _default(value: Any) -> str:
    if value is PydanticUndefined:
        return "(required)"
    if value is None or value in ((), {}):
        return ""
    if isinstance(value, bool | tuple):
        return f"`{json.dumps(value)}`"
    return f"`{int(value) if isinstance(value, float) and value.is_integer() else value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
