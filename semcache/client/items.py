"""What is asked of the service, as values: the bodies of lookups and stores. Unset fields are left out of the JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

Strategy = Literal["exact", "normalized", "semantic"]
Context = Literal["exact", "semantic"]
Messages = Sequence[Mapping[str, Any]]


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked of which model. Exactly one of `prompt` and `messages`."""

    model: str
    prompt: str | None = None
    messages: Messages | None = None
    """As the model's provider takes them."""
    model_version: str = ""
    namespace: str | None = None
    """Empty: the client's."""
    params: Mapping[str, Any] = {}
    """Everything else that shapes the answer: temperature, tools, response_format, ..."""
    user: str | None = None
    """Who asks; part of the identity of personalised prompts only."""
    strategy: Strategy | None = None
    """The widest tier to try; for a store, the widest by which the answer may be found."""
    context: Context | None = None
    """`exact`: what precedes the last message must be the same, even where the operator lets it be reworded.
    `semantic`: it may be reworded, where the operator leaves that to requests; lookup and store both say so."""


class LookupItem(Item, frozen=True, kw_only=True, omit_defaults=True):
    """A lookup. `strategy`, `context`, `threshold` and `max_age_s` tighten what the operator set, never loosen it."""

    threshold: float | None = None
    """Least cosine similarity of a semantic hit."""
    max_age_s: float | None = None
    """Oldest answer to accept, in seconds."""


class StoreItem(Item, frozen=True, kw_only=True, omit_defaults=True):
    """An answer to keep: any JSON."""

    response: Any
    fill_token: str | None = None
    """Of the miss that it fills: without it a fill that races an invalidation cannot be told."""
    ttl_s: float | None = None
    tags: Sequence[str] = ()
    """What the answer was made from, to invalidate by."""
    usage: Mapping[str, int] | None = None
    """`input_tokens` and `output_tokens`, or OpenAI's names."""
    cost_usd: float | None = None
    latency_ms: float | None = None
    """What the model call took: the time that a hit saves."""
    metadata: Mapping[str, Any] | None = None
