"""A whole OpenAI response as the stream that it would have been.

Event by event what OpenAI sends: created and in progress, each item added, its parts, their text word by word, each of
them done, and the response completed. An item of a kind that has no events of its own here (none that may be cached) is
added and done whole. Padding against the measuring of packets (`obfuscation`) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from semcache.gateway.dialects import reading, wire
from semcache.gateway.pieces import pieces

_ENDS: Final = ("completed", "incomplete", "failed")
_UNKNOWN_YET: Final = ("usage", "completed_at", "incomplete_details", "error")
_ARGUMENTS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
_PARTS: Final = {"output_text": "text", "refusal": "refusal", "reasoning_text": "text"}

_Told = Iterator[tuple[str, dict[str, Any]]]
"""Types of events, and their fields beside the number and the place of the item."""


def replay(response: dict[str, Any], evidence: dict[str, Any] | None) -> Iterator[bytes]:
    """The events, each whole, numbered from 0."""
    for number, (kind, fields) in enumerate(_events(response, evidence)):
        yield wire.typed(kind, sequence_number=number, **fields)


def _events(response: dict[str, Any], evidence: dict[str, Any] | None) -> _Told:
    begun = response | {name: None for name in _UNKNOWN_YET if name in response}
    begun |= {"status": "in_progress", "output": []}
    yield "response.created", {"response": begun}
    yield "response.in_progress", {"response": begun}
    for index, item in enumerate(reading.parts(response.get("output"))):
        place: dict[str, Any] = {"output_index": index}
        yield "response.output_item.added", place | {"item": _added(item)}
        place |= {"item_id": _id(item, index)}
        for kind, fields in _inside(item):
            yield kind, place | fields
        yield "response.output_item.done", {"output_index": index, "item": item}
    status = response.get("status")
    ended = response if evidence is None else response | {wire.EVIDENCE: evidence}
    yield f"response.{status if status in _ENDS else 'completed'}", {"response": ended}


def _id(item: dict[str, Any], index: int) -> str:
    """The item's id; its call's, or its place, where it has none: every event below it must name one."""
    return reading.named(item.get("id")) or reading.named(item.get("call_id")) or f"item_{index}"


def _added(item: dict[str, Any]) -> dict[str, Any]:
    """The item before anything of it was said."""
    kind, begun = wire.kind(item), dict(item)
    if kind in ("message", "reasoning"):
        empty = ("content", "summary") if kind == "reasoning" else ("content",)
        begun |= {name: [] for name in empty if isinstance(item.get(name), list)}
    elif kind in _ARGUMENTS and isinstance(item.get(_ARGUMENTS[kind]), str):
        begun[_ARGUMENTS[kind]] = ""
    else:
        return item
    return begun | {"status": "in_progress"} if item.get("status") is not None else begun


def _inside(item: dict[str, Any]) -> _Told:
    kind = wire.kind(item)
    if kind == "reasoning":
        for index, part in enumerate(reading.parts(item.get("summary"))):
            for event, fields in _summary(part):
                yield event, {"summary_index": index} | fields
    if kind in ("message", "reasoning"):
        for index, part in enumerate(reading.parts(item.get("content"))):
            for event, fields in _part(part):
                yield event, {"content_index": index} | fields
    elif kind == "function_call":
        yield from _argument(item, "response.function_call_arguments", "arguments", "name")
    elif kind == "custom_tool_call":
        yield from _argument(item, "response.custom_tool_call_input", "input")


def _argument(item: dict[str, Any], stem: str, field: str, *beside: str) -> _Told:
    given = item.get(field)
    if isinstance(given, str):
        for piece in pieces(given):
            yield f"{stem}.delta", {"delta": piece}
        yield f"{stem}.done", {name: item[name] for name in (field, *beside) if name in item}


def _summary(part: dict[str, Any]) -> _Told:
    text = part.get("text")
    said = text if isinstance(text, str) else ""
    yield "response.reasoning_summary_part.added", {"part": part | {"text": ""}}
    for piece in pieces(said):
        yield "response.reasoning_summary_text.delta", {"delta": piece}
    yield "response.reasoning_summary_text.done", {"text": said}
    yield "response.reasoning_summary_part.done", {"part": part}


def _part(part: dict[str, Any]) -> _Told:
    kind = wire.kind(part)
    field = _PARTS.get(kind, "")
    text = part.get(field)
    if isinstance(text, str):
        lists: dict[str, Any] = {name: [] for name in ("annotations", "logprobs") if isinstance(part.get(name), list)}
        yield "response.content_part.added", {"part": part | {field: ""} | lists}
        beside: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
        for piece in pieces(text):
            yield f"response.{kind}.delta", {"delta": piece} | beside
        for index, annotation in enumerate(reading.parts(part.get("annotations"))):
            told = {"annotation_index": index, "annotation": annotation}
            yield "response.output_text.annotation.added", told
        if beside:
            beside = {"logprobs": part.get("logprobs") or []}
        yield f"response.{kind}.done", {field: text} | beside
    else:
        yield "response.content_part.added", {"part": part}
    yield "response.content_part.done", {"part": part}
