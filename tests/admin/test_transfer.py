"""Exports go on where they broke off; imports take each line for what it is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from semcache.admin.transfer import Imported, Transfer
from semcache.admin.transfer_format import Space, embedding_of, read_line, record_line
from semcache.errors import RequestError
from semcache.models import CacheIdentity, Candidate, Embedding, Strategy
from semcache.policy.identity import asker_digest
from semcache.policy.normalize import Normalizer
from semcache.ports import Draft, ManyRead, Written
from semcache.settings import NormalizationSettings, Settings
from semcache.stores.store import RedisStore
from tests.conftest import Backend
from tests.ops import alive, identity_of, opened, put, put_many, settings_for

Open = Callable[[str], bool]


def everything(_: str) -> bool:
    """For who may see all namespaces."""
    return True


@pytest.fixture
async def store(standalone_server: str, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(Backend(standalone_server), key_prefix)) as store:
        yield store


@pytest.fixture
async def other(standalone_server: str, key_prefix: str) -> AsyncIterator[RedisStore]:
    async with opened(settings_for(Backend(standalone_server), f"{key_prefix}other")) as store:
        yield store


def of(store: RedisStore, steps: dict[str, bool] | None = None, **settings: Any) -> Transfer:
    return Transfer(
        Settings(**settings),
        entries=store.entries,
        catalog=store.catalog,
        embedder=None,
        normalizer=Normalizer(NormalizationSettings(**(steps or {}))),
    )


async def export_of(store: RedisStore) -> dict[str, dict[str, Any]]:
    return {line["entry_id"]: line for line in map(json.loads, await export(store)) if "entry_id" in line}


async def export(store: RedisStore, *, opens: Open = everything, **options: Any) -> list[bytes]:
    parts = [part async for part in of(store).export(opens=opens, **options)]
    return b"".join(parts).splitlines()


async def take(store: RedisStore, lines: Iterable[bytes], *, opens: Open = everything, **settings: Any) -> Imported:
    async def source() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    return await of(store, **settings).take(source(), opens=opens)


def real(prompt: str, **fields: Any) -> CacheIdentity:
    """An identity whose normalised digest is the normaliser's, as an import makes it."""
    made = identity_of(prompt, **fields)
    norm_digest = asker_digest(made.partition, made.context, prompt, Normalizer(NormalizationSettings()))
    return msgspec.structs.replace(made, norm_digest=norm_digest)


async def keep(store: RedisStore, identity: CacheIdentity) -> str:
    written = await store.entries.put(Draft(identity=identity, response=b'"an answer"', ttl_s=600.0, retain_s=0.0))
    assert isinstance(written, Written)
    return written.entry.entry_id


def ids(lines: Iterable[bytes]) -> list[str]:
    return [found["entry_id"] for found in map(json.loads, lines) if "entry_id" in found]


async def test_an_export_is_whole_ordered_and_says_so(store: RedisStore) -> None:
    kept = await put_many(store, [f"Question {number}" for number in range(300)])
    await put(store, "Another's", namespace="b")
    lines = await export(store, namespace="default")
    assert ids(lines) == sorted(kept)
    head, end = json.loads(lines[0]), json.loads(lines[-1])
    assert (head["semcache_export"], head["namespace"], head["space"]) == (1, "default", None)
    assert end == {"semcache_export_end": {"entries": 300, "last": max(kept)}}
    assert len(ids(await export(store))) == 301
    assert ids(await export(store, opens=lambda namespace: namespace == "b")) != []


async def test_it_goes_on_after_the_last_line_that_arrived(store: RedisStore) -> None:
    kept = sorted(await put_many(store, [f"Question {number}" for number in range(200)]))
    whole = ids(await export(store))
    for at in (0, 1, 99, 198, 199):
        rest = await export(store, after=kept[at])
        assert ids(rest) == whole[at + 1 :]
        assert json.loads(rest[-1])["semcache_export_end"]["entries"] == 199 - at
    assert ids(await export(store, after="3f" + "f" * 30)) == []


async def test_what_may_not_be_served_is_left_out(store: RedisStore) -> None:
    await put_many(store, ["a", "b"], namespace="gone")
    await store.catalog.raise_epoch("gone")
    kept = await put(store, "c")
    assert ids(await export(store)) == [kept.entry_id]


