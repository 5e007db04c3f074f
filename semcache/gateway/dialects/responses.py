"""OpenAI Responses: what a request asks and what a response says.

Shapes after the official SDK's types and https://platform.openai.com/docs/api-reference/responses. Its streams are the
business of `responses_stream` and `responses_replay`.

* `input` is the conversation: bare text is one message of the user, `"type": "message"` beside a role says nothing,
  every other item (calls, their outputs, reasoning) stays as it is. `instructions` and the rest are parameters.
* `store` is true by default and leaves the response at the provider, to be fetched or continued by its id. That is no
  reason to pass over the cache, but the id of a cached answer may belong to another of the organisation's keys, or be
  gone from the provider: a caller who continues by `previous_response_id` gets the provider's 404 then. The request
  that continues depends on state and is never cached itself.
* Tools are run by the client or by OpenAI. Only the former are known by name here: a tool that this module does not
  know counts as hosted, and so does a shell unless its environment is said to be local.
* A response repeats fields of the request that asked for it, some of which name whom it was for. `restated` puts the
  asking request's in their place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from semcache.errors import RequestError
from semcache.gateway import openai_errors
from semcache.gateway.dialect import Asked, Assembler
from semcache.gateway.dialects import reading, responses_replay, searching, wire
from semcache.gateway.dialects.responses_stream import ResponseAssembler
from semcache.gateway.headers import Provider
from semcache.models import Usage
from semcache.policy.canonical import user_message
from semcache.policy.generation import Answered, Finish, Traits

NAME: Final = "openai.responses"

CLIENT_TOOLS: Final = frozenset(
    {"function", "custom", "namespace", "computer", "computer_use_preview", "local_shell", "apply_patch", "tool_search"}
)
"""Types of tools that the client runs, or that look at nothing but the request's own tools."""

MEDIA: Final = frozenset({"input_image", "input_file", "input_audio", "computer_screenshot", "image_generation_call"})

ECHOES: Final = ("metadata", "user", "safety_identifier", "prompt_cache_key")
"""Fields of a response that repeat the request's and are no part of its identity."""

_STATE: Final = ("previous_response_id", "conversation", "prompt")
_CALLS: Final = frozenset(
    {
        "function_call",
        "custom_tool_call",
        "computer_call",
        "local_shell_call",
        "shell_call",
        "apply_patch_call",
        "mcp_approval_request",
    }
)
_INCOMPLETE: Final = {
    "max_output_tokens": Finish.LENGTH,
    "max_messages": Finish.LENGTH,
    "content_filter": Finish.FILTERED,
    "steered": Finish.PAUSED,
}
_STATUSES: Final = {
    "failed": Finish.ERROR,
    "cancelled": Finish.ERROR,
    "queued": Finish.PAUSED,
    "in_progress": Finish.PAUSED,
}


class Responses:
    """`POST /v1/responses`."""

    name = NAME
    path = "/v1/responses"
    provider: Provider = "openai"
    no_usage: dict[str, Any] | None = None

    def read(self, body: dict[str, Any]) -> Asked:
        """Understand a request. Raises RequestError for one that is none of this protocol."""
        messages = _messages(body)
        state = _state(body, messages)
        if not messages and state is None:
            raise RequestError("an input is needed", field="input")
        stream = reading.streamed(body)
        loaded = (tool for item in messages for tool in reading.parts(item.get("tools")))
        tools = [*reading.objects(body, "tools"), *loaded]
        model = reading.model_of(body)
        hosted = [wire.kind(tool) for tool in tools if not _client_runs(tool)] + searching.asked(body, model)
        return Asked(
            model=model,
            messages=messages,
            params=reading.params(body, NAME, "model", "input"),
            stream=stream,
            shape=_shape(body) if stream else "",
            user=reading.named(body.get("user")) or reading.named(body.get("safety_identifier")),
            traits=Traits(
                temperature=reading.number(body, "temperature"),
                logprobs=bool(reading.number(body, "top_logprobs")) or "message.output_text.logprobs" in _include(body),
                state=state,
                hosted_tools=tuple(dict.fromkeys(hosted)),
                media_input=any(_is_media(item) for item in messages),
                media_output=any(wire.kind(tool) == "image_generation" for tool in tools),
            ),
        )

    def judge(self, response: Mapping[str, Any]) -> Answered:
        """What a whole response is. Never raises: Finish.UNKNOWN for what is not understood."""
        items = list(reading.parts(response.get("output")))
        usage = response.get("usage")
        told = usage if isinstance(usage, dict) else {}
        details = told.get("input_tokens_details")
        cached = details if isinstance(details, dict) else {}
        return Answered(
            finish=_finish(response, items),
            empty=all(_says_nothing(item) for item in items),
            usage=Usage(
                input_tokens=wire.count(told.get("input_tokens")), output_tokens=wire.count(told.get("output_tokens"))
            )
            if told
            else None,
            cache_read_tokens=wire.count(cached.get("cached_tokens")),
            cache_write_tokens=wire.count(cached.get("cache_write_tokens")),
            model=reading.named(response.get("model")),
            text="".join(text for item in items for text in _texts(item)),
        )

    def assembler(self) -> Assembler:
        """A fresh assembler of one stream."""
        return ResponseAssembler()

    def replay(self, response: dict[str, Any], asked: Asked, evidence: dict[str, Any] | None) -> Iterator[bytes]:
        """A response as its stream. The evidence stands inside the `response` of the last event."""
        return responses_replay.replay(restated(response, asked), evidence)

    def restated(self, whole: bytes, asked: Asked) -> bytes:
        """See `Dialect.restated`."""
        response = msgspec.json.decode(whole)
        if not isinstance(response, dict):
            return whole
        own = restated(response, asked)
        return whole if own is response else msgspec.json.encode(own)

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error of ours in the protocol's shape."""
        return openai_errors.error(status, code, message)

    def error_event(self, code: str, message: str) -> bytes:
        """The same as an SSE event, for a stream that has begun. Its number is 0: who sends it has not counted."""
        return wire.typed("error", code=code, message=message, param=None, sequence_number=0)


