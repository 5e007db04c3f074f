"""Real servers for tests: each a context manager with its own ports and folder, stopped by its own process.

Valkey is the packaged binary. TLS and Sentinel need Debian's `redis-server` and `redis-sentinel`: skipped where absent.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis

from semcache.stores.binary import server_binary
from tests.loopback import free_port
from tests.patience import LONG_S

START_S = LONG_S
"""Longest wait for any server to come up."""

_DISK_FREE = ("--save", "", "--appendonly", "no")


def wait_until(condition: Callable[[], Any], *, timeout_s: float = START_S, what: str = "condition") -> Any:
    """Poll until `condition()` is truthy and return that; fail the test with `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            pytest.fail(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(0.01)


@dataclass
class Server:
    """One server process that a test may pause, kill and start again on the same address and folder."""

    url: str
    argv: Sequence[str]
    folder: Path
    client_kwargs: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start and wait for its first PONG."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.argv, stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._answers, what=f"a PONG from {self.url}")

    def stop(self) -> None:
        """SIGKILL and reap; resumes it first where it was paused. Safe to call twice."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    kill = stop

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self._process().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._process().send_signal(signal.SIGCONT)

    @contextmanager
    def client(self) -> Iterator[redis.Redis]:
        """A synchronous client of this server."""
        client = redis.Redis.from_url(self.url, socket_timeout=LONG_S, **self.client_kwargs)
        try:
            yield client
        finally:
            client.close()

    def _process(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "the server is not running"
        return self.process

    def _answers(self) -> bool:
        process = self._process()
        if process.poll() is not None:
            log = (self.folder / "log").read_text(errors="replace")
            pytest.fail(f"the server exited with {process.returncode}:\n{log[-2000:]}")
        with self.client() as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False
            except redis.ResponseError:  # a Sentinel, or a server that wants another credential: it is up
                return True


@contextmanager
def server(*, maxmemory: str = "0", password: str | None = None, extra: Sequence[str] = ()) -> Iterator[Server]:
    """A standalone Valkey on a free loopback port, nothing on disk; yields a `Server` to pause, kill, restart."""
    with _folder() as folder:
        port = free_port()
        secret = ("--requirepass", password) if password else ()
        argv = [str(server_binary()), *_listen(port), *_DISK_FREE, "--maxmemory", maxmemory]
        argv += ["--maxmemory-policy", "volatile-lru", *secret, *extra]
        credential = f":{quote(password, safe='')}@" if password else ""
        one = Server(f"redis://{credential}127.0.0.1:{port}/0", argv, folder)
        try:
            one.start()
            yield one
        finally:
            one.stop()


@contextmanager
def standalone(*, maxmemory: str = "0", password: str | None = None) -> Iterator[str]:
    """A standalone Valkey; yields its redis:// URL."""
    with server(maxmemory=maxmemory, password=password) as one:
        yield one.url


@contextmanager
def cluster(nodes: int = 3, *, password: str | None = None) -> Iterator[list[str]]:
    """A Valkey Cluster of `nodes` masters that own all slots; yields their redis:// URLs."""
    with cluster_servers(nodes, password=password) as servers:
        yield [one.url for one in servers]


@contextmanager
def cluster_servers(nodes: int = 3, *, password: str | None = None) -> Iterator[list[Server]]:
    """The same, as `Server`s whose nodes can be paused and killed."""
    with ExitStack() as stack:
        servers = [stack.enter_context(_cluster_node(password)) for _ in range(nodes)]
        clients = [stack.enter_context(one.client()) for one in servers]
        first_port = clients[0].connection_pool.connection_kwargs["port"]
        for number, client in enumerate(clients):
            first, last = 16384 * number // nodes, 16384 * (number + 1) // nodes - 1
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        bus_port = int(servers[0].argv[servers[0].argv.index("--cluster-port") + 1])
        for client in clients[1:]:
            client.execute_command("CLUSTER MEET", "127.0.0.1", first_port, bus_port)
        wait_until(lambda: all(_whole(client, nodes) for client in clients), what="cluster_state:ok on all nodes")
        yield servers


@dataclass(frozen=True)
class TlsServer:
    """A server that speaks TLS alone."""

    url: str
    ca_file: Path
    wrong_ca_file: Path
    """Another CA, which did not sign the server's certificate."""


@contextmanager
def tls() -> Iterator[TlsServer]:
    """Debian's redis-server with TLS on a free port, certificate for 127.0.0.1 and localhost."""
    binary = _debian("redis-server")
    import trustme

    authority, stranger = trustme.CA(), trustme.CA()
    with _folder() as folder:
        certificate = authority.issue_cert("127.0.0.1", "localhost")
        certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        stranger.cert_pem.write_to_path(str(folder / "wrong.pem"))
        port = free_port()
        argv = [binary, "--bind", "127.0.0.1", "--port", "0", "--tls-port", str(port), "--dir", str(folder)]
        argv += [*_DISK_FREE, "--tls-cert-file", str(folder / "cert.pem"), "--tls-key-file", str(folder / "key.pem")]
        argv += ["--tls-ca-cert-file", str(folder / "ca.pem"), "--tls-auth-clients", "no"]
        url = f"rediss://127.0.0.1:{port}/0"
        one = Server(url, argv, folder, {"ssl_ca_certs": str(folder / "ca.pem")})
        try:
            one.start()
            yield TlsServer(url, folder / "ca.pem", folder / "wrong.pem")
        finally:
            one.stop()


@dataclass(frozen=True)
class SentinelGroup:
    """A primary, its replica and three Sentinels that watch them."""

    url: str
    """redis://host:port,host:port,host:port of the Sentinels."""
    master: str
    primary: Server
    replica: Server


@contextmanager
def sentinel(*, password: str = "data-secret", sentinel_password: str = "watch-secret") -> Iterator[SentinelGroup]:
    """Debian's Sentinel over two of its servers; a failover takes about two seconds after the primary's death."""
    watcher, binary = _debian("redis-sentinel"), _debian("redis-server")
    with ExitStack() as stack:
        ports = [free_port(), free_port()]
        pair: list[Server] = []
        for number, port in enumerate(ports):
            argv = [binary, *_listen(port), *_DISK_FREE, "--requirepass", password, "--masterauth", password]
            argv += ["--replicaof", f"127.0.0.1 {ports[0]}"] if number else ["--repl-diskless-sync-delay", "0"]
            pair.append(_entered(stack, f"redis://:{password}@127.0.0.1:{port}/0", argv))
        replica_client = stack.enter_context(pair[1].client())
        wait_until(
            lambda: replica_client.info("replication").get("master_link_status") == "up", what="the replica's link"
        )
        watched = []
        for _ in range(3):
            folder = stack.enter_context(_folder())
            port = free_port()
            (folder / "sentinel.conf").write_text(
                f"port {port}\nbind 127.0.0.1\ndir {folder}\nrequirepass {sentinel_password}\n"
                f"sentinel monitor main 127.0.0.1 {ports[0]} 2\nsentinel auth-pass main {password}\n"
                "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
            )
            url = f"redis://:{sentinel_password}@127.0.0.1:{port}"
            watched.append(_entered(stack, url, [watcher, str(folder / "sentinel.conf")], folder))
        clients = [stack.enter_context(one.client()) for one in watched]
        wait_until(lambda: all(_watches(client) for client in clients), what="Sentinels that know of each other")
        hosts = ",".join(one.url.rsplit("@", 1)[1] for one in watched)
        yield SentinelGroup(f"redis://{hosts}", "main", pair[0], pair[1])


@contextmanager
def _cluster_node(password: str | None) -> Iterator[Server]:
    with _folder() as folder:
        port = free_port()
        secret = ["--requirepass", password, "--primaryauth", password] if password else []
        argv = [str(server_binary()), *_listen(port), *_DISK_FREE, "--dir", str(folder), "--cluster-enabled", "yes"]
        argv += ["--cluster-port", str(free_port()), "--cluster-node-timeout", "5000", *secret]
        credential = f":{quote(password, safe='')}@" if password else ""
        one = Server(f"redis://{credential}127.0.0.1:{port}", argv, folder)
        try:
            one.start()
            yield one
        finally:
            one.stop()


def _whole(client: redis.Redis, nodes: int) -> bool:
    info: Any = client.execute_command("CLUSTER INFO")
    slots: Any = client.execute_command("CLUSTER SLOTS")
    ok = info["cluster_state"] == "ok" if isinstance(info, dict) else b"cluster_state:ok" in info
    return ok and len(slots) == nodes


def _watches(client: redis.Redis) -> bool:
    state: Any = client.sentinel_masters()
    main = state.get("main", {})
    return bool(main) and main["num-other-sentinels"] == 2 and main["num-slaves"] == 1 and main["is_master"]


def _entered(stack: ExitStack, url: str, argv: Sequence[str], folder: Path | None = None) -> Server:
    one = Server(url, argv, folder or stack.enter_context(_folder()))
    stack.callback(one.stop)
    one.start()
    return one


def _listen(port: int) -> list[str]:
    return ["--bind", "127.0.0.1", "--port", str(port)]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sct-", ignore_cleanup_errors=True) as path:
        yield Path(path)


def _debian(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian package '{name}'): TLS and Sentinel are not tested here")
    return found
