"""What may be looked up, and what may be stored.

The rule. A prompt beyond the operator's limit, or one after so much of the user's that all of it together is beyond
`CONVERSATION_PROMPTS` times that limit, one whose class is `never`, and a personal one with nobody to key it by
are neither looked up nor stored. An answer beyond its limit, or with nothing in it, is not stored. The order of the
reasons is that order: cheapest first.

What a provider's protocol calls unfinished (cut off, refused, an error) is the gateway's to know; it stores none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from semcache.models import (
    Bypass,
    BypassReason,
    CacheIdentity,
    CacheRequest,
    Refused,
    RefusedReason,
    TtlClass,
)
from semcache.policy import canonical
from semcache.settings import LimitSettings, Settings

CONVERSATION_PROMPTS: Final = 10
"""How many times `limits.prompt_chars` all text of the user in one conversation may come to: all of it is searched."""

_EMPTY: Final = frozenset({b"", b"null", b'""', b"[]", b"{}"})
_LONGEST_BLANK: Final = 256
"""Bytes: a longer answer is taken as it is, not searched for being blank."""


def oversized(request: CacheRequest, limits: LimitSettings) -> bool:
    """Whether the last message's text, or all of the user's, is beyond the limit. Ask it before `identity.identify`:
    it costs next to nothing.
    """
    if not request.messages or not isinstance(request.messages[-1], dict):
        return False
    if len(canonical.words_of(request.messages[-1])) > limits.prompt_chars:
        return True
    return len(request.messages) > 1 and _asked(request.messages) > CONVERSATION_PROMPTS * limits.prompt_chars


def _asked(messages: Sequence[Any]) -> int:
    turns = [turn for turn in messages if isinstance(turn, dict) and turn.get("role") == "user"]
    return sum([len(canonical.words_of(turn)) for turn in turns])


def characters(request: CacheRequest) -> int:
    """Length of all text in the messages: what the work of `identity.identify` grows with."""
    return sum([len(canonical.words_of(message)) for message in request.messages])


def may_look_up(request: CacheRequest, identity: CacheIdentity, settings: Settings) -> Bypass | None:
    """None, or why the cache is not to be asked."""
    reason = _common(request, identity, settings)
    return None if reason is None else Bypass(reason=BypassReason(reason))


def may_store(request: CacheRequest, identity: CacheIdentity, response: bytes, settings: Settings) -> Refused | None:
    """None, or why an answer (JSON text) is not to be stored."""
    reason = _common(request, identity, settings)
    if reason is not None:
        return Refused(reason=RefusedReason(reason))
    if len(response) > settings.limits.response_bytes:
        return Refused(reason=RefusedReason.RESPONSE_TOO_LARGE)
    if len(response) <= _LONGEST_BLANK and b"".join(response.split()) in _EMPTY:
        return Refused(reason=RefusedReason.EMPTY_RESPONSE)
    return None


def _common(request: CacheRequest, identity: CacheIdentity, settings: Settings) -> str | None:
    if oversized(request, settings.limits):
        return BypassReason.PROMPT_TOO_LARGE.value
    if identity.ttl_class is TtlClass.NEVER:
        return BypassReason.NEVER_CACHED_CLASS.value
    if identity.ttl_class is TtlClass.PERSONAL and not request.principal:
        return BypassReason.PERSONAL_WITHOUT_PRINCIPAL.value
    return None
