# ruff: noqa: E501 (recorded lines are as long as they come)
"""Streams of Anthropic Messages as they come over the wire, each with the whole message that it stands for.

After the examples of the provider's documentation of streaming; ids and opaque values are made up.
"""

from __future__ import annotations

import json
from typing import Any


def recorded(lines: str) -> bytes:
    """Lines of JSON as the events of a stream, each under the name of its type."""
    events = ((json.loads(line)["type"], line) for line in lines.strip().splitlines())
    return b"".join(f"event: {kind}\ndata: {line}\n\n".encode() for kind, line in events)


def message(content: list[dict[str, Any]], *, stop: str = "end_turn", **beside: Any) -> dict[str, Any]:
    """A whole message around its content."""
    return {
        "id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY", "type": "message", "role": "assistant",
        "model": "claude-sonnet-5-5-20260801", "content": content, "stop_reason": stop, "stop_sequence": None,
        "usage": {"input_tokens": 25, "output_tokens": 15},
    } | beside  # fmt: skip


_START = (
    '{"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY", "type": "message",'
    ' "role": "assistant", "content": [], "model": "claude-sonnet-5-5-20260801", "stop_reason": null,'
    ' "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}\n'
)
_STOP = '\n{"type": "message_stop"}'

TEXT = recorded(
    _START
    + """{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
{"type": "ping"}
{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}
{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "! Grüße \\ud83d\\ude00"}}
{"type": "content_block_stop", "index": 0}
{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 15}}"""
    + _STOP
)
TEXT_WHOLE = message([{"type": "text", "text": "Hello! Grüße 😀"}])

TOOLS = recorded(
    _START
    + """{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Okay, let's check the weather:"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_01T1x1fJ34","name":"get_weather","input":{}}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"location\\":"}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":" \\"San Francisco, CA\\", \\"n\\": 123456789012"}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"34567890, \\"deep\\": [1.5, null, {}]}"}}
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_02","name":"get_time","input":{}}}
{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}
{"type":"content_block_stop","index":2}
{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}"""
    + _STOP
)
TOOLS_WHOLE = message(
    [
        {"type": "text", "text": "Okay, let's check the weather:"},
        {
            "type": "tool_use", "id": "toolu_01T1x1fJ34", "name": "get_weather",
            "input": {"location": "San Francisco, CA", "n": 12345678901234567890, "deep": [1.5, None, {}]},
        },
        {"type": "tool_use", "id": "toolu_02", "name": "get_time", "input": {}},
    ],
    stop="tool_use",
    usage={"input_tokens": 25, "output_tokens": 89},
)  # fmt: skip

THINKING = recorded(
    _START
    + """{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"I need the GCD of 1071 and 462."}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"\\n1071 = 2 × 462 + 147"}}
{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"redacted_thinking","data":"EmwKAhgBEgy3va3pzix"}}
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"It is 21."}}
{"type":"content_block_stop","index":2}
{"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"END"},"usage":{"input_tokens":26,"cache_creation_input_tokens":7,"cache_read_input_tokens":100,"output_tokens":40,"output_tokens_details":{"thinking_tokens":30}}}"""
    + _STOP
)
THINKING_WHOLE = message(
    [
        {
            "type": "thinking", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h",
            "thinking": "I need the GCD of 1071 and 462.\n1071 = 2 × 462 + 147",
        },
        {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
        {"type": "text", "text": "It is 21."},
    ],
    stop="stop_sequence",
    stop_sequence="END",
    usage={
        "input_tokens": 26, "cache_creation_input_tokens": 7, "cache_read_input_tokens": 100, "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 30},
    },
)  # fmt: skip

_CITATION = {
    "type": "web_search_result_location", "cited_text": "Shannon was born in 1916", "encrypted_index": "Eo8BCioIAhgB",
    "title": "Claude Shannon", "url": "https://example.org/shannon",
}  # fmt: skip
_RESULT = {
    "type": "web_search_result", "url": "https://example.org/shannon", "title": "Claude Shannon",
    "encrypted_content": "EqgfCioIARgBIiQ3YTAw", "page_age": "April 30, 2025",
}  # fmt: skip
SEARCH = recorded(
    _START
    + """{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srvtoolu_014","name":"web_search","input":{}}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\\"query\\""}}
{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":": \\"shannon\\"}"}}
{"type":"content_block_stop","index":0}
"""
    + json.dumps(
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_014", "content": [_RESULT]},
        }
    )
    + """
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"citations":[],"type":"text","text":""}}
"""
    + json.dumps(
        {"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": _CITATION}}
    )
    + """
{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"He was born in 1916."}}
{"type":"content_block_stop","index":2}
{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":510,"server_tool_use":{"web_search_requests":1,"web_fetch_requests":0}}}"""
    + _STOP
)
SEARCH_WHOLE = message(
    [
        {"type": "server_tool_use", "id": "srvtoolu_014", "name": "web_search", "input": {"query": "shannon"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_014", "content": [_RESULT]},
        {"type": "text", "text": "He was born in 1916.", "citations": [_CITATION]},
    ],
    usage={
        "input_tokens": 25, "output_tokens": 510, "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0}
    },
)  # fmt: skip

REFUSED = recorded(
    _START
    + """{"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_sequence": null, "stop_details": {"type": "refusal", "category": "bio", "explanation": null}}, "usage": {"output_tokens": 15}}"""
    + _STOP
)
REFUSED_WHOLE = message([], stop="refusal", stop_details={"type": "refusal", "category": "bio", "explanation": None})

STREAMS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "text": (TEXT, TEXT_WHOLE),
    "tools": (TOOLS, TOOLS_WHOLE),
    "thinking": (THINKING, THINKING_WHOLE),
    "search": (SEARCH, SEARCH_WHOLE),
    "refused": (REFUSED, REFUSED_WHOLE),
}
"""By name: the bytes, and the whole message."""
