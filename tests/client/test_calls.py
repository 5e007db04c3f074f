"""The calls on a real service, in another process and in this one, waiting and awaiting."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from semcache.client import (
    AsyncClient,
    CacheUnavailable,
    Client,
    ClientError,
    LocalCache,
    LookupItem,
    Stored,
    StoreItem,
    admin_calls,
)
from semcache.errors import ConfigError, SemcacheError
from tests.client.conftest import EXACT
from tests.http.conftest import KeyRing
from tests.patience import LONG_S
from tests.serving import Served, served

ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Paris ✓"}}], "n": 1.5}


def test_a_miss_is_filled_and_found_with_its_evidence(either: Client, namespace: str) -> None:
    asked = {"model": "gpt-4o", "namespace": namespace, "params": {"temperature": 0, "seed": 7}}
    miss = either.lookup("What is the capital of France?", **asked)
    assert (miss.hit, miss.reason, miss.response) == (False, "not_found", None)
    stored = either.store(
        "What is the capital of France?",
        **asked,
        response=ANSWER,
        fill_token=miss.fill_token,
        tags=["geography"],
        ttl_s=60,
        usage={"prompt_tokens": 14, "completion_tokens": 3},
        cost_usd=0.5,
        latency_ms=640,
        metadata={"by": "test"},
    )
    assert (stored.stored, stored.ttl_s, stored.replaced) == (True, 60, False)

    hit = either.lookup("What is the capital of France?", **asked)
    assert hit.hit
    assert hit.response == ANSWER
    assert (hit.tier, hit.similarity, hit.entry_id) == ("exact", 1.0, stored.entry_id)
    assert hit.created_at is not None
    assert hit.created_at.tzinfo is not None
    near = either.lookup("what is the capital of france", **asked, strategy="normalized")
    assert near.tier == "normalized"
    assert not either.lookup("what is the capital of france", **asked, strategy="exact").hit

    record = either.entry(str(hit.entry_id))
    assert record is not None
    assert (record.tags, record.cost_usd, record.metadata) == (("geography",), 0.5, {"by": "test"})
    assert record.usage is not None
    assert (record.usage.input_tokens, record.usage.output_tokens) == (14, 3)


def test_messages_and_a_prompt_are_the_same_request(either: Client, namespace: str) -> None:
    messages = [{"role": "user", "content": "Who wrote Emma?"}]
    either.store(messages=messages, model="m", namespace=namespace, response="Jane Austen")
    assert either.lookup("Who wrote Emma?", model="m", namespace=namespace).response == "Jane Austen"


def test_batches_answer_in_order(either: Client, namespace: str) -> None:
    items = [StoreItem(prompt=f"Question {n}?", model="m", namespace=namespace, response=n) for n in (1, 2)]
    assert [one.stored for one in either.store_many(items)] == [True, True]
    asked = [LookupItem(prompt=f"Question {n}?", model="m", namespace=namespace) for n in (2, 3, 1)]
    assert [(one.hit, one.response) for one in either.lookup_many(asked)] == [(True, 2), (False, None), (True, 1)]
    assert either.lookup_many([]) == []


def test_a_mistake_in_an_item_is_raised_with_its_place(either: Client) -> None:
    with pytest.raises(ClientError) as raised:
        either.lookup_many([{"prompt": "a", "model": "m"}, {"prompt": "b", "model": ""}])
    assert raised.value.field == "items[1].model"


def test_an_entry_is_deleted_once(either: Client, namespace: str) -> None:
    stored = either.store("Delete me?", model="m", namespace=namespace, response="x")
    assert either.delete(str(stored.entry_id)) is True
    assert either.delete(str(stored.entry_id)) is False
    assert either.entry(str(stored.entry_id)) is None


def test_a_wrong_hit_is_not_served_again(either: Client, namespace: str) -> None:
    either.store("Is it right?", model="m", namespace=namespace, response="no")
    hit = either.lookup("Is it right?", model="m", namespace=namespace)
    accepted = either.feedback(request_id=hit.request_id, correct=False)
    assert (accepted.entry_id, accepted.vetoed) == (hit.entry_id, True)
    assert either.lookup("Is it right?", model="m", namespace=namespace).reason == "vetoed"
    either.feedback(entry_id=hit.entry_id, prompt="Is it right?", correct=True)
    assert either.lookup("Is it right?", model="m", namespace=namespace).hit


def test_operations(either: Client, namespace: str) -> None:
    either.lookup("Anything?", model="m", namespace=namespace)
    assert either.readyz().ready
    assert set(either.stats(namespace=namespace)) >= {"requests", "hit_rate", "entries"}


def test_the_admin_plane(either: Client, namespace: str) -> None:
    for tag in ("a", "b"):
        either.store(f"About {tag}?", model="m", namespace=namespace, response=tag, tags=[tag])
    counted = either.admin.invalidate(namespace=namespace, tags=["a"], dry_run=True)
    assert (counted.matched, counted.deleted, counted.dry_run) == (1, 0, True)
    done = either.admin.invalidate(namespace=namespace, tags=["a"])
    assert done.deleted == 1
    assert not either.lookup("About a?", model="m", namespace=namespace).hit
    assert either.lookup("About b?", model="m", namespace=namespace).hit
    assert either.admin.invalidations(count=1)[0].invalidation_id == done.invalidation_id
    assert either.admin.config()["embedder"] == "off"


def test_a_job_is_waited_for(either: Client) -> None:
    job = either.admin.wait(either.admin.rebuild())
    assert job.finished
    assert job.state == "failed"
    assert "EMBEDDER" in str(job.error)  # there is none, and the job says so
    assert either.admin.job(job.job_id) == job
    assert either.admin.cancel(job.job_id).state == "failed"


def test_entries_move_as_lines(either: Client, namespace: str) -> None:
    for number in range(3):
        either.store(f"Question {number}?", model="m", namespace=namespace, response=number)
    lines = list(either.admin.export(namespace=namespace, vectors=False))
    assert len(lines) == 5  # a head, three records, an end
    either.admin.invalidate(namespace=namespace, all=True)
    done = either.admin.import_([*lines[:2], b"{", *lines[2:]])
    assert (done.imported, done.damaged) == (3, 1)
    assert [problem.line for problem in done.problems] == [3]
    assert either.lookup("Question 2?", model="m", namespace=namespace).response == 2
    with pytest.raises(ClientError):
        list(either.admin.export(after="no entry"))


def test_large_imports_go_in_parts(either: Client, namespace: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        either.store(f"Question {number}?", model="m", namespace=namespace, response=number)
    lines = list(either.admin.export(namespace=namespace))
    monkeypatch.setattr(admin_calls, "_PART_BYTES", len(lines[1]))
    done = either.admin.import_([*lines, b"{"])
    assert done.replaced + done.imported + done.refused == 5
    assert done.problems[-1].line == len(lines) + 1


async def test_and_so_they_do_asynchronously(service: Served, namespace: str) -> None:
    async with AsyncClient(service.url, timeout_s=LONG_S) as client:
        await client.store("Moved?", model="m", namespace=namespace, response=1)
        lines = [line async for line in client.admin.export(namespace=namespace)]
        await client.admin.invalidate(namespace=namespace, all=True)
        assert (await client.admin.import_(lines)).imported == 1
        with pytest.raises(ClientError, match="UPSTREAM"):
            await client.admin.warm(["Why?"], model="m")


def test_an_export_that_breaks_off_says_so() -> None:
    lines = admin_calls.ExportLines()
    taken = [
        line for piece in (b'{"semcache', b'_export": 1}\n{"en', b'try_id": 1}\n', b"{") for line in lines.feed(piece)
    ]
    assert taken == [b'{"semcache_export": 1}\n', b'{"entry_id": 1}\n']
    with pytest.raises(CacheUnavailable, match="broke off"):
        lines.end()


def test_mistakes_of_the_caller_are_raised(either: Client) -> None:
    with pytest.raises(ClientError) as raised:
        either.lookup("x", model="")
    error = raised.value
    assert isinstance(error, SemcacheError)
    assert (error.status, error.code, error.field) == (422, "invalid_request", "model")
    assert error.request_id
    with pytest.raises(ClientError) as raised:
        either.admin.job("no/such job")
    assert raised.value.status == 404


async def test_the_same_calls_are_awaited(service: Served, namespace: str) -> None:
    async with AsyncClient(service.url, namespace=namespace, timeout_s=LONG_S) as client:
        miss = await client.lookup("Awaited?", model="m")
        assert (await client.store("Awaited?", model="m", response=1, fill_token=miss.fill_token)).stored
        assert (await client.lookup("Awaited?", model="m")).response == 1
        assert (await client.admin.invalidate(all=True)).deleted == 1
        assert (await client.admin.wait(await client.admin.rebuild())).state == "failed"
        with pytest.raises(ClientError):
            await client.store("x", model="", response=1)


async def test_the_cache_of_this_process_is_awaited_too(local: LocalCache, namespace: str) -> None:
    await local.aio.store("Awaited here?", model="m", namespace=namespace, response=1)
    found = await asyncio.gather(
        *(local.aio.lookup("Awaited here?", model="m", namespace=namespace) for _ in range(20))
    )
    assert [one.response for one in found] == [1] * 20


def test_an_async_client_outlives_its_event_loop(service: Served, namespace: str) -> None:
    client = AsyncClient(service.url, namespace=namespace, timeout_s=LONG_S)

    async def once() -> Stored:
        async with client:
            return await client.store("Twice?", model="m", response=1)

    assert [asyncio.run(once()).replaced for _ in range(2)] == [False, True]


def test_a_client_is_shared_by_threads(client: Client) -> None:
    client.store("Shared?", model="m", response=1)
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: client.lookup("Shared?", model="m").response, range(64)))
    assert found == [1] * 64


def test_a_local_cache_says_what_is_wrong_and_ends_for_good(tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ConfigError, match="no such setting"):
        LocalCache(no_such_setting=1)
    folder = tmp_path_factory.mktemp("owned")
    settings = {"embedder": "off", "data_dir": folder / "data", "index_dir": folder / "indexes"}
    with LocalCache(**settings) as cache:
        cache.store("Kept?", model="m", response=1)
        with pytest.raises(ConfigError):
            LocalCache(**settings)  # one owner of a data directory at a time
    with pytest.raises(RuntimeError):
        cache.lookup("Kept?", model="m")
    with LocalCache(**settings) as cache:
        assert cache.lookup("Kept?", model="m").hit


def test_a_local_cache_that_nobody_closes_ends_with_its_program(tmp_path: Path) -> None:
    program = f"""
