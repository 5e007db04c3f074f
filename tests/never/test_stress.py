"""Many coroutines on two replicas over few keys: nothing acknowledged as invalidated, replaced or found wrong is served
to a later lookup.

Moments are counted, not timed. An answer is as old as what it was made from: a fill as the miss that it fills, a store
without a token as its acknowledgement. An invalidation that began after that and was acknowledged before a lookup
began forbids it to that lookup: on every replica where none keeps copies, on its own replica where they do (how soon
the others follow is a matter of time, and held where time is). An invalidation by tag forbids what had the tag: it
changes from one answer to the next. What was acknowledged before a later store, or a veto, began, is replaced, or wrong
for who asked so, in the same way. Every answer names its key, so that one of another key would be seen too.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from semcache.models import FillToken, Hit, Miss, Refused, RefusedReason, Stored
from semcache.policy.identity import identify
from semcache.ports import Selector
from semcache.service import Service
from tests.integration.conftest import MakeService
from tests.never.conftest import request
from tests.prompts import prompt, reworded

KEYS = (0, 1, 2)
SPACES = ("a", "b")
TAGS = ("t", "u")
ANY = ""
"""In the place of a tag: all answers, whatever tags they have."""
WORKERS = 16
ROUNDS = 50

Key = tuple[str, int]
Place = tuple[Service, Key]


@dataclass
class World:
    """What the coroutines know together: all on one event loop, so a plain counter orders everything."""

    replicas: list[Service]
    copies: bool
    """Whether replicas keep copies, so that what one has acknowledged binds itself alone."""
    clock: itertools.count[int] = field(default_factory=itertools.count)
    barriers: dict[tuple[Place, str], int] = field(default_factory=dict)
    """Replica and key, and tag -> when the last invalidation that binds it began."""
    replaced: dict[Place, int] = field(default_factory=dict)
    """Replica and key -> when the last store that binds it began."""
    wrong: dict[tuple[Place, str], int] = field(default_factory=dict)
    """Replica and key, and prompt -> when the last veto that binds it began."""
    made: dict[int, int] = field(default_factory=dict)
    """Number of an answer -> how old it is."""
    stored: dict[int, int] = field(default_factory=dict)
    """Number of an answer -> when its store was acknowledged."""
    tags: dict[int, list[str]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)

    def acknowledge(self, by: Service, keys: list[Key], began: int, tag: str = ANY) -> None:
        for place in self.places(by, keys):
            _raise(self.barriers, (place, tag), began)

    def places(self, by: Service, keys: list[Key]) -> Iterable[Place]:
        """What binds who did it binds these."""
        return itertools.product([by] if self.copies else self.replicas, keys)

    def barrier(self, place: Place, tags: list[str]) -> int:
        """When the last invalidation of an answer with these tags began."""
        return max(self.barriers.get((place, tag), -1) for tag in (ANY, *tags))


def _raise(known: dict[Any, int], key: Any, to: int) -> None:
    known[key] = max(known.get(key, -1), to)


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_no_lookup_gets_what_was_invalidated_before_it_began(
    make_service: MakeService, seed: int, copies: bool
) -> None:
    near = {"entries": 1000 if copies else 0}
    replicas = [await make_service(near=near), await make_service(near=near)]
    world = World(replicas, copies)
    await asyncio.gather(*(work(world, replicas, random.Random(f"{seed}/{number}")) for number in range(WORKERS)))
    seen = world.seen
    assert min(seen["exact"], seen["semantic"], seen["fenced"], seen["stored"]) > 0, seen
    assert seen["invalidated"] + seen["deleted"] > WORKERS, seen
    assert seen["wrong"] > 0, seen
    for space in SPACES:  # and at the end, one by one
        for key in KEYS:
            for service in replicas:
                await look(world, service, (space, key), reworded(key))


async def work(world: World, replicas: list[Service], chance: random.Random) -> None:
    token: tuple[Key, FillToken, int] | None = None
    hit: tuple[Key, str, str] | None = None
    for _ in range(ROUNDS):
        service = chance.choice(replicas)
        key = (chance.choice(SPACES), chance.choice(KEYS))
        action = chance.random()
        if action < 0.55:
            text = chance.choice((prompt(key[1]), prompt(key[1]).rstrip("?"), reworded(key[1])))
            found = await look(world, service, key, text)
            if isinstance(found, str):
                hit = (key, text, found)
            elif found is not None and text == prompt(key[1]):
                token = (key, *found)
        elif action < 0.75 and token is not None:  # a fill, as late as it comes
            await store(world, service, token[0], fill=token[1], age=token[2])
            token = None
        elif action < 0.85:
            await store(world, service, key)
        elif action < 0.88 and hit is not None:
            await find_wrong(world, service, *hit)
            hit = None
        elif action < 0.95:
            await invalidate(world, service, key, chance)
        else:
            await delete(world, service, key)
        if chance.random() < 0.3:
            await asyncio.sleep(0)


async def look(world: World, service: Service, key: Key, text: str) -> tuple[FillToken, int] | str | None:
    """Look up and hold the answer to the rules; of a hit, its entry; of a miss, its token and when it was over."""
    place = (service, key)
    barriers = {tags: world.barrier(place, list(tags)) for tags in _subsets()}
    forbidden = max(world.replaced.get(place, -1), world.wrong.get((place, text), -1))
    outcome = await service.cache.lookup(request(text, namespace=key[0]))
    if isinstance(outcome, Hit):
        space, at, number = msgspec.json.decode(outcome.entry.response)
        assert (space, at) == key, "the answer of another key"
        age, barrier = world.made.get(number), barriers[tuple(world.tags[number])]
        assert age is None or age >= barrier, (
            f"{outcome.tier} served answer {number} of {age}, invalidated at {barrier}"
        )
        stored = world.stored.get(number)
        assert stored is None or stored >= forbidden, (
            f"{outcome.tier} served answer {number} of {stored} for {text!r}, replaced or wrong at {forbidden}"
        )
        world.seen[outcome.tier.value] += 1
        return outcome.entry.entry_id
    assert isinstance(outcome, Miss)
    world.seen[outcome.reason.value] += 1
    return None if outcome.fill is None else (outcome.fill, next(world.clock))


async def store(world: World, service: Service, key: Key, *, fill: FillToken | None = None, age: int = 0) -> None:
    number = next(world.clock)
    world.tags[number] = [tag for at, tag in enumerate(TAGS) if number >> at & 1]
    if fill is not None:
        world.made[number] = age
    outcome = await service.cache.store(
        request(prompt(key[1]), namespace=key[0]),
        msgspec.json.encode([*key, number]),
        tags=world.tags[number],
        fill=fill,
    )
    if fill is None:
        world.made[number] = next(world.clock)
    if isinstance(outcome, Stored):
        world.seen["stored"] += 1
        world.stored[number] = next(world.clock)
        for place in world.places(service, [key]):
            _raise(world.replaced, place, number)
    else:
        assert fill is not None
        assert isinstance(outcome, Refused)
        assert outcome.reason in (RefusedReason.INVALIDATED_MEANWHILE, RefusedReason.NEWER_KEPT), outcome
        world.seen["overtaken" if outcome.reason is RefusedReason.NEWER_KEPT else "fenced"] += 1


async def invalidate(world: World, service: Service, key: Key, chance: random.Random) -> None:
    space, at = key
    same, everywhere = [(space, other) for other in KEYS], [(other, at) for other in SPACES]
    tag, both = chance.choice(TAGS), [(one, other) for one in SPACES for other in KEYS]
    choices: list[tuple[Selector, list[Key]]] = [
        (Selector(namespace=space), same),
        (Selector(namespace=space, model="m"), same),
        (Selector(namespace=space, tags=(tag,)), same),
        (Selector(tags=(tag,)), both),
        (Selector(tags=(tag,), prefix=prompt(at)), everywhere),
        (Selector(prefix=prompt(at)), everywhere),
        (Selector(entry_ids=(entry_id(service, key),)), [key]),
        (Selector(all=True), both),
    ]
    selector, keys = chance.choice(choices)
    began = next(world.clock)
    result = await service.invalidator.invalidate(selector, who="stress")
    assert result.job_id is None
    world.acknowledge(service, keys, began, *selector.tags)
    world.seen["invalidated"] += result.deleted


async def find_wrong(world: World, service: Service, key: Key, text: str, entry: str) -> None:
    began = next(world.clock)
    if not await service.cache.feedback(entry, prompt=text, asker=None, correct=False):
        return
    world.seen["wrong"] += 1
    for place in world.places(service, [key]):
        _raise(world.wrong, (place, text), began)


async def delete(world: World, service: Service, key: Key) -> None:
    began = next(world.clock)
    world.seen["deleted"] += await service.cache.delete(entry_id(service, key))
    world.acknowledge(service, [key], began)


def entry_id(service: Service, key: Key) -> str:
    asked: Any = request(prompt(key[1]), namespace=key[0])
    return identify(asked, service.normalizer, service.cache._rules).entry_id


def _subsets() -> list[tuple[str, ...]]:
    return [tuple(tag for at, tag in enumerate(TAGS) if number >> at & 1) for number in range(1 << len(TAGS))]
