"""LangChain's own models on the cache, over a real service."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.caches import BaseCache
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, FakeListLLM
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.outputs import ChatGeneration, ChatResult, Generation
from pydantic import Field

from semcache.client import AsyncClient, Client, LocalCache
from semcache.client.items import Context
from semcache.client.langchain import SemcacheLangChain
from tests.client.listening import Listening
from tests.patience import LONG_S
from tests.serving import Served


class Model(BaseChatModel):
    """Counts its calls and says what it is told to."""

    model_name: str = "gpt-4o"
    temperature: float = 0.0
    answer: AIMessage | None = None
    generation_info: dict[str, Any] | None = None
    asked: list[list[BaseMessage]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "counting"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, "temperature": self.temperature}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.asked.append(messages)
        answer = self.answer or AIMessage(f"answer {len(self.asked)}")
        return ChatResult(generations=[ChatGeneration(message=answer, generation_info=self.generation_info)])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return self._generate(messages, stop, **kwargs)


def model(cache: BaseCache, **more: Any) -> Model:
    """A model of its own."""
    return Model(cache=cache, **more)


@pytest.fixture
def cache(client: Client, namespace: str) -> SemcacheLangChain:
    """The cache, in a namespace of the test's own."""
    return SemcacheLangChain(client, namespace=namespace)


TALK: list[BaseMessage] = [
    SystemMessage("Be brief."),
    HumanMessage("Hello."),
    AIMessage("Hello!"),
    HumanMessage("Why is the sky blue?"),
]


def test_a_chat_model_is_asked_once(cache: SemcacheLangChain) -> None:
    chat = model(cache)
    first = chat.invoke(TALK)
    assert chat.invoke([message.model_copy(update={"id": "another"}) for message in TALK]).content == first.content
    assert len(chat.asked) == 1


def test_the_last_message_is_normalised_and_all_before_it_counts(cache: SemcacheLangChain) -> None:
    chat = model(cache)
    chat.invoke(TALK)
    chat.invoke([*TALK[:-1], HumanMessage("  why is the sky blue")])
    assert len(chat.asked) == 1
    chat.invoke([SystemMessage("be brief"), *TALK[1:]])
    chat.invoke(TALK[1:])
    chat.invoke([*TALK[:2], AIMessage("hello"), TALK[-1]])
    assert len(chat.asked) == 4


def test_a_conversation_goes_on_alike_from_a_fresh_answer_and_from_a_kept_one(cache: SemcacheLangChain) -> None:
    answer = AIMessage(
        "It scatters.",
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        response_metadata={"finish_reason": "stop", "id": "answer-1"},
    )
    chat = model(cache, answer=answer)
    fresh, kept = chat.invoke(TALK), chat.invoke(TALK)
    assert kept.usage_metadata != fresh.usage_metadata, "of a kept answer LangChain notes that it cost nothing"
    for said in (fresh, kept):
        chat.invoke([*TALK, said, HumanMessage("What scatters?")])
    assert len(chat.asked) == 2


def test_turns_that_the_provider_alone_has_are_told_apart(cache: SemcacheLangChain) -> None:
    chat = model(cache)
    for response_id in ("response-1", "response-2", "response-1"):
        said = AIMessage("Understood.", response_metadata={"id": response_id})
        chat.invoke([said, HumanMessage("What may I eat?")])
    assert len(chat.asked) == 2


@pytest.mark.parametrize("context", [None, "exact", "semantic"])
def test_lookup_and_store_say_what_may_be_reworded(service: Served, namespace: str, context: Context | None) -> None:
    heard = Listening()
    with Client(service.url, namespace=namespace, timeout_s=LONG_S, transport=heard) as client:
        model(SemcacheLangChain(client, namespace=namespace, context=context)).invoke(TALK)
    assert [body.get("context") for body in heard.bodies] == [context, context]


def test_models_and_their_settings_share_nothing(cache: SemcacheLangChain) -> None:
    for more in ({}, {"model_name": "gpt-4o-mini"}, {"temperature": 0.5}):
        chat = model(cache, **more)
        chat.invoke(TALK)
        chat.invoke(TALK, stop=["."])
        chat.invoke(TALK)
        assert len(chat.asked) == 2


def test_the_model_is_known_by_name(cache: SemcacheLangChain, client: Client, namespace: str) -> None:
    model(cache).invoke(TALK)
    assert client.admin.invalidate(namespace=namespace, model="gpt-4o", dry_run=True).matched == 1


