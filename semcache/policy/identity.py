"""Who a request is: its digests, its partition, its context, and the class of answer it asks for.

The rule. A request falls into three pieces:

* partition: namespace, model, model version, system and developer messages, every parameter that counts, and who asks
  if the prompt is personal: the principal, and whom the provider's own fields name;
* context: every other message before the last, the last one's fields beside its text, and the places of system
  messages that stand between turns; where earlier turns may be worded otherwise, only their shape (`policy.shape`);
* prompt: the text of the last message, if that is from the user and nothing but text.

The raw digest covers the canonical bytes of all three, the normalised one the partition's and context's digests and
the normalised prompt, with the normaliser's version; both know the context exactly, never by its shape. Where there is
no prompt, all of the last message goes into the raw digest and the normalised digest is derived from that: such a
request has no other spelling.

Every hash names its purpose and the length of each piece, so no two sequences of pieces are ever the same bytes.
A conversation in which an earlier turn of the user was personal stays personal; one that held a secret stays uncached.
This module knows no store and no vectors.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from semcache.errors import RequestError
from semcache.models import CacheIdentity, CacheRequest, Entry, TtlClass
from semcache.policy import canonical, shape
from semcache.policy.freshness import TtlRules
from semcache.policy.normalize import Normalizer

_SYSTEM_ROLES: Final = frozenset({"system", "developer"})
_LENGTHS = {count: struct.Struct(f"<{count}Q") for count in range(1, 6)}
_NO_CONTEXT: Final = b"[[],{}]"
"""By far the most common context: one user message, after system messages at most."""
_KEPT_CHARACTERS: Final = 4096
"""Of a system message whose canonical bytes are kept: they are one per application, and these hold their text."""
_KEPT: Final = 64
"""How many."""


def identify(
    request: CacheRequest, normalizer: Normalizer, rules: TtlRules, *, reworded: bool = False
) -> CacheIdentity:
    """The identity of a request. Pure; raises RequestError (with the field) for what is no JSON or no message list.

    `reworded`: what precedes the last message may be worded otherwise, and is compared with it.
    """
    system, context, last = _pieces(request.messages)
    prompt = canonical.text_of(last) if last.get("role") == "user" else None
    ttl_class, rule = _classify(context, last, prompt, rules)

    personal = ttl_class is TtlClass.PERSONAL
    owner = request.principal if personal else None
    counted = canonical.params(request.params)
    if personal:
        counted |= _named(request.params)
    params_bytes = canonical.encode(counted, field="params")
    try:
        asked_bytes = _asked_bytes(request, [owner] if personal else None, system)
        context_bytes, last_bytes = _context_bytes(context, last, prompt), canonical.encode(last, field="messages")
    except RequestError:
        _blame(request.messages)
        raise
    partition = _digest(b"partition", asked_bytes, params_bytes)[:16]
    exactly = _context_digest(context_bytes)
    told = shape.told(context, prompt) if reworded and context and prompt else None
    digest = _digest(b"request", asked_bytes, params_bytes, context_bytes, last_bytes)
    return CacheIdentity(
        namespace=request.namespace,
        model=request.model,
        model_version=request.model_version,
        digest=digest,
        norm_digest=asker_digest(partition, exactly, prompt, normalizer) if prompt else _digest(b"only", digest),
        partition=partition,
        context=exactly if told is None else _digest(b"shape", _context_bytes(told.shape, last, prompt))[:16],
        history=b"" if told is None else exactly,
        prompt=prompt or "",
        transcript="" if told is None else told.transcript,
        ttl_class=ttl_class,
        ttl_rule=rule,
        owner=owner,
    )


class Asking(msgspec.Struct, frozen=True):
    """Messages as the asker of an entry."""

    digest: bytes
    """32 bytes: the normalised digest."""
    compared: str
    """What the semantic tier compared: the prompt, or the whole conversation."""


def asking(entry: Entry, messages: list[dict[str, Any]], normalizer: Normalizer) -> Asking | None:
    """Messages that asked what `entry` answered by meaning, as far as they can tell: of their system messages, which
    are in the partition, nothing is known here. None where no such messages find this entry.

    Raises RequestError (with the field) for what is no message list.
    """
    _, context, last = _pieces(messages)
    prompt = canonical.text_of(last) if last.get("role") == "user" else None
    if not prompt:
        return None
    exactly = _context_digest(_context_bytes(context, last, prompt))
    digest = asker_digest(entry.partition, exactly, prompt, normalizer)
    if not entry.transcript:
        return Asking(digest, prompt) if exactly == entry.context else None
    told = shape.told(context, prompt)
    if told is None or _digest(b"shape", _context_bytes(told.shape, last, prompt))[:16] != entry.context:
        return None
    return Asking(digest, told.transcript)


def asker_digest(partition: bytes, context: bytes, prompt: str, normalizer: Normalizer) -> bytes:
    """The normalised digest (32 bytes) that `prompt` has in a partition (16 bytes) and exact context (16 bytes)."""
    return _digest(
        b"normalized",
        normalizer.version.encode(),
        partition,
        context,
        normalizer(prompt).encode("utf-8", "surrogatepass"),
    )


def _digest(purpose: bytes, *pieces: bytes) -> bytes:
    lengths = _LENGTHS[len(pieces)].pack(*map(len, pieces))
    return hashlib.sha256(b"semcache:%b\0%b%b" % (purpose, lengths, b"".join(pieces))).digest()


_OF_NO_CONTEXT: Final = _digest(b"context", _NO_CONTEXT)[:16]


def _context_digest(context_bytes: bytes) -> bytes:
    return _OF_NO_CONTEXT if context_bytes == _NO_CONTEXT else _digest(b"context", context_bytes)[:16]


def _asked_bytes(request: CacheRequest, asker: list[str | None] | None, system: list[Any]) -> bytes:
    """Canonical bytes of who is asked by whom, and how it is instructed."""
    if asker is None and len(system) < 2:
        only = system[0] if system else {"role": "", "content": ""}
        role, text = only.get("role"), only.get("content")
        if len(only) == 2 and type(role) is str and type(text) is str and len(text) <= _KEPT_CHARACTERS:
            return _plainly_asked_bytes(request.namespace, request.model, request.model_version, role, text)
    return canonical.encode([request.namespace, request.model, request.model_version, asker, system])


@lru_cache(_KEPT, typed=True)
def _plainly_asked_bytes(namespace: str, model: str, version: str, role: str, text: str) -> bytes:
    system = [{"role": role, "content": text}] if role else []
    return canonical.encode([namespace, model, version, None, system])


def _named(params: Mapping[str, Any]) -> dict[str, Any]:
    """Whom the provider's fields name: for something personal they count too, as behind one key there may be many."""
    named = {name: params[name] for name in ("user", "safety_identifier") if params.get(name) is not None}
    metadata = params.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("user_id") is not None:
        named["metadata"] = {"user_id": metadata["user_id"]}
    return named


