"""The names of settings: their dotted paths, their environment variables, and what was meant by a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic.fields import FieldInfo

from semcache.settings.groups import NamespaceSettings, PriceSettings, UpstreamSettings
from semcache.settings.kinds import Group
from semcache.settings.tree import PREFIX, Settings

NOT_SETTINGS: Final = frozenset(
    {"SEMCACHE_CONFIG", "SEMCACHE_SERVER_URL", "SEMCACHE_EVALDATA", "SEMCACHE_URL", "SEMCACHE_API_KEY"}
)
"""Variables of ours that are no settings: the TOML file, the embedded server's address, the tests' data, and the
client's two.
"""
TABLES: Final[dict[str, type[Group]]] = {
    "namespaces": NamespaceSettings,
    "upstreams": UpstreamSettings,
    "prices": PriceSettings,
}
"""Settings that are tables of groups, by a name that the operator gives."""


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as (dotted path, pydantic's description of it), in the order of the tree.

    Those of a table come once, as `namespaces.<name>.<field>`.
    """
    for name, info in Settings.model_fields.items():
        group = _group(info)
        if name in TABLES:
            yield from ((f"{name}.<name>.{key}", field) for key, field in TABLES[name].model_fields.items())
        elif group is None:
            yield name, info
        else:
            yield from ((f"{name}.{key}", field) for key, field in group.model_fields.items())


def variable(path: str) -> str:
    """The environment variable of a setting: `store.deadline_s` is SEMCACHE_STORE__DEADLINE_S."""
    return PREFIX + path.replace(".", "__").upper()


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A line for each SEMCACHE_ variable that sets nothing, with the name that was probably meant."""
    known = [variable(path) for path, _ in fields()] + sorted(NOT_SETTINGS)
    heads = {variable(name) for name in tables()}
    lines = []
    for name in sorted(environment):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper.partition("__")[0] in heads:
            continue  # a wrong name inside a group is an error of its own
        lines.append(f"{name} is no setting{meant(upper, known)}")
    return lines


def tables() -> list[str]:
    """Settings that are groups or tables of groups: the tables of a file."""
    return [name for name, info in Settings.model_fields.items() if _group(info) or name in TABLES]


def _group(info: FieldInfo) -> type[Group] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Group) else None


def meant(name: str, known: list[str]) -> str:
    """What is said of the known name that is near enough to a wrong one; "" where none is."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""
