"""The scripted provider's Anthropic Messages: whole answers and streams."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.gateway import provider_answers as answers

if TYPE_CHECKING:
    from tests.gateway.provider_answers import Content

STOP = {
    "stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal",
    "pause": "pause_turn",
}  # fmt: skip


def whole(asked: dict[str, Any], number: int, content: Content) -> dict[str, Any]:
    """A `message`."""
    reason = "refusal" if content.refusal is not None and content.finish is None else STOP[content.ends]
    return {
        "id": f"msg_{number}", "type": "message", "role": "assistant", "model": content.model or asked["model"],
        "content": _blocks(asked, number, content), "stop_reason": reason, "stop_sequence": None,
        "usage": _usage(asked, content),
    }  # fmt: skip


def events(asked: dict[str, Any], number: int, content: Content) -> Iterable[bytes]:
    """The stream of the same."""
    message = whole(asked, number, content)
    opening = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield _event("message_start", message=opening)
    for index, block in enumerate(message["content"]):
        empty, deltas = _streamed(block, content.delta_chars)
        yield _event("content_block_start", index=index, content_block=empty)
        if index == 0:
            yield _event("ping")
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield _event("message_delta", delta=ending, usage={"output_tokens": message["usage"]["output_tokens"]})
    yield _event("message_stop")


def _blocks(asked: dict[str, Any], number: int, content: Content) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if content.reasoning is not None:
        blocks.append({"type": "thinking", "thinking": content.reasoning, "signature": "c2lnbmVk"})
    text = content.refusal or content.says(answers.last_user_text(asked["messages"]))
    if text:
        blocks.append({"type": "text", "text": text})
    for at, (name, arguments) in enumerate(content.tools):
        blocks.append({"type": "tool_use", "id": f"toolu_{number}_{at}", "name": name, "input": json.loads(arguments)})
    return blocks


def _streamed(block: dict[str, Any], size: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in answers.cut(block["thinking"], size)]
        signature = {"type": "signature_delta", "signature": block["signature"]}
        return {"type": "thinking", "thinking": "", "signature": ""}, [*deltas, signature]
    if block["type"] == "tool_use":
        arguments = json.dumps(block["input"])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *answers.cut(arguments, size)]]
        return {**block, "input": {}}, deltas
    deltas = [{"type": "text_delta", "text": piece} for piece in answers.cut(block["text"], size)]
    return {"type": "text", "text": ""}, deltas


def _usage(asked: dict[str, Any], content: Content) -> dict[str, Any]:
    text = content.refusal or content.says(answers.last_user_text(asked["messages"]))
    made = len(text.split()) + len((content.reasoning or "").split()) + 5 * len(content.tools)
    return {
        "input_tokens": answers.tokens(asked), "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": made, "service_tier": "standard",
    }  # fmt: skip


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()
