"""What the official client makes of Anthropic Messages, and what the dialect does."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
from anthropic.types import Message

from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.messages import Messages
from semcache.gateway.sse import Event, Parser
from semcache.policy.generation import Traits

DIALECT = Messages()
ASKED = Asked(model="m", messages=[], params={}, stream=True, traits=Traits())
USER = {"role": "user", "content": "What is a cache?"}


def assembled(events: list[Event]) -> dict[str, Any] | None:
    assembler = DIALECT.assembler()
    for event in events:
        assembler.feed(event)
    return assembler.result()


def parsed(stream: bytes) -> list[Event]:
    return Parser().feed(stream)


def replayed(whole: dict[str, Any], evidence: dict[str, Any] | None = None) -> bytes:
    return b"".join(DIALECT.replay(whole, ASKED, evidence))


def client(answer: httpx2.Response) -> anthropic.Anthropic:
    transport = httpx2.MockTransport(lambda request: answer)
    return anthropic.Anthropic(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


def official(stream: bytes) -> Message:
    """What the official client makes of a stream."""
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    asked: list[Any] = [USER]
    with client(answer).messages.stream(model="claude-sonnet-5-5", max_tokens=9, messages=asked) as events:
        return events.get_final_message()


def plain(whole: Message | dict[str, Any]) -> dict[str, Any]:
    model = whole if isinstance(whole, Message) else Message.model_validate(whole)
    dumped: dict[str, Any] = json.loads(model.model_dump_json(exclude_none=True, warnings=False))
    return dumped
