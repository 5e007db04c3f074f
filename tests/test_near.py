"""The near cache against the truth: a model of a store, two replicas, a clock of the test's own.

The promise, for any order of events: what a replica serves from its copies is what the store would have said at most
`CONFIRMED_S` ago, and of what it has changed itself, what the store says now.
"""

from __future__ import annotations

import random
import time
from typing import Any

import msgspec
import pytest

from semcache.models import CacheIdentity, Candidate, Entry, Hit, Miss, TtlClass, shard_of
from semcache.near import Again, Near, awake_or_not
from semcache.policy.copies import CONFIRMED_S
from semcache.policy.matching import Terms, match_direct
from semcache.ports import ExactRead
from semcache.settings import NearSettings
from tests.patience import LONG_S

SPACES = ("one", "two")
PEOPLE = 3


def identity(number: int) -> CacheIdentity:
    digest = bytes([number % 3, number]) + bytes(30)
    return CacheIdentity(
        namespace=SPACES[number % 2], model="m", model_version="", digest=digest, norm_digest=digest,
        partition=bytes(16), context=bytes(16), prompt=f"p{number}", ttl_class=TtlClass.GENERAL, ttl_rule="r",
    )  # fmt: skip


class Model:
    """The store: records, epochs, a log of what changed when. Its clock is the test's, beside an offset."""

    offset_ms = 5_000_000

    def __init__(self) -> None:
        self.at_s = 0.0
        self.records: dict[str, Entry] = {}
        self.vetoed: set[str] = set()
        self.epochs: dict[tuple[str, int], int] = {}
        self.log: list[tuple[str, int, str]] = []
        self.past: list[tuple[float, dict[str, Any]]] = []

    @property
    def now_ms(self) -> int:
        return self.offset_ms + int(self.at_s * 1000)

    def epoch(self, who: CacheIdentity) -> int:
        return self.epochs.get((who.namespace, who.shard), 1)

    def read(self, who: CacheIdentity) -> Hit | Miss:
        entry = self.records.get(who.entry_id)
        exact = None if entry is None else Candidate(entry, None, who.entry_id in self.vetoed)
        read = ExactRead(now_ms=self.now_ms, epoch=self.epoch(who), fence=0, exact=exact)
        return match_direct(read, Terms())

    def put(self, who: CacheIdentity, answer: bytes, life_s: float) -> None:
        self.vetoed.discard(who.entry_id)
        self.records[who.entry_id] = Entry(
            entry_id=who.entry_id, digest=who.digest, norm_digest=who.norm_digest, partition=who.partition,
            context=who.context, namespace=who.namespace, model="m", model_version="", prompt=who.prompt,
            response=answer, ttl_class=TtlClass.GENERAL, ttl_s=life_s, created_ms=self.now_ms,
            expires_ms=self.now_ms + int(life_s * 1000), epoch=self.epoch(who),
        )  # fmt: skip
        self.log.append(("id", who.shard, who.entry_id))

    def remove(self, who: CacheIdentity) -> None:
        if self.records.pop(who.entry_id, None) is not None:
            self.log.append(("id", who.shard, who.entry_id))

    def veto(self, who: CacheIdentity) -> None:
        if who.entry_id in self.records:
            self.vetoed.add(who.entry_id)
            self.log.append(("id", who.shard, who.entry_id))

    def invalidate(self, namespace: str) -> None:
        for shard in range(3):
            self.epochs[namespace, shard] = self.epochs.get((namespace, shard), 1) + 1
            self.log.append(("namespace", shard, namespace))

    def answer(self, who: CacheIdentity) -> bytes | None:
        found = self.read(who)
        return found.entry.response if isinstance(found, Hit) else None

    def keep_past(self) -> None:
        self.past.append((self.at_s, {n: self.answer(identity(n)) for n in range(PEOPLE)}))