def restated(response: dict[str, Any], asked: Asked) -> dict[str, Any]:
    """`response` as the answer to `asked`: whom an earlier request named is not told to a later one."""
    changed: dict[str, Any] = {}
    for name in ECHOES:
        mine, theirs = asked.params.get(name), response.get(name)
        if name in response and (mine or theirs) and mine != theirs:
            changed[name] = {} if name == "metadata" and mine is None else mine
    return response | changed if changed else response


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = body.get("input")
    if isinstance(given, str):
        return user_message(given)
    return [_message(item) for item in reading.objects(body, "input")]


def _message(item: dict[str, Any]) -> dict[str, Any]:
    if "role" in item and item.get("type") == "message":
        return {name: value for name, value in item.items() if name != "type"}
    return item


def _state(body: Mapping[str, Any], messages: list[dict[str, Any]]) -> str | None:
    """What ties the answer to the provider's memory. An item that is only an id refers to it too."""
    if reading.flag(body, "background"):
        return "background"
    for name in _STATE:
        if body.get(name) is not None:
            return name
    refers = any("role" not in item and wire.kind(item) in ("", "item_reference") for item in messages)
    return "item_reference" if refers else None


def _shape(body: Mapping[str, Any]) -> str:
    """Streams carry padding unless it is declined, in every event with a delta; and they repeat whom the request names:
    that is nobody else's to read.
    """
    options = body.get("stream_options")
    unpadded = isinstance(options, dict) and options.get("include_obfuscation") is False
    named = {name: body[name] for name in ECHOES if body.get(name)}
    told = msgspec.json.encode(named, order="deterministic").decode() if named else ""
    return ("unpadded" if unpadded else "") + told


def _include(body: Mapping[str, Any]) -> list[Any]:
    included = body.get("include")
    return included if isinstance(included, list) else []


def _client_runs(tool: Mapping[str, Any]) -> bool:
    if wire.kind(tool) == "shell":
        environment = tool.get("environment")
        return isinstance(environment, dict) and environment.get("type") == "local"
    return wire.kind(tool) in CLIENT_TOOLS


def _is_media(item: Mapping[str, Any]) -> bool:
    inside = reading.parts(item.get("content"), item.get("output"))
    return wire.kind(item) in MEDIA or any(wire.kind(part) in MEDIA for part in inside)


def _finish(response: Mapping[str, Any], items: list[dict[str, Any]]) -> Finish:
    status, output = response.get("status"), response.get("output")
    if response.get("error"):
        return Finish.ERROR
    if status == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return _INCOMPLETE.get(reason, Finish.UNKNOWN) if isinstance(reason, str) else Finish.UNKNOWN
    if status != "completed":
        return _STATUSES.get(status, Finish.UNKNOWN) if isinstance(status, str) else Finish.UNKNOWN
    if not isinstance(output, list) or any(item.get("status") in ("in_progress", "incomplete") for item in items):
        return Finish.UNKNOWN
    if any(wire.kind(part) == "refusal" for item in items for part in _said(item)):
        return Finish.REFUSAL
    return Finish.TOOL_CALL if any(_calls(item) for item in items) else Finish.NATURAL


def _calls(item: Mapping[str, Any]) -> bool:
    """Whether an item waits for the client."""
    searched = wire.kind(item) == "tool_search_call" and item.get("execution") == "client"
    return searched or wire.kind(item) in _CALLS


def _said(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    return reading.parts(item.get("content") if wire.kind(item) == "message" else None)


def _texts(item: Mapping[str, Any]) -> Iterator[str]:
    for part in _said(item):
        text = part.get("refusal" if wire.kind(part) == "refusal" else "text")
        if isinstance(text, str):
            yield text


def _says_nothing(item: Mapping[str, Any]) -> bool:
    if wire.kind(item) == "message":
        return not any(text.strip() for text in _texts(item))
    return wire.kind(item) == "reasoning"
