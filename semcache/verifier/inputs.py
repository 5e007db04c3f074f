"""Two tokenised prompts as one input of the verifier: which tokens, and which of them the other prompt lacks.

Shared by training and serving, as both must see the same. Pure; token ids are those of the packaged tokenizer.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

import msgspec

UNKNOWN: Final = 100
"""Stands for every word, or letter, that the tokenizer has no token for: for most of Chinese, say."""
CLS: Final = 101
SEP: Final = 102

LIMIT: Final = 256
"""Most tokens of one input, special ones included; a pair that is longer after trimming is not judged."""
TRIM_FROM: Final = 96
"""Tokens of both prompts together from which on what they share at both ends is cut down to what gives context."""
HEAD: Final = 8
NEAR: Final = 16
TAIL: Final = 32
"""Of a shared beginning the first HEAD and the last NEAR tokens stay, of a shared end the first NEAR and the last TAIL:
the end of a long prompt is where the question stands."""

TYPES: Final = 4
"""Token types: 0 shared, 1 own for the first prompt; 2 shared, 3 own for the second."""
_SECOND: Final = 2
"""Added to the types of the second prompt."""


class PairInput(msgspec.Struct, frozen=True):
    """`ids` and `types` are of one length, at most LIMIT."""

    ids: list[int]
    types: list[int]

    @property
    def swapped(self) -> PairInput:
        """The input of the same two prompts, the second one first."""
        middle = sum(kind < _SECOND for kind in self.types)
        first, second = slice(1, middle - 1), slice(middle, -1)
        return PairInput(
            [CLS, *self.ids[second], SEP, *self.ids[first], SEP],
            [
                0,
                *(kind - _SECOND for kind in self.types[second]),
                0,
                *(kind + _SECOND for kind in self.types[first]),
                _SECOND,
            ],
        )

    @property
    def says_nothing_new(self) -> bool:
        """Whether both prompts are one and the same, token by token."""
        middle = len(self.ids) // 2
        return len(self.ids) % 2 == 1 and self.ids[1:middle] == self.ids[middle + 1 : -1]


def legible(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether two prompts can be told apart by their tokens, given what has none in each, in its order.

    To the models all of that is one and the same. So words must be the same on both sides, in whatever letters they are
    drawn; signs, such as a smiley at the end, only where both have some.
    """
    words, others = _words(first), _words(second)
    if words != others:
        return False
    signs, those = _signs(first), _signs(second)
    return not signs or not those or signs == those


def _words(pieces: Sequence[str]) -> list[str]:
    return [piece.casefold() for piece in pieces if any(map(_is_letter, piece))]


def _signs(pieces: Sequence[str]) -> list[str]:
    return [piece for piece in pieces if not any(map(_is_letter, piece))]


def _is_letter(char: str) -> bool:
    """Whether words may be written with it: circled letters and braille are symbols to Unicode."""
    return char.isalnum() or any(script in unicodedata.name(char, "") for script in _DRAWN)


_DRAWN: Final = ("LATIN", "KATAKANA", "HANGUL", "IDEOGRAPH", "BRAILLE", "REGIONAL INDICATOR")
"""In the names of symbols that are letters, in circles and squares, say."""


def pair_input(first: Sequence[int], second: Sequence[int]) -> PairInput | None:
    """The input for two prompts given as token ids without special ones; None where it would be too long.

    A token's type says on which side it stands and whether the other side has it anywhere: the cross-attention of a
    small model finds a single changed word more surely when it is pointed at.
    """
    of_first, of_second = frozenset(first), frozenset(second)
    if len(first) + len(second) >= TRIM_FROM:
        first, second = _trimmed(first, second)
    if len(first) + len(second) + 3 > LIMIT:
        return None
    own = [token not in of_second for token in first]
    others = [_SECOND + (token not in of_first) for token in second]
    types = [0, *own, 0, *others, _SECOND]
    return PairInput([CLS, *first, SEP, *second, SEP], [int(kind) for kind in types])


def _trimmed(first: Sequence[int], second: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    shorter = min(len(first), len(second))
    head = next((at for at in range(shorter) if first[at] != second[at]), shorter)
    tail = next((at for at in range(shorter - head) if first[-1 - at] != second[-1 - at]), shorter - head)
    return _cut(first, head, tail), _cut(second, head, tail)


def _cut(tokens: Sequence[int], head: int, tail: int) -> list[int]:
    """The tokens without the middle of their first `head` and of their last `tail`."""
    end = len(tokens) - tail
    shared_head = [*tokens[:HEAD], *tokens[head - NEAR : head]] if head > HEAD + NEAR else [*tokens[:head]]
    shared_tail = [*tokens[end : end + NEAR], *tokens[-TAIL:]] if tail > NEAR + TAIL else [*tokens[end:]]
    return [*shared_head, *tokens[head:end], *shared_tail]
