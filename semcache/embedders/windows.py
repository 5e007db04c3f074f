"""Cutting a long token sequence into windows of about equal length.

Pure arithmetic: it knows no tokenizer and no model.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

PIECE: Final = 62
"""Most tokens in a window of a long text.

Far smaller than a model's own window on purpose: measured, a short part that asks something else stands out among
windows of 62 tokens and drowns in windows of 254 (`benchmarks/long_prompts.py`; the decision is `policy.similarity`).
"""
END: Final = 24
"""Tokens of the two short windows at the ends, which lie over the others: there the request itself usually stands."""

WINDOWING: Final = f"{PIECE}-{END}"
"""Part of the vector space: the same long text cut otherwise has other vectors."""


def cut(count: int, whole: int, piece: int = PIECE, end: int = END) -> list[tuple[int, int]]:
    """Spans [start, stop) that cover `count` tokens.

    One span where `count` is at most `whole`. Otherwise, in this order: the first `end` tokens; as few spans as are
    needed of at most `piece` tokens, all about equally long, that cover everything; the last `end` tokens.
    """
    if count <= whole:
        return [(0, count)]
    spans = math.ceil(count / piece)
    edges = [round(at * count / spans) for at in range(spans + 1)]
    return [(0, min(end, count)), *pairwise(edges), (max(0, count - end), count)]
