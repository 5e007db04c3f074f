"""What training is made of: two prompts and whether one stored answer may serve both."""

from __future__ import annotations

import msgspec


class LabelledPair(msgspec.Struct, frozen=True):
    """Two prompts with a label, and where they come from."""

    a: str
    """The prompt that an answer was stored for."""
    b: str
    """The prompt that asks now. The relation is symmetric; which of the two is which carries no meaning."""
    same: bool
    """Whether both deserve the same answer."""
    kind: str
    """What was done to make the pair, e.g. `positive:paraphrase`, `positive:typo`, `trap:number`."""
    source: str
    """The set, or `families`."""
    group: str
    """What folds are split by: a family's name, or the component of a set. One group is never in two folds."""
