"""Cutting a long token sequence into windows of about equal length.

Pure arithmetic: it knows no tokenizer and no model.
"""

from __future__ import annotations

import math
from typing import Final

PIECE: Final = 62
"""Most tokens in a window of a long text.

Far smaller than a model's own window on purpose: measured, a short part that asks something else stands out among
windows of 62 tokens and drowns in windows of 254 (`benchmarks/long_prompts.py`; the decision is `policy.similarity`).
"""
OVERLAP: Final = 0
"""Tokens that neighbours share. None: blending neighbours in `policy.similarity` does as well, at half the vectors."""
WINDOWING: Final = f"{PIECE}-{OVERLAP}"
"""Part of the vector space: the same long text cut otherwise has other vectors."""


def cut(count: int, whole: int, piece: int = PIECE, overlap: int = OVERLAP) -> list[tuple[int, int]]:
    """Spans [start, end) that cover `count` tokens.

    One span where `count` is at most `whole`. Otherwise as few as are needed of at most `piece` tokens that share at
    least about `overlap` with the next, all equally long, evenly spread: no tiny last one.
    """
    if count <= whole:
        return [(0, count)]
    spans = math.ceil((count - overlap) / (piece - overlap))
    length = math.ceil((count + (spans - 1) * overlap) / spans)
    step = (count - length) / max(1, spans - 1)
    return [(start, start + length) for start in (round(at * step) for at in range(spans))]
