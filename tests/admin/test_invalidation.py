"""Invalidation on a real store: every selector, the races, jobs, access, the lasting history."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.admin.invalidation import Invalidator, compile_pattern
from semcache.admin.jobs import Jobs
from semcache.errors import Forbidden, RequestError
from semcache.models import DERIVED, Candidate, Embedding, FillToken, Strategy
from semcache.policy.selection import SELECTORS, check_selector, concerns, takes_whole_namespaces
from semcache.policy.tuning import Tuning
from semcache.ports import EmbedderState, Fenced, Selector, Written
from semcache.settings import Settings
from semcache.stores.store import RedisStore
from semcache.tunings import Tunings
from tests.conftest import Backend
from tests.ops import alive, draft_of, identity_of, opened, put, put_many, settings_for, until


class Rows:
    """Takes note of what the index is told."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def remove(self, entry_ids: Any) -> None:
        self.removed += entry_ids


class Circle:
    """An embedder of a two-dimensional space: a text `17 degrees` is the unit vector at that angle."""

    space = "circle"
    dimension = 2

    async def embed(self, texts: Any, *, deadline_s: float | None = None) -> list[Embedding | None]:
        return [angle(float(text.split()[0])) if text.split()[0].isdigit() else None for text in texts]

    def state(self) -> EmbedderState:
        return EmbedderState(ready=True)

    async def start(self) -> None:
        return None

    async def aclose(self) -> None:
        return None


def angle(degrees: float) -> Embedding:
    turn = np.deg2rad(degrees)
    return Embedding("circle", np.array([[np.cos(turn), np.sin(turn)]], np.float32), np.ones(1, np.float32))


@pytest.fixture
def settings(store_backend: Backend, key_prefix: str) -> Settings:
    return settings_for(store_backend, key_prefix, limits={"invalidate_inline": 40}, threshold=0.9)


@pytest.fixture
async def store(settings: Settings) -> AsyncIterator[RedisStore]:
    async with opened(settings) as store:
        yield store


def invalidator(
    store: RedisStore, settings: Settings, *, jobs: Jobs | None = None, tunings: Tunings | None = None
) -> Invalidator:
    parts = (store.entries, store.catalog, store.control, Circle(), Rows(), settings)
    return Invalidator(*parts, jobs=jobs, tunings=tunings)


async def test_every_selector(store: RedisStore, settings: Settings) -> None:
    subject = invalidator(store, settings)
    ids = {
        "cats": await put(store, "all about cats", tags=["pets", "fur"], model="m1", model_version="1"),
        "dogs": await put(store, "all about dogs", tags=["pets"], model="m1", model_version="2"),
        "cars": await put(store, "cars (1999)", model="m2", model_version="1", embedding=angle(10)),
        "vans": await put(store, "vans", namespace="work", model="m1", embedding=angle(80)),
        "plain": await put(store, "vans at work", namespace="work", model="m2", tags=["pets"]),
    }
    for selector, expected in (
        (Selector(model="m1"), {"cats", "dogs", "vans"}),
        (Selector(model="m1", model_version="1"), {"cats"}),
        (Selector(model_version="1"), {"cats", "cars"}),
        (Selector(tags=("pets",)), {"cats", "dogs", "plain"}),
        (Selector(tags=("pets", "fur")), {"cats"}),
        (Selector(tags=("pets",), namespace="work"), {"plain"}),
        (Selector(namespace="work"), {"vans", "plain"}),
        (Selector(prefix="all about "), {"cats", "dogs"}),
        (Selector(contains="at"), {"cats", "plain"}),
        (Selector(contains="AT"), set()),
        (Selector(pattern=r"\(\d{4}\)$|^vans$"), {"cars", "vans"}),
        (Selector(similar_to="15 degrees"), {"cars"}),
        (Selector(similar_to="15 degrees", threshold=0.0), {"cars", "vans"}),
        (Selector(older_than_s=0.0), {"cats", "dogs", "cars", "vans", "plain"}),
        (Selector(older_than_s=3600.0), set()),
        (Selector(entry_ids=(ids["cats"].entry_id, ids["vans"].entry_id)), {"cats", "vans"}),
        (Selector(entry_ids=(ids["cats"].entry_id,), model="m2"), set()),
        (Selector(all=True), {"cats", "dogs", "cars", "vans", "plain"}),
    ):
        assert await subject.count(selector) == len(expected), selector
        dry = await subject.invalidate(selector, who="ada", dry_run=True)
        assert (dry.matched, dry.deleted) == (len(expected), 0), selector
        result = await subject.invalidate(selector, who="ada")
        assert (result.matched, result.deleted) == (len(expected), len(expected)), selector
        left = await alive(store, [entry.entry_id for entry in ids.values()])
        assert left == {entry.entry_id for name, entry in ids.items() if name not in expected}, selector
        for name in expected:  # put them back for the next selector
            entry = ids[name]
            vectors = {"cars": angle(10), "vans": angle(80)}.get(name)
            where = {"namespace": entry.namespace, "model": entry.model, "model_version": entry.model_version}
            await put(store, entry.prompt, tags=entry.tags, embedding=vectors, **where)


