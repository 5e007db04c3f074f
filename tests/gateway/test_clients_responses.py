"""The official `openai` client, unchanged but for its base URL: Responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.responses import Response

from tests.gateway.conftest import Gateway, without_evidence
from tests.gateway.provider import Provider, Reply

MODEL = "gpt-4o-mini"
TOOL: Any = {
    "type": "function",
    "name": "weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
REPLIES = {
    "text": Reply(text="Plain text, with a snowman \N{SNOWMAN}."),
    "tool": Reply(tools=(("weather", '{"city": "Paris"}'),)),
    "reasoning": Reply(text="The answer.", reasoning="First this, then that."),
}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-caller", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="sk-caller", max_retries=0) as client:
        yield client


@pytest.fixture
def plain(direct: Provider) -> Iterator[openai.OpenAI]:
    """A client of the provider itself."""
    with openai.OpenAI(base_url=direct.url, api_key="sk-caller", max_retries=0) as client:
        yield client


def told(answer: Response) -> dict[str, Any]:
    """All of an answer but our evidence."""
    return without_evidence(answer.to_dict())


@pytest.mark.parametrize("recorded", ["stream", "whole"])
@pytest.mark.parametrize("name", REPLIES)
def test_what_was_recorded_in_one_form_answers_the_other(
    gateway: Gateway, client: openai.OpenAI, plain: openai.OpenAI, direct: Provider, name: str, recorded: str
) -> None:
    gateway.provider.always(REPLIES[name])
    direct.always(REPLIES[name])
    asked: dict[str, Any] = {"model": MODEL, "input": f"{recorded} {name}", "tools": [TOOL], "store": False}
    expected = told(plain.responses.create(**asked))

    def streamed() -> Response:
        with client.responses.stream(**asked) as stream:
            return stream.get_final_response()

    def whole() -> Response:
        return client.responses.create(**asked)

    first, second = (streamed, whole) if recorded == "stream" else (whole, streamed)
    for answer in (first(), second(), first()):
        given = told(answer)
        for part in [*given["output"], *(part for item in given["output"] for part in item.get("content") or ())]:
            part.pop("parsed_arguments", None)
            part.pop("parsed", None)
        assert given == expected
    assert len(gateway.provider.calls) == 1


def test_a_streamed_miss_is_event_by_event_the_providers(client: openai.OpenAI, plain: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "input": "streamed miss", "stream": True}
    events = [[event.to_dict() for event in each.responses.create(**asked)] for each in (client, plain)]
    assert events[0] == events[1]


async def test_async_whole_and_streamed(gateway: Gateway, async_client: openai.AsyncOpenAI) -> None:
    answer = await async_client.responses.create(model=MODEL, input="asked by an async client")
    stream = await async_client.responses.create(model=MODEL, input="asked by an async client", stream=True)
    kinds, said = [], ""
    async for event in stream:
        kinds.append(event.type)
        said += event.delta if event.type == "response.output_text.delta" else ""
    assert said == answer.output_text == "You said: asked by an async client"
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert len(gateway.provider.calls) == 1


def test_a_refusal_of_the_provider_is_its_own(gateway: Gateway, client: openai.OpenAI) -> None:
    gateway.provider.then(Reply(status=400))
    with pytest.raises(openai.BadRequestError, match="scripted 400"):
        client.responses.create(model=MODEL, input="refused")


def test_other_routes_of_responses_reach_the_provider(gateway: Gateway, client: openai.OpenAI) -> None:
    client.responses.with_raw_response.retrieve("resp_1", include=["message.output_text.logprobs"])
    client.responses.with_raw_response.delete("resp_1")
    client.responses.with_raw_response.cancel("resp_1")
    seen = [(call.method, call.path) for call in gateway.provider.calls]
    assert seen == [
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
    ]
    assert gateway.provider.calls[0].query.startswith("include")
