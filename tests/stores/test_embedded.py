"""The embedded server through kills, stale files, long paths and damaged tails. All real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from semcache.errors import ConfigError, StoreUnavailable
from semcache.settings import StoreSettings
from semcache.stores.embedded import EmbeddedServer
from tests.servers import wait_until

PARENT = """
    import sys, time
    from pathlib import Path
    from semcache.settings import StoreSettings
    from semcache.stores.embedded import EmbeddedServer
    server = EmbeddedServer(Path(sys.argv[1]), StoreSettings())
    print(server.start(), server.pid, flush=True)
    server.watch()
    time.sleep(600)
"""


@contextmanager
def parent_of(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A process that owns a server, as `semcache serve` does; the server is stopped at the end, however it went."""
    argv = [sys.executable, "-c", textwrap.dedent(PARENT), str(data_dir)]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert process.stdout is not None
    try:
        url, pid = process.stdout.readline().split()
        yield process, url, int(pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        cleaner = EmbeddedServer(data_dir, StoreSettings())
        cleaner.start()
        cleaner.stop()


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(data_dir, StoreSettings(**settings))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def client_of(url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(url)
    try:
        yield client
    finally:
        client.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_keeps_its_data_over_a_graceful_stop(tmp_path):
    with running(tmp_path) as server:
        with client_of(server.url) as client:
            client.set("k", "v")
        pid = server.pid
    assert not alive(pid)
    assert not server.check()
    with running(tmp_path) as server, client_of(server.url) as client:
        assert client.get("k") == b"v"
        assert server.pid != pid


def test_is_private_and_configured_as_the_settings_say(tmp_path):
    with running(tmp_path, max_memory="64mb", eviction="lfu", fsync="no") as server:
        with client_of(server.url) as client:
            found = client.config_get("maxmemory", "maxmemory-policy", "appendfsync", "port", "save", "appendonly")
        assert (found["maxmemory"], found["maxmemory-policy"], found["appendfsync"]) == (
            str(64 << 20),
            "volatile-lfu",
            "no",
        )
        assert (found["port"], found["save"], found["appendonly"]) == ("0", "", "yes")
        assert (tmp_path / "store").stat().st_mode & 0o777 == 0o700


def test_adopts_after_the_parents_death_and_configures_anew(tmp_path):
    with parent_of(tmp_path) as (parent, url, pid):
        with client_of(url) as client:
            client.set("k", "v")
        parent.kill()
        parent.wait()
        assert alive(pid)
        with running(tmp_path, max_memory="77mb", eviction="lfu") as server:
            assert server.url == url
            assert server.pid == pid
            with client_of(server.url) as client:
                assert client.get("k") == b"v"
                assert client.config_get("maxmemory")["maxmemory"] == str(77 << 20)
                assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "volatile-lfu"
        wait_until(lambda: not alive(pid), what="the adopted server's end")


def test_an_adopted_server_is_watched_too(tmp_path):
    with parent_of(tmp_path) as (parent, _, pid):
        parent.kill()
        parent.wait()
        with running(tmp_path) as server:
            server.watch()
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: server.restarts == 1 and server.check(), what="a new server")
            assert server.pid != pid


def test_kill_of_the_server_alone_restarts_it_with_all_acknowledged_data(tmp_path):
    with running(tmp_path) as server:
        server.watch()
        for round_number in range(3):
            with client_of(server.url) as client:
                client.set(f"k{round_number}", "v")
            os.kill(server.pid, signal.SIGKILL)
            wait_until(lambda: server.restarts == round_number + 1 and server.check(), what="a new server")  # noqa: B023
        with client_of(server.url) as client:
            assert client.dbsize() == 3


def test_kill_of_both_loses_nothing(tmp_path):
    with parent_of(tmp_path) as (parent, url, pid):
        with client_of(url) as client:
            client.set("k", "v")
        parent.kill()
        os.kill(pid, signal.SIGKILL)
        parent.wait()
        with running(tmp_path) as server, client_of(server.url) as client:
            assert client.get("k") == b"v"


def test_refuses_a_second_owner_and_leaves_the_first_alone(tmp_path):
    with parent_of(tmp_path) as (parent, url, pid):
        second = EmbeddedServer(tmp_path, StoreSettings())
        with pytest.raises(ConfigError, match=rf"{tmp_path.name} is in use .* {parent.pid}"):
            second.start()
        second.stop()
        assert alive(pid)
        with client_of(url) as client:
            assert client.ping()


def test_two_that_start_at_once_make_one_owner_and_one_server(tmp_path):
    servers = [EmbeddedServer(tmp_path, StoreSettings()) for _ in range(4)]
    results: list[object] = []

    def begin(server: EmbeddedServer) -> None:
        try:
            results.append(server.start())
        except ConfigError as error:
            results.append(error)

    threads = [threading.Thread(target=begin, args=(server,)) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(result, str) for result in results) == 1
    assert (tmp_path / "store" / "server.log").read_text().count("Ready to accept connections") == 1
    for server in servers:
        server.stop()


def test_a_long_path_gets_a_short_private_socket(tmp_path):
    data_dir = tmp_path / ("d" * 120)
    with running(data_dir) as server:
        socket = Path(server.url.removeprefix("unix://"))
        assert not socket.is_relative_to(data_dir)
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert (data_dir / "store" / "socket.path").read_text() == str(socket)
    with parent_of(data_dir) as (parent, url, pid):
        parent.kill()
        parent.wait()
        with running(data_dir) as server:
            assert (server.url, server.pid) == (url, pid)
    shutil.rmtree(socket.parent)


def test_a_strangers_folder_is_not_used_for_the_socket(tmp_path):
    data_dir = tmp_path / ("d" * 120)
    with running(data_dir) as server:
        private = Path(server.url.removeprefix("unix://")).parent
    private.chmod(0o755)
    with pytest.raises(ConfigError, match="not a private folder"):
        EmbeddedServer(data_dir, StoreSettings()).start()
    shutil.rmtree(private)


def test_a_stale_pid_of_another_process_is_not_mistaken(tmp_path):
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "valkey-server"])
    try:
        with running(tmp_path):
            pass
        (tmp_path / "store" / "server.pid").write_text(str(bystander.pid))
        (tmp_path / "store" / "server.sock").write_text("stale")
        with running(tmp_path) as server:
            assert server.check()
            assert server.pid != bystander.pid
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_deleted_socket_leads_to_a_restart_not_to_a_second_server(tmp_path):
    with parent_of(tmp_path) as (parent, url, pid):
        with client_of(url) as client:
            client.set("k", "v")
        parent.kill()
        parent.wait()
        Path(url.removeprefix("unix://")).unlink()
        with running(tmp_path) as server:
            wait_until(lambda: not alive(pid), what="the old server's end")
            with client_of(server.url) as client:
                assert client.get("k") == b"v"
            server.watch()
            Path(url.removeprefix("unix://")).unlink()
            wait_until(lambda: server.restarts == 1 and server.check(), what="a new socket")


