"""A stream of Anthropic Messages put together again, as the official SDK does it, but strictly.

Where the SDK passes over what it does not know, this gives up: a message that lacks a piece must not be recorded. An
unknown event or delta, a delta for a block that is not open, tool input that is no JSON object, an `error` event, an
end without `message_stop` or with an open block: all of these leave no result. `ping` means nothing.
"""

from __future__ import annotations

from typing import Any, Final

from semcache.gateway.dialects import wire
from semcache.gateway.sse import Event

LATE_FIELDS: Final = ("context_management", "input_transformations")
"""Fields of a message that stand beside `delta` in `message_delta` (beta)."""

TOOL_BLOCKS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
"""Blocks whose `input` arrives as pieces of JSON."""

_TEXTS: Final = {"text_delta": "text", "thinking_delta": "thinking"}
"""Delta: the block's type, which is also the name of the field that grows, in both."""


class MessageAssembler:
    """Takes the events of one stream; see `gateway.dialect.Assembler`."""

    def __init__(self) -> None:
        self._sound = True
        self._message: dict[str, Any] | None = None
        self._blocks: list[_Block] = []
        self._open: dict[int, _Block] = {}
        self._usage: dict[str, Any] = {}
        self._stopped = False

    def feed(self, event: Event) -> None:
        """Take the next event. Never raises: what is not understood makes the result None."""
        if self._sound:
            body = wire.payload(event)
            self._sound = body is not None and self._take(body)

    def result(self) -> dict[str, Any] | None:
        """The whole message; None unless the stream was complete and sound."""
        if not self._sound or not self._stopped or self._message is None:
            return None
        content = [block.whole for block in self._blocks]
        return {**self._message, "content": content, "usage": self._usage}

    def _take(self, body: dict[str, Any]) -> bool:
        kind = wire.kind(body)
        if kind == "ping":
            return True
        if kind == "message_start":
            return self._begin(body.get("message"))
        if self._message is None or self._stopped:
            return False
        if kind == "content_block_delta":
            block, delta = self._opened(body), body.get("delta")
            return block is not None and isinstance(delta, dict) and block.add(delta)
        if kind == "content_block_start":
            return self._start_block(body.get("index"), body.get("content_block"))
        if kind == "content_block_stop":
            block = self._opened(body)
            return block is not None and self._open.pop(body["index"]).close()
        if kind == "message_delta":
            return self._end(body)
        if kind == "message_stop":
            self._stopped = not self._open and isinstance(self._message.get("stop_reason"), str)
            return self._stopped
        return False

    def _begin(self, message: Any) -> bool:
        if self._message is not None or not isinstance(message, dict) or message.get("content"):
            return False
        self._message = {name: value for name, value in message.items() if name != wire.EVIDENCE}
        self._usage = self._merged(message.get("usage"))
        return True

    def _start_block(self, index: Any, start: Any) -> bool:
        if type(index) is not int or index != len(self._blocks) or not isinstance(start, dict):
            return False
        block = _Block(start)
        self._blocks.append(block)
        self._open[index] = block
        if wire.kind(start) == "fallback" and isinstance(start.get("to"), dict) and self._message is not None:
            # the whole message names the model that answered in the end
            self._message["model"] = start["to"].get("model")
        return True

    def _opened(self, body: dict[str, Any]) -> _Block | None:
        index = body.get("index")
        return self._open.get(index) if type(index) is int else None

    def _end(self, body: dict[str, Any]) -> bool:
        delta = body.get("delta")
        if self._message is None or not isinstance(delta, dict):
            return False
        self._message |= {name: value for name, value in delta.items() if name != "container" or value is not None}
        self._message |= {name: body[name] for name in LATE_FIELDS if body.get(name) is not None}
        self._usage = self._merged(body.get("usage"))
        return True

    def _merged(self, told: Any) -> dict[str, Any]:
        """Later counts are totals and take the place of earlier ones; one that is left out or null leaves them."""
        if not isinstance(told, dict):
            return self._usage
        return self._usage | {
            name: value for name, value in told.items() if value is not None or name not in self._usage
        }


class _Block:
    """One content block as it grows."""

    def __init__(self, start: dict[str, Any]) -> None:
        self.whole = dict(start)
        self._pieces: list[str] = []
        self._json = False

    def add(self, delta: dict[str, Any]) -> bool:
        """Whether the delta was one of this block's."""
        kind, block = wire.kind(delta), wire.kind(self.whole)
        if kind == "citations_delta":
            return block == "text" and self._cite(delta.get("citation"))
        if kind == "signature_delta":
            self.whole["signature"] = delta.get("signature")
            return block == "thinking" and isinstance(delta.get("signature"), str)
        if kind == "compaction_delta":
            self.whole |= {name: delta[name] for name in ("content", "encrypted_content") if name in delta}
            return block == "compaction"
        if kind == "input_json_delta":
            self._json = True
            return block in TOOL_BLOCKS and self._grow(delta.get("partial_json"))
        return _TEXTS.get(kind) == block and self._grow(delta.get(block))

    def close(self) -> bool:
        """Whether the block is whole."""
        grown = "".join(self._pieces)
        if not grown:
            return True
        if self._json:
            self.whole["input"] = wire.decoded(grown)
            return isinstance(self.whole["input"], dict)
        field = wire.kind(self.whole)
        begun = self.whole.get(field)
        self.whole[field] = (begun if isinstance(begun, str) else "") + grown
        return True

    def _grow(self, piece: Any) -> bool:
        if not isinstance(piece, str):
            return False
        self._pieces.append(piece)
        return True

    def _cite(self, citation: Any) -> bool:
        cited = self.whole.get("citations") or []
        if not isinstance(citation, dict) or not isinstance(cited, list):
            return False
        self.whole["citations"] = [*cited, citation]
        return True
