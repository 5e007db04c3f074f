"""What of a provider's traffic may be cached: facts in, a named reason out.

The dialects of `gateway/` read these facts from the provider's own JSON; the rules below know no protocol.

The rule for a request. One answer stands for another only where the request, and nothing else, decides what is a right
answer. So a request bypasses the cache, and the first reason in this order is told, where it

1. is sampled with a temperature above the operator's bound (an unset one is within it: callers who leave it out do not
   ask for variety);
2. asks for several answers, which are wanted to differ;
3. asks for log probabilities, which are of the one run that made them;
4. depends on state at the provider, or leaves some there that a later request builds on;
5. has the provider run tools in a world that changes;
6. asks for other media than text.

After that what it says: a prompt in which one of the operator's patterns is found, or a secret, or (by setting)
personal data, bypasses too. All the user's messages are searched, since all of them would be kept.

Images, audio and files in a request are compared by their bytes alone: exact tier only.

The rule for an answer. Kept is what the model brought to its natural end, as widely as the request allows, and calls of
tools no wider than the operator allows, since they act. Not kept is what broke or is not understood, what was cut off
or paused, what was filtered, what refuses (by setting), and what is empty. A refusal that the provider does not mark is
known by its opening words (`refusals.sounds_like_refusal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from semcache.models import BypassReason, RefusedReason, Strategy, Usage
from semcache.policy import canonical, sensitive
from semcache.policy.deny import DenyList
from semcache.policy.refusals import sounds_like_refusal
from semcache.settings import GatewaySettings


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
    text: str = ""
    """What the answer says, as far as it is text; its beginning is enough (`refusals.LONGEST` characters and one)."""


def may_cache(traits: Traits, gateway: GatewaySettings) -> BypassReason | None:
    """None, or why the cache is neither asked nor told of this request: the first reason in the module's order."""
    if traits.temperature is not None and not traits.temperature <= gateway.max_temperature:
        return BypassReason.TEMPERATURE
    if traits.answers > 1:
        return BypassReason.SEVERAL_ANSWERS
    if traits.logprobs:
        return BypassReason.LOGPROBS
    if traits.state is not None:
        return BypassReason.PROVIDER_STATE
    if traits.hosted_tools:
        return BypassReason.HOSTED_TOOLS
    if traits.media_output:
        return BypassReason.MEDIA_OUTPUT
    return None


def prompts(messages: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The text of each of the user's messages that has some: what `forbidden` searches."""
    for message in messages:
        if message.get("role") == "user":
            words = canonical.words_of(message)
            if words:
                yield words


def forbidden(texts: Iterable[str], gateway: GatewaySettings, deny: DenyList) -> BypassReason | None:
    """None, or why a request that says these texts bypasses. The operator's patterns come first.

    Time is linear in the text, about 1 ms for 100,000 characters.
    """
    for text in texts:
        if deny.found(text):
            return BypassReason.DENIED_PATTERN
        if gateway.sensitive == "cache":
            continue
        if sensitive.secrets(text) is not None:
            return BypassReason.SENSITIVE
        if gateway.sensitive == "all" and sensitive.personal(text) is not None:
            return BypassReason.SENSITIVE
    return None


def widest(traits: Traits) -> Strategy:
    """How far a lookup of this request may go at most, and its answer be found."""
    return Strategy.EXACT if traits.media_input else Strategy.SEMANTIC


def may_keep(answered: Answered, gateway: GatewaySettings) -> RefusedReason | Strategy:
    """How widely this answer may be found as far as it decides (see also `widest`), or why it is not kept."""
    broken = _BROKEN.get(answered.finish)
    if broken is not None:
        return broken
    if answered.finish is Finish.REFUSAL and not gateway.refusals:
        return RefusedReason.REFUSAL
    if answered.empty:
        return RefusedReason.EMPTY_RESPONSE
    if answered.finish is Finish.TOOL_CALL:
        return gateway.tool_answers
    if not gateway.refusals and sounds_like_refusal(answered.text):
        return RefusedReason.REFUSAL
    return Strategy.SEMANTIC


_BROKEN = {
    Finish.ERROR: RefusedReason.UPSTREAM_ERROR,
    Finish.UNKNOWN: RefusedReason.UNREADABLE,
    Finish.LENGTH: RefusedReason.UNFINISHED,
    Finish.PAUSED: RefusedReason.UNFINISHED,
    Finish.FILTERED: RefusedReason.FILTERED,
}
