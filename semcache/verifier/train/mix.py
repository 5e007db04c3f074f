"""What one training run sees, in which shares: labelled sets, traps made of real questions, written families."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Final

import msgspec

from semcache.errors import ConfigError
from semcache.verifier.train import dialogs, families, payloads, sets, surface, traps
from semcache.verifier.train.dialogs import Dialogs
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of

log = logging.getLogger(__name__)

FAMILIES: Final = Path(__file__).parent / "families"


class Share(msgspec.Struct, frozen=True):
    """How much of a run comes from one source, and how often its pairs may be seen."""

    part: float
    most_passes: float = 3.0


Sift = Callable[[list[LabelledPair]], list[LabelledPair]]
"""Leaves out some of the pairs."""

SHARES: Final[dict[str, Share]] = {
    "qqp_pairs": Share(0.14, 2),
    "paws_qqp_pairs": Share(0.003, 6),
    "checklist_qqp_perturb_pairs": Share(0.015),
    "checklist_qqp_template_pairs": Share(0.012),
    "mqp_pairs": Share(0.01, 4),
    "query_variation_pairs": Share(0.005),
    "uqv_user_query_pairs": Share(0.002),
    "msmarco_typo_pairs": Share(0.012),
    "squad_paraphrase_pairs": Share(0.003),
    "gptcache_mock_pairs": Share(0.002),
    "gsm8k_rephrase_pairs": Share(0.004),
    "gsm_plus_pairs": Share(0.005),
    "svamp_pairs": Share(0.002),
    "situatedqa_pairs": Share(0.006),
    "falseqa_pairs": Share(0.003),
    "cannot_negation_pairs": Share(0.012),
    "pararel_pairs": Share(0.01),
    "lcquad_pairs": Share(0.008),
    "spider_pairs": Share(0.01),
    "text2sql_pairs": Share(0.008),
    "atis_slot_pairs": Share(0.004),
    "snips_slot_pairs": Share(0.006),
    "prompt_template_pairs": Share(0.008),
    "condaqa_rag_pairs": Share(0.01),
    "banking77_class": Share(0.012),
    "bitext_class": Share(0.005),
    "clinc150_class": Share(0.01),
    "nlupp_class": Share(0.01),
    "made of labelled pairs": Share(0.08),
    "made of questions": Share(0.10),
    "conversations": Share(0.04),
    "families": Share(0.55),
}
"""The everyday families and the labelled questions carry the run; the small sets keep it honest at the edges."""


CALIBRATED: Final = 1500
"""Pairs of each made source that calibration sees (of families twice as many)."""

_PARAPHRASES: Final = "qqp_pairs"
"""What traps are made of labelled pairs of."""

MADE: Final = frozenset({"made of labelled pairs", "made of questions", "conversations", "families"})
"""The sources that are made, not read."""


TAUGHT: Final = (*sets.PAIR_SETS, *sets.CLASS_SETS, sets.QUESTIONS, dialogs.SET)
"""The labelled sets that teach something; others test it."""


def look(data: Path) -> None:
    """Tell which labelled sets a run goes without. Raises ConfigError where the folder has none that teaches."""
    everything = (*TAUGHT, *sets.UNSEEN_SETS, dialogs.SAME_LAST)
    found = sets.present(data, everything)
    if not set(found) & set(TAUGHT):
        raise ConfigError(f"{data} has none of the labelled sets, each of which is NAME.jsonl.gz: {', '.join(TAUGHT)}")
    if absent := [name for name in everything if name not in found]:
        log.warning(
            "%d of %d sets are not in %s and left out: %s", len(absent), len(everything), data, ", ".join(absent)
        )


def training_pairs(
    data: Path, total: int, rng: random.Random, *, made: bool = True, sift: Sift | None = None
) -> list[LabelledPair]:
    """About `total` pairs of the train folds, shuffled, either prompt first; without `made`, labelled sets alone.

    `sift`: which of the pairs that are made are worth seeing; twice as many are made then. What an absent set would
    have had falls to the others, in their shares.

    Raises ConfigError for damaged data, and where there is nothing to see.
    """
    labelled = {
        name: _trained(pairs) for name, pairs in _pair_sets(data).items()
    } | {name: _trained(sets.class_pairs(data, name, rng, 8000)) for name in _class_sets(data)}  # fmt: skip
    questions = [text for text in _questions(data) if _trains(_group_of(text))]
    positives = [pair for pair in labelled.get(_PARAPHRASES, ()) if pair.same]
    makers: dict[str, Callable[[int], Iterator[LabelledPair]]] = {"families": lambda count: _of_families(rng, count)}
    if positives:
        makers["made of labelled pairs"] = lambda count: islice(_of_pairs(positives, rng), count)
    if questions:
        makers["made of questions"] = lambda count: islice(_of_questions(questions, rng), count)
    if sets.present(data, [dialogs.SET]):
        makers["conversations"] = lambda count: Dialogs(data, Fold.TRAIN).pairs(rng, count)
    shares = {name: share for name, share in SHARES.items() if name in labelled or (made and name in makers)}
    whole = sum(share.part for share in shares.values())
    mixed: list[LabelledPair] = []
    for name, share in shares.items():
        wanted = int(total * share.part / whole)
        if name in makers:
            chosen = list(makers[name](wanted if sift is None else 2 * wanted))
            if sift is not None:
                chosen = sift(chosen)[:wanted]
        else:
            chosen = _drawn(labelled[name], wanted, share.most_passes, rng)
        log.info("%-30s %7d pairs, %2.0f %% same", name, len(chosen), 100 * _same(chosen))
        mixed.extend(chosen)
    if not mixed:
        raise ConfigError(f"{data} has nothing to train on")
    rng.shuffle(mixed)
    return [_either_way(pair, rng) for pair in mixed]


def calibration_pairs(data: Path, rng: random.Random) -> list[LabelledPair]:
    """Pairs of the calibration folds, of every source that training has, and traps made of their questions."""
    folded = [pair for pairs in _pair_sets(data).values() for pair in pairs]
    folded += [pair for name in _class_sets(data) for pair in sets.class_pairs(data, name, rng, 8000)]
    kept = [pair for pair in folded if fold_of(pair.group) is Fold.CALIBRATION]
    positives = [pair for pair in kept if pair.source == _PARAPHRASES and pair.same]
    questions = [text for text in _questions(data) if fold_of(_group_of(text)) is Fold.CALIBRATION]
    kept += islice(_of_pairs(positives, rng), CALIBRATED)
    kept += islice(_of_questions(questions, rng), CALIBRATED)
    kept += families.pairs(_families(Fold.CALIBRATION), rng, 2 * CALIBRATED)
    return [_either_way(pair, rng) for pair in kept]


def trained_families() -> list[families.Family]:
    """The families that training sees; the others test what it learned of wording in general."""
    return _families(Fold.TRAIN)


def tested_families() -> list[families.Family]:
    """Those that it never sees."""
    return _families(Fold.TEST)


def _pair_sets(data: Path) -> dict[str, list[LabelledPair]]:
    return sets.pair_sets(data, sets.present(data, sets.PAIR_SETS))


def _class_sets(data: Path) -> list[str]:
    return sets.present(data, sets.CLASS_SETS)


def _questions(data: Path) -> list[str]:
    return [row["text"] for name in sets.present(data, [sets.QUESTIONS]) for row in sets.rows(data, name)]


def _group_of(question: str) -> str:
    return f"open\0{question.lower()}"


def _families(fold: Fold) -> list[families.Family]:
    return [family for family in families.load(FAMILIES) if _fold_of_family(family.name) is fold]


def _fold_of_family(name: str) -> Fold:
    """86 % train, 10 % calibration, 4 % test: every family more teaches, and of thousands a few tell enough."""
    fold = fold_of(name)
    kept = fold_of(f"family\0{name}") is Fold.TRAIN and fold_of(f"kept\0{name}") is not Fold.TRAIN
    return Fold.TRAIN if fold is Fold.TEST and not kept else fold


def _of_families(rng: random.Random, count: int) -> Iterator[LabelledPair]:
    return iter(families.pairs(trained_families(), rng, count))


def _of_pairs(positives: Sequence[LabelledPair], rng: random.Random) -> Iterator[LabelledPair]:
    """Labelled paraphrases with one thing changed on one side (a trap) or on both (still the same); of none, none."""
    while positives:
        pair = rng.choice(positives)
        made = traps.both_sides(pair.a, pair.b, rng)
        if made is not None:
            a, b, same, kind = made
            yield LabelledPair(a=a, b=b, same=same, kind=kind, source="made of labelled pairs", group=pair.group)


def _of_questions(questions: Sequence[str], rng: random.Random) -> Iterator[LabelledPair]:
    """Real questions against a noisy copy (the same), or against one with one thing changed (a trap); of none, none."""
    while questions:
        text = rng.choice(questions)
        group = _group_of(text)
        made = traps.trap(text, rng)
        if rng.random() < 0.1:
            other = payloads.loaded(text, questions, rng)
            yield LabelledPair(
                a=text, b=other, same=False, kind="trap:payload", source="made of questions", group=group
            )
        elif made is not None and rng.random() < 0.5:
            other, kind = made
            if rng.random() < 0.5:
                other = surface.noisy(other, rng)
            yield LabelledPair(a=text, b=other, same=False, kind=kind, source="made of questions", group=group)
        else:
            noisy = surface.noisy(text, rng)
            yield LabelledPair(
                a=text, b=noisy, same=True, kind="positive:noise", source="made of questions", group=group
            )


def _drawn(pairs: Sequence[LabelledPair], wanted: int, most_passes: float, rng: random.Random) -> list[LabelledPair]:
    order = list(pairs)
    rng.shuffle(order)
    return list(islice(cycle(order), min(wanted, int(len(order) * most_passes)))) if order else []


def _trained(pairs: Sequence[LabelledPair]) -> list[LabelledPair]:
    return [pair for pair in pairs if _trains(pair.group)]


def _trains(group: str) -> bool:
    return fold_of(group) is Fold.TRAIN


def _same(pairs: Sequence[LabelledPair]) -> float:
    return sum(pair.same for pair in pairs) / max(1, len(pairs))


def _either_way(pair: LabelledPair, rng: random.Random) -> LabelledPair:
    return msgspec.structs.replace(pair, a=pair.b, b=pair.a) if rng.random() < 0.5 else pair
