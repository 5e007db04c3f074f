"""What callers send: the typed bodies of our own routes. Unknown fields are refused by name."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from semcache.errors import RequestError
from semcache.http.access import NAMESPACE_PATTERN, Credential
from semcache.models import CacheRequest, Strategy, Usage
from semcache.policy.canonical import user_message
from semcache.ports import Selector

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Namespace = Annotated[str, Meta(pattern=NAMESPACE_PATTERN, description="1 to 128 letters, digits or `_.:@+/-`")]
Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]
Seconds = Annotated[float, Meta(ge=0.0, le=1e10)]
Amount = Annotated[float, Meta(ge=0.0, le=1e12)]
Tokens = Annotated[int, Meta(ge=0, le=2**53)]
Tag = Annotated[str, Meta(min_length=1, max_length=128)]
EntryId = Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)", description="32 hex digits")]
Text = Annotated[str, Meta(min_length=1)]


class IdentityBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What was asked of which model. Exactly one of `prompt` and `messages`."""

    model: Name
    prompt: Text | None = None
    """The same as one user message."""
    messages: Annotated[list[dict[str, Any]], Meta(min_length=1)] | None = None
    """As the model's provider takes them."""
    model_version: Annotated[str, Meta(max_length=256)] = ""
    namespace: Namespace | None = None
    params: dict[str, Any] = {}
    """Everything else that the model is given: temperature, max_tokens, tools, response_format, ..."""
    user: Name | None = None
    """Who asks; part of the identity of personalised prompts only."""
    context: Literal["exact", "semantic"] | None = None
    """`exact`: what precedes the last message must be the same. `semantic`: it may be worded otherwise, where the
    operator leaves that to requests; lookup and store both say so."""

    def request(self, credential: Credential, header: str | None) -> CacheRequest:
        """What the cache is asked. `header` is X-Cache-Namespace. Raises RequestError, Forbidden."""
        return CacheRequest(
            messages=self._messages(),
            model=self.model,
            model_version=self.model_version,
            namespace=credential.choose(self.namespace, header),
            params=self.params,
            principal=credential.principal(self.user),
            reworded=self.context == "semantic",
        )

    def _messages(self) -> list[dict[str, Any]]:
        if self.messages is None:
            if self.prompt is None:
                raise RequestError("give either `prompt` or `messages`", field="prompt")
            return user_message(self.prompt)
        if self.prompt is not None:
            raise RequestError("give either `prompt` or `messages`, not both", field="prompt")
        for number, message in enumerate(self.messages):
            role = message.get("role")
            if not isinstance(role, str) or not role:
                raise RequestError("every message needs a `role`, such as `user`", field=f"messages[{number}].role")
        return self.messages


class LookupBody(IdentityBody, kw_only=True, forbid_unknown_fields=True):
    """A lookup. `strategy`, `context`, `threshold`, `max_age_s` can tighten what the operator set, never loosen it."""

    strategy: Strategy | None = None
    """The widest tier to try."""
    threshold: Fraction | None = None
    """Least cosine similarity of a semantic hit."""
    max_age_s: Seconds | None = None
    """Oldest answer to accept."""


class UsageBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Tokens of the call that made the answer; OpenAI's names are taken too."""

    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None

    def usage(self) -> Usage:
        """The two counts that are kept."""
        read = self.input_tokens if self.input_tokens is not None else self.prompt_tokens
        written = self.output_tokens if self.output_tokens is not None else self.completion_tokens
        return Usage(input_tokens=read or 0, output_tokens=written or 0)


class StoreBody(IdentityBody, kw_only=True, forbid_unknown_fields=True):
    """An answer to keep."""

    response: msgspec.Raw
    """Any JSON; given back byte for byte."""
    fill_token: str | None = None
    """Of the miss that this answer fills: without it a fill that races an invalidation cannot be told."""
    ttl_s: Seconds | None = None
    """How long it may be served, within the operator's bounds; by class of prompt if left out."""
    tags: Annotated[list[Tag], Meta(max_length=64)] = []
    """What the answer was made from, to invalidate by."""
    usage: UsageBody | None = None
    cost_usd: Amount | None = None
    """What the model call cost: what a hit saves."""
    latency_ms: Amount | None = None
    """What the model call took: what a hit saves."""
    metadata: dict[str, Any] | None = None
    """Kept with the entry, and given back with it."""
    strategy: Strategy = Strategy.SEMANTIC
    """The widest tier by which the answer may be found, within the operator's bounds."""


class BatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """Many calls in one; each item is judged on its own."""

    items: list[msgspec.Raw]


class FeedbackBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether a hit was right. Name it by its `request_id`, or by `entry_id` and the asking `prompt` or `messages`."""

    correct: bool
    request_id: str | None = None
    entry_id: EntryId | None = None
    prompt: Text | None = None
    """Beside a `request_id` it need not be given, unless it is long."""
    messages: Annotated[list[dict[str, Any]], Meta(min_length=1)] | None = None
    """The asking conversation, in place of `prompt`: as it was sent. Needed where earlier turns may be reworded."""
    answer: Any = None
    """The right answer, if known. Kept with what is learned, and never served: store it with `POST /v1/store`."""
    user: Name | None = None
    """Who says so, where a program passes on what its users say: each of them is heard once, and no one twice."""


class RebuildBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Build the vector index anew beside the live one."""

    namespace: Namespace | None = None
    """Only the rows of this namespace; the whole index if left out."""
    reembed: bool = False
    """Compute every vector again, in the current vector space."""


class InvalidateBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to make unservable. At least one selector; all that are given must hold."""

    namespace: Namespace | None = None
    model: Name | None = None
    model_version: Annotated[str, Meta(max_length=256)] | None = None
    tags: Annotated[list[Tag], Meta(max_length=64)] = []
    """Entries that carry all of these tags."""
    older_than_s: Seconds | None = None
    prefix: Text | None = None
    """The prompt starts so."""
    contains: Text | None = None
    """The prompt has this in it."""
    pattern: Annotated[str, Meta(min_length=1, max_length=1000)] | None = None
    """A regular expression (RE2 syntax) found in the prompt."""
    similar_to: Text | None = None
    """The prompt means this, by `threshold`."""
    threshold: Fraction | None = None
    entry_ids: Annotated[list[EntryId], Meta(max_length=10_000)] = []
    all: bool = False
    """Everything in the namespace; without `namespace`, in all of them."""
    dry_run: bool = False
    """Only count."""

    def selector(self) -> Selector:
        """The same without `dry_run`."""
        return Selector(
            namespace=self.namespace,
            model=self.model,
            model_version=self.model_version,
            tags=tuple(self.tags),
            older_than_s=self.older_than_s,
            prefix=self.prefix,
            contains=self.contains,
            pattern=self.pattern,
            similar_to=self.similar_to,
            threshold=self.threshold,
            entry_ids=tuple(self.entry_ids),
            all=self.all,
        )