async def test_records_without_vectors_are_counted_and_left_alone(store: RedisStore, settings: Settings) -> None:
    await put(store, "no vectors")
    result = await invalidator(store, settings).invalidate(Selector(similar_to="15 degrees"), who="ada")
    assert (result.matched, result.unjudged) == (0, 1)


async def test_what_is_similar_is_what_the_tuned_threshold_of_its_namespace_says(
    store: RedisStore, settings: Settings
) -> None:
    free = settings.model_copy(update={"threshold": None})
    for name in ("tight", "loose", "as-ever"):
        for degrees in (5, 20, 40):
            await put(store, f"{name} {degrees}", namespace=name, embedding=angle(degrees))
    told = Tunings(store.control, free)
    await told.set("tight", Tuning(threshold=0.99), who="ada")
    await told.set("loose", Tuning(threshold=0.7), who="ada")
    subject = invalidator(store, free, tunings=Tunings(store.control, free))  # a replica that has read nothing yet
    like = Selector(similar_to="0 degrees")

    async def matched(**narrowed: Any) -> int:
        return await subject.count(msgspec.structs.replace(like, **narrowed))

    assert await matched(namespace="tight") == 1
    assert await matched(namespace="loose") == 3
    assert await matched(namespace="as-ever") == 1, "the cautious .95 of a space that was never measured"
    assert await matched() == 5, "each by its own"
    assert await matched(threshold=0.9) == 6, "what the selector says counts before all"
    await told.set("loose", None, who="ada")
    assert await matched(namespace="loose") == 1
    held = settings.model_copy(update={"threshold": 0.95})
    await told.set("loose", Tuning(threshold=0.7), who="ada")
    subject = invalidator(store, held, tunings=Tunings(store.control, held))
    assert await matched(namespace="loose") == 1, "the operator's own word may not be loosened"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, ""),
        ({"threshold": 0.9}, ""),
        ({"threshold": 0.9, "prefix": "x"}, "threshold"),
        ({"threshold": 1.5, "similar_to": "x"}, "threshold"),
        ({"older_than_s": -1.0}, "older_than_s"),
        ({"older_than_s": float("nan")}, "older_than_s"),
        ({"all": True, "tags": ("x",)}, "all"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "("}, "pattern"),
        ({"pattern": r"(?<=a)b"}, "pattern"),
        ({"pattern": "(?:a{1000}){1000}"}, "pattern"),
        ({"pattern": "a" * 1001}, "pattern"),
        ({"entry_ids": ("00" * 16, "zz")}, "entry_ids[1]"),
        ({"similar_to": "too long"}, "similar_to"),
    ],
)
async def test_what_cannot_be_is_refused_with_its_field(key_prefix: str, fields: dict[str, Any], field: str) -> None:
    settings = Settings()
    subject = invalidator(RedisStore(settings, "redis://127.0.0.1:1"), settings)  # refused before the store is asked
    with pytest.raises(RequestError) as caught:
        await subject.invalidate(Selector(**fields), who="ada")
    assert caught.value.field == field
    if not field:
        assert all(name in str(caught.value) for name in SELECTORS)


def test_no_pattern_can_stall_the_service() -> None:
    """`(a+)+$` against 100,000 characters takes Python's own `re` longer than anyone lives."""
    for pattern in (r"(a+)+$", r"^(a|a)*$", r"(.*a){20}$", r".*.*.*b"):
        assert not compile_pattern(pattern)("a" * 100_000 + "!")


