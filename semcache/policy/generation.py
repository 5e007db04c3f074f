"""What of a provider's traffic may be cached: facts in, a named reason out.

The dialects of `gateway/` read these facts from the provider's own JSON; the rules below know no protocol.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from semcache.models import Usage


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a request asks of the model, as far as it decides whether the answer may be kept."""

    temperature: float | None = None
    answers: int = 1
    """How many (`n`)."""
    logprobs: bool = False
    state: str | None = None
    """Name of the field by which the answer depends on state at the provider, or leaves some there."""
    hosted_tools: tuple[str, ...] = ()
    """Types of tools that the provider runs itself, in a world that changes (web, files, code)."""
    media_input: bool = False
    """Images, audio or files among the messages: exact tier only."""
    media_output: bool = False


class Finish(StrEnum):
    """How an answer ended, whatever its protocol calls that."""

    NATURAL = "natural"
    TOOL_CALL = "tool_call"
    LENGTH = "length"
    FILTERED = "filtered"
    REFUSAL = "refusal"
    PAUSED = "paused"
    ERROR = "error"
    UNKNOWN = "unknown"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole answer is, as far as it decides whether it may be kept."""

    finish: Finish
    empty: bool = False
    """No text, no tool call, nothing a user could want."""
    usage: Usage | None = None
    cache_read_tokens: int = 0
    """Of the input tokens, those that the provider's own prompt cache made cheaper."""
    cache_write_tokens: int = 0
    model: str | None = None
    """The model as the provider reports it: the version."""
