"""Streams of chat completions as OpenAI and compatible providers send them, each with the answer that it stands for.

After the providers' documentation and public recordings; ids and opaque values are made up.
"""

from __future__ import annotations

import json
from typing import Any

HEAD: dict[str, Any] = {
    "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "object": "chat.completion.chunk", "created": 1741570283,
    "model": "gpt-4o-2024-08-06", "service_tier": "default", "system_fingerprint": "fp_fc9f1d7035",
}  # fmt: skip
USAGE: dict[str, Any] = {
    "prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
    },
}  # fmt: skip
DONE = "[DONE]"


def sent(*events: Any, end: str = "\n", ascii_only: bool = True) -> bytes:
    """Events as bytes; `: text` is a comment."""
    texts = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=ascii_only) for each in events]
    return "".join((text if text[:1] == ":" else f"data: {text}") + end * 2 for text in texts).encode()


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **beside: Any) -> dict[str, Any]:
    """A chunk of OpenAI's with one choice, or none."""
    choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return HEAD | {"choices": choices} | beside


def said(message: dict[str, Any], finish: str = "stop", **beside: Any) -> dict[str, Any]:
    """OpenAI's whole answer with one choice."""
    full = {"role": "assistant", "content": None, "refusal": None} | message
    choice = {"index": 0, "message": full, "logprobs": None, "finish_reason": finish}
    return HEAD | {"object": "chat.completion", "choices": [choice]} | beside


def called(name: str, arguments: str, identity: str) -> dict[str, Any]:
    """A call of a function in a whole answer."""
    return {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}


