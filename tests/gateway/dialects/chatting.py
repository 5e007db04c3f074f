"""Chat completions for tests: the dialect at work, and the official client over bytes of our own."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai

from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.chat import Chat
from semcache.gateway.sse import Event, Parser
from tests.gateway.dialects.streams_chat import DONE

CHAT = Chat()
USER = {"role": "user", "content": "What is a cache?"}
BODY: dict[str, Any] = {"model": "gpt-4o", "messages": [USER]}
EVIDENCE = {"cache_hit": True, "tier": "exact"}


def asked(**options: Any) -> Asked:
    """A request for a stream with these options."""
    return CHAT.read(BODY | {"stream": True, "stream_options": options or None})


USED, PLAIN = asked(include_usage=True), asked()


def assembled(stream: bytes) -> dict[str, Any] | None:
    """What the assembler makes of a stream."""
    assembler = CHAT.assembler()
    for event in Parser().feed(stream):
        assembler.feed(event)
    return assembler.result()


def replayed(whole: dict[str, Any], of: Asked = USED, evidence: dict[str, Any] | None = None) -> bytes:
    """A whole answer as a stream."""
    return b"".join(CHAT.replay(whole, of, evidence))


def chunks(stream: bytes) -> list[dict[str, Any]]:
    """The objects of a stream, which must end with its mark."""
    *events, done = Parser().feed(stream)
    assert done == Event(DONE)
    return [json.loads(event.data) for event in events]


def deltas(stream: bytes) -> list[dict[str, Any]]:
    """The deltas of a stream."""
    return [choice["delta"] for each in chunks(stream) for choice in each["choices"]]


def client(body: bytes, content_type: str = "text/event-stream", status: int = 200) -> openai.OpenAI:
    """The official client, before a provider that answers so to everything."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type})

    transport = httpx2.Client(transport=httpx2.MockTransport(answer))
    return openai.OpenAI(api_key="k", base_url="http://provider/v1", max_retries=0, http_client=transport)