def test_waits_for_a_server_that_is_loading_instead_of_starting_another(tmp_path):
    with running(tmp_path) as server, client_of(server.url) as client:
        client.setrange("long", 400_000, "x")
    folder = tmp_path / "store"
    (tail,) = (folder / "appendonlydir").glob("*.incr.aof")
    slow = b"*4\r\n$5\r\nBITOP\r\n$3\r\nNOT\r\n$5\r\nother\r\n$4\r\nlong\r\n"
    with tail.open("ab") as file:
        file.write(slow * 20_000)
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path)], stdout=subprocess.DEVNULL)
    wait_until(lambda: _is_loading(server.url), what="LOADING")
    parent.kill()
    parent.wait()
    pid = int((folder / "server.pid").read_text())
    log = (folder / "server.log").read_text()
    with running(tmp_path) as adopter, client_of(adopter.url) as client:
        assert adopter.pid == pid
        assert client.exists("long", "other") == 2
        assert (folder / "server.log").read_text().count("Valkey is starting") == log.count("Valkey is starting")
    assert "Ready to accept" not in log.rsplit("Valkey is starting", 1)[1]


def test_waits_for_its_own_server_to_load(tmp_path):
    with running(tmp_path) as server, client_of(server.url) as client:
        client.config_set("appendfsync", "no")
        for _ in range(20):
            client.eval("for i = 1, 20000 do redis.call('INCR', 'k' .. i) end", 0)
    with running(tmp_path) as server, client_of(server.url) as client:
        assert client.get("k20000") == b"20"


def test_loads_a_file_whose_tail_was_cut_off(tmp_path):
    with running(tmp_path) as server, client_of(server.url) as client:
        client.set("first", "1")
        client.set("second", "2" * 100)
    (tail,) = (tmp_path / "store" / "appendonlydir").glob("*.incr.aof")
    tail.write_bytes(tail.read_bytes()[:-30])
    with running(tmp_path) as server, client_of(server.url) as client:
        assert client.get("first") == b"1"
        assert client.get("second") is None


def test_a_server_that_cannot_start_is_quoted(tmp_path):
    with running(tmp_path) as server, client_of(server.url) as client:
        client.set("k", "v")
    (tail,) = (tmp_path / "store" / "appendonlydir").glob("*.incr.aof")
    tail.write_bytes(b"garbage\r\n" * 10 + tail.read_bytes())
    server = EmbeddedServer(tmp_path, StoreSettings())
    with pytest.raises(StoreUnavailable, match="Bad file format"):
        server.start()
    tail.write_bytes(tail.read_bytes()[90:])
    with running(tmp_path) as server, client_of(server.url) as client:  # the folder was given back
        assert client.get("k") == b"v"


def test_an_unusable_data_dir_is_the_operators_to_mend(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="SEMCACHE_DATA_DIR"):
        EmbeddedServer(tmp_path / "file", StoreSettings())


def _is_loading(url: str) -> bool:
    with client_of(url) as client:
        try:
            client.ping()
        except redis.BusyLoadingError:
            return True
        except redis.ConnectionError:
            return False
        return False
