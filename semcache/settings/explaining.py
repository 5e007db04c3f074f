"""What is wrong with a setting, said so that it can be mended and shows no secret."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from semcache.settings.names import TABLES, fields, meant, tables, variable


def explain(problem: Any) -> str:
    """One of pydantic's problems as a line that names the setting and says how to mend it."""
    path = ".".join(str(part) for part in problem["loc"])
    if not path:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = variable(path)
    known = dict(fields())
    given = problem.get("input")
    if problem["type"] == "extra_forbidden" and isinstance(given, dict) and "." not in path:
        return f"[{path}]: there is no such table{meant(f'[{path}]', [f'[{each}]' for each in tables()])}"
    head, *rest = path.split(".")
    if problem["type"] == "extra_forbidden":
        if head in TABLES:
            near = meant(rest[-1], list(TABLES[head].model_fields))
        else:
            near = meant(name, [variable(each) for each in known])
        return f"{path} [{name}]: there is no such setting{near}"
    info = known.get(".".join([head, "<name>", *rest[1:]]) if head in TABLES else path)
    said = problem["msg"]
    if problem["type"] == "model_type" and head in TABLES:
        said = f"each is a table of its own, [{head}.<name>]"
    elif problem["type"] == "string_pattern_mismatch" and info is not None:
        said = f"does not have the form that is needed. {info.description}"
    return f"{path} [{name}]: {said}{_shown(given, info)}"


def _shown(given: Any, info: FieldInfo | None) -> str:
    """What was given, if it is plain and its field is known to be no secret."""
    if info is None or SecretStr in (info.annotation, *get_args(info.annotation)):
        return ""
    return f" (given: {given!r})" if isinstance(given, (str, int, float)) else ""
