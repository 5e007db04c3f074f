"""What the official client makes of OpenAI Responses, and what the dialect does."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import openai
from openai.types.responses import Response

from semcache.gateway.dialect import Asked
from semcache.gateway.dialects.responses import Responses
from semcache.gateway.sse import Event, Parser
from semcache.policy.generation import Traits

DIALECT = Responses()
ASKED = Asked(model="m", messages=[], params={}, stream=True, traits=Traits())


def assembled(events: list[Event]) -> dict[str, Any] | None:
    assembler = DIALECT.assembler()
    for event in events:
        assembler.feed(event)
    return assembler.result()


def parsed(stream: bytes) -> list[Event]:
    return Parser().feed(stream)


def replayed(whole: dict[str, Any], evidence: dict[str, Any] | None = None, asked: Asked = ASKED) -> bytes:
    return b"".join(DIALECT.replay(whole, asked, evidence))


def client(answer: httpx2.Response) -> openai.OpenAI:
    transport = httpx2.MockTransport(lambda request: answer)
    return openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=transport), max_retries=0)


def sse(stream: bytes) -> httpx2.Response:
    return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)


def official(stream: bytes) -> Response:
    """What the official client makes of a stream."""
    with client(sse(stream)).responses.stream(model="gpt-4.1", input="Hi") as events:
        last = None
        for event in events:
            last = event
        assert last is not None
        if last.type == "response.completed":
            return events.get_final_response()
        assert last.type == "response.incomplete"
        return last.response


def plain(whole: Response | dict[str, Any]) -> dict[str, Any]:
    model = whole if isinstance(whole, Response) else Response.model_validate(whole)
    dumped: dict[str, Any] = json.loads(model.model_dump_json(exclude_none=True, warnings=False))
    return without_parsed(dumped)


def without_parsed(value: Any) -> Any:
    """The SDK's own field for parsed arguments is none of the protocol."""
    if isinstance(value, dict):
        return {name: without_parsed(item) for name, item in value.items() if name != "parsed_arguments"}
    return [without_parsed(item) for item in value] if isinstance(value, list) else value
