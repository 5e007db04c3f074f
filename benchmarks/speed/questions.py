"""Questions of real people where the shared labelled prompts are (never copied), else made ones.

They are found by `SEMCACHE_EVALDATA`, else at `../shared/evaldata` beside the repository root.
"""

from __future__ import annotations

import functools
import gzip
import json
import os
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.speed.stage import ROOT
from benchmarks.speed.texts import reworded, text
from semcache.models import CacheRequest, TtlClass
from semcache.policy.canonical import user_message
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from semcache.settings import Settings

_LONGEST: Final = 120
"""Characters: one window of the model, as most questions are."""


def folder() -> Path | None:
    """Where the shared prompts are; None where they are absent."""
    place = Path(os.environ.get("SEMCACHE_EVALDATA") or ROOT.parent / "shared" / "evaldata")
    return place if place.is_dir() else None


def real(count: int) -> tuple[list[str], str]:
    """So many distinct questions that anybody may be answered alike, and what they are."""
    rows = _rows("open_questions")
    found = [row["text"] for row in rows if len(row["text"]) <= _LONGEST and general(row["text"])]
    drawn = random.Random(0).sample(found, min(count, len(found)))
    if len(drawn) == count:
        return drawn, "real questions of a shared set"
    return [text(number) for number in range(count)], "made questions: the shared ones are absent"


def classes(count: int) -> tuple[list[list[str]], str]:
    """So many classes of wordings, each with two or more that deserve one answer, and what they are."""
    parent: dict[str, str] = {}

    def top(one: str) -> str:
        while parent.setdefault(one, one) != one:
            one = parent[one]
        return one

    for row in _rows("qqp_pairs"):
        if row["same"] and general(row["a"]) and general(row["b"]):
            parent[top(row["a"])] = top(row["b"])
    members: defaultdict[str, list[str]] = defaultdict(list)
    for one in list(parent):
        members[top(one)].append(one)
    found = list(members.values())
    if len(found) >= count:
        return random.Random(0).sample(found, count), "classes of labelled Quora questions"
    return [
        [text(number), *(reworded(text(number), 97 * wording) for wording in range(3))] for number in range(count)
    ], "made questions in four wordings: the shared ones are absent"


def arrivals(count: int) -> tuple[list[float], str]:
    """So many moments, rising from 0 to 1, and where they are from."""
    moments = [float(row["t"]) for row in _rows("trace_azure_conv")][:count]
    if len(moments) >= min(count, 1_000):
        return [moment / moments[-1] for moment in moments], "arrivals of a shared trace of a chat service"
    draw = random.Random(0)
    return sorted(draw.random() for _ in range(count)), "Poisson arrivals, seed 0: the shared trace is absent"


@functools.cache
def _policies() -> tuple[Normalizer, TtlRules]:
    return Normalizer(Settings().normalization), TtlRules.default()


def general(prompt: str) -> bool:
    """Whether its answer is nobody's own and lives for hours: others are kept for one caller, or for minutes."""
    found = identify(CacheRequest(messages=user_message(prompt), model="m"), *_policies()).ttl_class
    return found in (TtlClass.GENERAL, TtlClass.STATIC, TtlClass.CODE)


def _rows(name: str) -> Iterator[dict[str, Any]]:
    place = folder()
    path = place / f"{name}.jsonl.gz" if place is not None else None
    if path is not None and path.is_file():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from map(json.loads, lines)
