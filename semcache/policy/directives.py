"""What a caller asks of the cache in header fields: `Cache-Control` of RFC 9111 and RFC 5861, and `X-Cache-*`.

The rule. `Cache-Control` is read as the RFC says: names in any case, arguments as tokens or quoted strings, unknown
and malformed directives ignored, and nothing else lost by them. Where one stands twice, the tighter counts.
`max-age=0` asks for a fresh answer, as `no-cache` does; `stale-if-error` and `stale-while-revalidate` need their
seconds. `X-Cache-*` is ours, and a value that means nothing there is the caller's error. All of it is only asked for
here: it can tighten what the operator allows, and is bounded where it is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from semcache.errors import RequestError
from semcache.models import Context, Strategy

MOST_TAGS: Final = 64
LONGEST_TAG: Final = 128
"""Characters."""
_FOREVER: Final = 2**31
"""Seconds: what RFC 9111, section 1.2.2, makes of more."""
_MOST_TTL_S: Final = 10 * 366 * 86400.0

_CONTEXTS: Final[dict[str, Context]] = {"exact": "exact", "semantic": "semantic"}

_ELEMENT = re.compile(
    rb"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)"  # a token
    rb'(?:=(?:([!#$%&\'*+.^_`|~0-9A-Za-z-]+)|"((?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*)"))?'
    rb"[ \t]*(?:,|$)"
)
_TO_NEXT = re.compile(rb'(?:[^",]|"(?:[^"\\]|\\.)*"?)*(?:,|$)', re.DOTALL)
"""A malformed element, up to the comma that ends it; commas in quoted strings end nothing."""
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_SECONDS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,6})?")
_FRACTION = re.compile(r"(?:0(?:\.[0-9]{0,12})?|\.[0-9]{1,12}|1(?:\.0{0,12})?)")


class Directives(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for; None where nothing was."""

    no_cache: bool = False
    no_store: bool = False
    max_age_s: float | None = None
    only_if_cached: bool = False
    stale_if_error_s: float | None = None
    stale_while_revalidate_s: float | None = None
    ttl_s: float | None = None
    threshold: float | None = None
    namespace: str | None = None
    """As it stands in `X-Cache-Namespace`; whether it is one, and open to the caller, is for its credential to say."""
    tags: tuple[str, ...] = ()
    strategy: Strategy | None = None
    context: Context | None = None


NONE: Final = Directives()


def read(headers: Mapping[bytes, bytes]) -> Directives:
    """The directives of a request. `headers`: lower-case names; repeated fields joined by commas.

    Raises RequestError, naming the header, for an `X-Cache-*` value that cannot be understood.
    """
    found = _ours(headers)
    control = headers.get(b"cache-control")
    if not control:
        return NONE if not found else Directives(**found)  # type: ignore[arg-type]
    asked = dict[str, int | None]()
    for name, argument in directives(control):
        if name not in _TIMED:
            asked[name] = None
        elif argument is not None and argument.isdigit():
            seconds = min(int(argument[:11]), _FOREVER)
            earlier = asked.get(name)
            asked[name] = seconds if earlier is None else min(seconds, earlier)
    return Directives(
        no_cache="no-cache" in asked or asked.get("max-age") == 0,
        no_store="no-store" in asked,
        max_age_s=asked.get("max-age"),
        only_if_cached="only-if-cached" in asked,
        stale_if_error_s=asked.get("stale-if-error"),
        stale_while_revalidate_s=asked.get("stale-while-revalidate"),
        **found,  # type: ignore[arg-type]
    )


_TIMED: Final = frozenset({"max-age", "stale-if-error", "stale-while-revalidate"})
"""Directives that need delta-seconds: digits, nothing else."""


def directives(control: bytes) -> Iterator[tuple[str, str | None]]:
    """The well-formed elements of a `Cache-Control` value: name in lower case; argument unquoted, None without one."""
    at = 0
    while at < len(control):
        element = _ELEMENT.match(control, at)
        if element is None:
            skipped = _TO_NEXT.match(control, at)
            assert skipped is not None  # it may match nothing but the comma
            at = max(skipped.end(), at + 1)
            continue
        at = element.end()
        name, token, quoted = element.groups()
        argument = token if token is not None else _ESCAPED.sub(rb"\1", quoted) if quoted is not None else None
        yield name.decode("ascii").lower(), None if argument is None else argument.decode("latin-1")


def _ours(headers: Mapping[bytes, bytes]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, (field, parse) in _FIELDS.items():
        value = headers.get(name)
        if value is not None:
            found[field] = parse(value.decode("latin-1").strip(" \t"))
    return found


def _ttl(value: str) -> float:
    if not _SECONDS.fullmatch(value) or float(value) > _MOST_TTL_S:
        raise RequestError("a time to live is a number of seconds, at least 0", field="X-Cache-TTL")
    return float(value)


def _threshold(value: str) -> float:
    if not _FRACTION.fullmatch(value):
        raise RequestError("a threshold is a number from 0 to 1", field="X-Cache-Threshold")
    return float(value)


def _strategy(value: str) -> Strategy:
    try:
        return Strategy(value.lower())
    except ValueError as error:
        raise RequestError(f"a strategy is one of {', '.join(Strategy)}", field="X-Cache-Strategy") from error


def _context(value: str) -> Context:
    found = _CONTEXTS.get(value.lower())
    if found is None:
        raise RequestError(f"a context is one of {', '.join(_CONTEXTS)}", field="X-Cache-Context")
    return found


def _tags(value: str) -> tuple[str, ...]:
    try:
        value = value.encode("latin-1").decode()
    except UnicodeDecodeError as error:
        raise RequestError("tags are UTF-8 text", field="X-Cache-Tags") from error
    tags = tuple(dict.fromkeys(tag for tag in (part.strip(" \t") for part in value.split(",")) if tag))
    if len(tags) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in tags):
        raise RequestError(
            f"there are at most {MOST_TAGS} tags of at most {LONGEST_TAG} characters, between commas",
            field="X-Cache-Tags",
        )
    return tags


_FIELDS: Final[dict[bytes, tuple[str, Callable[[str], object]]]] = {
    b"x-cache-ttl": ("ttl_s", _ttl),
    b"x-cache-threshold": ("threshold", _threshold),
    b"x-cache-strategy": ("strategy", _strategy),
    b"x-cache-context": ("context", _context),
    b"x-cache-tags": ("tags", _tags),
    b"x-cache-namespace": ("namespace", str),
}