@given(
    st.builds(
        Selector,
        namespace=st.sampled_from([None, "default", "work"]),
        model=st.sampled_from([None, "m", "n"]),
        tags=st.sampled_from([(), ("a",), ("a", "b")]),
        prefix=st.sampled_from([None, "all", "x"]),
        contains=st.sampled_from([None, "bout", "x"]),
        older_than_s=st.sampled_from([None, 0.0, 10.0, 1000.0]),
    ),
    st.sampled_from([("a",), ("a", "b"), ()]),
)
def test_all_given_parts_must_hold(selector: Selector, tags: tuple[str, ...]) -> None:
    from semcache.stores.codec import stamped

    entry = stamped(draft_of("all about cats", tags=tags), created_ms=0, expires_ms=10**9, epoch=1)
    parts = [
        selector.namespace in (None, "default"),
        selector.model in (None, "m"),
        set(selector.tags) <= set(tags),
        selector.prefix in (None, "all"),
        selector.contains in (None, "bout"),
        selector.older_than_s in (None, 0.0, 10.0),
    ]
    assert concerns(selector, entry, now_ms=100_000) == all(parts)
    if selector != Selector():
        check_selector(selector)
    narrower = selector != Selector(namespace=selector.namespace)
    assert takes_whole_namespaces(selector) != narrower


async def token(store: RedisStore, prompt: str, **identity: Any) -> FillToken:
    read = await store.entries.read(identity_of(prompt, **identity), Strategy.NORMALIZED)
    return FillToken(identity_of(prompt, **identity).entry_id, read.epoch, read.fence, read.now_ms)


@pytest.mark.parametrize(
    "selector",
    [
        Selector(namespace="default"),
        Selector(all=True),
        Selector(model="m"),
        Selector(tags=("t",)),
        Selector(prefix="a ques"),
        Selector(older_than_s=5.0),
        Selector(entry_ids=(identity_of("a question").entry_id,)),
    ],
    ids=lambda selector: next(name for name in SELECTORS if getattr(selector, name)),
)
async def test_a_fill_that_raced_is_refused_and_a_later_one_is_not(
    store: RedisStore, settings: Settings, selector: Selector
) -> None:
    """The miss was before the invalidation, its answer comes after: it must not come back, even into an empty store."""
    before = await token(store, "a question")
    await invalidator(store, settings).invalidate(selector, who="ada")
    late = await store.entries.put(draft_of("a question", tags=["t"], fill=before))
    assert isinstance(late, Fenced)
    after = await token(store, "a question")
    assert isinstance(await store.entries.put(draft_of("a question", tags=["t"], fill=after)), Written)


async def test_fills_with_tokens_under_fire(store: RedisStore, settings: Settings) -> None:
    """Stores race invalidations by tag; whatever is left in the end was asked for after the last of them."""
    subject = invalidator(store, settings)
    asked: dict[str, int] = {}
    rounds = 0

    async def fill(at: int) -> None:
        prompt = f"question {at}"
        fill_token = await token(store, prompt)
        round_asked = rounds
        await asyncio.sleep(0.001 * (at % 7))
        if isinstance(await store.entries.put(draft_of(prompt, tags=["t"], fill=fill_token)), Written):
            asked[prompt] = round_asked

    for _ in range(3):
        fills = [asyncio.create_task(fill(at)) for at in range(60)]
        await asyncio.sleep(0.01)
        await subject.invalidate(Selector(tags=("t",)), who="ada")
        rounds += 1
        await asyncio.gather(*fills)
    left = await alive(store, [identity_of(prompt).entry_id for prompt in asked])
    # a fill may have read its token after the fence and before the invalidation returned: then it is news
    assert all(asked[prompt] >= 2 for prompt in asked if identity_of(prompt).entry_id in left)


async def test_only_allowed_namespaces_are_touched(store: RedisStore, settings: Settings) -> None:
    subject = invalidator(store, settings)
    mine = await put(store, "a prompt", namespace="mine", tags=["t"])
    theirs = await put(store, "a prompt", namespace="theirs", tags=["t"])
    ids = [mine.entry_id, theirs.entry_id]
    only = frozenset({"mine"})
    with pytest.raises(Forbidden):
        await subject.invalidate(Selector(namespace="theirs"), who="eve", allowed=only)
    for selector in (Selector(all=True), Selector(tags=("t",)), Selector(entry_ids=tuple(ids)), Selector(prefix="a")):
        result = await subject.invalidate(selector, who="eve", allowed=only)
        assert (result.matched, result.deleted) == (1, 1), selector
        assert await alive(store, ids) == {theirs.entry_id}
        await put(store, "a prompt", namespace="mine", tags=["t"])


