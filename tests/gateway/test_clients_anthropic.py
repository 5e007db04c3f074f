"""The official `anthropic` client, unchanged but for its base URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import Message

from tests.gateway.conftest import Gateway, without_evidence
from tests.gateway.provider import Provider, Reply

MODEL = "claude-test"
TOOL: Any = {"name": "weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
REPLIES = {
    "text": Reply(text="Plain text, with a snowman \N{SNOWMAN}."),
    "tools": Reply(text="Let me see.", tools=(("weather", '{"city": "Paris"}'), ("weather", "{}"))),
    "thinking": Reply(text="The answer.", reasoning="First this, then that."),
}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=gateway.url, api_key="sk-caller", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=gateway.url, api_key="sk-caller", max_retries=0) as client:
        yield client


@pytest.fixture
def plain(direct: Provider) -> Iterator[anthropic.Anthropic]:
    """A client of the provider itself."""
    with anthropic.Anthropic(base_url=direct.origin, api_key="sk-caller", max_retries=0) as client:
        yield client


def asking(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": MODEL, "max_tokens": 200, "messages": [{"role": "user", "content": prompt}], **more}


def told(answer: Message) -> dict[str, Any]:
    """All of an answer but our evidence, and what the client itself adds to a stream's."""
    given = without_evidence(answer.to_dict())
    if given.get("stop_details") is None:
        given.pop("stop_details", None)
    for block in given["content"]:
        block.pop("parsed_output", None)
    return given


@pytest.mark.parametrize("recorded", ["stream", "whole"])
@pytest.mark.parametrize("name", REPLIES)
def test_what_was_recorded_in_one_form_answers_the_other(
    gateway: Gateway,
    client: anthropic.Anthropic,
    plain: anthropic.Anthropic,
    direct: Provider,
    name: str,
    recorded: str,
) -> None:
    gateway.provider.always(REPLIES[name])
    direct.always(REPLIES[name])
    asked = asking(f"{recorded} {name}", tools=[TOOL])
    if name == "thinking":
        asked |= {"thinking": {"type": "enabled", "budget_tokens": 100}}
    expected = told(plain.messages.create(**asked))

    def streamed() -> dict[str, Any]:
        with client.messages.stream(**asked) as stream:
            return told(stream.get_final_message())

    def whole() -> dict[str, Any]:
        return told(client.messages.create(**asked))

    first, second = (streamed, whole) if recorded == "stream" else (whole, streamed)
    for answer in (first(), second(), first()):
        assert answer == expected
    assert len(gateway.provider.calls) == 1


def test_a_streamed_miss_is_event_by_event_the_providers(
    client: anthropic.Anthropic, plain: anthropic.Anthropic
) -> None:
    asked = asking("streamed miss", stream=True)
    events = [[event.to_dict() for event in each.messages.create(**asked)] for each in (client, plain)]
    assert events[0] == events[1]


def test_a_replayed_stream_has_anthropics_events(gateway: Gateway, client: anthropic.Anthropic) -> None:
    gateway.provider.always(REPLIES["thinking"])
    client.messages.create(**asking("replay"))
    kinds = [event.type for event in client.messages.create(**asking("replay", stream=True))]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-2:] == ["message_delta", "message_stop"]
    assert kinds.count("content_block_start") == kinds.count("content_block_stop") == 2
    assert len(gateway.provider.calls) == 1


async def test_async_whole_and_streamed(gateway: Gateway, async_client: anthropic.AsyncAnthropic) -> None:
    answer = await async_client.messages.create(**asking("asked by an async client"))
    async with async_client.messages.stream(**asking("asked by an async client")) as stream:
        assert stream.response.headers["x-cache-status"] == "HIT"
        said = "".join([text async for text in stream.text_stream])
        final = await stream.get_final_message()
    assert said == "You said: asked by an async client"
    assert told(final) == told(answer)
    assert len(gateway.provider.calls) == 1


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (401, anthropic.AuthenticationError),
        (403, anthropic.PermissionDeniedError),
        (404, anthropic.NotFoundError),
        (409, anthropic.ConflictError),
        (422, anthropic.UnprocessableEntityError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (529, anthropic.OverloadedError),
    ],
)
def test_errors_are_the_providers_own_and_are_not_kept(
    gateway: Gateway,
    client: anthropic.Anthropic,
    plain: anthropic.Anthropic,
    direct: Provider,
    status: int,
    kind: type[anthropic.APIStatusError],
    stream: bool,
) -> None:
    gateway.provider.then(Reply(status=status))
    direct.then(Reply(status=status))
    asked = asking(f"error {status} {stream}", stream=stream)
    errors = []
    for each in (client, plain):
        with pytest.raises(kind) as caught:
            each.messages.create(**asked)
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])
    assert errors[0].body == errors[1].body
    assert errors[0].status_code == status
    answer = client.messages.with_raw_response.create(**asking(f"error {status} {stream}"))
    assert answer.headers["x-cache-status"] == "MISS"


def test_counting_tokens_and_models_reach_the_provider(gateway: Gateway, client: anthropic.Anthropic) -> None:
    count = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "one two three"}])
    assert count.input_tokens == 3
    assert [model.id for model in client.models.list()] == ["gpt-test", "claude-test"]
    assert [call.path for call in gateway.provider.calls] == ["/v1/messages/count_tokens", "/v1/models"]


def test_the_operators_key_goes_in_the_header_that_anthropic_reads(
    gateway: Gateway, client: anthropic.Anthropic
) -> None:
    client.messages.create(**asking("whose key?"))
    call = gateway.provider.calls[0]
    assert call.header("x-api-key") == "sk-operator"
    assert call.header("authorization") is None
    assert call.header("anthropic-version")
    assert b"sk-caller" not in b"".join(value for _, value in call.headers)
