"""What the scripted provider says, in the official shapes: whole answers and streams of OpenAI and Anthropic.

Deterministic: the text derives from the last user message, ids and times from the number of the call.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.gateway import provider_messages, provider_responses

CREATED = 1_750_000_000
DIMENSIONS = 8


@dataclass(frozen=True, kw_only=True)
class Content:
    """What to say."""

    text: str | None = None
    """None: `You said: <last user text>`, or nothing where tools are called or the model refuses."""
    tools: tuple[tuple[str, str], ...] = ()
    """Calls of tools: (name, arguments as JSON text)."""
    reasoning: str | None = None
    refusal: str | None = None
    finish: str | None = None
    """`stop`, `length`, `content_filter`, `tool_calls` or `pause`; None: what fits."""
    model: str | None = None
    """The model as reported; None: as asked."""
    usage: bool = True
    delta_chars: int = 7
    """Length of the pieces in which a stream brings a text."""

    def says(self, asked: str) -> str:
        """The text of the answer."""
        if self.text is not None:
            return self.text
        return "" if self.tools or self.refusal is not None else f"You said: {asked}"

    @property
    def ends(self) -> str:
        """How it ends."""
        return self.finish or ("tool_calls" if self.tools else "stop")


@dataclass(frozen=True)
class Made:
    """A body in pieces; the pieces of a stream are its events."""

    content_type: str
    pieces: list[bytes]


def make(method: str, path: str, body: bytes, number: int, content: Content) -> Made:
    """The answer to a request."""
    try:
        asked = json.loads(body) if body else {}
    except ValueError:
        return error(path, 400, number)
    if path == "/v1/chat/completions":
        return (
            _stream(_chat_events(asked, number, content))
            if asked.get("stream")
            else whole(_chat(asked, number, content))
        )
    if path == "/v1/responses" and method == "POST":
        events = provider_responses.events(asked, number, content)
        return _stream(events) if asked.get("stream") else whole(provider_responses.whole(asked, number, content))
    if path == "/v1/messages":
        events = provider_messages.events(asked, number, content)
        return _stream(events) if asked.get("stream") else whole(provider_messages.whole(asked, number, content))
    if path == "/v1/messages/count_tokens":
        return whole({"input_tokens": tokens(asked)})
    if path == "/v1/embeddings":
        return whole(_embeddings(asked, content))
    if path == "/v1/models":
        return whole({"object": "list", "data": [_model("gpt-test"), _model("claude-test")]})
    if path.startswith("/v1/models/"):
        return whole(_model(path.rpartition("/")[2]))
    return whole({"object": "echo", "method": method, "path": path, "body": asked})


def error(path: str, status: int, number: int) -> Made:
    """An error in the shape of the path's provider."""
    kind = {
        400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
        409: "conflict_error", 413: "request_too_large", 422: "invalid_request_error", 429: "rate_limit_error",
        529: "overloaded_error",
    }.get(status, "api_error")  # fmt: skip
    detail: dict[str, Any] = {"type": kind, "message": f"scripted {status}"}
    if path.startswith("/v1/messages"):
        return whole({"type": "error", "error": detail, "request_id": f"req_{number}"})
    return whole({"error": {"message": detail["message"], "type": kind, "param": None, "code": kind}})


