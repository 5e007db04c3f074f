"""A whole chat completion as the stream that it would have been.

As OpenAI streams: the role with what is null or empty, reasoning, text, refusal, each tool call first with its id and
name and then its arguments, what is left of the message whole, and the finish. What the answer has beside the fields
that every chunk repeats stands in the first chunk, where clients that fill up one object find it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from semcache.gateway import sse
from semcache.gateway.dialects import reading, wire
from semcache.gateway.dialects.chat_stream import DONE
from semcache.gateway.pieces import pieces

_EVERYWHERE: Final = ("id", "object", "created", "model", "service_tier", "system_fingerprint")
_REASONING: Final = ("reasoning_content", "reasoning")

_encode: Final = msgspec.json.Encoder().encode


def replay(response: dict[str, Any], usage: bool, evidence: dict[str, Any] | None) -> Iterator[bytes]:
    """The events, each whole. `usage`: the stream ends with the usage, if the answer has one."""
    last: dict[str, Any] | None = None
    for chunk in _chunks(response, usage):
        if last is not None:
            yield sse.encode(_encode(last))
        last = chunk
    if last is not None:
        yield sse.encode(_encode(last if evidence is None else last | {wire.EVIDENCE: evidence}))
    yield sse.encode(DONE)


def _chunks(response: dict[str, Any], usage: bool) -> Iterator[dict[str, Any]]:
    head = {name: response[name] for name in _EVERYWHERE if name in response} | {"object": "chat.completion.chunk"}
    tail: dict[str, Any] = {"usage": None} if usage else {}
    beside = {
        name: value for name, value in response.items() if name not in (*_EVERYWHERE, "choices", "usage", wire.EVIDENCE)
    }
    for place, choice in enumerate(reading.parts(response.get("choices"))):
        for part in _choice(choice, place):
            yield head | {"choices": [part]} | beside | tail
            beside = {}
    if usage and response.get("usage") is not None:
        yield head | {"choices": [], "usage": response["usage"]}


def _choice(choice: dict[str, Any], place: int) -> Iterator[dict[str, Any]]:
    index = choice.get("index", place)
    quiet = {"logprobs": None} if "logprobs" in choice else {}
    for delta in _deltas(next(reading.parts(choice.get("message")), {})):
        yield {"index": index, "delta": delta, **quiet, "finish_reason": None}
    ending = {name: value for name, value in choice.items() if name not in ("index", "message")}
    yield {"index": index, "delta": {}, **ending}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    left = {name: value for name, value in message.items() if name != "role"}
    opening = {name: left.pop(name) for name in list(left) if left[name] is None or left[name] in ("", [])}
    if isinstance(left.get("content"), str):
        opening["content"] = ""
    yield {"role": message.get("role", "assistant"), **opening}
    for name in _REASONING:
        yield from _text(left, name)
    if "reasoning_details" in left:
        yield {"reasoning_details": left.pop("reasoning_details")}
    yield from _text(left, "content")
    yield from _text(left, "refusal")
    for index, call in enumerate(reading.parts(left.pop("tool_calls", None))):
        yield from ({"tool_calls": [{"index": index, **part}]} for part in _call(call))
    if isinstance(left.get("function_call"), dict):
        yield from ({"function_call": part} for part in _spoken(left.pop("function_call"), "arguments"))
    if left:
        yield left


def _text(left: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    if isinstance(left.get(name), str):
        yield from ({name: piece} for piece in pieces(left.pop(name)))


def _call(call: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """A tool call: all of it but what the model writes, then that in pieces."""
    kind = "custom" if call.get("type") == "custom" else "function"
    body = call.get(kind)
    if not isinstance(body, dict):
        return [call]
    first, *more = _spoken(body, "input" if kind == "custom" else "arguments")
    opening = {name: value for name, value in call.items() if name != "index"}
    return [opening | {kind: first}, *({kind: part} for part in more)]


def _spoken(body: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
    text = body.get(name)
    if not isinstance(text, str):
        yield body
        return
    yield body | {name: ""}
    yield from ({name: piece} for piece in pieces(text))
