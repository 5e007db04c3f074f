"""Every kind of store that a URL may name, each on a real server, and each before its server is up."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import Any

import pytest

from semcache.errors import ConfigError, StoreTimeout, StoreUnavailable
from semcache.settings import Settings, StoreSettings
from semcache.stores.connect import connect
from semcache.stores.guard import Guard
from tests import servers
from tests.loopback import free_port
from tests.patience import LONG_S


def settings_of(url: str | None, **store: Any) -> Settings:
    return Settings(redis_url=url, store=StoreSettings(**{"connect_timeout_s": LONG_S, **store}))


@asynccontextmanager
async def client_of(url: str | None, *, server_url: str | None = None, **store: Any):
    client = await connect(settings_of(url, **store), server_url)
    try:
        yield client
    finally:
        await client.aclose()


async def round_trip(client: Any, key: str) -> None:
    await client.execute_command("SET", key, b"\x00\xff")
    assert await client.execute_command("GET", key) == b"\x00\xff"


async def test_reads_back_bytes_on_every_backend(store_backend, key_prefix):
    async with client_of(store_backend.url, cluster=store_backend.cluster) as client:
        for shard in range(8):
            await round_trip(client, f"{key_prefix}:{{s{shard:02d}}}")


async def test_more_calls_than_connections_wait_and_cancelled_ones_give_theirs_back(store_backend, key_prefix):
    async with client_of(store_backend.url, cluster=store_backend.cluster, pool_size=4) as client:
        guard = Guard(StoreSettings(breaker_failures=10_000))

        async def call(number: int) -> None:
            pipe = client.pipeline(transaction=False)
            for shard in range(8):
                pipe.execute_command("SET", f"{key_prefix}:{{s{shard:02d}}}", number)
            await guard.run(pipe.execute, deadline_s=LONG_S)
            await guard.run(lambda: client.execute_command("GET", f"{key_prefix}:{{s01}}"), deadline_s=LONG_S)

        for _ in range(3):
            tasks = [asyncio.create_task(call(number)) for number in range(50)]
            await asyncio.sleep(0.002)
            for task in tasks[::3]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(one) for one in done} <= {type(None), asyncio.CancelledError}


async def test_server_url_comes_before_the_setting(standalone_server, key_prefix):
    async with client_of("redis://127.0.0.1:1/0", server_url=standalone_server) as client:
        await round_trip(client, key_prefix)


async def test_password_from_the_setting_or_the_url():
    with servers.server(password="p@ss/word") as server:
        port = server.url.rsplit(":", 1)[1].split("/")[0]
        plain = f"redis://127.0.0.1:{port}/0"
        async with client_of(plain, password="p@ss/word") as client:
            await round_trip(client, "k")
        async with client_of(f"redis://:p%40ss%2Fword@127.0.0.1:{port}/0") as client:
            await round_trip(client, "k")
        async with client_of(plain, password="wrong") as client:
            with pytest.raises(StoreUnavailable, match="credentials refused"):
                await Guard(StoreSettings()).run(lambda: client.execute_command("GET", "k"), deadline_s=LONG_S)
        async with client_of(plain) as client:
            with pytest.raises(StoreUnavailable):
                await Guard(StoreSettings()).run(lambda: client.execute_command("GET", "k"), deadline_s=LONG_S)


async def test_cluster_with_a_password_and_several_nodes_in_the_url(key_prefix):
    with servers.cluster(password="secret") as urls:
        hosts = ",".join(["127.0.0.1:1"] + [url.rsplit("@", 1)[1] for url in urls])
        async with client_of(f"redis://{hosts}", cluster=True, password="secret") as client:
            for shard in range(8):
                await round_trip(client, f"{key_prefix}:{{s{shard:02d}}}")


@pytest.mark.parametrize("kind", ["standalone", "cluster", "sentinel"])
async def test_a_dead_server_fails_fast_and_not_at_construction(kind):
    extra = {"standalone": {}, "cluster": {"cluster": True}, "sentinel": {"sentinel_master": "main"}}[kind]
    url = f"redis://127.0.0.1:{free_port()}"
    async with client_of(url, **extra) as client:
        with pytest.raises(StoreUnavailable) as caught:
            await Guard(StoreSettings()).run(lambda: client.execute_command("GET", "k"), deadline_s=10)
        assert not isinstance(caught.value, StoreTimeout), "it waited"


@pytest.mark.parametrize("cluster", [False, True])
async def test_recovers_when_the_server_comes_back(cluster, key_prefix):
    guard = Guard(StoreSettings(breaker_failures=1000, deadline_s=5))
    start = servers.cluster_servers(1) if cluster else servers.server()
    with start as started:
        server = started[0] if cluster else started
        async with client_of(server.url, cluster=cluster) as client:
            await round_trip(client, key_prefix)
            server.kill()
            for _ in range(3):
                with pytest.raises(StoreUnavailable):
                    await guard.run(lambda: client.execute_command("GET", key_prefix))
            server.start()
            deadline = time.monotonic() + LONG_S
            while True:
                try:
                    await guard.run(lambda: client.execute_command("SET", key_prefix, b"2"))
                    break
                except StoreUnavailable:
                    assert time.monotonic() < deadline, "did not recover"
            await round_trip(client, key_prefix)


async def test_an_idle_connection_of_a_restarted_server_is_replaced_unseen(key_prefix):
    with servers.server() as server:
        async with client_of(server.url) as client:
            await round_trip(client, key_prefix)
            server.kill()
            await asyncio.to_thread(server.start)
            await round_trip(client, key_prefix)


async def test_tls_with_the_right_ca_and_refused_with_the_wrong_one():
    with servers.tls() as server:
        async with client_of(server.url, tls_ca_file=server.ca_file) as client:
            await round_trip(client, "k")
        for wrong in (server.wrong_ca_file, None):
            async with client_of(server.url, tls_ca_file=wrong) as client:
                with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
                    await Guard(StoreSettings()).run(lambda: client.execute_command("GET", "k"), deadline_s=LONG_S)


async def test_sentinel_follows_a_failover():
    with servers.sentinel() as group:
        secrets = {"password": "data-secret", "sentinel_password": "watch-secret"}
        dead_first = group.url.replace("redis://", f"redis://127.0.0.1:{free_port()},")
        guard = Guard(StoreSettings(breaker_failures=1000, deadline_s=5))
        async with client_of(dead_first, sentinel_master=group.master, **secrets) as client:
            await round_trip(client, "before")
            group.primary.kill()
            deadline = time.monotonic() + LONG_S
            while True:
                try:
                    await guard.run(lambda: client.execute_command("SET", "after", b"1"))
                    break
                except StoreUnavailable:
                    assert time.monotonic() < deadline, "no failover seen"
            with group.replica.client() as direct:
                assert direct.get("after") == b"1"


async def test_sentinel_with_a_wrong_secret_is_unavailable():
    with servers.sentinel() as group:
        async with client_of(group.url, sentinel_master=group.master, sentinel_password="wrong") as client:
            with pytest.raises(StoreUnavailable):
                await Guard(StoreSettings()).run(lambda: client.execute_command("GET", "k"), deadline_s=LONG_S)


@pytest.mark.parametrize(
    ("url", "store", "says"),
    [
        (None, {}, "no store"),
        ("http://x", {}, "redis://"),
        ("redis://h:1/0?colour=red", {}, "colour"),
        ("redis://h:1", {"tls_ca_file": "/nowhere"}, "rediss://"),
        ("rediss://h:1", {"tls_ca_file": "/nowhere"}, "no file"),
        ("redis://h:1/3", {"cluster": True}, "database 0"),
        ("redis://h:one", {"cluster": True}, "host:port"),
        ("unix:///tmp/s", {"sentinel_master": "m"}, "Sentinel"),
        ("redis://h:1", {"cluster": True, "sentinel_master": "m"}, "exclude"),
    ],
)
async def test_refuses_what_it_cannot_honour(url, store, says):
    with pytest.raises(ConfigError, match=says):
        await connect(settings_of(url, **store), None)
