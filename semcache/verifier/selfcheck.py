"""Does the verifier score a few fixed pairs as it did when it was shipped, and in the right order?

`python -m semcache.verifier.selfcheck` writes down, beside new weights (`--weights`), what they score.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from semcache.errors import VerifierUnavailable
from semcache.verifier import packaged, weights
from semcache.verifier.judge import PackagedJudge, Pair

log = logging.getLogger("selfcheck")

FILE: Final = Path(__file__).parent / "selfcheck.json"
"""Where the package carries what its weights scored."""

MOST_OFF: Final = 2 * packaged.MOST_OFF
"""Of a logit. Either machine may be `packaged.MOST_OFF` away from what torch says."""

TRIPLES: Final = (
    ("How do I reset my password?", "how can i change my password", "How do I change my email address?"),
    ("What is the capital of France?", "france capital city", "What is the capital of Finland?"),
    ("How do I turn on dark mode?", "how to enable dark mode", "How do I turn off dark mode?"),
    ("Is it safe to eat raw salmon?", "can you eat salmon raw", "Is it safe to eat raw chicken?"),
    ("Cancel my order, please.", "please cancel the order i placed", "Confirm my order, please."),
    ("Why is the sky blue?", "what makes the sky blue", "Why is the sea blue?"),
)
"""A prompt, one that deserves the same answer, and one that does not."""


class Scored(msgspec.Struct, frozen=True):
    """What the verifier with this fingerprint scored: a logit for each of `pairs()`."""

    fingerprint: str
    scores: list[float]


def pairs() -> list[Pair]:
    """Of each triple the pair that asks the same, then the one that does not."""
    return [Pair(asked, one) for asked, *others in TRIPLES for one in others]


def beside(file: Path) -> Path:
    """Where it stands what the weights in `file` scored: of `new.npz`, in `new.selfcheck.json`."""
    return FILE if file == weights.FILE else file.with_suffix(".selfcheck.json")


def shipped(file: Path = FILE) -> Scored | None:
    """What weights scored when they were made, the package's or others (`beside`); None where that is not known."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Scored)
    except (OSError, msgspec.MsgspecError):
        return None


def order(scores: Sequence[float | None]) -> str:
    """What is wrong with the order of the scores of `pairs()`; "" where each prompt is nearer to its like."""
    known = [-sys.float_info.max if score is None else score for score in scores]
    wrong = [
        f"{asked!r} is held nearer to {other!r} than to {same!r}"
        for (asked, same, other), right, left in zip(TRIPLES, known[::2], known[1::2], strict=True)
        if not right > left
    ]
    return "; ".join(wrong)


def off(scores: Sequence[float | None], expected: Scored) -> float:
    """The largest difference to what was scored when it was shipped, as a logit; infinite where a score is missing."""
    if None in scores or len(scores) != len(expected.scores):
        return float("inf")
    return max(abs((one or 0.0) - other) for one, other in zip(scores, expected.scores, strict=True))


def main(arguments: Sequence[str] | None = None) -> int:
    """Score the pairs with new weights and write that down; 1 where their order is wrong."""
    parser = argparse.ArgumentParser(prog="python -m semcache.verifier.selfcheck", description=__doc__)
    parser.add_argument("--models", type=Path, default=Path("data/models"), help="where prepared models lie")
    parser.add_argument("--weights", type=Path, default=weights.FILE, help="default: the package's own")
    parser.add_argument("--out", type=Path, help="default: beside the weights")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    judge = PackagedJudge(chosen.models, threads=1, file=chosen.weights)
    out = chosen.out or beside(chosen.weights)
    try:
        judge.load()
        scores = judge.run(pairs())
        fingerprint = judge.fingerprint
    except VerifierUnavailable as error:
        log.error("%s", error)
        return 1
    if problem := order(scores):
        log.error("%s", problem)
        return 1
    scored = Scored(fingerprint, [round(score, 4) for score in scores if score is not None])
    out.write_bytes(msgspec.json.format(msgspec.json.encode(scored)) + b"\n")
    log.info("%s: %s", out, fingerprint)
    return 0


if __name__ == "__main__":
    sys.exit(main())
