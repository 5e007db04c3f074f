"""The scripted provider speaks as the official clients expect."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from tests.gateway.provider import Gate, Provider, Reply, provider
from tests.patience import LONG_S
from tests.serving import until

ASKED: list[Any] = [{"role": "user", "content": "What is the capital of France?"}]
SAID = "You said: What is the capital of France?"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as made:
        yield made


@pytest.fixture
def p(running: Provider) -> Provider:
    running.calls.clear()
    running.always(Reply())
    return running


@pytest.fixture
def ai(p: Provider) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=p.url, api_key="k", max_retries=0, timeout=LONG_S) as client:
        yield client


@pytest.fixture
def claude(p: Provider) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=p.origin, api_key="k", max_retries=0, timeout=LONG_S) as client:
        yield client


def test_chat(p: Provider, ai: openai.OpenAI) -> None:
    p.then(Reply(model="gpt-test-2026"))
    answer = ai.chat.completions.create(model="gpt-test", messages=ASKED)
    assert answer.choices[0].message.content == SAID
    assert (answer.model, answer.choices[0].finish_reason) == ("gpt-test-2026", "stop")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 6 + 8
    assert p.calls[0].json["model"] == "gpt-test"
    assert p.calls[0].header("Authorization") == "Bearer k"


@pytest.mark.parametrize("split", [None, 1, 17])
def test_chat_stream(p: Provider, ai: openai.OpenAI, split: int | None) -> None:
    p.then(Reply(split=split, reasoning="Let me think."))
    options: Any = {"include_usage": True}
    chunks = list(ai.chat.completions.create(model="gpt-test", messages=ASKED, stream=True, stream_options=options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == SAID
    assert chunks[-1].usage is not None


def test_chat_tools_refusal_and_length(p: Provider, ai: openai.OpenAI) -> None:
    p.then(Reply(tools=(("weather", '{"city": "Paris"}'),)), Reply(refusal="No."), Reply(finish="length"))
    with ai.chat.completions.stream(model="gpt-test", messages=ASKED) as stream:
        choice = stream.get_final_completion().choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.tool_calls is not None
    assert choice.message.tool_calls[0].function.arguments == '{"city": "Paris"}'
    assert ai.chat.completions.create(model="gpt-test", messages=ASKED).choices[0].message.refusal == "No."
    assert ai.chat.completions.create(model="gpt-test", messages=ASKED).choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    "reply",
    [Reply(), Reply(reasoning="Hm."), Reply(tools=(("f", '{"a": 1}'),)), Reply(refusal="No."), Reply(finish="length")],
)
def test_responses_stream_as_they_are_whole(p: Provider, ai: openai.OpenAI, reply: Reply) -> None:
    p.then(reply)
    answer = ai.responses.create(model="gpt-test", input="What is the capital of France?")
    p.then(reply)
    last: Any = list(ai.responses.create(model="gpt-test", input="What is the capital of France?", stream=True))[-1]
    assert answer.output_text == (SAID if reply.refusal is None and not reply.tools else "")
    assert [each.type for each in last.response.output] == [each.type for each in answer.output]
    assert last.response.status == ("incomplete" if reply.finish else "completed")
    p.then(reply)
    with ai.responses.stream(model="gpt-test", input="What is the capital of France?") as stream:
        for _ in stream:
            pass


@pytest.mark.parametrize(
    "reply", [Reply(), Reply(reasoning="Hm."), Reply(tools=(("f", '{"a": 1}'),)), Reply(refusal="No.")]
)
def test_messages_stream_as_they_are_whole(p: Provider, claude: anthropic.Anthropic, reply: Reply) -> None:
    p.always(reply)
    answer = claude.messages.create(model="claude-test", max_tokens=10, messages=ASKED)
    with claude.messages.stream(model="claude-test", max_tokens=10, messages=ASKED) as stream:
        streamed = stream.get_final_message()
    assert [each.type for each in streamed.content] == [each.type for each in answer.content]
    assert streamed.stop_reason == answer.stop_reason
    assert streamed.usage.output_tokens == answer.usage.output_tokens
    assert claude.messages.count_tokens(model="claude-test", messages=ASKED).input_tokens == 6


def test_embeddings_and_models(p: Provider, ai: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    as_base64 = ai.embeddings.create(model="embed", input=["a", "b"])
    as_floats = ai.embeddings.create(model="embed", input=["b", "a"], encoding_format="float")
    assert as_base64.data[0].embedding == as_floats.data[1].embedding
    assert len(ai.embeddings.create(model="embed", input="a", dimensions=16).data[0].embedding) == 16
    assert [model.id for model in ai.models.list()] == ["gpt-test", "claude-test"]
    assert ai.models.retrieve("gpt-x").id == "gpt-x"
    assert [model.id for model in claude.models.list()] == ["gpt-test", "claude-test"]


@pytest.mark.parametrize(
    ("status", "ours", "theirs"),
    [
        (400, openai.BadRequestError, anthropic.BadRequestError),
        (401, openai.AuthenticationError, anthropic.AuthenticationError),
        (429, openai.RateLimitError, anthropic.RateLimitError),
        (503, openai.InternalServerError, anthropic.InternalServerError),
    ],
)
def test_errors(
    p: Provider, ai: openai.OpenAI, claude: anthropic.Anthropic, status: int, ours: Any, theirs: Any
) -> None:
    p.always(Reply(status=status))
    with pytest.raises(ours, match="scripted"):
        ai.chat.completions.create(model="gpt-test", messages=ASKED)
    with pytest.raises(theirs, match="scripted"):
        claude.messages.create(model="claude-test", max_tokens=1, messages=ASKED)


def test_faults(p: Provider, ai: openai.OpenAI) -> None:
    for fault in (Reply(reset_at=-1), Reply(close_at=-1), Reply(reset_at=0), Reply(close_at=1)):
        p.then(fault)
        with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):
            ai.chat.completions.create(model="gpt-test", messages=ASKED)
    seen = 0
    p.then(Reply(reset_at=3))
    stream = ai.chat.completions.create(model="gpt-test", messages=ASKED, stream=True)
    with pytest.raises((openai.APIConnectionError, httpx2.TransportError)):  # noqa: PT012
        for _ in stream:
            seen += 1
    assert seen == 3
    p.then(Reply(raw=b"<html>", content_type="text/html"))
    assert isinstance(ai.chat.completions.create(model="gpt-test", messages=ASKED), str)


def test_a_gate_holds_until_it_is_opened_and_tells_who_left(p: Provider) -> None:
    gate, never = Gate(), Gate()
    p.then(Reply(gate=gate, gate_at=2), Reply(gate=never))
    got: list[bytes] = []

    def read() -> None:
        body = {"model": "m", "messages": ASKED, "stream": True}
        with httpx2.stream("POST", f"{p.url}/chat/completions", json=body, timeout=LONG_S) as answer:
            got.extend(answer.iter_raw())

    reader = threading.Thread(target=read)
    reader.start()
    assert gate.reached.wait(LONG_S)
    assert not p.calls[0].finished.is_set()
    gate.open()
    reader.join(LONG_S)
    assert p.calls[0].finished.wait(LONG_S)  # its reader may know first
    assert b"".join(got).endswith(b"data: [DONE]\n\n")
    with pytest.raises(httpx2.ReadTimeout):
        httpx2.post(f"{p.url}/chat/completions", json={}, timeout=0.1)
    assert p.calls[1].left.wait(LONG_S)


def test_it_can_be_stopped_and_started_again() -> None:
    with provider() as p:
        assert httpx2.get(f"{p.url}/files?a=1").json()["path"] == "/v1/files"
        assert p.calls[0].query == "a=1"
        p.stop()
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{p.url}/models")
        p.start()
        assert httpx2.get(f"{p.url}/models").status_code == 200
        until(lambda: p.open_connections == 0, what="the connections' end")


def test_a_body_made_as_it_is_sent(p: Provider) -> None:
    p.then(Reply(body=lambda: (json.dumps({"n": n}).encode() for n in range(3))))
    assert httpx2.get(f"{p.url}/files/1/content").content == b'{"n": 0}{"n": 1}{"n": 2}'