async def test_a_record_keeps_its_life_and_age(store: RedisStore, other: RedisStore) -> None:
    now_ms = (await store.entries.read_many([])).now_ms
    draft = Draft(
        identity=real("Question"),
        response=b"1",
        ttl_s=1000.0,
        retain_s=0.0,
        sliding=True,
        created_ms=now_ms - 100_000,
        expires_ms=now_ms + 300_000,
    )
    written = await store.entries.put(draft)
    assert isinstance(written, Written)
    assert (written.entry.created_ms, written.entry.expires_ms) == (now_ms - 100_000, now_ms + 300_000)
    lines = await export(store)
    assert (await take(other, lines)).imported == 1
    (entry_id,) = await alive(other, ids(await export(other)))
    entry = (await other.entries.read_many([entry_id])).found[entry_id].entry
    assert (entry.created_ms, entry.expires_ms) == (now_ms - 100_000, now_ms + 300_000)
    assert (entry.ttl_s, entry.sliding, entry.hits) == (1000.0, True, 0)
    await take(other, lines, ttl={"max_s": 60.0})  # the operator's bound is shorter
    entry = (await other.entries.read_many([entry_id])).found[entry_id].entry
    assert entry.ttl_s == 60.0
    assert entry.expires_ms - (await other.entries.read_many([])).now_ms <= 60_000


async def test_what_was_found_wrong_stays_wrong(store: RedisStore, other: RedisStore) -> None:
    question, asker = real("Question"), real("Another question").norm_digest
    entry_id = await keep(store, question)
    for wrong in (asker, question.norm_digest):
        assert await store.entries.veto(entry_id, wrong, wrong=True)
    lines = await export(store)
    for _ in range(2):
        await take(other, lines)
        for digest, vetoed in ((asker, True), (question.norm_digest, True), (real("Third").norm_digest, False)):
            read = await other.entries.read_many([entry_id], asker=digest)
            assert read.found[entry_id].vetoed is vetoed
    assert {key: set(askers) for key, askers in (await other.entries.vetoes([entry_id, "00" * 16])).items()} == {
        entry_id: {asker[:16], question.norm_digest[:16]}
    }
    assert await other.audit.check(repair=False, progress=lambda done, total: None) == []
    # Another normaliser cannot tell whom the first veto means: then the entry is for its own question alone.
    steps = {"stop_words": True}
    await other.entries.remove([entry_id])
    await take(other, [line.replace(b'"prompt":"Question"', b'"prompt":"the Question"') for line in lines], steps=steps)
    (found,) = (await export_of(other)).values()
    assert (found["reach"], found["vetoes"]) == ("exact", [found["norm_digest"][:32]])


async def test_damaged_and_refused_lines_are_told_and_the_others_taken(store: RedisStore, other: RedisStore) -> None:
    await put(store, "Good")
    head, good, end = await export(store)
    fields = json.loads(good)

    def changed(**changes: Any) -> bytes:
        return json.dumps({**fields, **changes}).encode()

    vectors = {"space": "s", "windows": 1, "dimension": 2, "weights": [1.0], "float16": "AAAA"}
    lines = [
        head,
        good[:-20],
        b"not json",
        b"\xff\xfe",
        b"[]",
        changed(digest="AB" * 32),
        changed(digest="ab"),
        changed(expires_at="yesterday"),
        changed(ttl_s=-1),
        b'{"semcache_export": 2}',
        b"",
        changed(namespace="closed"),
        changed(ttl_class="never"),
        changed(ttl_class="personal"),
        changed(prompt="x" * 2000),
        changed(response="x" * 2000),
        changed(expires_at="2020-01-01T00:00:00Z"),
        changed(vectors=vectors, a_later_field=1),
        good.replace(b'"response":"an answer"', b'"response":"\xff"'),
        changed(metadata={"n": 10**30}, digest="ab" * 32),
        end,
    ]
    done = await take(
        other,
        lines,
        opens=lambda namespace: namespace != "closed",
        limits={"prompt_chars": 1000, "response_bytes": 1000},
    )
    assert [(one.line, one.code) for one in done.problems] == [
        *((line, "damaged") for line in (2, 3, 4, 5, 6, 7, 8, 9, 10)),
        (12, "forbidden"),
        (13, "never_cached_class"),
        (14, "personal_without_principal"),
        (15, "prompt_too_large"),
        (16, "response_too_large"),
        (19, "damaged"),
        (20, "damaged"),
    ]
    assert (done.imported, done.expired, done.refused, done.damaged, done.lines) == (1, 1, 5, 11, 21)
    assert len(ids(await export(other))) == 1


async def test_only_the_first_hundred_problems_are_told(other: RedisStore) -> None:
    done = await take(other, [b"{}"] * 500)
    assert (done.damaged, len(done.problems)) == (500, 100)


async def test_what_is_newer_here_stays(store: RedisStore, other: RedisStore) -> None:
    question = real("Question")
    await keep(store, question)
    lines = await export(store)
    aged = [line.replace(b'"created_at":"202', b'"created_at":"201') for line in lines]
    assert (await take(other, lines)).imported == 1
    done = await take(other, aged)
    assert (done.refused, done.problems[0].code) == (1, "newer_here")
    assert (await take(other, lines)).replaced == 1
    await other.catalog.raise_epoch("default")  # what is invalidated stands in nobody's way
    assert (await take(other, aged)).replaced == 1


