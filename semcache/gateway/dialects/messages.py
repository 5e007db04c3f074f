"""Anthropic Messages: what a request asks and what a message says.

Shapes after the official SDK's types and https://docs.anthropic.com/en/api/messages. Its streams are the business of
`messages_stream` and `messages_replay`.

* `system` and `tools` are parameters; only `messages` are messages. A last message of the assistant (a prefill) leaves
  nothing to compare by meaning, which `policy.identity` sees by itself.
* Tools by version suffix are either run by the client (it gets a `tool_use` and answers it) or by Anthropic. Only
  the former are known by name here: a tool that this module does not know counts as hosted. Searching the request's own
  tools depends on nothing but the request and is none of the changing world.
* `input_tokens` of Anthropic counts what no prompt cache touched; `Usage.input_tokens` is the total with both.
* Of its beta features, what changes an answer and stands in the body is part of the identity like any other field; what
  stands in the `anthropic-beta` header is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from semcache.errors import RequestError
from semcache.gateway.dialect import Asked, Assembler
from semcache.gateway.dialects import messages_replay, reading, searching, wire
from semcache.gateway.dialects.messages_stream import MessageAssembler
from semcache.gateway.headers import Provider
from semcache.models import Usage
from semcache.policy import canonical
from semcache.policy.generation import Answered, Finish, Traits

NAME: Final = "anthropic.messages"

CLIENT_TOOLS: Final = ("bash_", "text_editor_", "computer_", "browser_toolset_", "memory_", "tool_search_tool")
"""Beginnings of the types of tools that the client runs, or that look at nothing but the request."""

MEDIA: Final = frozenset({"image", "document", "container_upload"})

_STATE: Final = ("container", "thread")
_FINISHES: Final = {
    "end_turn": Finish.NATURAL,
    "stop_sequence": Finish.NATURAL,
    "tool_use": Finish.TOOL_CALL,
    "max_tokens": Finish.LENGTH,
    "model_context_window_exceeded": Finish.LENGTH,
    "refusal": Finish.REFUSAL,
    "pause_turn": Finish.PAUSED,
    "compaction": Finish.PAUSED,
}
_SILENT: Final = frozenset({"thinking", "redacted_thinking"})

_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class Messages:
    """`POST /v1/messages`."""

    name = NAME
    path = "/v1/messages"
    provider: Provider = "anthropic"
    no_usage: dict[str, Any] | None = None

    def read(self, body: dict[str, Any]) -> Asked:
        """Understand a request. Raises RequestError for one that is none of this protocol."""
        messages = reading.objects(body, "messages")
        if not messages:
            raise RequestError("at least one message is needed", field="messages")
        params = reading.params(body, NAME, "model", "messages")
        if isinstance(body.get("system"), list):  # one block of text is the same as that text
            params["system"] = canonical.message({"content": body["system"]})["content"]
        metadata = body.get("metadata")
        return Asked(
            model=reading.model_of(body),
            messages=messages,
            params=params,
            stream=reading.streamed(body),
            user=reading.named(metadata.get("user_id")) if isinstance(metadata, dict) else None,
            traits=Traits(
                temperature=reading.number(body, "temperature"),
                state=next((name for name in _STATE if body.get(name) is not None), None),
                hosted_tools=_hosted(body, messages),
                media_input=any(wire.kind(part) in MEDIA for part in _blocks(messages)),
            ),
        )

    def judge(self, response: Mapping[str, Any]) -> Answered:
        """What a whole message is. Never raises: Finish.UNKNOWN for what is not understood."""
        if wire.kind(response) == "error":
            return Answered(finish=Finish.ERROR, empty=True)
        content, reason = response.get("content"), response.get("stop_reason")
        blocks = list(reading.parts(content))
        finish = _FINISHES.get(reason, Finish.UNKNOWN) if isinstance(reason, str) else Finish.UNKNOWN
        if not isinstance(content, list) or wire.kind(response) != "message":
            finish = Finish.UNKNOWN
        elif finish is Finish.NATURAL and any(wire.kind(block) == "tool_use" for block in blocks):
            finish = Finish.TOOL_CALL
        usage = response.get("usage")
        told = usage if isinstance(usage, dict) else {}
        read, written = (wire.count(told.get(f"cache_{which}_input_tokens")) for which in ("read", "creation"))
        return Answered(
            finish=finish,
            empty=all(_says_nothing(block) for block in blocks),
            usage=Usage(
                input_tokens=wire.count(told.get("input_tokens")) + read + written,
                output_tokens=wire.count(told.get("output_tokens")),
            )
            if told
            else None,
            cache_read_tokens=read,
            cache_write_tokens=written,
            model=reading.named(response.get("model")),
            text="".join(filter(None, (_text(block) for block in blocks))),
        )

    def assembler(self) -> Assembler:
        """A fresh assembler of one stream."""
        return MessageAssembler()

    def replay(self, response: dict[str, Any], asked: Asked, evidence: dict[str, Any] | None) -> Iterator[bytes]:
        """A message as its stream. The evidence stands in the message of `message_start`: that is the object which
        clients fill up, so it ends where it stands in a whole answer."""
        return messages_replay.replay(response, evidence)

    def restated(self, whole: bytes, asked: Asked) -> bytes:
        """See `Dialect.restated`: these answers repeat nothing of that kind."""
        return whole

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error of ours; `code` where the SDK reads its `error_code`."""
        kind = _ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
        return _error(kind, code, message)

    def error_event(self, code: str, message: str) -> bytes:
        """The same as an SSE event, for a stream that has begun."""
        kind = "timeout_error" if code.endswith("timeout") else "api_error"
        return wire.typed("error", error=_error(kind, code, message)["error"])


def _error(kind: str, code: str, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": message, "details": {"error_code": code}}}


def _blocks(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every content block, those inside tool results and documents too."""
    waiting = [message.get("content") for message in messages]
    while waiting:
        for block in reading.parts(waiting.pop()):
            yield block
            source = block.get("source")
            waiting.extend((block.get("content"), source.get("content") if isinstance(source, dict) else None))


def _hosted(body: Mapping[str, Any], messages: list[dict[str, Any]]) -> tuple[str, ...]:
    """Types of the tools that Anthropic runs, each once, in their order; among them those that a message adds."""
    tools = reading.objects(body, "tools") + [tool for block in _blocks(messages) for tool in _added(block)]
    kinds = [str(tool["type"]) for tool in tools if not _client_runs(tool)]
    if body.get("mcp_servers"):
        kinds.append("mcp_servers")
    kinds += searching.asked(body, reading.model_of(body))
    return tuple(dict.fromkeys(kinds))


def _added(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if wire.kind(block) == "tool_addition":
        for tool in reading.parts(block.get("tool")):
            yield from reading.parts(tool.get("definition"))


def _client_runs(tool: Mapping[str, Any]) -> bool:
    kind = tool.get("type")
    return kind is None or kind == "custom" or (isinstance(kind, str) and kind.startswith(CLIENT_TOOLS))


def _says_nothing(block: Mapping[str, Any]) -> bool:
    said = _text(block)
    return wire.kind(block) in _SILENT if said is None else not said.strip()


def _text(block: Mapping[str, Any]) -> str | None:
    """What a block of text says; None for any other."""
    said = block.get("text")
    return None if wire.kind(block) != "text" else said if isinstance(said, str) else ""