def part(index: int | None, identity: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    """A fragment of a tool call; what is None is left out."""
    function = {"name": name, "arguments": arguments}
    begun = {"index": index, "id": identity, "type": None if identity is None else "function"}
    kept = {key: value for key, value in begun.items() if value is not None}
    return kept | {"function": {key: value for key, value in function.items() if value is not None}}


def calls(*parts: dict[str, Any]) -> dict[str, Any]:
    """A chunk with fragments of tool calls."""
    return chunk({"tool_calls": list(parts)})


ROLE = chunk({"role": "assistant", "content": "", "refusal": None})
HELLO = [ROLE, chunk({"content": "Hello"}), chunk({}, "stop")]
CALLING = chunk({"role": "assistant", "content": None, "refusal": None})

TEXT = sent(
    ROLE | {"usage": None, "obfuscation": "Wz2"},
    chunk({"content": "Hello"}, usage=None, obfuscation="x8"),
    chunk({"content": "! Grüße, 世界 👩‍👧"}, usage=None, obfuscation=""),
    chunk({"content": "\r\n\n\u2028done."}, usage=None),
    chunk({}, "stop", usage=None, obfuscation="qqq"),
    chunk(None, usage=USAGE, obfuscation="n"),
    DONE,
    ascii_only=False,
)
TEXT_WHOLE = said({"content": "Hello! Grüße, 世界 👩‍👧\r\n\n\u2028done."}, usage=USAGE)

REFUSED = sent(ROLE, chunk({"refusal": "I'm sorry,"}), chunk({"refusal": " no."}), chunk({}, "stop"), DONE)
REFUSED_WHOLE = said({"content": "", "refusal": "I'm sorry, no."})

TOOLS = sent(
    CALLING,
    calls(part(0, "call_a", "get_weather", "")),
    calls(part(0, None, None, '{"city":')),
    calls(part(0, None, None, ' "Paris"}')),
    calls(part(1, "call_b", "get_weather", "")),
    calls(part(1, None, None, '{"city": "Rome"}')),
    chunk({}, "tool_calls"),
    DONE,
)
PARIS, ROME = '{"city": "Paris"}', '{"city": "Rome"}'
TOOLS_WHOLE = said(
    {"tool_calls": [called("get_weather", PARIS, "call_a"), called("get_weather", ROME, "call_b")]}, "tool_calls"
)

NO_INDEX = sent(
    CALLING,
    calls(part(None, "call_a", "get_weather", PARIS), part(None, "call_b", "get_weather", ROME)),
    chunk({}, "tool_calls"),
    DONE,
    end="\r\n",
)
ONE_INDEX = sent(
    CALLING,
    calls(part(0, "call_a", "get_weather", PARIS)),
    calls(part(0, "call_b", "get_weather", ROME[:4])),
    calls(part(0, None, None, ROME[4:])),
    chunk({}, "tool_calls"),
    DONE,
)
REPEATED = sent(
    CALLING,
    calls(part(0, "call_a", "get_weather", PARIS[:4])),
    calls(part(0, "call_a", "get_weather", PARIS[4:])),
    calls(part(0, "call_b", "get_weather", ROME[:4])),
    calls(part(1, None, None, ROME[4:])),
    chunk({}, "tool_calls"),
    DONE,
    end="\r",
)

CUSTOM = sent(
    CALLING,
    calls({"index": 0, "id": "call_c", "type": "custom", "custom": {"name": "sql", "input": ""}}),
    calls({"index": 0, "custom": {"input": "SELECT"}}),
    calls({"index": 0, "custom": {"input": " 1"}}),
    chunk({}, "tool_calls"),
    DONE,
)
CUSTOM_WHOLE = said(
    {"tool_calls": [{"id": "call_c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}]}, "tool_calls"
)

FUNCTION = sent(
    chunk({"role": "assistant", "content": None, "function_call": {"name": "get_weather", "arguments": ""}}),
    chunk({"function_call": {"arguments": PARIS[:7]}}),
    chunk({"function_call": {"arguments": PARIS[7:]}}),
    chunk({}, "function_call"),
    DONE,
)
FUNCTION_WHOLE = said({"function_call": {"name": "get_weather", "arguments": PARIS}}, "function_call")
del FUNCTION_WHOLE["choices"][0]["message"]["refusal"]

CITED = {
    "type": "url_citation",
    "url_citation": {"url": "https://example.com", "title": "E", "start_index": 0, "end_index": 4},
}
ANNOTATED = sent(ROLE, chunk({"content": "See."}), chunk({"annotations": [CITED]}), chunk({}, "stop"), DONE)
ANNOTATED_WHOLE = said({"content": "See.", "annotations": [CITED]})


def probable(token: str) -> dict[str, Any]:
    """A token with its log probability."""
    return {"token": token, "logprob": -0.25, "bytes": list(token.encode()), "top_logprobs": []}


def with_choice(event: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A chunk with other fields in its one choice."""
    return event | {"choices": [event["choices"][0] | fields]}


LIKELY = sent(
    ROLE,
    with_choice(chunk({"content": "Yes"}), logprobs={"content": [probable("Yes")], "refusal": None}),
    with_choice(chunk({"content": "."}), logprobs={"content": [probable(".")], "refusal": None}),
    chunk({}, "stop"),
    DONE,
)
LIKELY_WHOLE = said({"content": "Yes."})
LIKELY_WHOLE["choices"][0]["logprobs"] = {"content": [probable("Yes"), probable(".")], "refusal": None}

TWO = sent(
    ROLE,
    with_choice(ROLE, index=1),
    chunk({"content": "One"}),
    with_choice(chunk({"content": "Two"}), index=1),
    with_choice(chunk({}, "length"), index=1),
    chunk({}, "stop"),
    DONE,
)
TWO_WHOLE = said({"content": "One"})
TWO_WHOLE["choices"].append(said({"content": "Two"}, "length")["choices"][0] | {"index": 1})

# DeepSeek: reasoning beside text, comments while it waits, usage in the last chunk with a choice
DEEPSEEK = sent(
    ": keep-alive",
    chunk({"role": "assistant", "content": None, "reasoning_content": ""}),
    chunk({"content": None, "reasoning_content": "Let me"}),
    chunk({"content": None, "reasoning_content": " think."}),
    ": keep-alive",
    chunk({"content": "42", "reasoning_content": None}),
    chunk({"content": "", "reasoning_content": None}, "stop", usage=USAGE),
    DONE,
)
DEEPSEEK_WHOLE = said({"content": "42", "reasoning_content": "Let me think."}, usage=USAGE)
del DEEPSEEK_WHOLE["choices"][0]["message"]["refusal"]

# OpenRouter: details of reasoning in pieces under one index, the encrypted ones whole, fields of its own
_SUMMARY = {"type": "reasoning.summary", "format": "openai-responses-v1", "index": 0}
_SEALED = {"type": "reasoning.encrypted", "data": "gAAAAB", "id": "rs_1", "format": "openai-responses-v1", "index": 0}


def _routed(delta: dict[str, Any], finish: str | None = None, native: str | None = None) -> dict[str, Any]:
    event = chunk({"role": "assistant", "content": "", **delta}, finish, provider="OpenAI")
    return with_choice(event, native_finish_reason=native)


OPENROUTER = sent(
    ": OPENROUTER PROCESSING",
    _routed({"reasoning": "**Resp", "reasoning_details": [_SUMMARY | {"summary": "**Resp"}]}),
    _routed({"reasoning": "onding**", "reasoning_details": [_SUMMARY | {"summary": "onding**"}]}),
    _routed({"reasoning": None, "reasoning_details": [_SEALED]}),
    _routed({"content": "Olá!"}),
    _routed({}, "stop", "completed"),
    chunk({"role": "assistant", "content": ""}, provider="OpenAI", usage=USAGE),
    DONE,
)
OPENROUTER_WHOLE = said(
    {
        "content": "Olá!",
        "reasoning": "**Responding**",
        "reasoning_details": [_SUMMARY | {"summary": "**Responding**"}, _SEALED],
    },
    usage=USAGE,
    provider="OpenAI",
)
OPENROUTER_WHOLE["choices"][0]["native_finish_reason"] = "completed"
del OPENROUTER_WHOLE["choices"][0]["message"]["refusal"]

# Azure: filters before and beside the text; no byte order mark ever, but a reader must bear one
_SAFE = {"hate": {"filtered": False, "severity": "safe"}}
AZURE = b"\xef\xbb\xbf" + sent(
    {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]},
    with_choice(ROLE, content_filter_results={}),
    with_choice(chunk({"content": "Hi"}), content_filter_results=_SAFE),
    with_choice(chunk({}, "stop"), content_filter_results={}),
    DONE,
)
AZURE_WHOLE = said({"content": "Hi"}, prompt_filter_results=[{"prompt_index": 0}])
AZURE_WHOLE["choices"][0]["content_filter_results"] = {}

STREAMS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "text": (TEXT, TEXT_WHOLE),
    "refused": (REFUSED, REFUSED_WHOLE),
    "tools": (TOOLS, TOOLS_WHOLE),
    "tools without index": (NO_INDEX, TOOLS_WHOLE),
    "tools under one index": (ONE_INDEX, TOOLS_WHOLE),
    "tools named again and again": (REPEATED, TOOLS_WHOLE),
    "custom tool": (CUSTOM, CUSTOM_WHOLE),
    "function": (FUNCTION, FUNCTION_WHOLE),
    "annotated": (ANNOTATED, ANNOTATED_WHOLE),
    "logprobs": (LIKELY, LIKELY_WHOLE),
    "two choices": (TWO, TWO_WHOLE),
    "deepseek": (DEEPSEEK, DEEPSEEK_WHOLE),
    "openrouter": (OPENROUTER, OPENROUTER_WHOLE),
    "azure": (AZURE, AZURE_WHOLE),
}
"""By name: the bytes, and the whole answer."""