async def test_many_matches_go_on_as_a_job(store: RedisStore, settings: Settings) -> None:
    jobs = Jobs(store.control, "a", poll_s=0.05)
    subject = invalidator(store, settings, jobs=jobs)
    ids = await put_many(store, [f"prompt {at}" for at in range(300)], tags=["old"])
    kept = await put(store, "prompt that stays")
    dry = await subject.invalidate(Selector(tags=("old",)), who="ada", dry_run=True)
    assert dry.job_id is not None or dry.matched == 300
    result = await subject.invalidate(Selector(tags=("old",)), who="ada")
    assert result.job_id is not None
    assert result.matched < 300
    runner = asyncio.create_task(jobs.run())
    try:

        async def end() -> Any:
            status = await jobs.get(result.job_id or "")
            return status if status.finished else None

        status = await until(end, what="the job")
    finally:
        runner.cancel()
        await asyncio.gather(runner, return_exceptions=True)
    assert status.state == "done"
    assert status.result == {"matched": 300, "deleted": 300, "unjudged": 0, "dry_run": False}
    assert await alive(store, [*ids, kept.entry_id]) == {kept.entry_id}
    past = (await subject.history(1))[0]
    assert (past.state, past.matched, past.deleted, past.job_id) == ("done", 300, 300, result.job_id)


async def test_a_whole_namespace_is_gone_before_its_records_are(store: RedisStore, settings: Settings) -> None:
    jobs = Jobs(store.control, "a")  # its runner does not run: nothing is deleted but the first batches
    subject = invalidator(store, settings, jobs=jobs)
    ids = await put_many(store, [f"prompt {at}" for at in range(300)])
    result = await subject.invalidate(Selector(namespace="default"), who="ada")
    assert result.job_id is not None
    assert await alive(store, ids) == set()
    assert (await store.entries.read_many(ids)).found  # still there, never served
    again = await put(store, "prompt 299")  # stored since: the deletion that follows must spare it
    await invalidator(store, settings)._as_job(
        (await jobs.get(result.job_id)).params,
        _Context(result.job_id),  # type: ignore[arg-type]
    )
    assert set((await store.entries.read_many(ids)).found) == {again.entry_id}


class _Context:
    cancelled = False

    def __init__(self, job_id: str) -> None:
        self.job_id = job_id

    def progress(self, done: int, total: int) -> None:
        return None


async def test_history_lasts(store: RedisStore, settings: Settings) -> None:
    entry = await put(store, "a prompt")
    await invalidator(store, settings).invalidate(Selector(prefix="a"), who="ada", dry_run=True)
    await invalidator(store, settings).invalidate(Selector(entry_ids=(entry.entry_id,)), who="bob")
    async with opened(settings) as another:  # another process
        newest, oldest = await invalidator(another, settings).history()
    assert (newest.who, newest.matched, newest.deleted, newest.dry_run) == ("bob", 1, 1, False)
    assert newest.selector == {"entry_ids": [entry.entry_id]}
    assert (oldest.who, oldest.matched, oldest.deleted, oldest.dry_run) == ("ada", 1, 0, True)
    assert abs(newest.at_ms - entry.created_ms) < 60_000
    assert newest.state == "done"
    assert len(await invalidator(store, settings).history(1)) == 1


async def test_the_index_of_this_process_is_told_at_once(store: RedisStore, settings: Settings) -> None:
    rows = Rows()
    subject = Invalidator(store.entries, store.catalog, store.control, None, rows, settings)
    ids = await put_many(store, ["one", "two"])
    await subject.invalidate(Selector(prefix="o"), who="ada")
    assert rows.removed == ids[:1]
    with pytest.raises(RequestError, match="no embedder"):
        await subject.invalidate(Selector(similar_to="x"), who="ada")


async def test_copies_of_a_whole_namespace_go_before_its_records_do(store: RedisStore, settings: Settings) -> None:
    """Of a derived namespace whose last entry has just been removed elsewhere no epoch is raised: copies are judged."""
    jobs = Jobs(store.control, "a")  # its runner does not run
    dropped: list[bool] = []
    there = await put(store, "prompt", namespace=f"default{DERIVED}tenant")
    await put_many(store, [f"prompt {at}" for at in range(300)])
    copy = (await store.entries.read_many([there.entry_id])).found[there.entry_id]
    await store.entries.remove([there.entry_id])

    class Copies:
        def drop_where(self, concerned: Callable[[Candidate], bool]) -> None:
            dropped.append(concerned(copy))

    subject = Invalidator(
        store.entries, store.catalog, store.control, None, Rows(), settings, copies=Copies(), jobs=jobs
    )
    dry = await subject.invalidate(Selector(namespace="default"), who="ada", dry_run=True)
    assert dry.job_id is not None
    assert not dropped
    assert (await subject.invalidate(Selector(namespace="default"), who="ada")).job_id is not None
    assert dropped == [True]