class Replica:
    """One process: a near cache, and how far it has read the log."""

    def __init__(self, store: Model) -> None:
        self.store = store
        self.floors: dict[tuple[str, int], int] = {}
        self.position = 0
        self.near = Near(
            NearSettings(entries=4),
            epoch=lambda namespace, shard: self.floors.get((namespace, shard), 0),
            monotonic=lambda: store.at_s,
        )
        self.under_way: list[tuple[CacheIdentity, Any, Hit | Miss]] = []

    def watch(self) -> None:
        for kind, shard, name in self.store.log[self.position :]:
            if kind == "id":
                self.near.drop([name])
            else:
                self.near.drop_all(shard=shard, namespace=name)
        self.position = len(self.store.log)
        self.near.confirm(self.store.at_s)

    def lookup(self, who: CacheIdentity) -> tuple[bytes | None, bool]:
        """The answer, and whether it came from a copy."""
        copied = self.near.find(who, None)
        again = self.near.again(who.digest, self)
        assert (copied is None) == (again is None) or again is None
        if copied is not None:
            assert again is None or again[0].entry is copied.entry
            return copied.entry.response, True
        self.begin(who)
        return self.end(len(self.under_way) - 1), False

    def begin(self, who: CacheIdentity) -> None:
        """A read that the store has answered, and that has not arrived yet."""
        self.under_way.append((who, self.near.mark(who.shard), self.store.read(who)))

    def end(self, number: int) -> bytes | None:
        who, mark, found = self.under_way.pop(number)
        if not isinstance(found, Hit):
            return None
        self.near.keep(found, mark)
        again = Again(entry=found.entry, before=b"", after=b"", namespace="n", model="m")
        self.near.remember(who.digest, again, self)
        return found.entry.response

    def changed(self, who: CacheIdentity) -> None:
        """What this replica wrote itself is dropped before the write is acknowledged."""
        self.near.drop([who.entry_id])

    def invalidated(self, namespace: str) -> None:
        for (name, shard), epoch in self.store.epochs.items():
            if name == namespace:
                self.floors[name, shard] = epoch


STEPS = {"wait": 4, "put": 3, "remove": 1, "veto": 1, "invalidate": 1, "look": 8, "begin": 2, "end": 2, "watch": 4}


@pytest.mark.parametrize("seed", range(10))
def test_what_is_served_is_what_the_store_said_half_a_second_ago_at_most(seed: int) -> None:
    copied = sum(run(random.Random(f"{seed}:{number}")) for number in range(60))
    assert copied > 100  # the promise is not kept by serving nothing


def run(draw: random.Random) -> int:
    """One order of events; returns how often a copy was served."""
    store = Model()
    replicas = [Replica(store), Replica(store)]
    own: dict[tuple[int, int], int] = {}  # replica and request -> the first state of the store after its last change
    for replica in replicas:
        replica.watch()
    store.keep_past()
    served = 0
    for count, what in enumerate(draw.choices(list(STEPS), list(STEPS.values()), k=80)):
        number, at = draw.randrange(PEOPLE), draw.randrange(2)
        replica, who = replicas[at], identity(number)
        if what == "wait":
            store.at_s += draw.choice((0.01, 0.1, 0.3))
        elif what == "watch":
            replica.watch()
        elif what == "begin":
            replica.begin(who)
        elif what == "end" and replica.under_way:
            replica.end(draw.randrange(len(replica.under_way)))
        elif what == "look":
            answer, copied = replica.lookup(who)
            if copied:
                served += 1
                older = [n for n, (moment, _) in enumerate(store.past) if moment <= store.at_s - CONFIRMED_S]
                first = max(older[-1] if older else 0, own.get((at, number), 0))
                said = {seen[number] for _, seen in store.past[first:]}
                assert answer in said - {None}
        elif what in ("put", "remove", "veto", "invalidate"):
            change(store, replica, what, who, count)
            for each in range(PEOPLE):
                if each == number or (what == "invalidate" and identity(each).namespace == who.namespace):
                    own[at, each] = len(store.past)
        store.keep_past()
    return served


def change(store: Model, replica: Replica, what: str, who: CacheIdentity, count: int) -> None:
    if what == "invalidate":
        store.invalidate(who.namespace)
        replica.invalidated(who.namespace)
        return
    if what == "put":
        store.put(who, b"%d" % count, 0.3 + count % 3)
    elif what == "remove":
        store.remove(who)
    else:
        store.veto(who)
    replica.changed(who)


def entry_of(number: int, size: int = 10) -> Hit:
    store = Model()
    store.put(identity(number), b"x" * size, 100.0)
    found = store.read(identity(number))
    assert isinstance(found, Hit)
    return found


