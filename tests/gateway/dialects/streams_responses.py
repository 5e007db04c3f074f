# ruff: noqa: E501 (recorded lines are as long as they come)
"""Streams of OpenAI Responses as they come over the wire, each with the whole response that it stands for.

After the examples of the provider's documentation of streaming; ids and opaque values are made up. The response that
opens and ends each stream is filled in, the events between are as they were.
"""

from __future__ import annotations

import json
from typing import Any


def response(output: list[dict[str, Any]] | None, **beside: Any) -> dict[str, Any]:
    """A whole response around its output."""
    return {
        "id": "resp_67c9fdcecf488190bdd9a0409de3a1ec", "object": "response", "created_at": 1741487325,
        "status": "completed", "error": None, "incomplete_details": None, "instructions": "Be brief.",
        "max_output_tokens": None, "model": "gpt-4.1-2025-04-14", "output": output, "parallel_tool_calls": True,
        "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": True,
        "temperature": 1.0, "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": 37, "input_tokens_details": {"cached_tokens": 12, "cache_write_tokens": 3},
            "output_tokens": 11, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 48,
        },
        "user": None, "metadata": {},
    } | beside  # fmt: skip


def recorded(lines: str, whole: dict[str, Any], *, last: dict[str, Any] | None = None) -> bytes:
    """Lines of JSON as the events between the opening of a response and its end."""
    opening = whole | {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [{"type": f"response.{name}", "response": opening} for name in ("created", "in_progress")]
    events += [json.loads(line) for line in lines.strip().splitlines()]
    events.append({"type": f"response.{whole['status']}", "response": whole if last is None else last})
    numbered = ({"type": event["type"], "sequence_number": number} | event for number, event in enumerate(events))
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in numbered)


TEXT_WHOLE = response(
    [
        {
            "id": "msg_67c9fdcf", "type": "message", "status": "completed", "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Hi there! Grüße 😀", "annotations": [], "logprobs": []}
            ],
        }
    ]
)  # fmt: skip
_TEXT_LINES = """
{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_67c9fdcf","type":"message","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_67c9fdcf","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}
{"type":"response.output_text.delta","item_id":"msg_67c9fdcf","output_index":0,"content_index":0,"delta":"Hi","logprobs":[],"obfuscation":"K3lr0Aq8hYw2"}
{"type":"response.output_text.delta","item_id":"msg_67c9fdcf","output_index":0,"content_index":0,"delta":" there! Gr\\u00fc\\u00dfe \\ud83d\\ude00","logprobs":[],"obfuscation":"x"}
{"type":"response.output_text.done","item_id":"msg_67c9fdcf","output_index":0,"content_index":0,"text":"Hi there! Gr\\u00fc\\u00dfe \\ud83d\\ude00","logprobs":[]}
{"type":"response.content_part.done","item_id":"msg_67c9fdcf","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi there! Gr\\u00fc\\u00dfe \\ud83d\\ude00","annotations":[],"logprobs":[]}}
{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_67c9fdcf","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi there! Gr\\u00fc\\u00dfe \\ud83d\\ude00","annotations":[],"logprobs":[]}]}}
"""
TEXT = recorded(_TEXT_LINES, TEXT_WHOLE)

BARE = recorded(_TEXT_LINES, TEXT_WHOLE, last=TEXT_WHOLE | {"output": []}) + b"data: [DONE]\n\n"
"""Of a compatible provider that leaves the last event's output empty and ends as chat completions do."""

CUT_WHOLE = response(
    [
        {
            "id": "msg_1", "type": "message", "status": "incomplete", "role": "assistant",
            "content": [{"type": "output_text", "text": "It was a", "annotations": []}],
        }
    ],
    status="incomplete",
    incomplete_details={"reason": "max_output_tokens"},
)  # fmt: skip
CUT = recorded(
    """
{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}}
{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"It was a","logprobs":[]}
{"type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":"It was a","logprobs":[]}
{"type":"response.content_part.done","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"It was a","annotations":[]}}
{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"It was a","annotations":[]}]}}
""",
    CUT_WHOLE,
)

