"""Reading other people's JSON: small typed looks into requests and answers, shared by the dialects.

Requests are read strictly (RequestError names the field, and the gateway passes such a body on unchanged); answers
and events leniently, as what a provider adds must not break what is understood. Knows no protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from semcache.errors import RequestError

T = TypeVar("T")

PROTOCOL: Final = "protocol"
"""The parameter by which answers of different protocols stay apart; see `dialect.Asked.params`."""

EVIDENCE: Final = "x_semcache"
"""The field of an answer that is ours; one in what upstream says is of another semcache before it."""


# --- requests: strictly ----------------------------------------------------------------------------------------


def optional(body: Mapping[str, Any], name: str, kind: type[T]) -> T | None:
    """A field of one type, or None where it is absent or null. Raises RequestError for any other type."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise RequestError(f"{name} is no {kind.__name__}", field=name)


def number(body: Mapping[str, Any], name: str) -> float | None:
    """A numeric field, or None where it is absent or null. Raises RequestError for any other type."""
    value = body.get(name)
    return float(value) if type(value) is int else optional(body, name, float)


def text(body: Mapping[str, Any], name: str) -> str:
    """A text that must be there. Raises RequestError where it is not, or is empty."""
    value = optional(body, name, str)
    if not value:
        raise RequestError(f"{name} is missing", field=name)
    return value


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, empty where the field is absent or null. Raises RequestError for anything else."""
    items = optional(body, name, list) or []
    for place, item in enumerate(items):
        if not isinstance(item, dict):
            raise RequestError(f"{name} holds something that is no object", field=f"{name}.{place}")
    return items


def messages(body: Mapping[str, Any], name: str = "messages") -> list[dict[str, Any]]:
    """A conversation: at least one object, each with a role. Raises RequestError for anything else."""
    items = objects(body, name)
    if not items:
        raise RequestError(f"{name} is missing", field=name)
    for place, item in enumerate(items):
        if not isinstance(item.get("role"), str):
            raise RequestError("a message without a role", field=f"{name}.{place}.role")
    return items


def params(body: Mapping[str, Any], protocol: str, without: Iterable[str]) -> dict[str, Any]:
    """Every field of the body but those of `without`, and the protocol.

    Raises RequestError for a body that has a field of that name: it would go unseen.
    """
    if PROTOCOL in body:
        raise RequestError(f"{PROTOCOL} is no field of this protocol", field=PROTOCOL)
    given = dict(body)
    for name in without:
        given.pop(name, None)
    given[PROTOCOL] = protocol
    return given


# --- answers and events: leniently -----------------------------------------------------------------------------


def decode(data: str) -> dict[str, Any] | None:
    """The JSON object of an event's data; None for anything else."""
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def child(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside an object; empty for anything else."""
    found = value.get(name)
    return found if isinstance(found, Mapping) else {}


def children(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The objects of a list inside an object; empty for anything else."""
    found = value.get(name)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def count(value: Mapping[str, Any], name: str) -> int:
    """A count, such as of tokens; 0 for anything else."""
    found = value.get(name)
    return found if type(found) is int and found > 0 else 0


def string(value: Mapping[str, Any], name: str) -> str | None:
    """A text that is not empty; None for anything else."""
    found = value.get(name)
    return found if isinstance(found, str) and found else None
