"""The official `openai` client, unchanged but for its base URL: chat completions, models, errors."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.gateway.conftest import Gateway, Open, without_evidence
from tests.gateway.provider import Provider, Reply

MODEL = "gpt-4o-mini"
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}
CALL = Reply(tools=(("weather", '{"city": "Paris"}'), ("weather", '{"city": "Oslo"}')))
USAGE: dict[str, Any] = {"include_usage": True}


def messages(prompt: str) -> list[Any]:
    return [{"role": "system", "content": "Be brief."}, {"role": "user", "content": prompt}]


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


def chat(client: openai.OpenAI, prompt: str, **more: Any) -> tuple[str, ChatCompletion]:
    """Status and answer."""
    raw = client.chat.completions.with_raw_response.create(model=MODEL, messages=messages(prompt), **more)
    return raw.headers.get("x-cache-status", ""), raw.parse()


def told(answer: Any) -> dict[str, Any]:
    """All of an answer but our evidence."""
    return without_evidence(answer.to_dict())


def test_a_miss_and_a_hit_are_the_providers_own_answer(
    gateway: Gateway, client: openai.OpenAI, plain: openai.OpenAI
) -> None:
    _, expected = chat(plain, "what is a miss?")
    answers = [chat(client, "what is a miss?") for _ in range(2)]
    assert [status for status, _ in answers] == ["MISS", "HIT"]
    assert told(answers[0][1]) == told(answers[1][1]) == told(expected)
    assert len(gateway.provider.calls) == 1
    assert answers[1][1].model_extra is not None
    evidence = answers[1][1].model_extra["x_semcache"]
    assert (evidence["cache_hit"], evidence["tier"], evidence["cost_usd"]) == (True, "exact", 0.0)
    assert evidence["saved_usd"] == answers[0][1].model_extra["x_semcache"]["cost_usd"] > 0  # type: ignore[index]


async def test_the_async_client_misses_and_hits(gateway: Gateway, async_client: openai.AsyncOpenAI) -> None:
    create = async_client.chat.completions.with_raw_response.create
    first = await create(model=MODEL, messages=messages("asked by an async client"))
    second = await create(model=MODEL, messages=messages("asked by an async client"))
    assert [one.headers["x-cache-status"] for one in (first, second)] == ["MISS", "HIT"]
    assert told(first.parse()) == told(second.parse())
    stream = await async_client.chat.completions.create(
        model=MODEL, messages=messages("asked by an async client"), stream=True
    )
    said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
    assert said == first.parse().choices[0].message.content
    assert len(gateway.provider.calls) == 1


@pytest.mark.parametrize("options", [{}, {"stream_options": USAGE}], ids=["plain", "usage"])
def test_a_streamed_miss_is_chunk_by_chunk_the_providers(
    client: openai.OpenAI, plain: openai.OpenAI, options: dict[str, Any]
) -> None:
    prompt = f"streamed with {len(options)} options"
    chunks = [
        [
            chunk.to_dict()
            for chunk in each.chat.completions.create(model=MODEL, messages=messages(prompt), stream=True, **options)
        ]
        for each in (client, plain)
    ]
    assert chunks[0] == chunks[1]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="Plain text, with a snowman \N{SNOWMAN} and\nlines."),
        CALL,
        Reply(text="Let me see.", tools=CALL.tools),
        Reply(text="The answer.", reasoning="First this, then that."),
    ],
    ids=["text", "tools", "text and tools", "reasoning"],
)
@pytest.mark.parametrize("recorded", ["stream", "whole"])
def test_what_was_recorded_in_one_form_answers_the_other(
    gateway: Gateway, client: openai.OpenAI, plain: openai.OpenAI, direct: Provider, reply: Reply, recorded: str
) -> None:
    gateway.provider.always(reply)
    direct.always(reply)
    asked: dict[str, Any] = {"model": MODEL, "messages": messages(f"{recorded} {reply}"), "tools": [WEATHER]}
    expected = plain.chat.completions.create(**asked)

    def streamed() -> ChatCompletion:
        with client.chat.completions.stream(**asked, stream_options=USAGE) as stream:
            return stream.get_final_completion()

    def whole() -> ChatCompletion:
        return client.chat.completions.create(**asked)

    first, second = (streamed, whole) if recorded == "stream" else (whole, streamed)
    for answer in (first(), second(), first()):
        assert answer.choices[0].finish_reason == expected.choices[0].finish_reason
        assert answer.usage is not None
        assert answer.usage == expected.usage
        assert answer.id == expected.id
        wanted, given = expected.choices[0].message.to_dict(), answer.choices[0].message.to_dict()
        assert given.get("content") == wanted["content"]
        assert given.get("reasoning_content") == wanted.get("reasoning_content")
        assert calls_of(given) == calls_of(wanted)
    assert len(gateway.provider.calls) == 1


def calls_of(message: dict[str, Any]) -> list[tuple[str, str, Any]]:
    """Id, name and arguments of a message's tool calls."""
    return [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message.get("tool_calls") or ()
    ]


