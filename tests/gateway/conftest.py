"""Gateways in this process, each on a real socket, in front of a scripted provider."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from semcache.http.app import create_app
from semcache.http.connection import Connection
from semcache.service import Service
from semcache.settings import Settings
from tests.gateway import provider_answers
from tests.gateway.provider import Call, Provider, Reply, provider
from tests.patience import LONG_S, patient
from tests.serving import until

Open = Callable[..., "Gateway"]

EVENTS = "text/event-stream"


class Gateway:
    """One replica: a service in a thread of its own, and what a test asks of it."""

    def __init__(self, settings: Settings, upstream: Provider) -> None:
        self.provider = upstream
        self._settings = settings
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="gateway")
        self._thread.start()
        until(lambda: self._started() or not self._thread.is_alive(), seconds=2 * LONG_S, what="start of a gateway")
        assert self._started(), "the gateway ended at its start"
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        """Base URL of an Anthropic client; an OpenAI client's is `/v1` below it."""
        self.client = httpx.Client(base_url=self.url, timeout=LONG_S)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.service = Service(self._settings)
        config = uvicorn.Config(
            create_app(self.service), port=0, lifespan="on", http=Connection, log_config=None, access_log=False,
            timeout_graceful_shutdown=2, proxy_headers=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        await self._server.serve()

    def _started(self) -> bool:
        server = getattr(self, "_server", None)
        return server is not None and server.started and self.service.store_ready.is_set()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the gateway's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONG_S)

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self._server.should_exit = True
        self._thread.join()

    # -- asking --------------------------------------------------------------------------------------------------

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        """POST a JSON body; `_` in a header's name stands for `-`."""
        return self.client.post(path, json=body, headers=dashed(headers))

    def chat(self, prompt: str, *, stream: bool = False, headers: dict[str, str] | None = None, **body: Any) -> Seen:
        """A chat completion."""
        asked = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **body}
        if stream:
            asked["stream"] = True
        return Seen(self.client.post("/v1/chat/completions", json=asked, headers=headers))

    def is_kept(self, prompt: str, **more: Any) -> bool:
        """Whether a chat completion is answered without a call of upstream."""
        headers = {**more.pop("headers", {}), "cache-control": "only-if-cached"}
        return self.chat(prompt, headers=headers, **more).code == 200

    def clean(self) -> None:
        """What an earlier test left under way has ended, and the provider has forgotten it."""
        self.provider.forget()
        self.settled()
        self.provider.forget()

    def lose_secret(self) -> None:
        """Have namespaces made with another secret, as after the store lost the first."""
        front = self.service.front
        assert front is not None

        async def replaced() -> None:
            front.tenancy._secret = b"another secret"
            front.tenancy._number += 1

        self.do(replaced())

    def settled(self) -> None:
        """Wait until no flight is under way: what was to be stored is."""
        until(lambda: not self.service.front._parts.coalescer._tasks, what="end of all flights")  # type: ignore[union-attr]


class Seen:
    """An answer as a caller sees it."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.code = response.status_code
        self.headers = response.headers
        self.status = response.headers.get("x-cache-status")
        self.reason = response.headers.get("x-cache-reason")
        self.raw = response.content

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return self.response.json()

    @property
    def is_stream(self) -> bool:
        """Whether it came as events."""
        return self.headers.get("content-type", "").startswith(EVENTS)

    @property
    def text(self) -> str:
        """What a chat completion says, streamed or not."""
        if not self.is_stream:
            return str(self.json["choices"][0]["message"]["content"])
        deltas = [choice["delta"] for event in self.events for choice in event.get("choices", ())]
        return "".join(delta.get("content") or "" for delta in deltas)

    @property
    def events(self) -> list[Any]:
        """The data of a stream's events, end mark left out."""
        return events_of(self.raw)

    @property
    def done(self) -> bool:
        """Whether a stream of chat completions came to its end mark."""
        return self.raw.endswith(b"data: [DONE]\n\n")

    @property
    def evidence(self) -> Any:
        """`x_semcache`, wherever it is."""
        if not self.is_stream:
            return self.json["x_semcache"]
        return next(event["x_semcache"] for event in reversed(self.events) if "x_semcache" in event)


