"""`@cached` over a real service: what is called, how often, and what its callers get."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest

from semcache.client import AsyncClient, Client, LocalCache, cached
from semcache.client.items import Context
from tests.client.listening import Listening
from tests.patience import LONG_S
from tests.serving import Served, until


@dataclass(frozen=True)
class Verdict:
    """What a function returns that is no JSON."""

    text: str
    score: float


class Model:
    """Counts its calls; waits at a gate, if there is one."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.gate: threading.Event | None = None
        self.failure: Exception | None = None

    def __call__(self, prompt: str) -> str:
        self.calls.append(prompt)
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.failure is not None:
            raise self.failure
        return f"answer {len(self.calls)} to {prompt}"


@pytest.fixture
def model() -> Model:
    """A model."""
    return Model()


@pytest.fixture
def async_client(service: Served, namespace: str) -> AsyncClient:
    """An asynchronous client of the service."""
    return AsyncClient(service.url, namespace=namespace, timeout_s=LONG_S)


@pytest.fixture
def dead() -> Iterator[Client]:
    """A client of nothing."""
    with Client("http://127.0.0.1:1") as client:
        yield client


def test_a_function_is_called_once_for_the_same_arguments(client: Client, model: Model) -> None:
    @cached(model="m", client=client)
    def ask(question: str, *, tone: str = "dry", **options: Any) -> str:
        """Asks."""
        return model(question)

    first = ask("Why is it so?", tone="dry", b=1, a=[1, (2,)])
    assert ask("Why is it so?", a=[1, (2,)], b=1) == first
    assert ask(tone="dry", question="Why is it so?", b=1, a=[1, [2]]) == first
    assert len(model.calls) == 1
    assert ask.__doc__ == "Asks."
    others: list[dict[str, Any]] = [{"tone": "warm"}, {"b": 2}, {"b": "1"}, {"b": True}]
    for other in others:
        ask("Why is it so?", **{"b": 1, "a": [1, [2]], **other})
    assert len(model.calls) == 5


@pytest.mark.parametrize("context", [None, "exact", "semantic"])
def test_lookup_and_store_say_what_may_be_reworded(service: Served, namespace: str, context: Context | None) -> None:
    heard = Listening()
    with Client(service.url, namespace=namespace, timeout_s=LONG_S, transport=heard) as client:

        @cached(model="m", client=client, prompt="messages", context=context)
        def chat(messages: list[dict[str, str]]) -> str:
            return "said"

        chat([{"role": "user", "content": "Hello?"}])
    assert [body.get("context") for body in heard.bodies] == [context, context]


def test_functions_and_their_versions_share_nothing(client: Client, model: Model) -> None:
    def one(question: str) -> str:
        return model(question)

    def other(question: str) -> str:
        return model(question)

    for function, version in ((one, ""), (other, ""), (one, "2"), (one, ""), (other, "")):
        cached(model="m", client=client, version=version)(function)("Shared?")
    assert len(model.calls) == 3


async def test_a_coroutine_function_is_awaited_once(async_client: AsyncClient, model: Model) -> None:
    @cached(model="m", client=async_client)
    async def ask(question: str) -> str:
        await asyncio.sleep(0)
        return model(question)

    assert await ask("Awaited?") == await ask("Awaited?")
    assert len(model.calls) == 1
    await async_client.aclose()


async def test_a_cache_in_this_process_serves_both_kinds(local: LocalCache, namespace: str, model: Model) -> None:
    @cached(model="m", client=local, namespace=namespace)
    def ask(question: str) -> str:
        return model(question)

    @cached(model="m", client=local, namespace=namespace)
    async def aask(question: str) -> str:
        return model(question)

    assert await asyncio.to_thread(ask, "Both?") == await asyncio.to_thread(ask, "Both?")
    assert await aask("Both?") == await aask("Both?")
    assert len(model.calls) == 2


def test_the_prompt_may_be_named_and_may_be_messages(client: Client, model: Model) -> None:
    @cached(model="m", client=client, prompt="messages")
    def chat(temperature: str, messages: list[dict[str, str]]) -> str:
        return model(messages[-1]["content"])

    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]
    assert chat("low", talk) == chat("low", list(talk))
    chat("low", talk[1:])
    chat("high", talk)
    assert len(model.calls) == 3
    with pytest.raises(TypeError, match="`prompt=`"):
        chat("low", [{"content": "no role"}])


