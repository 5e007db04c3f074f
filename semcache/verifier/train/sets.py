"""The labelled public sets: read, and split into folds so that no text is on both sides.

Folds go by connected component: two pairs that share a text, directly or through others, are in one fold. Class sets
go by label, so that the labels of the test fold were never seen. Nothing of a set is copied into this package; who has
some of them alone trains with these (`present`).
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from semcache.errors import ConfigError
from semcache.verifier.train.pairs import LabelledPair

QUORA: Final = ("qqp_pairs", "paws_qqp_pairs", "checklist_qqp_perturb_pairs")
"""Sets over the same questions: their components are joined."""

PAIR_SETS: Final = (
    *QUORA,
    "checklist_qqp_template_pairs", "mqp_pairs", "query_variation_pairs", "uqv_user_query_pairs", "msmarco_typo_pairs",
    "squad_paraphrase_pairs", "gptcache_mock_pairs", "gsm8k_rephrase_pairs", "gsm_plus_pairs", "svamp_pairs",
    "situatedqa_pairs", "falseqa_pairs", "cannot_negation_pairs", "pararel_pairs", "lcquad_pairs", "spider_pairs",
    "text2sql_pairs", "atis_slot_pairs", "snips_slot_pairs", "prompt_template_pairs", "condaqa_rag_pairs",
)  # fmt: skip

UNSEEN_SETS: Final = (
    "advglue_qqp_pairs", "gated_cache_finance_banking_pairs", "paws_wiki_sample_pairs", "boolq_contrast_pairs",
)  # fmt: skip
"""Kept out of training altogether, so that something tests what was learned beyond the sets."""

QUESTIONS: Final = "open_questions"
"""Questions of which none was asked twice: traps and near repeats are made of them."""

CLASS_SETS: Final = ("banking77_class", "bitext_class", "clinc150_class", "nlupp_class")

AMBIGUOUS: Final = frozenset({"ambiguous"})


class Fold(StrEnum):
    """What a pair may be used for."""

    TRAIN = "train"
    CALIBRATION = "calibration"
    TEST = "test"


def fold_of(group: str) -> Fold:
    """70 % train, 10 % calibration, 20 % test, by the digest of the group: the same on every machine, for ever."""
    bucket = int(hashlib.sha256(group.encode()).hexdigest()[:8], 16) % 10
    return Fold.TRAIN if bucket < 7 else Fold.CALIBRATION if bucket < 8 else Fold.TEST


def present(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of the sets that the folder has, in order."""
    return [name for name in names if _file_of(folder, name).exists()]


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a set. Raises ConfigError, naming the line, where it is absent or unreadable."""
    path = _file_of(folder, name)
    read: list[dict[str, Any]] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                read.append(json.loads(line))  # noqa: PERF401  # how many there are tells the line of an error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}, line {len(read) + 1}: {error}") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{path}: {error}") from error
    return read


def _file_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.jsonl.gz"


def pair_sets(folder: Path, names: Iterable[str] = PAIR_SETS) -> dict[str, list[LabelledPair]]:
    """The pairs of each set in file order, `group` being the component."""
    read = {name: [row for row in rows(folder, name) if not AMBIGUOUS & set(_kinds(row))] for name in names}
    quora = [name for name in read if name in QUORA]
    result: dict[str, list[LabelledPair]] = {}
    for family in (quora, *([name] for name in read if name not in QUORA)):
        components = _Components()
        for name in family:
            for row in read[name]:
                components.join(_plain(row["a"]), _plain(row["b"]))
                if "group" in row:
                    components.join(_plain(row["a"]), f"group\0{row['group']}")
        for name in family:
            result[name] = [
                LabelledPair(
                    a=row["a"],
                    b=row["b"],
                    same=bool(row["same"]),
                    kind=":".join(("positive" if row["same"] else "trap", *_kinds(row))),
                    source=name,
                    group=f"{QUORA[0] if name in QUORA else name}\0{components.of(_plain(row['a']))}",
                )
                for row in read[name]
            ]
    return result


def class_pairs(folder: Path, name: str, rng: random.Random, count: int) -> list[LabelledPair]:
    """`count` pairs of a class set: half of one label, half of two labels whose words are alike.

    Only labels stand for requests; rows whose `answer_key` differs are never paired as the same.
    """
    by_label: dict[str, list[str]] = defaultdict(list)
    for row in rows(folder, name):
        if row["label"] != "oos":
            by_label[row.get("answer_key") or row["label"]].append(row["text"])
    folds: dict[Fold, list[str]] = defaultdict(list)
    for label in sorted(by_label):
        folds[fold_of(f"{name}\0{label}")].append(label)
    return [pair for labels in folds.values() for pair in _of_classes(name, labels, by_label, rng, count)]


def _of_classes(
    name: str, labels: Sequence[str], texts: dict[str, list[str]], rng: random.Random, count: int
) -> Iterator[LabelledPair]:
    share = count * len(labels) // max(1, len(texts))
    several = [label for label in labels if len(texts[label]) > 1]
    if not several or len(labels) < 2:
        return
    for number in range(share):
        label = rng.choice(several)
        if number % 2:
            a, b = rng.sample(texts[label], 2)
            yield LabelledPair(a=a, b=b, same=True, kind="positive:class", source=name, group=f"{name}\0{label}")
        else:
            a = rng.choice(texts[label])
            others = [rng.choice(texts[rng.choice([one for one in labels if one != label])]) for _ in range(12)]
            b = max(others, key=lambda text: _overlap(a, text))
            yield LabelledPair(a=a, b=b, same=False, kind="trap:class", source=name, group=f"{name}\0{label}")


def _overlap(a: str, b: str) -> float:
    of_a, of_b = set(a.lower().split()), set(b.lower().split())
    return len(of_a & of_b) / max(1, len(of_a | of_b))


def _kinds(row: dict[str, Any]) -> list[str]:
    kind = row.get("kind") or []
    return [kind] if isinstance(kind, str) else list(kind)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())


class _Components:
    """Union-find over texts; a component is called by its least text."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def of(self, text: str) -> str:
        root = text
        while self._parent.get(root, root) != root:
            root = self._parent[root]
        while self._parent.get(text, text) != root:
            self._parent[text], text = root, self._parent[text]
        return root

    def join(self, a: str, b: str) -> None:
        low, high = sorted((self.of(a), self.of(b)))
        self._parent[high] = low
        self._parent.setdefault(low, low)
