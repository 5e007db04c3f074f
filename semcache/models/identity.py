"""A request, and who the entry is that answers it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from semcache.models.ttl_class import TtlClass

SHARDS: Final = 64
"""Number of shards of every store. Recorded in the store at creation and verified at start; never a setting."""


class CacheRequest(msgspec.Struct, frozen=True, kw_only=True, weakref=True):
    """What a caller asks the model, as semcache sees it. `messages` is the provider's own JSON."""

    messages: list[dict[str, Any]]
    model: str
    model_version: str = ""
    namespace: str = "default"
    params: dict[str, Any] = {}
    principal: str | None = None
    """Who asks: the `user` field, else the credential. Part of the identity of personalised prompts only."""
    reworded: bool = False
    """Asks that the earlier turns may be worded otherwise, where the operator leaves that to requests."""


class CacheIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who an entry is. Made by `policy.identity`; the same request always has the same one."""

    namespace: str
    model: str
    model_version: str
    digest: bytes
    """Raw digest, 32 bytes: SHA-256 of the canonical request."""
    norm_digest: bytes
    """Normalised digest, 32 bytes: the same with the prompt normalised, normaliser version included."""
    partition: bytes
    """16 bytes: everything but prompt, context and vector space."""
    context: bytes
    """16 bytes: what precedes the last user message, or the shape of it where it may be worded otherwise."""
    prompt: str
    """Text of the last user message; "" where there is none to compare (then never semantic)."""
    ttl_class: TtlClass
    ttl_rule: str
    """Name of the rule that chose the class."""
    owner: str | None = None
    """The principal, where the prompt is personal: whose answer it is."""
    history: bytes = b""
    """16 bytes: what precedes the last user message, exactly; empty where `context` is just that."""
    transcript: str = ""
    """The conversation as one text, where earlier turns may be worded otherwise."""

    @property
    def exact_context(self) -> bytes:
        """16 bytes: what precedes the last user message, exactly."""
        return self.history or self.context

    @property
    def compared(self) -> str:
        """What the semantic tier compares: the prompt, or the whole conversation."""
        return self.transcript or self.prompt

    @property
    def shard(self) -> int:
        """Shard of the entry and its normalised pointer, 0 .. SHARDS-1."""
        return self.norm_digest[0] % SHARDS

    @property
    def entry_id(self) -> str:
        """32 hex digits: the shard (2), then the head of the raw digest (30)."""
        return f"{self.shard:02x}{self.digest.hex()[:30]}"

    @property
    def comparable(self) -> bool:
        """Whether the semantic tier may be asked at all."""
        return bool(self.prompt)


def shard_of(entry_id: str) -> int:
    """The shard that an entry id names. Raises ValueError for text that is no entry id."""
    if len(entry_id) != 32:
        raise ValueError("an entry id has 32 hex digits")
    bytes.fromhex(entry_id)
    shard = int(entry_id[:2], 16)
    if shard >= SHARDS:
        raise ValueError(f"an entry id starts with its shard, 00 to {SHARDS - 1:02x}")
    return shard
