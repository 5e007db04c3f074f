"""A whole Anthropic message as the stream that it would have been.

Event by event what Anthropic sends, `ping` left out: text and thinking word by word, tool input as pieces of JSON after
an empty one, the signature and citations as deltas of their own, every other block whole in its start.
What is known only in the end (why it stopped, the output tokens) stands in `message_delta`, as there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from semcache.gateway.dialects import wire
from semcache.gateway.dialects.messages_stream import TOOL_BLOCKS
from semcache.gateway.pieces import pieces

_ENDING: Final = ("stop_reason", "stop_sequence", "stop_details", "container")
_COUNTS: Final = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_LATE_COUNTS: Final = ("output_tokens_details", "server_tool_use", "iterations", "fallback_credit")


def replay(message: dict[str, Any], evidence: dict[str, Any] | None) -> Iterator[bytes]:
    """The events, each whole."""
    told = message.get("usage")
    usage: dict[str, Any] = told if isinstance(told, dict) else {}
    yield wire.typed("message_start", message=_opening(message, usage, evidence))
    content = message.get("content")
    for index, block in enumerate(content if isinstance(content, list) else []):
        start, deltas = _streamed(block) if isinstance(block, dict) else (block, [])
        yield wire.typed("content_block_start", index=index, content_block=start)
        for delta in deltas:
            yield wire.typed("content_block_delta", index=index, delta=delta)
        yield wire.typed("content_block_stop", index=index)
    yield wire.typed("message_delta", **_ended(message, usage))
    yield wire.typed("message_stop")


def _opening(message: dict[str, Any], usage: dict[str, Any], evidence: dict[str, Any] | None) -> dict[str, Any]:
    """The message before its first block. Of the output there is one token, as Anthropic tells it then."""
    begun = message | {name: None for name in (*_ENDING, "context_management") if name in message}
    counts = {name: value for name, value in usage.items() if name not in _LATE_COUNTS or value is None}
    counts["output_tokens"] = min(wire.count(usage.get("output_tokens")), 1)
    begun |= {"content": [], "usage": counts}
    return begun if evidence is None else begun | {wire.EVIDENCE: evidence}


def _ended(message: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    delta = {name: message[name] for name in _ENDING if name in message and (name != "container" or message[name])}
    counts = {name: usage[name] for name in (*_COUNTS, *_LATE_COUNTS) if usage.get(name) is not None}
    ended = {"delta": delta, "usage": {"output_tokens": 0, **counts}}
    if message.get("context_management") is not None:
        ended["context_management"] = message["context_management"]
    return ended


def _streamed(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as its start and its deltas; whole in its start where it does not look as it should."""
    kind = wire.kind(block)
    if kind == "text" and isinstance(block.get("text"), str):
        return _text(block)
    if kind == "thinking" and isinstance(block.get("thinking"), str):
        return _thinking(block)
    if kind in TOOL_BLOCKS and isinstance(block.get("input"), dict):
        given = pieces(wire.text(block["input"])) if block["input"] else []
        return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in ("", *given)]
    return block, []


def _text(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    start, cited = block | {"text": ""}, block.get("citations")
    deltas: list[dict[str, Any]] = [{"type": "text_delta", "text": part} for part in pieces(block["text"])]
    if isinstance(cited, list) and cited:
        start["citations"] = []
        deltas += [{"type": "citations_delta", "citation": citation} for citation in cited]
    return start, deltas


def _thinking(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    start, signature = block | {"thinking": ""}, block.get("signature")
    deltas = [{"type": "thinking_delta", "thinking": part} for part in pieces(block["thinking"])]
    if isinstance(signature, str) and signature:
        start["signature"] = ""
        deltas.append({"type": "signature_delta", "signature": signature})
    return start, deltas