def events_of(raw: bytes) -> list[Any]:
    """The JSON data of a stream's events."""
    lines = [line.removeprefix(b"data: ") for line in raw.split(b"\n") if line.startswith(b"data: ")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def asked(prompt: str, **more: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **more}


def dashed(headers: dict[str, str]) -> dict[str, str]:
    """Header names from keyword arguments."""
    return {name.replace("_", "-"): value for name, value in headers.items()}


def sent(call: Call, reply: Reply | None = None) -> bytes:
    """The body with which the provider answered a call."""
    made = provider_answers.make(call.method, call.path, call.body, call.number, reply or Reply())
    return b"".join(made.pieces)


def without_evidence(value: dict[str, Any]) -> dict[str, Any]:
    """An answer as the provider gave it."""
    return {name: one for name, one in value.items() if name != "x_semcache"}


def made_settings(server: str, folder: Path, asked: Provider, prefix: str, /, **changes: Any) -> Settings:
    """Settings of a gateway: the operator's key, no retries, no embedder, unless `changes` say else.

    `upstream` among them: what differs in the upstream's own settings.
    """
    own = {"base_url": asked.url, "api_key": "sk-operator", "retries": 0, **changes.pop("upstream", {})}
    values = {
        "redis_url": server,
        "embedder": "off",
        "data_dir": folder / "data",
        "index_dir": folder / "indexes",
        "upstreams": {"main": own},
        "store": {"key_prefix": prefix, **changes.pop("store", {})},
        **changes,
    }
    return Settings(**patient(values))


@contextlib.contextmanager
def many(server: str, folder: Path) -> Iterator[Open]:
    """Opens gateways on one store in front of one provider, `opened.provider`; ends them with everything under way."""
    prefix = f"t{uuid.uuid4().hex[:12]}"
    standing: list[Gateway] = []
    with provider() as upstream:

        def opened(**changes: Any) -> Gateway:
            place = folder / f"gateway{len(standing)}"
            gateway = Gateway(made_settings(server, place, upstream, prefix, **changes), upstream)
            standing.append(gateway)
            return gateway

        try:
            yield opened
        finally:
            upstream.stop()  # first: no flight can then keep a gateway from ending
            for gateway in standing:
                gateway.stop()


def hurry(gateway: Gateway) -> list[float]:
    """From now on the pauses before further tries take no time; what they would have been."""
    pauses: list[float] = []

    async def at_once(seconds: float) -> None:
        pauses.append(seconds)

    for upstream in gateway.service.front.upstreams.all:  # type: ignore[union-attr]
        upstream._sleep = at_once
    return pauses


@pytest.fixture
def open_gateway(standalone_server: str, tmp_path: Path) -> Iterator[Open]:
    """Opens replicas on one store of this test's own; settings by keyword. See `made_settings`."""
    with many(standalone_server, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def shared_gateway(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for a module. Tests take `gateway`, which begins with a clean provider."""
    with many(standalone_server, tmp_path_factory.mktemp("gateway")) as opened:
        yield opened()


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    """The module's gateway; its provider has forgotten all calls. Entries stay: a prompt for each test."""
    shared_gateway.clean()
    return shared_gateway


@pytest.fixture(scope="module")
def module_wary(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for a module, for `wary_gateway`."""
    with many(standalone_server, tmp_path_factory.mktemp("wary")) as opened:
        yield opened(
            gateway={"deny": ("operation walrus",), "negative_ttl_s": 60, "stale_while_revalidate_s": 300},
            ttl={"min_s": 0.05, "stale_window_s": 600},
        )


@pytest.fixture
def wary_gateway(module_wary: Gateway) -> Gateway:
    """One that remembers refusals and serves what is stale; its provider has forgotten all calls."""
    module_wary.settled()
    module_wary.provider.forget()
    return module_wary


@pytest.fixture(scope="module")
def other_provider() -> Iterator[Provider]:
    """A provider that is asked directly, for comparison."""
    with provider() as upstream:
        yield upstream


@pytest.fixture
def direct(other_provider: Provider) -> Provider:
    """The same, which has forgotten all calls: its answers carry the numbers of the gateway's provider."""
    other_provider.forget()
    return other_provider


@contextlib.contextmanager
def troubled(server: str, folder: Path, **upstream: Any) -> Iterator[Gateway]:
    """One with two further tries, whose pauses take no time, and a window for stale answers."""
    with many(server, folder) as opened:
        gateway = opened(
            upstream={"retries": 2, **upstream},
            ttl={"min_s": 0.05, "stale_window_s": 600},
            gateway={"stale_if_error_s": 300},
        )
        hurry(gateway)
        yield gateway


@pytest.fixture(scope="module")
def troubled_gateway(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with troubled(standalone_server, tmp_path_factory.mktemp("faults")) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def impatient_gateway(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with troubled(standalone_server, tmp_path_factory.mktemp("silence"), silence_s=0.5, timeout_s=10) as gateway:
        yield gateway


@pytest.fixture
def faulty(troubled_gateway: Gateway) -> Iterator[Gateway]:
    """A gateway whose provider is to have trouble; it has forgotten all calls, and listens."""
    troubled_gateway.clean()
    yield troubled_gateway
    troubled_gateway.provider.start()


@pytest.fixture
def impatient(impatient_gateway: Gateway) -> Gateway:
    """The same, which waits for silent providers a moment only."""
    impatient_gateway.clean()
    return impatient_gateway