def test_the_prompt_alone_is_normalised(client: Client, model: Model) -> None:
    @cached(model="m", client=client)
    def ask(style: int, question: str) -> str:
        return model(question)

    ask(1, "What is it?")
    ask(1, "  what is it")
    assert len(model.calls) == 1

    @cached(model="m", client=client, strategy="exact")
    def ask_exactly(style: int, question: str) -> str:
        return model(question)

    ask_exactly(1, "What is it?")
    ask_exactly(1, "  what is it")
    ask_exactly(1, "What is it?")
    assert len(model.calls) == 3


def test_methods_are_keyed_without_self_unless_it_counts(client: Client, model: Model) -> None:
    class Assistant:
        def __init__(self, name: str) -> None:
            self.name = name

        @cached(model="m", client=client)
        def ask(self, question: str) -> str:
            return model(question)

        @cached(model="m", client=client, params=lambda arguments: {"name": arguments["self"].name})
        def ask_by_name(self, question: str) -> str:
            return model(question)

    Assistant("a").ask("Who?")
    Assistant("b").ask("Who?")
    assert len(model.calls) == 1
    Assistant("a").ask_by_name("Who?")
    Assistant("b").ask_by_name("Who?")
    Assistant("a").ask_by_name("Who?")
    assert len(model.calls) == 3


def test_ttl_and_tags_go_to_the_store(client: Client, namespace: str, model: Model) -> None:
    @cached(model="m", client=client, ttl_s=60, tags=["faq"])
    def ask(question: str) -> str:
        return model(question)

    ask("Tagged?")
    assert client.admin.invalidate(namespace=namespace, tags=["faq"]).deleted == 1
    ask("Tagged?")
    assert len(model.calls) == 2


def test_what_skip_if_is_true_for_is_not_kept(client: Client, model: Model) -> None:
    @cached(model="m", client=client, skip_if=lambda value: value is None)
    def ask(question: str) -> object:
        model(question)
        return None

    assert ask("Nothing?") is None
    assert ask("Nothing?") is None
    assert len(model.calls) == 2


def test_results_that_are_no_json_need_hooks(client: Client, model: Model) -> None:
    @cached(model="m", client=client)
    def plain(question: str) -> Verdict:
        return Verdict(model(question), 0.5)

    with pytest.raises(TypeError, match=r"Verdict.*`encode=`"):
        plain("Good?")

    @cached(model="m", client=client, encode=asdict, decode=lambda kept: Verdict(**kept))
    def hooked(question: str) -> Verdict:
        return Verdict(model(question), 0.5)

    assert hooked("Good?") == hooked("Good?")
    assert len(model.calls) == 2


@pytest.mark.parametrize("value", [float("nan"), {1: 2}, {"a": (1,)}, b"x", [{"a": {1}}]], ids=repr)
def test_what_would_not_read_back_as_it_was_is_refused(dead: Client, value: Any) -> None:
    @cached(model="m", client=dead)
    def ask(question: str) -> Any:
        return value

    with pytest.raises(TypeError, match="cannot be kept"):
        ask("Odd?")


def test_arguments_that_cannot_be_told_apart_are_refused(dead: Client) -> None:
    @cached(model="m", client=dead)
    def ask(question: str, tool: object) -> str:
        return "never"

    with pytest.raises(TypeError, match=r"`tool` is of type object.*`params=`"):
        ask("Odd?", object())
    with pytest.raises(TypeError, match="question"):
        ask(tool=1)  # type: ignore[call-arg]


def test_what_cannot_be_cached_is_refused_when_decorated(client: Client, async_client: AsyncClient) -> None:
    def generator(question: str) -> Iterator[str]:
        yield question

    async def asynchronous(question: str) -> str:
        return question

    def nothing() -> str:
        return ""

    with pytest.raises(TypeError, match="yields"):
        cached(model="m", client=client)(generator)
    with pytest.raises(TypeError, match="AsyncClient"):
        cached(model="m", client=client)(asynchronous)
    with pytest.raises(TypeError, match="Client"):
        cached(model="m", client=async_client)(nothing)
    with pytest.raises(TypeError, match="`prompt=`"):
        cached(model="m", client=client)(nothing)
    with pytest.raises(TypeError, match="`other`"):
        cached(model="m", client=async_client, prompt="other")(asynchronous)


