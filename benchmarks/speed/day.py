"""A repetitive day: arrivals of a trace, questions drawn by Zipf's law in several wordings; hits by tier.

The service runs as shipped, guards and verifier on. Each request is looked up and, where it missed, its answer stored,
as an application does it. The same day is asked again of the exact tier alone, in a namespace of its own. The day is
played faster than it was; requests that overlap do so as they did, as far as the workers go. Answers come at once,
where those of a real model would be awaited: by few, as a day is long.

What no cache could serve is told apart: the first question of each class. What is left are refusals, by their reasons.
"""

from __future__ import annotations

import collections
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from benchmarks.speed import questions
from benchmarks.speed.client import Client
from benchmarks.speed.parts import Serving
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import Stage

QUESTIONS: Final = 2_000
"""So many that exact matching alone stays below the goal over a day of 10,000 requests."""
ZIPF: Final = 1.0
FIRST_WORDING: Final = 0.5
"""How often a question is asked in its commonest wording; else in any of the others."""
REFUSALS: Final = ("below_threshold", "guarded", "doubted")
"""Why a neighbour is not served: too far, vetoed by a rule, doubted by the verifier."""
_WORKERS: Final = 16


def open_day(stage: Stage) -> Measure:
    """Shares of all requests of the day, and of its last tenth."""
    classes, what = questions.classes(min(QUESTIONS, stage.plan.day_requests // 5))
    moments, trace = questions.arrivals(stage.plan.day_requests)
    stage.note(
        f"day: {len(moments):,} requests, {trace}, {len(classes)} {what}; Zipf exponent {ZIPF:g}, "
        f"{FIRST_WORDING:.0%} in the commonest wording, seed 0; played in {stage.plan.day_seconds:g} s"
    )
    service = Serving(stage, "day", mode="guarded", threshold="")
    asked = _drawn(classes, len(moments))

    def measure(number: int) -> Figures:
        ours = _play(service.url, asked, moments, stage.plan.day_seconds, f"day{number}", "semantic")
        alone = _play(service.url, asked, moments, stage.plan.day_seconds, f"alone{number}", "exact")
        count = len(asked)
        last = -max(1, count // 10)
        tiers, reasons = collections.Counter(ours.tiers), collections.Counter(ours.reasons.values())
        repeated = 1 - len({which for which, _ in asked}) / count
        refused = {reason: reasons.pop(reason, 0) / count for reason in REFUSALS}
        return {
            "hit rate": _hit_rate(ours.tiers),
            "hit rate, last tenth": _hit_rate(ours.tiers[last:]),
            **{tier: tiers[tier] / count for tier in ("exact", "normalized", "semantic")},
            "exact alone": _hit_rate(alone.tiers),
            "exact alone, last tenth": _hit_rate(alone.tiers[last:]),
            "possible": repeated,
            "refused": sum(refused.values()),
            **{f"refused: {reason}": share for reason, share in refused.items()},
            "missed otherwise": (sum(reasons.values()) - reasons["first"]) / count,
            "wrong": ours.wrong / count,
        }

    return measure


def _hit_rate(tiers: list[str]) -> float:
    return 1 - tiers.count("miss") / len(tiers)


def _drawn(classes: list[list[str]], count: int) -> list[tuple[int, str]]:
    """(class, wording) of each request."""
    draw = random.Random(0)
    weights = [1 / (rank + 1) ** ZIPF for rank in range(len(classes))]
    found = []
    for number in draw.choices(range(len(classes)), weights, k=count):
        first, *others = classes[number]
        found.append((number, first if not others or draw.random() < FIRST_WORDING else draw.choice(others)))
    return found


class _Played:
    def __init__(self, count: int) -> None:
        self.tiers = ["miss"] * count
        self.wrong = 0
        """Hits whose answer is of a class that labels do not join: an upper bound of what is wrong."""
        self.reasons: dict[int, str] = {}
        """Of each miss: `first` where nothing of its class had been asked, else what the cache said."""


def _play(
    url: str, asked: list[tuple[int, str]], moments: list[float], seconds: float, namespace: str, strategy: str
) -> _Played:
    played, here = _Played(len(asked)), threading.local()
    clients: list[Client] = []
    firsts = {number: at for at, (number, _) in reversed(list(enumerate(asked)))}

    def one(at: int) -> None:
        if not hasattr(here, "client"):
            here.client = Client(url)
            clients.append(here.client)
        number, prompt = asked[at]
        identity: dict[str, Any] = {"prompt": prompt, "model": "m", "namespace": namespace}
        told = here.client.post("/v1/lookup", {**identity, "strategy": strategy}).json()
        if told["hit"]:
            played.tiers[at] = told["tier"]
            played.wrong += told["response"] != f"answer {number}"
        else:
            played.reasons[at] = "first" if firsts[number] == at else told["reason"]
            more = {"fill_token": told["fill_token"]} if told.get("fill_token") else {}
            here.client.post("/v1/store", {**identity, **more, "response": f"answer {number}"})

    with ThreadPoolExecutor(_WORKERS) as pool:
        began = time.monotonic()
        waiting = []
        for at, moment in enumerate(moments):
            time.sleep(max(0.0, began + moment * seconds - time.monotonic()))
            waiting.append(pool.submit(one, at))
        for done in waiting:
            done.result()
    for client in clients:
        client.__exit__()
    return played