def near(**bounds: int) -> Near:
    made = Near(NearSettings(**bounds), epoch=lambda namespace, shard: 0, monotonic=lambda: 0.0)
    made.confirm(0.0)
    return made


def keep(cache: Near, hit: Hit, key: bytes = b"", asked: int = 1) -> None:
    for _ in range(asked):
        cache._popularity.note(hit.entry.entry_id)
    cache.keep(hit, cache.mark(shard_of(hit.entry.entry_id)))
    if key:
        cache.remember(key, Again(entry=hit.entry, before=b"b" * 100, after=b"", namespace="n", model="m"), None)


def test_it_is_bounded_by_entries_and_by_bytes_and_frees_all_that_it_took() -> None:
    few = near(entries=2)
    for number in range(4):
        keep(few, entry_of(number), key=b"key%d" % number, asked=number + 1)
    assert len(few) == 2
    assert few.again(b"key1", None) is None
    assert few.again(b"key3", None) is not None
    few.drop_all()
    assert (len(few), few.bytes, few._asked) == (0, 0, {})

    small = near(max_bytes=20_000)
    for number in range(6):
        keep(small, entry_of(number, size=5_000), key=b"key%d" % number, asked=number + 1)
    assert 0 < small.bytes <= 20_000
    assert len(small) == 2
    keep(small, entry_of(5, size=50_000), asked=9)
    assert small.bytes <= 20_000
    assert not near(entries=0).on


def test_the_least_recently_served_goes_first() -> None:
    cache = near(entries=2)
    keep(cache, entry_of(0))
    keep(cache, entry_of(1))
    assert cache.find(identity(0), None) is not None
    keep(cache, entry_of(2), asked=2)
    assert [cache.find(identity(number), None) is not None for number in range(3)] == [True, False, True]


def test_what_is_asked_for_once_displaces_nothing_that_is_asked_for_again() -> None:
    cache = near(entries=20)
    for number in range(20):
        keep(cache, entry_of(number), asked=3)
    for number in range(20, 120):
        keep(cache, entry_of(number))
    stayed = sum(identity(number).entry_id in cache._kept for number in range(20))
    assert stayed > 10  # counters are shared: now and then one that was asked for once looks like two
    keep(cache, entry_of(121), asked=30)
    assert cache.find(identity(121), None) is not None


def test_one_callers_request_is_not_anothers_and_a_changed_world_is_none() -> None:
    cache, me, you = near(), object(), object()
    hit = entry_of(0)
    keep(cache, hit)
    state = {"in force": True}
    again = Again(entry=hit.entry, before=b"", after=b"", namespace="n", model="m", in_force=lambda: state["in force"])
    cache.remember(b"key", again, me)
    assert cache.again(b"key", me) is not None
    assert cache.again(b"key", you) is None
    state["in force"] = False
    assert cache.again(b"key", me) is None


def test_what_is_remembered_is_of_the_very_record_that_is_kept() -> None:
    cache = near()
    hit = entry_of(0)
    keep(cache, hit)
    other = msgspec.structs.replace(hit.entry, response=b"another")
    cache.remember(b"key", Again(entry=other, before=b"", after=b"", namespace="n", model="m"), None)
    assert cache.again(b"key", None) is None


def test_many_spellings_of_one_request_take_bounded_room() -> None:
    cache = near()
    hit = entry_of(0)
    keep(cache, hit)
    for number in range(50):
        cache.remember(b"%d" % number, Again(entry=hit.entry, before=b"", after=b"", namespace="n", model="m"), None)
    assert len(cache._asked) == 16
    assert cache.again(b"49", None) is not None
    cache.drop([hit.entry.entry_id])
    assert cache.again(b"49", None) is None


def test_a_digest_of_another_request_is_no_hit() -> None:
    cache = near()
    keep(cache, entry_of(0))
    assert cache.find(msgspec.structs.replace(identity(0), digest=identity(0).digest[:31] + b"z"), None) is None
    assert cache.find(msgspec.structs.replace(identity(0), namespace="elsewhere"), None) is None


def test_the_clock_of_copies_never_goes_back_and_counts_sleep_where_the_system_tells_of_it() -> None:
    first, second = awake_or_not(), awake_or_not()
    assert first <= second
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - second) < LONG_S
