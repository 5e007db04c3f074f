"""A namespace in verified mode, on requests whose truth is known."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from semcache.policy import risk
from semcache.policy.risk import Action, Bound, Plan, State

Fields = dict[str, float]


def add(place: Fields, deltas: Fields) -> None:
    for name, delta in deltas.items():
        place[name] = place.get(name, 0.0) + delta


class World:
    """Counters as the store keeps them, and what was truly served."""

    def __init__(self, alpha: float, seed: int = 0) -> None:
        self.bound = Bound(alpha=alpha)
        self.rng = random.Random(seed)
        self.total: Fields = {}
        self.epochs: dict[int, Fields] = {}
        self.plan = risk.plan(State(), self.bound)
        self.requests = self.served = self.wrong = 0
        self.alarmed = False

    @property
    def state(self) -> State:
        newest = risk.epoch_of(self.requests)
        recent = range(max(0, newest - risk.EPOCHS + 1), newest + 1)
        return State(total=self.total, epochs=[self.epochs.get(one, {}) for one in recent])

    def add(self, deltas: Fields) -> None:
        add(self.total, deltas)
        add(self.epochs.setdefault(risk.epoch_of(self.requests), {}), deltas)

    def ask(self, p: float | None, right: bool) -> bool:
        """One request with a candidate of confidence `p` (None: without); whether it was served."""
        if self.requests % 32 == 0:
            self.plan = risk.plan(self.state, self.bound)
            self.alarmed = self.alarmed or self.plan.alarm
        decision = None if p is None else risk.decide(self.plan, p, None, self.rng.random())
        self.add(risk.asked(decision))
        served = decision is not None and decision.action is Action.SERVE
        if decision is not None and not served:
            self.add(risk.labelled(decision, right))
        self.requests += 1
        self.served += served
        self.wrong += served and not right
        return served


def confidence(rng: random.Random) -> float:
    """Of a candidate as a decent verifier sees it: most are surely right or surely not."""
    z = rng.choice((rng.gauss(5.0, 1.5), rng.gauss(-1.0, 2.0)))
    return 1.0 / (1.0 + math.exp(-z))


def run(world: World, requests: int, truth: Callable[[float], float], rng: random.Random) -> None:
    """Requests, four of five with a candidate, that is right with probability `truth(confidence)`."""
    for _ in range(requests):
        p = confidence(rng) if rng.random() < 0.8 else None
        world.ask(p, p is not None and rng.random() < truth(p))


def off(shift: float) -> Callable[[float], float]:
    """A truth that differs from the confidence by `shift` logits."""
    return lambda p: 1.0 / (1.0 + math.exp(-(risk.logit(p) + shift)))


def plan_of(level: int | None) -> Plan:
    return Plan((level,) * risk.BINS, (0.1,) * risk.BINS)


def servable(plan: Plan) -> int:
    return sum(level is not None for level in plan.levels)
