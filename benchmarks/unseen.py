"""The labelled data that no training saw, as pairs and as streams of requests.

Pair sets: the test folds of `semcache.verifier.train.sets`, the sets that are kept out altogether, prompts of the
families that are kept out, the hand-written everyday pairs, pairs in Chinese, pairs whose labels are more lenient than
one answer, and near repeats of unseen questions. Streams: the test fold of the Quora pairs in file order; of the class
sets the labels that no trained pair or class shares a text with; questions of which none was asked twice.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.streams import from_pairs
from benchmarks.sweep import Asked
from semcache.verifier.train import report, sets, surface
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of

FOREIGN = ("atec_zh_pairs", "bq_zh_pairs", "lcqmc_zh_pairs")
"""Of a language that neither embedder nor verifier can read, and for which there are no tables."""
LENIENT = ("mrpc_pairs", "stsb_pairs")
"""Statements labelled alike in meaning, which is less than one answer: one may leave out what the other tells."""
FLOOR = "open_questions"
"""Questions of which none was asked twice, as far as words tell: whatever is served counts as wrong."""
NEAR = ("typo", "case", "punctuation", "politeness")
"""The kinds of near repeats that the goal is stated for."""
_WORDS = re.compile(r"\w+")
_SURFACE_KINDS = frozenset({"mispelling"})
"""Of `query_variation_pairs`, spelled as there: the others are rewordings."""


def pair_sets(data: Path, *, seed: int, most: int) -> Iterator[tuple[str, list[LabelledPair]]]:
    """Name and pairs of every set, at most `most` of each, drawn with `seed`; four times as many of Quora's, and all of
    the everyday ones."""
    for name, pairs in report.tested(data, seed=seed):
        if pairs:
            whole = name.startswith("everyday")
            yield name, pairs if whole else drawn(pairs, 4 * most if name == "qqp_pairs" else most, seed)
    for name, pairs in sets.pair_sets(data, FOREIGN).items():
        yield name, drawn(pairs, most, seed)
    seen = _seen(data)
    for name, pairs in sets.pair_sets(data, LENIENT).items():
        yield name, drawn([pair for pair in pairs if not {plain(pair.a), plain(pair.b)} & seen], most, seed)
    for name, pairs in near_repeats(data, seed=seed, most=most).items():
        yield name, drawn(pairs, most, seed)


def drawn(pairs: list[LabelledPair], most: int, seed: int) -> list[LabelledPair]:
    """At most `most` of them, in their order."""
    if len(pairs) <= most:
        return pairs
    chosen = sorted(random.Random(seed).sample(range(len(pairs)), most))
    return [pairs[at] for at in chosen]


def near_repeats(data: Path, *, seed: int, most: int) -> dict[str, list[LabelledPair]]:
    """Unseen questions and the same ones as somebody else would type them, by where the noise comes from."""
    changes = {"typo": surface.typo, "case": surface.case, "punctuation": surface.punctuation}
    changes["politeness"] = surface.politeness
    rng = random.Random(seed)
    found: dict[str, list[LabelledPair]] = {}
    unseen = _open_questions(data)
    made = []
    for text in rng.sample(unseen, min(len(unseen), most)):
        kind = rng.choice(NEAR)
        changed = changes[kind](text, rng)
        if changed != text:
            made.append(LabelledPair(text, changed, True, f"positive:{kind}", FLOOR, ""))
    found["near repeats, made"] = made
    varied = sets.pair_sets(data, ["query_variation_pairs", "msmarco_typo_pairs"])
    found["near repeats, query_variation"] = [
        pair for pair in varied["query_variation_pairs"] if _tests(pair.group) and _SURFACE_KINDS & set(_kinds(pair))
    ]
    found["near repeats, msmarco_typo"] = [pair for pair in varied["msmarco_typo_pairs"] if _tests(pair.group)]
    return {name: pairs for name, pairs in found.items() if pairs}


def streams(data: Path, names: Iterable[str]) -> Iterator[tuple[str, list[Asked]]]:
    """Name and requests of each stream, in file order."""
    seen: frozenset[str] | None = None
    for name in names:
        if name == "qqp_pairs":
            yield name, quora(data)
        else:
            seen = _seen(data) if seen is None else seen
            yield name, questions(data, seen) if name == FLOOR else classes(data, name, seen)


def quora(data: Path) -> list[Asked]:
    """Both questions of each test pair in file order; a request's label is what its pairs join, transitively."""
    pairs = sets.pair_sets(data, sets.QUORA)["qqp_pairs"]
    rows = [{"a": pair.a, "b": pair.b, "same": pair.same} for pair in pairs if _tests(pair.group)]
    return [Asked(request.text, str(request.label)) for request in from_pairs(rows)]


def classes(data: Path, name: str, seen: frozenset[str]) -> list[Asked]:
    """The rows of the labels that training saw nothing of; each row out of scope is a label of its own."""
    requests = []
    for number, row in enumerate(sets.rows(data, name)):
        label = _label(row)
        label = f"oos-{number}" if label == "oos" else label
        requests.append(Asked(row["text"], label, str(row.get("db", ""))))
    if name in sets.CLASS_SETS:
        return [one for one in requests if _tests(f"{name}\0{one.label}")]
    known = {(one.place, one.label) for one in requests if plain(one.text) in seen}
    return [one for one in requests if (one.place, one.label) not in known]


def questions(data: Path, seen: frozenset[str]) -> list[Asked]:
    """Questions that training saw nothing of, each a label of its own: of those in the same words only the first."""
    first: dict[str, str] = {}
    for text in _open_questions(data):
        if plain(text) not in seen:
            first.setdefault(" ".join(_WORDS.findall(text.lower())), text)
    return [Asked(text, words) for words, text in first.items()]


def shortened(requests: list[Asked], most: int, seed: int, *, by_label: bool) -> list[Asked]:
    """At most so many requests in order: the first ones, or all of some labels, where a file holds labels together."""
    if len(requests) <= most:
        return requests
    if not by_label:
        return requests[:most]
    count = Counter((one.place, one.label) for one in requests)
    labels = sorted(count)
    random.Random(seed).shuffle(labels)
    kept: set[tuple[str, str]] = set()
    left = most
    for each in labels:
        if count[each] <= left:
            kept.add(each)
            left -= count[each]
    return [one for one in requests if (one.place, one.label) in kept]


def plain(text: str) -> str:
    """As folds compare texts."""
    return " ".join(text.lower().split())


def _open_questions(data: Path) -> list[str]:
    """Those that no pair was made of."""
    texts = [row["text"] for row in sets.rows(data, FLOOR)]
    return [text for text in texts if _tests(f"open\0{text.lower()}")]


def _seen(data: Path) -> frozenset[str]:
    """Every text of a pair or a class that training or calibration used."""
    paired = (
        text
        for pairs in sets.pair_sets(data).values()
        for pair in pairs
        if not _tests(pair.group)
        for text in (pair.a, pair.b)
    )
    classed = (
        row["text"] for name in sets.CLASS_SETS for row in sets.rows(data, name) if not _tests(f"{name}\0{_label(row)}")
    )
    return frozenset(plain(text) for text in (*paired, *classed))


def _label(row: dict[str, Any]) -> str:
    """The stricter one where a row has two."""
    return str(row.get("answer_key") or row["label"])


def _tests(group: str) -> bool:
    return fold_of(group) is Fold.TEST


def _kinds(pair: LabelledPair) -> list[str]:
    return pair.kind.split(":")[1:]