def whole(value: Any) -> Made:
    """A JSON body, in two halves."""
    raw = json.dumps(value).encode()
    return Made("application/json", [raw[: len(raw) // 2], raw[len(raw) // 2 :]])


def last_user_text(messages: Any) -> str:
    """Text of the last user message, whatever its form."""
    if isinstance(messages, str):
        return messages
    for message in reversed(messages or []):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return ""


def text_of(content: Any) -> str:
    """Text of a message's content: a string, or parts."""
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content or [] if isinstance(part.get("text"), str))


def tokens(asked: dict[str, Any]) -> int:
    """Words of a request: its tokens, for the sake of a deterministic usage."""
    messages = asked.get("messages", asked.get("input", []))
    if isinstance(messages, str):
        return len(messages.split())
    return sum(len(text_of(message.get("content")).split()) for message in messages)


def cut(text: str, size: int) -> list[str]:
    """A text in deltas."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def vector(text: str, dimensions: int) -> list[float]:
    """A deterministic vector of a text; float32 values."""
    seed = b"".join(hashlib.sha256(f"{at}:{text}".encode()).digest() for at in range(dimensions // 8 + 1))
    numbers = struct.unpack(f"<{dimensions}I", seed[: 4 * dimensions])
    return list(struct.unpack(f"<{dimensions}f", struct.pack(f"<{dimensions}f", *(n / 2**31 - 1 for n in numbers))))


def _stream(events: Iterable[bytes]) -> Made:
    return Made("text/event-stream", list(events))


def _model(name: str) -> dict[str, Any]:
    return {
        "id": name, "object": "model", "created": CREATED, "owned_by": "scripted",
        "type": "model", "display_name": name, "created_at": "2026-01-01T00:00:00Z",
    }  # fmt: skip


# --- embeddings ----------------------------------------------------------------------------------------------


def _embeddings(asked: dict[str, Any], content: Content) -> dict[str, Any]:
    given = asked["input"]
    texts = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    dimensions = asked.get("dimensions") or DIMENSIONS
    data = []
    for index, text in enumerate(texts):
        numbers: Any = vector(text if isinstance(text, str) else repr(text), dimensions)
        if asked.get("encoding_format") == "base64":
            numbers = base64.b64encode(struct.pack(f"<{dimensions}f", *numbers)).decode()
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    used = sum(len(text.split()) if isinstance(text, str) else len(text) for text in texts)
    answer = {"object": "list", "data": data, "model": content.model or asked["model"]}
    return answer | ({"usage": {"prompt_tokens": used, "total_tokens": used}} if content.usage else {})


# --- chat completions ----------------------------------------------------------------------------------------


def _chat_usage(asked: dict[str, Any], content: Content) -> dict[str, Any]:
    given, made = tokens(asked), len(content.says(last_user_text(asked["messages"])).split()) + 5 * len(content.tools)
    thought = len((content.reasoning or "").split())
    return {
        "prompt_tokens": given, "completion_tokens": made + thought, "total_tokens": given + made + thought,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": thought, "audio_tokens": 0, "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip


def _chat_head(asked: dict[str, Any], number: int, content: Content, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{number}", "object": kind, "created": CREATED + number,
        "model": content.model or asked["model"], "service_tier": "default", "system_fingerprint": "fp_scripted",
    }  # fmt: skip


def _chat(asked: dict[str, Any], number: int, content: Content) -> dict[str, Any]:
    text = content.says(last_user_text(asked["messages"]))
    message: dict[str, Any] = {
        "role": "assistant", "content": text or None, "refusal": content.refusal, "annotations": [],
    }  # fmt: skip
    if content.reasoning is not None:
        message["reasoning_content"] = content.reasoning
    if content.tools:
        message["tool_calls"] = [
            {"id": f"call_{number}_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for at, (name, arguments) in enumerate(content.tools)
        ]
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": content.ends}
        for index in range(asked.get("n") or 1)
    ]
    answer = {**_chat_head(asked, number, content, "chat.completion"), "choices": choices}
    return answer | ({"usage": _chat_usage(asked, content)} if content.usage else {})


def _chat_events(asked: dict[str, Any], number: int, content: Content) -> Iterable[bytes]:
    head = _chat_head(asked, number, content, "chat.completion.chunk")
    counted = bool((asked.get("stream_options") or {}).get("include_usage")) and content.usage

    def chunk(choices: list[dict[str, Any]], usage: Any = None) -> bytes:
        value = {**head, "choices": choices} | ({"usage": usage} if counted else {})
        return b"data: " + json.dumps(value).encode() + b"\n\n"

    for index in range(asked.get("n") or 1):
        for delta in _chat_deltas(asked, number, content):
            yield chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])
        yield chunk([{"index": index, "delta": {}, "logprobs": None, "finish_reason": content.ends}])
    if counted:
        yield chunk([], _chat_usage(asked, content))
    yield b"data: [DONE]\n\n"


def _chat_deltas(asked: dict[str, Any], number: int, content: Content) -> Iterable[dict[str, Any]]:
    text = content.says(last_user_text(asked["messages"]))
    yield {"role": "assistant", "content": "" if text else None, "refusal": None}
    for piece in cut(content.reasoning or "", content.delta_chars):
        yield {"reasoning_content": piece}
    for piece in cut(text, content.delta_chars):
        yield {"content": piece}
    for piece in cut(content.refusal or "", content.delta_chars):
        yield {"refusal": piece}
    for at, (name, arguments) in enumerate(content.tools):
        function = {"name": name, "arguments": ""}
        yield {"tool_calls": [{"index": at, "id": f"call_{number}_{at}", "type": "function", "function": function}]}
        for piece in cut(arguments, content.delta_chars):
            yield {"tool_calls": [{"index": at, "function": {"arguments": piece}}]}
