"""The guards' tables as a TOML file: read for the service, written out for whoever wants to change one.

A file names tables of `policy.guards.rules.TABLES`; each replaces the house's as a whole, the others stay.
"""

from __future__ import annotations

import json
import re
import textwrap
import tomllib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from semcache.errors import ConfigError, RequestError
from semcache.policy.guards import Rules
from semcache.policy.guards.rules import TABLES

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH: Final = 110


def load(file: Path | None) -> Rules:
    """The guards' lexicons, with the operator's tables in place of the house's.

    Raises ConfigError that names the file, the table, and what to do.
    """
    if file is None:
        return Rules.default()
    where = f"verification.guards_file {str(file)!r}"
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # of TOML, or of UTF-8
        raise ConfigError(f"{where} is no TOML file: {error}") from error
    try:
        return Rules.from_table(tables)
    except ConfigError as error:
        raise ConfigError(
            f"{where}: {error}; mend it, or leave the table out for the one that semcache guard-tables prints"
        ) from error


def written(names: Collection[str] = ()) -> str:
    """The house's tables (of these names, or all) as such a file has them. Raises RequestError for an unknown name."""
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        raise RequestError(f"there is no table {unknown[0]!r}; there are {', '.join(sorted(TABLES))}")
    chosen = {name: content for name, content in TABLES.items() if not names or name in names}
    plain = {name: content for name, content in chosen.items() if not isinstance(content, dict)}
    parts = [f"{name} = {_value(content)}\n" for name, content in plain.items()]  # TOML wants these first
    parts += ["\n".join(_table(name, content)) + "\n" for name, content in chosen.items() if name not in plain]
    return "\n".join(parts)


def _table(name: str, content: dict[str, Any]) -> Iterator[str]:
    nested = {key: value for key, value in content.items() if isinstance(value, dict)}
    if len(nested) < len(content) or not content:
        yield f"[{name}]"
    yield from (f"{_key(key)} = {_value(value)}" for key, value in content.items() if key not in nested)
    for key, value in nested.items():
        yield from _table(f"{name}.{_key(key)}", value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _quoted(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        text = " ".join(value.split())
        if len(text) <= _WIDTH:
            return _quoted(text)
        lines = textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        return '"""\n' + "\n".join(_quoted(line)[1:-1] for line in lines) + '\n"""'
    if isinstance(value, list):
        if all(isinstance(one, str) for one in value) or any(isinstance(one, list) for one in value):
            return "[\n" + "".join(f"    {_on_a_line(one)},\n" for one in value) + "]"
        return _on_a_line(value)
    return repr(value)


def _on_a_line(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_on_a_line(one) for one in value) + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # what JSON escapes, TOML escapes so too
