"""The scripted provider's OpenAI Responses: whole answers and streams."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tests.gateway import provider_answers as answers

if TYPE_CHECKING:
    from tests.gateway.provider_answers import Content

INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}


def whole(asked: dict[str, Any], number: int, content: Content) -> dict[str, Any]:
    """A `response`."""
    reason = INCOMPLETE.get(content.ends)
    text = content.refusal or content.says(answers.last_user_text(asked["input"]))
    given, thought = answers.tokens(asked), len((content.reasoning or "").split())
    made = len(text.split()) + thought + 5 * len(content.tools)
    usage = {
        "input_tokens": given, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made, "output_tokens_details": {"reasoning_tokens": thought}, "total_tokens": given + made,
    }  # fmt: skip
    return {
        "id": f"resp_{number}", "object": "response", "created_at": answers.CREATED + number, "background": False,
        "status": "incomplete" if reason else "completed", "error": None,
        "incomplete_details": {"reason": reason} if reason else None, "instructions": asked.get("instructions"),
        "max_output_tokens": asked.get("max_output_tokens"), "model": content.model or asked["model"],
        "output": _items(asked, number, content), "parallel_tool_calls": True, "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None}, "service_tier": "default", "store": asked.get("store", True),
        "temperature": asked.get("temperature", 1.0), "text": {"format": {"type": "text"}}, "tool_choice": "auto",
        "tools": asked.get("tools", []), "top_p": 1.0, "truncation": "disabled",
        "usage": usage if content.usage else None, "user": None, "metadata": {},
    }  # fmt: skip


def events(asked: dict[str, Any], number: int, content: Content) -> Iterable[bytes]:
    """The stream of the same."""
    for at, (kind, fields) in enumerate(_events(asked, number, content)):
        yield f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': at, **fields})}\n\n".encode()


def _events(asked: dict[str, Any], number: int, content: Content) -> Iterable[tuple[str, dict[str, Any]]]:
    response = whole(asked, number, content)
    opening = {**response, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
    yield "response.created", {"response": opening}
    yield "response.in_progress", {"response": opening}
    for index, item in enumerate(response["output"]):
        place = {"output_index": index}
        yield "response.output_item.added", {**place, "item": _begun(item)}
        for kind, fields in _inside(item, content.delta_chars):
            yield kind, {**place, "item_id": item["id"], **fields}
        yield "response.output_item.done", {**place, "item": item}
    yield f"response.{response['status']}", {"response": response}


def _items(asked: dict[str, Any], number: int, content: Content) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if content.reasoning is not None:
        summary = [{"type": "summary_text", "text": content.reasoning}]
        items.append({"id": f"rs_{number}", "type": "reasoning", "summary": summary})
    status = "incomplete" if content.ends in INCOMPLETE else "completed"
    part: dict[str, Any] | None = None
    if content.refusal is not None:
        part = {"type": "refusal", "refusal": content.refusal}
    elif text := content.says(answers.last_user_text(asked["input"])):
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    if part is not None:
        items.append(
            {"id": f"msg_{number}", "type": "message", "status": status, "role": "assistant", "content": [part]}
        )
    for at, (name, arguments) in enumerate(content.tools):
        items.append(
            {
                "id": f"fc_{number}_{at}", "type": "function_call", "status": "completed", "arguments": arguments,
                "call_id": f"call_{number}_{at}", "name": name,
            }
        )  # fmt: skip
    return items


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    if item["type"] == "reasoning":
        return {**item, "summary": []}
    if item["type"] == "message":
        return {**item, "status": "in_progress", "content": []}
    return {**item, "status": "in_progress", "arguments": ""}


def _inside(item: dict[str, Any], size: int) -> Iterable[tuple[str, dict[str, Any]]]:
    if item["type"] == "function_call":
        for piece in answers.cut(item["arguments"], size):
            yield "response.function_call_arguments.delta", {"delta": piece}
        yield "response.function_call_arguments.done", {"arguments": item["arguments"], "name": item["name"]}
    elif item["type"] == "reasoning":
        for at, part in enumerate(item["summary"]):
            place = {"summary_index": at}
            yield "response.reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}
            for piece in answers.cut(part["text"], size):
                yield "response.reasoning_summary_text.delta", {**place, "delta": piece}
            yield "response.reasoning_summary_text.done", {**place, "text": part["text"]}
            yield "response.reasoning_summary_part.done", {**place, "part": part}
    else:
        for at, part in enumerate(item["content"]):
            yield from _part(part, {"content_index": at}, size)


def _part(part: dict[str, Any], place: dict[str, Any], size: int) -> Iterable[tuple[str, dict[str, Any]]]:
    key = "refusal" if part["type"] == "refusal" else "text"
    kind = "response.refusal" if key == "refusal" else "response.output_text"
    extra: dict[str, Any] = {} if key == "refusal" else {"logprobs": []}
    yield "response.content_part.added", {**place, "part": {**part, key: ""}}
    for piece in answers.cut(part[key], size):
        yield f"{kind}.delta", {**place, "delta": piece, **extra}
    yield f"{kind}.done", {**place, key: part[key], **extra}
    yield "response.content_part.done", {**place, "part": part}
