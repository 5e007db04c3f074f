"""What is to be warmed, read from lines or JSON items. Pure: bytes in, items or the complaints about them out.

A line is one of

    {"route": "/v1/chat/completions", "body": {...}}     a provider's request, as a client would send it
    {"model": "...", "messages": [...], ...}             the body of a chat completion, bare
    {"prompt": "...", "model": "..."}                    one user message to a chat model
    any other text                                       the same, where a default model is given

The first and the third may carry `namespace`, `tags` and `ttl_s`. Blank lines and lines that begin with `#` are passed
over. It does not know whether a model exists, nor what is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from semcache.errors import RequestError, SemcacheError, TooLarge

MOST_ITEMS: Final = 100_000
MOST_BYTES: Final = 64_000_000
"""Bytes of all bodies of one list together: they wait in the store until they are done."""
ROUTES: Final = ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings")
_SHOWN: Final = 10
"""Wrong lines that are told; of more, the number."""

Namespace = Callable[[str | None], str]
"""The namespace for what an item names (None: nothing). Raises RequestError or Forbidden where it may not be."""


class WarmItem(msgspec.Struct, frozen=True, kw_only=True):
    """One request to have an answer for."""

    line: int
    """Where it stood in its list, from 1."""
    route: str
    """One of ROUTES."""
    body: bytes
    """The JSON to send to the provider."""
    namespace: str
    tags: tuple[str, ...] = ()
    ttl_s: float | None = None


class _Kept(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    namespace: str | None = None
    tags: Annotated[list[Annotated[str, Meta(min_length=1, max_length=128)]], Meta(max_length=64)] = []
    ttl_s: Annotated[float, Meta(ge=0.0, le=1e10)] | None = None


class _Request(_Kept, forbid_unknown_fields=True, kw_only=True):
    route: str
    body: dict[str, Any]


class _Prompt(_Kept, forbid_unknown_fields=True, kw_only=True):
    prompt: Annotated[str, Meta(min_length=1)]
    model: str | None = None


def read_lines(
    lines: Iterable[tuple[int, bytes]], *, model: str | None, namespace: Namespace, longest: int
) -> list[WarmItem]:
    """Items of numbered lines; `longest` bounds one in bytes.

    Raises RequestError that names the lines which are none, TooLarge for more than a list may hold.
    """
    return _gather(((at, line, _of_line) for at, line in lines if _counts(line)), "line", model, namespace, longest)


def read_items(items: Iterable[bytes], *, model: str | None, namespace: Namespace, longest: int) -> list[WarmItem]:
    """Items of JSON values, numbered from 1: objects as on lines, or texts. Raises as `read_lines` does."""
    return _gather(((at, item, _of_json) for at, item in enumerate(items, 1)), "item", model, namespace, longest)


def _counts(line: bytes) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(b"#")


_Reader = Callable[[bytes, int, str | None, Namespace], WarmItem]


def _gather(
    numbered: Iterable[tuple[int, bytes, _Reader]], what: str, model: str | None, namespace: Namespace, longest: int
) -> list[WarmItem]:
    found: list[WarmItem] = []
    wrong: list[str] = []
    first, size = 0, 0
    for at, raw, read in numbered:
        try:
            if len(raw) > longest:
                raise TooLarge(f"longer than {longest} bytes (limits.body_bytes)")
            item = read(raw, at, model, namespace)
        except SemcacheError as error:
            first = first or at
            wrong.append(f"{what} {at}: {error}")
            continue
        size += len(item.body)
        if len(found) == MOST_ITEMS or size > MOST_BYTES:
            raise TooLarge(f"a list has at most {MOST_ITEMS} items and {MOST_BYTES} bytes: send it in parts")
        found.append(item)
    if wrong:
        more = [f"and {len(wrong) - _SHOWN} more"] if len(wrong) > _SHOWN else []
        raise RequestError("; ".join([*wrong[:_SHOWN], *more]), field=f"{what} {first}")
    return found


def _of_line(line: bytes, at: int, model: str | None, namespace: Namespace) -> WarmItem:
    text = line.strip()
    return _of_json(text, at, model, namespace) if text.startswith(b"{") else _of_text(text, at, model, namespace)


def _of_text(text: bytes, at: int, model: str | None, namespace: Namespace) -> WarmItem:
    try:
        prompt = text.decode()
    except UnicodeDecodeError as error:
        raise RequestError("not UTF-8") from error
    return _item(at, _Prompt(prompt=prompt), *_chat(prompt, model), namespace)


def _of_json(raw: bytes, at: int, model: str | None, namespace: Namespace) -> WarmItem:
    try:
        value = msgspec.json.decode(raw)
        if isinstance(value, str) and value:
            return _item(at, _Prompt(prompt=value), *_chat(value, model), namespace)
        if not isinstance(value, dict):
            raise RequestError("neither an object nor a prompt")
        if "prompt" in value and "messages" not in value:
            prompt = msgspec.convert(value, _Prompt)
            return _item(at, prompt, *_chat(prompt.prompt, prompt.model or model), namespace)
        if "body" in value or "route" in value:
            request = msgspec.convert(value, _Request)
            if request.route not in ROUTES:
                raise RequestError(f"`route` is one of {', '.join(ROUTES)}")
            return _item(at, request, request.route, _with_model(request.body, model), namespace)
        if not isinstance(value.get("messages"), list):
            raise RequestError("give `prompt`, or `route` and `body`, or a chat body with `messages`")
        return _item(at, _Kept(), ROUTES[0], _with_model(value, model), namespace)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RequestError(str(error)) from error


def _chat(prompt: str, model: str | None) -> tuple[str, bytes]:
    return ROUTES[0], _with_model({"messages": [{"role": "user", "content": prompt}]}, model)


def _with_model(body: dict[str, Any], model: str | None) -> bytes:
    named = body.get("model", model)
    if not isinstance(named, str) or not named:
        raise RequestError("`model` is needed, and no default model was given")
    return msgspec.json.encode({"model": named, **body})


def _item(at: int, kept: _Kept, route: str, body: bytes, namespace: Namespace) -> WarmItem:
    return WarmItem(
        line=at, route=route, body=body, namespace=namespace(kept.namespace), tags=tuple(kept.tags), ttl_s=kept.ttl_s
    )


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines with their numbers, from 1."""
    return enumerate(lines, 1)
