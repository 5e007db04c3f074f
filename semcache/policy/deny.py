"""The operator's deny patterns (`gateway.deny`): prompts in which one is found never meet the cache.

RE2: time linear in the text whatever the pattern, so no prompt can stall the service. It has no look-around and no
back-references.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import re2

from semcache.errors import ConfigError

_MEMORY: Final = 8 << 20
"""Bytes that one compiled pattern may take."""


class DenyList:
    """Patterns, compiled once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Raises ConfigError, naming `gateway.deny`, for a pattern that RE2 refuses or that matches every prompt."""
        self._patterns = [_compiled(pattern) for pattern in patterns]

    def found(self, text: str) -> bool:
        """Whether any pattern is found in the text."""
        if not self._patterns:
            return False
        searched = text.encode("utf-8", "replace")  # a lone surrogate is no text; canonical form refuses it later
        return any(pattern.search(searched) is not None for pattern in self._patterns)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeError) as error:
        detail = error.args[0] if error.args else error
        shown = detail.decode(errors="replace") if isinstance(detail, bytes) else str(detail)
        raise ConfigError(f"gateway.deny: {pattern!r} is no pattern in RE2 syntax: {shown}") from error
    if compiled.search(b"") is not None:
        raise ConfigError(f"gateway.deny: {pattern!r} matches every prompt")
    return compiled