def _blame(messages: list[dict[str, Any]]) -> None:
    """Raises RequestError with the place, among all messages, of what is no JSON in one of them."""
    for number, given in enumerate(messages):
        canonical.encode(canonical.message(given), field=f"messages.{number}")


def _pieces(messages: list[dict[str, Any]]) -> tuple[list[Any], list[Any], dict[str, Any]]:
    """System messages, the others before the last, and the last one; all in canonical spelling."""
    if not messages:
        raise RequestError("at least one message is needed", field="messages")
    system: list[Any] = []
    context: list[Any] = []
    final = len(messages) - 1
    for number, given in enumerate(messages):
        if not isinstance(given, dict):
            raise RequestError("a message is an object", field=f"messages.{number}")
        plain = canonical.message(given)
        if number == final:
            return system, context, plain
        if plain.get("role") in _SYSTEM_ROLES:
            system.append(plain)
            if context:  # where it stands between turns matters; its text is in the partition
                context.append(len(system))
        else:
            context.append(plain)
    raise AssertionError("unreachable: the last message returns")


def _context_bytes(context: list[Any], last: dict[str, Any], prompt: str | None) -> bytes:
    beside = {name: value for name, value in last.items() if name != "content"} if prompt is not None else None
    if not context and beside is not None and len(beside) == 1:
        return _NO_CONTEXT
    return canonical.encode([context, {} if beside is None else beside], field="messages")


def _classify(context: list[Any], last: dict[str, Any], prompt: str | None, rules: TtlRules) -> tuple[TtlClass, str]:
    text = prompt if prompt is not None else canonical.words_of(last)
    found = rules.classify(text, bool(context))
    if not context or found[0] is TtlClass.NEVER:
        return found
    earlier = "\n".join(canonical.words_of(turn) for turn in context if isinstance(turn, dict) and _asked(turn))
    return rules.lasting(earlier) or found


def _asked(turn: dict[str, Any]) -> bool:
    return turn.get("role") == "user"