def test_without_a_cache_the_function_is_called(dead: Client, model: Model) -> None:
    @cached(model="m", client=dead)
    def ask(question: str) -> str:
        return model(question)

    assert [ask("Down?") for _ in range(3)] == [f"answer {n} to Down?" for n in (1, 2, 3)]


def test_without_a_client_the_environment_names_the_service(
    service: Served, namespace: str, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMCACHE_URL", service.url)

    @cached(model="m", namespace=namespace)
    def ask(question: str) -> str:
        return model(question)

    assert ask("Where?") == ask("Where?")
    assert len(model.calls) == 1


# -- at the same time -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("down", [False, True], ids=["with a cache", "without one"])
def test_threads_share_one_call(client: Client, dead: Client, model: Model, down: bool) -> None:
    model.gate = threading.Event()

    @cached(model="m", client=dead if down else client)
    def ask(question: str) -> list[str]:
        return [model(question)]

    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        asked = [threads.submit(ask, "At once?") for _ in range(20)]
        until(lambda: model.calls)
        model.gate.set()
        answers = [one.result(30) for one in asked]
    assert len({id(answer) for answer in answers}) == 20  # each has its own to change
    assert len(model.calls) == 1 or down  # who comes after the landing asks the cache, or the model
    assert {answer[0] for answer in answers} <= {f"answer {n + 1} to At once?" for n in range(len(model.calls))}


async def test_tasks_share_one_call(local: LocalCache, namespace: str) -> None:
    calls, gate = 0, asyncio.Event()

    @cached(model="m", client=local, namespace=namespace)
    async def ask(question: str) -> str:
        nonlocal calls
        calls += 1
        await gate.wait()
        return "shared"

    tasks = [asyncio.create_task(ask("At once?")) for _ in range(50)]
    while not calls:
        await asyncio.sleep(0.01)
    gate.set()
    assert await asyncio.gather(*tasks) == ["shared"] * 50
    assert calls == 1


async def test_a_cancelled_leader_is_replaced_and_a_cancelled_follower_missed_by_nobody(
    local: LocalCache, namespace: str
) -> None:
    calls, gate = 0, asyncio.Event()

    @cached(model="m", client=local, namespace=namespace)
    async def ask(question: str) -> str:
        nonlocal calls
        calls += 1
        await gate.wait()
        return "shared"

    leader, leaving, *others = (asyncio.create_task(ask("At once?")) for _ in range(10))
    while not calls:
        await asyncio.sleep(0.01)
    leaving.cancel()
    leader.cancel()
    for task in (leader, leaving):
        with pytest.raises(asyncio.CancelledError):
            await task
    while calls < 2:
        await asyncio.sleep(0.01)
    gate.set()
    assert await asyncio.gather(*others) == ["shared"] * 8
    assert calls == 2


def test_a_failure_reaches_all_who_waited_and_is_not_remembered(client: Client, model: Model) -> None:
    model.gate, model.failure = threading.Event(), RuntimeError("provider says no")

    @cached(model="m", client=client)
    def ask(question: str) -> str:
        return model(question)

    with concurrent.futures.ThreadPoolExecutor(5) as threads:
        asked = [threads.submit(ask, "Failing?") for _ in range(5)]
        until(lambda: model.calls)
        model.gate.set()
        assert [str(one.exception(30)) for one in asked] == ["provider says no"] * 5
    model.failure = None
    assert ask("Failing?").endswith("to Failing?")


def test_those_who_waited_for_what_is_not_kept_ask_for_themselves(client: Client, model: Model) -> None:
    model.gate = threading.Event()

    @cached(model="m", client=client, skip_if=lambda value: True)
    def ask(question: str) -> object:
        return object() if model(question) else None

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask, "Mine?") for _ in range(4)]
        until(lambda: model.calls)
        model.gate.set()
        assert len({id(one.result(30)) for one in asked}) == 4
    assert len(model.calls) == 4
