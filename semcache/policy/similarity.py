"""How alike two embedded texts are: one number for thresholds, short and long texts alike.

One window each: the cosine. Several windows each: compared whole, so that a text is not judged by its first part, nor
by the average, in which one other question drowns. Of several windows the first and the last are short ones over the
ends of the text, where the request itself usually stands; the inner ones cover it. The rule:

* Every window is matched with the best blend of two neighbouring windows of the other text. Blending makes up for cuts
  that fall elsewhere in a paraphrase. What is missing to 1 is the window's deviation.
* A paraphrase deviates a little everywhere; another question deviates much in one place. So the *worst* inner deviation
  counts, and those of the two ends, less what is *usual* for the pair.
* A steep curve puts that on the scale of short texts, so that one threshold serves both: four in five long paraphrases
  come out above .97, most long texts with one part replaced far below .80.

The weights are a logistic regression's (paraphrases against texts with one part replaced, against other texts of the
same kind), rounded; `benchmarks/long_prompts.py` builds those texts and prints the table of this rule and its rivals.
What it cannot see: a dozen words replaced in the middle of many hundreds.

One window against several: only the means can be compared, so texts of unlike length are marked down.

Pure: it knows no model, no store and no threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from semcache.models import Embedding

WORST: Final = 4.7
LAST: Final = 2.1
FIRST: Final = 1.25
USUAL: Final = 9.4
USUAL_CAP: Final = 0.3
"""Beyond it a pair is not loosely worded but about something else, and its spread excuses nothing."""

LINEAR: Final = 0.01
STEEP: Final = 0.018
POWER: Final = 12
"""Oddity 1 is where four in five of the long paraphrases are left: similarity .97 there, .83 at 1.2, 0 at 1.4."""

ALMOST: Final = 0.999
"""Identical unit vectors have a cosine above it, whatever is lost in rounding."""

SAME_LENGTH: Final = 0.7
"""Paraphrases differ less than this ratio in length; used where the lengths are all that tells."""


def similarity(a: Embedding, b: Embedding) -> float:
    """Similarity in [-1, 1] of two embeddings of one space; symmetric, 1.0 for identical ones."""
    if len(a.vectors) > 1 and len(b.vectors) > 1:
        return 1.0 if np.array_equal(a.vectors, b.vectors) else _whole(a, b)
    cosine = float(a.pooled.dot(b.pooled))
    # Looked at only where it may be so: it takes twice the time of all else that compares two short texts.
    if cosine > ALMOST and np.array_equal(a.vectors, b.vectors):
        return 1.0
    if len(a.vectors) != len(b.vectors):
        cosine *= _length_factor(a, b)
    return max(-1.0, min(1.0, cosine))


def _whole(a: Embedding, b: Embedding) -> float:
    """Similarity in [0, 1] of two texts of several windows."""
    table = a.vectors @ b.vectors.T
    of_a = 1.0 - _best_blend(table, b.vectors)
    of_b = 1.0 - _best_blend(table.T, a.vectors)
    inner_a, inner_b = _inner(of_a), _inner(of_b)
    worst = max(float(inner_a.max()), float(inner_b.max()))
    first = max(float(of_a[0]), float(of_b[0]))
    last = max(float(of_a[-1]), float(of_b[-1]))
    usual = (float(inner_a.mean()) + float(inner_b.mean())) / 2
    oddity = max(0.0, WORST * worst + FIRST * first + LAST * last - USUAL * min(usual, USUAL_CAP))
    return max(0.0, 1.0 - LINEAR * oddity - STEEP * oddity**POWER)


def _inner(deviations: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without the two short windows at the ends."""
    return deviations[1:-1] if len(deviations) > 2 else deviations


def _best_blend(table: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """For each row of `table` (cosines to `others`): the best cosine to a blend x*u + y*v of neighbours, x, y >= 0.

    With p, q the cosines to u, v and c that between u and v, the best blend has cosine
    sqrt((p^2 + q^2 - 2cpq) / (1 - c^2)) where both shares are positive, else max(p, q).
    """
    left, right = table[:, :-1], table[:, 1:]
    between = np.einsum("ij,ij->i", others[:-1], others[1:])
    squared = np.maximum(left * left + right * right - 2 * between * left * right, 0.0)
    blended = np.sqrt(squared / np.maximum(1.0 - between * between, 1e-6))
    both = (left > between * right) & (right > between * left)
    best: NDArray[np.float32] = np.where(both, blended, np.maximum(left, right)).max(axis=1)
    return np.minimum(best, 1.0)


def _length_factor(a: Embedding, b: Embedding) -> float:
    """1 where one text is about as long as the other, less where one holds much that the other cannot."""
    short, long = sorted((float(a.weights.sum()), float(b.weights.sum())))
    return min(1.0, short / (SAME_LENGTH * long)) if long > 0 else 1.0
