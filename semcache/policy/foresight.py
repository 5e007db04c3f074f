"""Whether to do ahead what is needed only where a lookup finds nothing by its letters. Pure.

A lookup by meaning embeds its prompt, which takes ten times as long as the exact tiers' read before it, on a core that
is idle meanwhile. Begun beside that read it is ready sooner; where the read has the answer, it was in vain. So it is
begun while such answers are rare among the lookups that could have been the one or the other.
"""

from __future__ import annotations

from typing import Final

RARE: Final = 0.125
"""Share of the latest lookups that may turn out to have been embedded in vain."""
_WEIGHT: Final = 1 / 16
"""Of the latest lookup in that share: some thirty must find nothing before anything is done ahead."""


class Foresight:
    """What the latest lookups say of the next one."""

    def __init__(self) -> None:
        self._found = 1.0

    @property
    def expects_nothing(self) -> bool:
        """Whether the exact tiers will hardly have the answer."""
        return self._found < RARE

    def saw(self, *, found: bool) -> None:
        """A lookup that might have been embedded for: whether the exact tiers had its answer."""
        self._found += _WEIGHT * (found - self._found)