from semcache.client import LocalCache
cache = LocalCache(embedder="off", data_dir={str(tmp_path / "data")!r}, index_dir={str(tmp_path / "indexes")!r})
print(cache.store("Kept?", model="m", response=1).stored, cache.lookup("Kept?", model="m").hit)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=2 * LONG_S, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "True True\n", "")
    assert not list(tmp_path.rglob("*.pid"))


def test_keys_open_their_namespaces(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("keys")
    keys = KeyRing(folder / "keys.toml")
    reader = keys.add("reader", namespaces=("a",), roles=("read",))
    with served(folder, folder / "models", {**EXACT, "SEMCACHE_API_KEYS_FILE": str(folder / "keys.toml")}) as running:
        monkeypatch.setenv("SEMCACHE_URL", running.url)
        with Client(timeout_s=LONG_S) as client, pytest.raises(ClientError) as raised:
            client.lookup("x", model="m")
        assert (raised.value.status, raised.value.code) == (401, "unauthenticated")
        monkeypatch.setenv("SEMCACHE_API_KEY", reader)
        with Client(timeout_s=LONG_S) as client:
            assert client.lookup("x", model="m").reason == "not_found"
            with pytest.raises(ClientError) as raised:
                client.lookup("x", model="m", namespace="b")
            assert raised.value.code == "forbidden"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_every_method_is_documented_and_has_its_arguments(kind: type) -> None:
    names = ("lookup", "store", "lookup_many", "store_many", "entry", "delete", "feedback", "stats", "readyz")
    assert all(getattr(kind, name).__doc__ for name in names)
    client = kind("http://127.0.0.1:1")
    assert {"model", "messages", "threshold"} <= set(inspect.signature(client.lookup).parameters)


def test_an_address_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="http://"):
        Client("localhost:8080")


def test_an_unreachable_service_is_named_where_nothing_fails_open() -> None:
    with (
        Client("http://127.0.0.1:1", fail_open=False) as client,
        pytest.raises(CacheUnavailable, match=r"127\.0\.0\.1:1"),
    ):
        client.lookup("x", model="m")
