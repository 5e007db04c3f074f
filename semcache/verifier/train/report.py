"""How a trained network does on what training never saw: test folds, sets kept out, families kept out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from semcache.policy.conversation import Step, steps
from semcache.verifier import both_ways
from semcache.verifier.network import CrossEncoder
from semcache.verifier.train import families, fit, measures, mix, sets
from semcache.verifier.train.dialogs import WHOLE, Dialogs, same_last_message
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
        if not chosen:  # the set is absent, or has nothing of this fold
            continue
        scores = score(network, tokens, chosen)
        yield measures.row(name, scores, [pair.same for pair in chosen])


def score(network: CrossEncoder, tokens: Tokens, pairs: Sequence[LabelledPair]) -> list[float]:
    """Logits as they are served, of a conversation the least of its steps'; one below all others where something is too
    long to judge."""
    judged = [steps(pair.a, pair.b) if pair.source == WHOLE else [Step(pair.a, pair.b)] for pair in pairs]
    inputs = [tokens.pair(*step) for of_pair in judged for step in of_pair]
    read = partial(fit.score, network)
    known = iter(both_ways.logits([one for one in inputs if one is not None], read).tolist())
    scores = iter([-100.0 if one is None else next(known) for one in inputs])
    return [min((next(scores) for _ in of_pair), default=-100.0) for of_pair in judged]


def tested(data: Path, *, seed: int) -> Iterator[tuple[str, list[LabelledPair]]]:
    """Each thing that training never saw, by name; of absent sets, none."""
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
    dialogs = Dialogs(data, Fold.TEST)
    yield "turns of conversations", list(dialogs.pairs(random.Random(seed), 600))
    whole = list(dialogs.conversations(random.Random(seed), 600))
    yield "conversations", whole
    yield "conversations, same last message", [*same_last_message(data), *(pair for pair in whole if pair.same)]
    for name in sets.present(data, sets.UNSEEN_SETS):
        yield name, sets.pair_sets(data, [name])[name]
    for name, pairs in sets.pair_sets(data, sets.present(data, sets.PAIR_SETS)).items():
        yield name, [pair for pair in pairs if fold_of(pair.group) is Fold.TEST]
    for name in sets.present(data, sets.CLASS_SETS):
        pairs = sets.class_pairs(data, name, random.Random(seed), 8000)
        yield name, [pair for pair in pairs if fold_of(pair.group) is Fold.TEST]
