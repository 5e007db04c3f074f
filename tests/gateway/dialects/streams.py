"""Every recorded stream of every protocol: what the fuzz test runs over."""

from __future__ import annotations

from typing import Any

from tests.gateway.dialects import streams_chat, streams_messages, streams_responses

RECORDED: dict[str, dict[str, tuple[bytes, dict[str, Any]]]] = {
    "openai.chat": streams_chat.STREAMS,
    "openai.responses": streams_responses.STREAMS,
    "anthropic.messages": streams_messages.STREAMS,
}
"""By name of the dialect, by name of the stream: its bytes, and the whole answer that it stands for."""
