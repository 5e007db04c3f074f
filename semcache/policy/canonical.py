"""Canonical JSON of a request: the same bytes for the same request, however it was spelled.

The rule, after the idea of RFC 8785. Object keys in code point order (which is the byte order of UTF-8; the RFC
sorts UTF-16 units), no blanks, UTF-8, no key twice. A number that is whole is written as its integer, exactly, so
`1`, `1.0` and `1e0` are one and two 64-bit seeds stay two (the RFC would round both to one double); any other is
written with the fewest digits that read back the same. NaN, infinity and lone surrogates are refused.

What is left out is enumerated: `TRANSPORT_FIELDS` of the parameters and `CACHE_MARKS` of messages, content parts and
tools. Everything else counts, known or not. An unset field and `null` are the same for parameters, messages and content
parts; deeper down, in JSON schemas and tool arguments, `null` is a value. An unset field and an explicit default
differ: defaults change without notice.

A message whose content is one plain text part is the message with that text as its content, and a bare prompt is one
such message from the user.

This module knows JSON; what a namespace, a prompt or a tenant is stands in `identity`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from semcache.errors import RequestError

TRANSPORT_FIELDS: Final = frozenset(
    {
        # how the answer travels, not what it says
        "stream",
        "stream_options",
        "timeout",
        "extra_headers",
        "extra_query",
        # whom the provider bills, watches or reports to; for personal prompts `identity` counts who is named here
        "user",
        "safety_identifier",
        "metadata",
        "diagnostics",
        "store",
        # how fast and from which of its own caches the provider works
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "cache_control",
    }
)
"""Parameters of OpenAI chat completions and responses, and of Anthropic messages, that cannot change the answer."""

CACHE_MARKS: Final = frozenset({"cache_control", "prompt_cache_breakpoint"})
"""Marks for the provider's prompt cache, as they stand on messages, content parts and tools."""

TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text"})
"""Types of a content part that is nothing but text."""

MAX_DEPTH: Final = 100

_encode = msgspec.json.Encoder(order="sorted").encode


def user_message(prompt: str) -> list[dict[str, Any]]:
    """The messages that a bare prompt stands for."""
    return [{"role": "user", "content": prompt}]


def encode(value: Any, *, field: str = "") -> bytes:
    """Canonical bytes of a JSON value (see the module's rule, without the parts about messages and parameters).

    Raises RequestError, naming `field` and the path below it, for anything that is no JSON value.
    """
    plain = _plain(value, field, 0)
    try:
        return _encode(plain)
    except UnicodeEncodeError as error:
        raise RequestError("text holds a lone surrogate, which is no Unicode", field=field) from error


def params(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that count: without transport fields, nulls, and cache marks on tools and system blocks."""
    kept = {name: value for name, value in given.items() if name not in TRANSPORT_FIELDS and value is not None}
    for name in ("tools", "system"):
        if isinstance(kept.get(name), list):
            kept[name] = [_unmarked(item) for item in kept[name]]
    return kept


def message(given: Mapping[str, Any]) -> dict[str, Any]:
    """A message in its one spelling."""
    kept = {name: value for name, value in given.items() if value is not None and name not in CACHE_MARKS}
    content = kept.get("content")
    if isinstance(content, list):
        parts = [_part(part) for part in content]
        kept["content"] = parts[0]["text"] if len(parts) == 1 and _is_text(parts[0]) else parts
    return kept


def text_of(canonical_message: Mapping[str, Any]) -> str | None:
    """Text of a message that is text alone, parts joined by line breaks; None if any part of it is not text."""
    content = canonical_message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(_is_text(part) for part in content):
        return "\n".join(part["text"] for part in content)
    return None


def words_of(canonical_message: Mapping[str, Any]) -> str:
    """All text in a message, whatever stands beside it; "" where there is none."""
    content = canonical_message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _part(part: Any) -> Any:
    if not isinstance(part, dict):
        return part
    kept = {name: value for name, value in part.items() if value is not None and name not in CACHE_MARKS}
    if _is_text(kept):
        kept["type"] = "text"
    return kept


def _is_text(part: Any) -> bool:
    return (
        isinstance(part, dict) and len(part) == 2 and part.get("type") in TEXT_PARTS and type(part.get("text")) is str
    )


def _unmarked(item: Any) -> Any:
    if isinstance(item, dict) and not CACHE_MARKS.isdisjoint(item):
        return {name: value for name, value in item.items() if name not in CACHE_MARKS}
    return item


def _plain(value: Any, path: str, depth: int) -> Any:
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        if not math.isfinite(value):
            raise RequestError("a number must be finite", field=path)
        return int(value) if value.is_integer() else value
    if depth >= MAX_DEPTH:
        raise RequestError(f"nested deeper than {MAX_DEPTH} levels", field=path)
    if kind is dict or isinstance(value, Mapping):  # the plain kinds first: asking an abstract one is a call
        return _object(value, path, depth)
    if kind is list or (isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))):
        # Scalars, by far the most, are kept without a call and without building their path.
        return [
            item if type(item) is str else _plain(item, f"{path}.{number}" if path else str(number), depth + 1)
            for number, item in enumerate(value)
        ]
    if isinstance(value, (str, int, float)):  # an enum's member, a numpy float: the plain value it is
        base = str if isinstance(value, str) else int if isinstance(value, int) else float
        return _plain(base.__str__(value) if base is str else base(value), path, depth)
    raise RequestError(f"{kind.__name__} is no JSON value", field=path)


def _object(value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, item in value.items():
        name = key
        if type(key) is not str:
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise RequestError(f"the key {key!r} of an object is no text", field=path)
            name = str.__str__(key) if isinstance(key, str) else str(key)  # e.g. logit_bias={123: 5} from Python
        if name in plain:
            raise RequestError(f"the key {name!r} stands twice in an object", field=path)
        plain[name] = item if type(item) is str else _plain(item, f"{path}.{name}" if path else name, depth + 1)
    return plain