def test_everything_in_an_answer_comes_back(cache: SemcacheLangChain) -> None:
    answer = AIMessage(
        [{"type": "text", "text": "see"}],
        tool_calls=[{"name": "f", "args": {"lc": 1, "id": ["os", "system"]}, "id": "1", "type": "tool_call"}],
        response_metadata={"finish_reason": "tool_calls"},
        usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        additional_kwargs={"reasoning": "because"},
    )
    chat = model(cache, answer=answer)
    first, second = chat.invoke(TALK), chat.invoke(TALK)
    assert len(chat.asked) == 1
    assert isinstance(second, AIMessage)
    assert second.tool_calls == answer.tool_calls
    assert second.content == first.content
    assert second.additional_kwargs == first.additional_kwargs
    chat.invoke([*TALK[:-1], HumanMessage("why is the sky blue")])  # an answer that acts is for its own prompt alone
    assert len(chat.asked) == 2


def test_results_of_tools_count(cache: SemcacheLangChain) -> None:
    chat = model(cache)
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    for result in ("18 °C", "19 °C", "18 °C"):
        chat.invoke([*TALK, call, ToolMessage(result, tool_call_id="1")])
    assert len(chat.asked) == 2


def test_kinds_of_messages_that_are_not_known_are_kept_as_they_are(cache: SemcacheLangChain) -> None:
    chat = model(cache)
    for role in ("user", "critic", "user"):
        chat.invoke([ChatMessage(content="Why?", role=role)])
    assert len(chat.asked) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"generation_info": {"finish_reason": "length"}},
        {"answer": AIMessage("cut", response_metadata={"stop_reason": "max_tokens"})},
        {"answer": AIMessage("no", response_metadata={"finish_reason": "content_filter"})},
        {"answer": AIMessage("odd", response_metadata={"raw": object()})},
    ],
    ids=["length", "max_tokens", "filtered", "no JSON"],
)
def test_what_is_no_whole_answer_is_not_kept(cache: SemcacheLangChain, more: dict[str, Any]) -> None:
    chat = model(cache, **more)
    chat.invoke(TALK)
    chat.invoke(TALK)
    assert len(chat.asked) == 2


def test_a_text_model_is_cached_too(cache: SemcacheLangChain) -> None:
    llm = FakeListLLM(responses=["one", "two"], cache=cache)
    assert [llm.invoke("Count.") for _ in range(2)] == ["one", "one"]
    assert llm.invoke('[{"lc": 1}]') == "two"


async def test_the_asynchronous_side(service: Served, client: Client, local: LocalCache, namespace: str) -> None:
    async with AsyncClient(service.url, timeout_s=LONG_S) as asynchronous:
        for number, cache in enumerate(
            (
                SemcacheLangChain(client, namespace=f"{namespace}-1"),
                SemcacheLangChain(client, async_client=asynchronous, namespace=f"{namespace}-2"),
                SemcacheLangChain(local, namespace=f"{namespace}-3"),
            )
        ):
            chat = model(cache)
            await chat.ainvoke(TALK)
            await chat.ainvoke(TALK)
            assert len(chat.asked) == 1, number
            await cache.aclear()
            await chat.ainvoke(TALK)
            assert len(chat.asked) == 2, number


def test_clear_empties_its_namespace_or_what_it_is_told(cache: SemcacheLangChain, client: Client) -> None:
    other = SemcacheLangChain(client, namespace="elsewhere", tags=["kept"])
    for each in (cache, other):
        each.update("p", "llm", [Generation(text="x")])
    other.clear(tags=["something else"])
    cache.clear()
    assert cache.lookup("p", "llm") is None
    assert other.lookup("p", "llm") == [Generation(text="x")]


def test_a_fill_that_races_an_invalidation_is_not_found(cache: SemcacheLangChain) -> None:
    assert cache.lookup("p", "llm") is None
    cache.clear()
    cache.update("p", "llm", [Generation(text="stale")])
    assert cache.lookup("p", "llm") is None


@pytest.mark.parametrize(
    "response",
    [
        1,
        {"generations": [{"kind": "Popen", "text": "x"}]},
        {"generations": [{"kind": "ChatGeneration", "text": "", "generation_info": None, "message": {"lc": 1}}]},
        {"generations": [{"lc": 1, "type": "constructor", "id": ["subprocess", "Popen"], "kwargs": {}}]},
    ],
)
def test_anything_else_under_the_key_is_a_miss(cache: SemcacheLangChain, client: Client, response: Any) -> None:
    client.store(**cache._identity("p", "llm"), response=response)
    assert cache.lookup("p", "llm") is None


def test_without_a_cache_models_are_asked() -> None:
    with Client("http://127.0.0.1:1") as dead:
        chat = model(SemcacheLangChain(dead))
        assert [chat.invoke(TALK).content for _ in range(2)] == ["answer 1", "answer 2"]