_WEATHER = {
    "type": "function", "name": "get_weather", "description": None, "strict": True,
    "parameters": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]},
}  # fmt: skip
TOOLS_WHOLE = response(
    [
        {
            "id": "rs_1", "type": "reasoning", "encrypted_content": "gAAAAABo",
            "summary": [{"type": "summary_text", "text": "**Look it up**"}, {"type": "summary_text", "text": "Now."}],
        },
        {
            "id": "fc_1", "type": "function_call", "status": "completed", "name": "get_weather", "call_id": "call_1",
            "arguments": '{"location":"Paris, France"}',
        },
        {
            "id": "ctc_1", "type": "custom_tool_call", "status": "completed", "name": "run", "call_id": "call_2",
            "input": "print(1)\n",
        },
    ],
    tools=[_WEATHER, {"type": "custom", "name": "run", "description": "Runs code", "format": {"type": "text"}}],
)  # fmt: skip
TOOLS = recorded(
    """
{"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAAAABo","summary":[]}}
{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":""}}
{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":"**Look it"}
{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":0,"delta":" up**"}
{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":0,"text":"**Look it up**"}
{"type":"response.reasoning_summary_part.done","item_id":"rs_1","output_index":0,"summary_index":0,"part":{"type":"summary_text","text":"**Look it up**"}}
{"type":"response.reasoning_summary_part.added","item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":""}}
{"type":"response.reasoning_summary_text.delta","item_id":"rs_1","output_index":0,"summary_index":1,"delta":"Now."}
{"type":"response.reasoning_summary_text.done","item_id":"rs_1","output_index":0,"summary_index":1,"text":"Now."}
{"type":"response.reasoning_summary_part.done","item_id":"rs_1","output_index":0,"summary_index":1,"part":{"type":"summary_text","text":"Now."}}
{"type":"response.output_item.done","output_index":0,"item":{"id":"rs_1","type":"reasoning","encrypted_content":"gAAAAABo","summary":[{"type":"summary_text","text":"**Look it up**"},{"type":"summary_text","text":"Now."}]}}
{"type":"response.output_item.added","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"in_progress","name":"get_weather","call_id":"call_1","arguments":""}}
{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"{\\"location\\":"}
{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"\\"Paris, France\\"}"}
{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":1,"arguments":"{\\"location\\":\\"Paris, France\\"}","name":"get_weather"}
{"type":"response.output_item.done","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"completed","name":"get_weather","call_id":"call_1","arguments":"{\\"location\\":\\"Paris, France\\"}"}}
{"type":"response.output_item.added","output_index":2,"item":{"id":"ctc_1","type":"custom_tool_call","status":"in_progress","name":"run","call_id":"call_2","input":""}}
{"type":"response.custom_tool_call_input.delta","item_id":"ctc_1","output_index":2,"delta":"print(1)\\n"}
{"type":"response.custom_tool_call_input.done","item_id":"ctc_1","output_index":2,"input":"print(1)\\n"}
{"type":"response.output_item.done","output_index":2,"item":{"id":"ctc_1","type":"custom_tool_call","status":"completed","name":"run","call_id":"call_2","input":"print(1)\\n"}}
""",
    TOOLS_WHOLE,
)

REFUSED_WHOLE = response(
    [
        {
            "id": "msg_2", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "refusal", "refusal": "I'm sorry, I can't."}],
        }
    ]
)  # fmt: skip
REFUSED = recorded(
    """
{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_2","type":"message","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_2","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":""}}
{"type":"response.refusal.delta","item_id":"msg_2","output_index":0,"content_index":0,"delta":"I'm sorry,"}
{"type":"response.refusal.delta","item_id":"msg_2","output_index":0,"content_index":0,"delta":" I can't."}
{"type":"response.refusal.done","item_id":"msg_2","output_index":0,"content_index":0,"refusal":"I'm sorry, I can't."}
{"type":"response.content_part.done","item_id":"msg_2","output_index":0,"content_index":0,"part":{"type":"refusal","refusal":"I'm sorry, I can't."}}
{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_2","type":"message","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"I'm sorry, I can't."}]}}
""",
    REFUSED_WHOLE,
)

_CITATION = {"type": "url_citation", "start_index": 0, "end_index": 5, "url": "https://example.org", "title": "Paris"}
SEARCH_WHOLE = response(
    [
        {
            "id": "ws_1", "type": "web_search_call", "status": "completed",
            "action": {"type": "search", "query": "paris"},
        },
        {
            "id": "msg_3", "type": "message", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "Paris it is.", "annotations": [_CITATION], "logprobs": []}],
        },
    ]
)  # fmt: skip
SEARCH = recorded(
    """
{"type":"response.output_item.added","output_index":0,"item":{"id":"ws_1","type":"web_search_call","status":"in_progress"}}
{"type":"response.web_search_call.in_progress","output_index":0,"item_id":"ws_1"}
{"type":"response.web_search_call.searching","output_index":0,"item_id":"ws_1"}
{"type":"response.web_search_call.completed","output_index":0,"item_id":"ws_1"}
{"type":"response.output_item.done","output_index":0,"item":{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"paris"}}}
{"type":"response.output_item.added","output_index":1,"item":{"id":"msg_3","type":"message","status":"in_progress","role":"assistant","content":[]}}
{"type":"response.content_part.added","item_id":"msg_3","output_index":1,"content_index":0,"part":{"type":"output_text","text":"","annotations":[],"logprobs":[]}}
{"type":"response.output_text.delta","item_id":"msg_3","output_index":1,"content_index":0,"delta":"Paris it is.","logprobs":[]}
{"type":"response.output_text.annotation.added","item_id":"msg_3","output_index":1,"content_index":0,"annotation_index":0,"annotation":{"type":"url_citation","start_index":0,"end_index":5,"url":"https://example.org","title":"Paris"}}
{"type":"response.output_text.done","item_id":"msg_3","output_index":1,"content_index":0,"text":"Paris it is.","logprobs":[]}
{"type":"response.content_part.done","item_id":"msg_3","output_index":1,"content_index":0,"part":{"type":"output_text","text":"Paris it is.","annotations":[{"type":"url_citation","start_index":0,"end_index":5,"url":"https://example.org","title":"Paris"}],"logprobs":[]}}
{"type":"response.output_item.done","output_index":1,"item":{"id":"msg_3","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Paris it is.","annotations":[{"type":"url_citation","start_index":0,"end_index":5,"url":"https://example.org","title":"Paris"}],"logprobs":[]}]}}
""",
    SEARCH_WHOLE,
)

STREAMS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "text": (TEXT, TEXT_WHOLE),
    "bare": (BARE, TEXT_WHOLE),
    "cut": (CUT, CUT_WHOLE),
    "tools": (TOOLS, TOOLS_WHOLE),
    "refused": (REFUSED, REFUSED_WHOLE),
    "search": (SEARCH, SEARCH_WHOLE),
}
"""By name: the bytes, and the whole response."""
