"""How a trained network does on what training never saw: test folds, sets kept out, families kept out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from semcache.policy.transcript import transcript
from semcache.verifier.network import CrossEncoder
from semcache.verifier.train import families, fit, measures, mix, sets
from semcache.verifier.train.dialogs import Dialogs
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of
from semcache.verifier.train.tokens import Tokens

EVERYDAY: Final = Path("tests/data/everyday_pairs.jsonl")
"""Adversarial everyday pairs written apart from the families; in a checkout."""
MOST: Final = 3000
"""Of one set: enough for the second digit."""


def lines(network: CrossEncoder, tokens: Tokens, data: Path, *, seed: int) -> Iterator[str]:
    """A table, line by line."""
    yield measures.HEADER
    for name, pairs in tested(data, seed=seed):
        chosen = pairs if name == "qqp_pairs" else pairs[:MOST]
        scores = score(network, tokens, chosen)
        yield measures.row(name, scores, [pair.same for pair in chosen])


def score(network: CrossEncoder, tokens: Tokens, pairs: Sequence[LabelledPair]) -> list[float]:
    """Logits; one below all others for a pair that is too long to be judged."""
    inputs = [tokens.pair(pair.a, pair.b) for pair in pairs]
    known = iter(fit.score(network, [one for one in inputs if one is not None]))
    return [-100.0 if one is None else float(next(known)) for one in inputs]


def tested(data: Path, *, seed: int) -> Iterator[tuple[str, list[LabelledPair]]]:
    """Each thing that training never saw, by name."""
    if EVERYDAY.exists():
        read = [json.loads(line) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()]
        for split in ("dev", "test"):
            yield (
                f"everyday, {split}",
                [
                    LabelledPair(row["a"], row["b"], bool(row["same"]), row["kind"], "everyday", "")
                    for row in read
                    if row["split"] == split
                ],
            )
    yield "families kept out", list(families.pairs(mix.tested_families(), random.Random(seed), 2000))
    yield "conversations", list(Dialogs(data, Fold.TEST).pairs(random.Random(seed), 600))
    yield "conversations, same last message", _same_last_turn(data, seed=seed)
    for name in sets.UNSEEN_SETS:
        yield name, sets.pair_sets(data, [name])[name]
    for name, pairs in sets.pair_sets(data).items():
        yield name, [pair for pair in pairs if fold_of(pair.group) is Fold.TEST]
    for name in sets.CLASS_SETS:
        pairs = sets.class_pairs(data, name, random.Random(seed), 8000)
        yield name, [pair for pair in pairs if fold_of(pair.group) is Fold.TEST]


def _same_last_turn(data: Path, *, seed: int) -> list[LabelledPair]:
    """Real conversations that end with the same message, as traps, and reworded contexts of the test fold."""
    traps = [
        LabelledPair(_told(row["turns"]), _told(row["turns_b"]), False, "trap:same_last_turn", "same_last_turn", "")
        for row in sets.rows(data, "same_last_turn_pairs")
    ]
    reworded = [pair for pair in Dialogs(data, Fold.TEST).pairs(random.Random(seed), 600) if pair.same]
    return traps + reworded


def _told(turns: Sequence[dict[str, str]]) -> str:
    return transcript([(turn["role"], turn["content"]) for turn in turns if turn["role"] in ("user", "assistant")])
