"""The lexicons of the guards, compiled once from a replaceable table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


class Rules(msgspec.Struct, frozen=True):
    """Lexicons, ready to be asked. Build them once and keep them: it costs milliseconds."""

    @classmethod
    def default(cls) -> Rules:
        """The lexicons of the house, for English."""
        return cls.from_table({})

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Rules:
        """The house's lexicons with those tables replaced that are given, e.g. from a TOML file.

        Raises ConfigError, naming the table and the key.
        """
        return cls()