async def test_what_was_stored_since_the_import_looked_stays(store: RedisStore, other: RedisStore) -> None:
    question = real("Question")
    await keep(store, question)
    lines = [line.replace(b'"created_at":"202', b'"created_at":"201') for line in await export(store)]
    read = other.entries.read_many

    async def read_then_stored(entry_ids: Sequence[str], **options: Any) -> ManyRead:
        found = await read(entry_ids, **options)
        if entry_ids:
            await keep(other, question)
        return found

    other.entries.read_many = read_then_stored  # type: ignore[method-assign]
    done = await take(other, lines)
    assert (done.imported, done.replaced, done.refused, done.problems[0].code) == (0, 0, 1, "newer_here")
    (stays,) = (await export_of(other)).values()
    assert not stays["created_at"].startswith("201")


async def test_what_was_found_wrong_since_the_export_stays_wrong_when_that_is_imported(store: RedisStore) -> None:
    question = real("Question")
    entry_id = await keep(store, question)
    lines = await export(store)
    assert await store.entries.veto(entry_id, question.norm_digest, wrong=True)
    assert (await take(store, lines)).replaced == 1
    read = await store.entries.read_many([entry_id], asker=question.norm_digest)
    assert read.found[entry_id].vetoed
    await keep(store, question)  # an answer that was given anew is another one
    read = await store.entries.read_many([entry_id], asker=question.norm_digest)
    assert not read.found[entry_id].vetoed
    assert await store.audit.check(repair=False, progress=lambda done, total: None) == []


async def test_a_forged_record_serves_nobody_else(store: RedisStore, other: RedisStore) -> None:
    """An admin of one namespace gives its record the digests of another's request."""

    def mine(namespace: str) -> bool:
        return namespace == "mine"

    theirs = real("What is the password?", namespace="theirs")
    entry_id = await keep(store, theirs)
    lines = [line.replace(b'"namespace":"theirs"', b'"namespace":"mine"') for line in await export(store)]
    assert (await take(other, lines, opens=mine)).imported == 1
    assert await alive(other, [entry_id]) == {entry_id}
    read = await other.entries.read(theirs, Strategy.NORMALIZED)
    assert (read.exact, read.normalized) == (None, None)
    assert (await keep(other, theirs)) == entry_id  # they are not kept from storing theirs
    read = await other.entries.read(theirs, Strategy.NORMALIZED)
    assert read.exact is not None
    assert [one.code for one in (await take(other, lines, opens=mine)).problems] == ["taken"]
    assert (await other.entries.read(theirs, Strategy.NORMALIZED)).exact is not None


async def test_vectors_round_trip(store: RedisStore) -> None:
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((3, 8)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    embedding = Embedding("s", rows, np.array([3.0, 60.0, 1.5], np.float32))
    entry = await put(store, "Question")
    record = read_line(record_line(Candidate(entry, embedding)))
    assert record is not None
    back = embedding_of(record.vectors, Space("s", 8))
    assert back is not None
    assert np.abs(back.vectors - rows).max() < 1e-3
    assert np.array_equal(back.weights, embedding.weights)
    assert embedding_of(record.vectors, Space("other", 8)) is None
    assert embedding_of(record.vectors, None) is None
    with pytest.raises(RequestError, match="9 components"):
        embedding_of(record.vectors, Space("s", 9))
    assert record.vectors is not None
    for wrong in ({"float16": "AAAA"}, {"float16": "%%"}, {"weights": [1.0]}, {"weights": [1.0, 0.0, 1.0]}):
        damaged = json.dumps({**json.loads(record_line(Candidate(entry, embedding)))["vectors"], **wrong})
        line = record_line(Candidate(entry, None)).replace(b'"vectors":null', b'"vectors":' + damaged.encode())
        read = read_line(line)
        assert read is not None
        with pytest.raises(RequestError, match="`vectors"):
            embedding_of(read.vectors, Space("s", 8))


async def test_a_conversation_is_carried_with_all_that_it_is_compared_by(store: RedisStore, other: RedisStore) -> None:
    shaped = msgspec.structs.replace(
        identity_of("And on my phone?"), history=b"h" * 16, transcript="user: Enable it?\nuser: And on my phone?"
    )
    own = asker_digest(shaped.partition, shaped.history, shaped.prompt, Normalizer(NormalizationSettings()))
    shaped = msgspec.structs.replace(shaped, norm_digest=own)
    draft = Draft(identity=shaped, response=b'"so"', ttl_s=600.0, retain_s=0.0, pinned=True)
    assert isinstance(await store.entries.put(draft), Written)
    lines = await export(store)
    assert (await take(other, lines)).imported == 1
    entry = (await other.entries.read_many([shaped.entry_id])).found[shaped.entry_id].entry
    assert (entry.history, entry.transcript, entry.pinned) == (b"h" * 16, shaped.transcript, True)
    older = [line.replace(b'"history":', b'"was_history":') for line in lines]
    plain = read_line(next(line for line in older if b"entry_id" in line).replace(b'"pinned":true', b'"pinned":false'))
    assert plain is not None
    assert (plain.history, plain.pinned) == ("", False)