def test_a_replayed_stream_has_roles_deltas_an_end_and_usage_when_asked(
    gateway: Gateway, client: openai.OpenAI
) -> None:
    prompt = "replay this for me"
    chat(client, prompt)
    for options in ({}, {"stream_options": USAGE}):
        stream = client.chat.completions.create(model=MODEL, messages=messages(prompt), stream=True, **options)
        assert stream.response.headers["x-cache-status"] == "HIT"
        chunks = list(stream)
        choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
        assert choices[0].delta.role == "assistant"
        assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
        assert [chunk.usage for chunk in chunks if chunk.usage] == ([chunks[-1].usage] if options else [])
        assert len(choices) > 3
        assert len({chunk.id for chunk in chunks}) == 1
    assert len(gateway.provider.calls) == 1


def test_a_replay_may_have_a_pace(open_gateway: Open) -> None:
    gateway = open_gateway(gateway={"replay_events_per_s": 100})
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-caller", max_retries=0) as client:
        _, whole = chat(client, "at a walking pace, if you please")
        gateway.settled()
        started = time.monotonic()
        stream = client.chat.completions.create(
            model=MODEL, messages=messages("at a walking pace, if you please"), stream=True
        )
        chunks = list(stream)
        assert stream.response.headers["x-cache-status"] == "HIT"
    assert time.monotonic() - started >= 0.01 * (len(chunks) - 1)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content


def test_a_callers_rate_is_told_as_the_clients_own_error(open_gateway: Open) -> None:
    """Hits are free here; past the rate upstream is not asked."""
    gateway = open_gateway(rate={"enabled": True, "generation_per_minute": 2, "count_hits": False})
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-caller", max_retries=0) as client:
        for prompt in ("one", "one", "two"):
            chat(client, prompt)
            gateway.settled()
        with pytest.raises(openai.RateLimitError) as caught:
            chat(client, "three")
        assert caught.value.code == "rate_limited"
        assert int(caught.value.response.headers["retry-after"]) > 0
        assert caught.value.response.json()["retry_after"] > 0
        assert len(gateway.provider.calls) == 2
        embedded = client.embeddings.create(model="text-embedding-3-small", input="another class of route")
        assert embedded.data


def test_stream_helper_shows_events_of_a_hit(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": messages("helper events")}
    seen = []
    for _ in range(2):
        with client.chat.completions.stream(**asked) as stream:
            kinds = [event.type for event in stream]
            seen.append((stream.get_final_completion().choices[0].message.content, kinds[-1], set(kinds)))
    assert seen[0] == seen[1]
    assert {"chunk", "content.delta", "content.done"} <= seen[1][2]


def test_a_raw_streaming_response_can_be_read_line_by_line(client: openai.OpenAI) -> None:
    for status in ("MISS", "HIT"):
        with client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=messages("line by line"), stream=True
        ) as response:
            assert response.headers["x-cache-status"] == status
            lines = [line for line in response.iter_lines() if line]
        assert lines[-1] == "data: [DONE]"


def test_models_are_listed_and_retrieved(client: openai.OpenAI, plain: openai.OpenAI) -> None:
    assert [one.to_dict() for one in client.models.list()] == [one.to_dict() for one in plain.models.list()]
    assert client.models.retrieve("gpt-test").to_dict() == plain.models.retrieve("gpt-test").to_dict()


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (409, openai.ConflictError),
        (422, openai.UnprocessableEntityError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ],
)
def test_errors_are_the_providers_own_and_are_not_kept(
    gateway: Gateway,
    client: openai.OpenAI,
    plain: openai.OpenAI,
    direct: Provider,
    status: int,
    kind: type[openai.APIStatusError],
    stream: bool,
) -> None:
    reply = Reply(status=status, headers={"retry-after": "0.01", "x-ratelimit-remaining": "7"})
    gateway.provider.then(reply)
    direct.then(reply)
    asked: dict[str, Any] = {"model": MODEL, "messages": messages(f"error {status} {stream}"), "stream": stream}
    errors = []
    for each in (client, plain):
        with pytest.raises(kind) as caught:
            each.chat.completions.create(**asked)
        errors.append(caught.value)
    assert type(errors[0]) is type(errors[1])
    assert errors[0].body == errors[1].body
    assert (errors[0].status_code, errors[0].code, errors[0].type) == (status, errors[1].code, errors[1].type)
    for name in ("retry-after", "x-ratelimit-remaining"):
        assert errors[0].response.headers[name] == errors[1].response.headers[name]
    assert errors[0].response.headers["x-cache-status"] == "MISS"
    asked["stream"] = False
    answer = client.chat.completions.with_raw_response.create(**asked)
    assert answer.headers["x-cache-status"] == "MISS"


def test_a_clients_own_retries_work_through_the_gateway(gateway: Gateway, client: openai.OpenAI) -> None:
    gateway.provider.then(Reply(status=500, headers={"retry-after-ms": "1"}))
    _, answer = chat(client.with_options(max_retries=1), "retried by the client")
    assert answer.choices[0].message.content == "You said: retried by the client"
    assert len(gateway.provider.calls) == 2


def test_parse_gives_a_typed_answer_from_a_hit(gateway: Gateway, client: openai.OpenAI) -> None:
    import pydantic

    class City(pydantic.BaseModel):
        name: str

    gateway.provider.always(Reply(text='{"name": "Paris"}'))
    for _ in range(2):
        answer = client.chat.completions.parse(model=MODEL, messages=messages("name a city"), response_format=City)
        assert answer.choices[0].message.parsed == City(name="Paris")
    assert len(gateway.provider.calls) == 1
