"""The vocabulary: what a request, its identity, an entry, a vector and an outcome are.

Plain frozen values. This module knows no clock, no store and no network; everything else speaks in its terms.
Times are integer milliseconds since the epoch *by the store's clock*; digests are raw SHA-256 bytes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHARDS: Final = 64
"""Number of shards of every store. Recorded in the store at creation and verified at start; never a setting."""

DERIVED: Final = "~"
"""Stands between a namespace and the keyed hash of the provider's key that pays for what is in it. No caller can write
it into a namespace; whoever names the namespace as an operator means these with it."""


def base_namespace(namespace: str) -> str:
    """The namespace that callers, operators and statistics know."""
    return namespace.partition(DERIVED)[0]


Json = dict[str, Any] | list[Any] | str | int | float | bool | None
"""Any JSON value, decoded."""


class Tier(StrEnum):
    """How an entry was found."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    SEMANTIC = "semantic"


class Strategy(StrEnum):
    """How far a lookup may go. Each includes the ones before it."""

    EXACT = "exact"
    NORMALIZED = "normalized"
    SEMANTIC = "semantic"

    @property
    def rank(self) -> int:
        """0 for exact, 1 for normalized, 2 for semantic."""
        return _STRATEGY_RANK[self]

    def tightest(self, other: Strategy) -> Strategy:
        """The narrower of the two."""
        return self if self.rank <= other.rank else other


_STRATEGY_RANK = {Strategy.EXACT: 0, Strategy.NORMALIZED: 1, Strategy.SEMANTIC: 2}


Context = Literal["exact", "semantic"]
"""Whether what precedes the last user message must be the same, or may be worded otherwise."""


class CacheStatus(StrEnum):
    """What `X-Cache-Status` says of a gateway's answer."""

    HIT = "HIT"
    SEMANTIC_HIT = "SEMANTIC-HIT"
    MISS = "MISS"
    BYPASS = "BYPASS"
    STALE = "STALE"
    SHADOW = "SHADOW"


class TtlClass(StrEnum):
    """What kind of answer a prompt asks for, as far as its life is concerned."""

    STATIC = "static"
    GENERAL = "general"
    CODE = "code"
    CONVERSATION = "conversation"
    PERSONAL = "personal"
    TIME_SENSITIVE = "time_sensitive"
    NEVER = "never"


class MissReason(StrEnum):
    """Why a lookup found nothing to serve."""

    NOT_FOUND = "not_found"
    """No entry of this digest, and no neighbour at all in the partition and context."""
    BELOW_THRESHOLD = "below_threshold"
    """The nearest neighbour asks something else."""
    DOUBTED = "doubted"
    """Something near enough was there, and the verifier is not sure enough that it answers this prompt."""
    NOT_JUDGED = "not_judged"
    """Something near enough was there, and it is too long for the verifier, or differs in what that cannot read, or in
    too much of a conversation."""
    GUARDED = "guarded"
    """Something near enough was there, and a guard saw a difference that is certain to matter."""
    SHADOWED = "shadowed"
    """A semantic hit was found, and shadow mode serves none: it is compared with the fresh answer."""
    EXPLORED = "explored"
    """A semantic hit was found, and verified mode asks upstream to learn whether it would have been right."""
    VETOED = "vetoed"
    """Something near enough was there, and feedback forbids it for this prompt."""
    EXPIRED = "expired"
    INVALIDATED = "invalidated"
    TOO_OLD = "too_old"
    """An entry was found, older than the request's `max_age_s`."""
    PROMPT_TOO_LONG = "prompt_too_long"
    """No such digest, and the prompt has more windows than the semantic tier compares."""
    INDEX_WARMING = "index_warming"
    INDEX_UNAVAILABLE = "index_unavailable"
    EMBEDDER_UNAVAILABLE = "embedder_unavailable"
    EMBEDDER_TIMEOUT = "embedder_timeout"
    EMBEDDER_OVERLOADED = "embedder_overloaded"
    VERIFIER_UNAVAILABLE = "verifier_unavailable"
    VERIFIER_TIMEOUT = "verifier_timeout"
    VERIFIER_OVERLOADED = "verifier_overloaded"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_TIMEOUT = "store_timeout"
    DEADLINE = "deadline"
    """The whole lookup ran out of time."""
    NO_CACHE = "no_cache"
    """The request asked for a fresh answer (`Cache-Control: no-cache`)."""


class BypassReason(StrEnum):
    """Why policy did not even look."""

    PERSONAL_WITHOUT_PRINCIPAL = "personal_without_principal"
    NEVER_CACHED_CLASS = "never_cached_class"
    PROMPT_TOO_LARGE = "prompt_too_large"
    # at the gateway, by `policy.generation`
    TEMPERATURE = "temperature"
    """Above the operator's `gateway.max_temperature`."""
    SEVERAL_ANSWERS = "several_answers"
    """More than one answer was asked for (`n`)."""
    LOGPROBS = "logprobs"
    PROVIDER_STATE = "provider_state"
    """The answer depends on, or makes, state at the provider (previous responses, conversations, background work)."""
    HOSTED_TOOLS = "hosted_tools"
    """The provider runs tools that look at a changing world (web, files, code)."""
    MEDIA_OUTPUT = "media_output"
    DENIED_PATTERN = "denied_pattern"
    """The prompt matches one of the operator's `gateway.deny` patterns."""
    SENSITIVE = "sensitive"
    """The prompt holds a secret or personal data, and `gateway.sensitive` says bypass."""
    NO_STORE = "no_store"
    """The request forbids the cache (`Cache-Control: no-store`)."""
    NOT_UNDERSTOOD = "not_understood"
    """The body is none that the protocol's adapter knows; upstream judges it."""
    NOT_CACHED = "not_cached"
    """A route that is only passed on."""
    STORE_UNAVAILABLE = "store_unavailable"
    """Whose answers these are cannot be told without the store."""


class RefusedReason(StrEnum):
    """Why policy did not store."""

    PERSONAL_WITHOUT_PRINCIPAL = "personal_without_principal"
    NEVER_CACHED_CLASS = "never_cached_class"
    PROMPT_TOO_LARGE = "prompt_too_large"
    RESPONSE_TOO_LARGE = "response_too_large"
    EMPTY_RESPONSE = "empty_response"
    INVALIDATED_MEANWHILE = "invalidated_meanwhile"
    """An invalidation came between the miss that issued the fill token and this store."""
    FILL_TOKEN_EXPIRED = "fill_token_expired"
    ZERO_TTL = "zero_ttl"
    STORE_UNAVAILABLE = "store_unavailable"
    STORE_TIMEOUT = "store_timeout"
    STORE_FULL = "store_full"
    # at the gateway, by `policy.generation`
    UNFINISHED = "unfinished"
    """Cut off by length, paused, or a stream that broke."""
    FILTERED = "filtered"
    REFUSAL = "refusal"
    UPSTREAM_ERROR = "upstream_error"
    UNREADABLE = "unreadable"
    """What upstream said is no answer of its protocol."""
    NO_STORE = "no_store"
    SUPERSEDED = "superseded"
    """Another flight has begun since this one's lease ran out."""
    NEWER_KEPT = "newer_kept"
    """The answer that is kept was asked for later."""
    MODEL_VERSION_CHANGED = "model_version_changed"


class SemanticState(StrEnum):
    """What a store did for the semantic tier."""

    INDEXED = "indexed"
    PENDING = "pending"
    OFF = "off"


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


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of the call that made an answer."""

    input_tokens: int = 0
    output_tokens: int = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the store, without its vectors."""

    entry_id: str
    digest: bytes
    norm_digest: bytes
    partition: bytes
    context: bytes
    namespace: str
    model: str
    model_version: str
    prompt: str
    response: bytes
    """JSON text exactly as it was stored; never decoded on the hot path."""
    ttl_class: TtlClass
    ttl_s: float
    created_ms: int
    expires_ms: int
    """Logical expiry. The store keeps the key for the operator's stale window longer."""
    epoch: int
    """Invalidation epoch of (namespace, shard) when it was stored."""
    sliding: bool = False
    tags: tuple[str, ...] = ()
    hits: int = 0
    usage: Usage | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    """What the model call took: the time that a hit saves."""
    metadata: dict[str, Any] | None = None
    owner: str | None = None
    """Principal of a personal entry."""
    reach: Strategy = Strategy.SEMANTIC
    """The widest tier by which it may be found."""
    history: bytes = b""
    """As in `CacheIdentity`."""
    transcript: str = ""
    """As in `CacheIdentity`."""
    pinned: bool = False
    """It may be found only where all that precedes the last user message is the same."""

    @property
    def exact_context(self) -> bytes:
        """As in `CacheIdentity`."""
        return self.history or self.context

    @property
    def compared(self) -> str:
        """As in `CacheIdentity`; this is what the vectors are of."""
        return self.transcript or self.prompt


class Embedding:
    """The vectors of one text in one vector space.

    `vectors`: float32 (windows, dim), unit rows, one a window of the embedder, in text order.
    `weights`: float32 (windows,), tokens in each window. A short text has one window.
    """

    __slots__ = ("space", "vectors", "weights")

    def __init__(self, space: str, vectors: NDArray[np.float32], weights: NDArray[np.float32]) -> None:
        self.space = space
        self.vectors = vectors
        self.weights = weights

    @property
    def pooled(self) -> NDArray[np.float32]:
        """float32 (dim,): the unit token-weighted mean of the windows; what the vector index holds."""
        first: NDArray[np.float32] = self.vectors[0]
        if len(self.vectors) == 1:
            return first
        mean: NDArray[np.float32] = self.weights @ self.vectors
        norm = float(mean @ mean) ** 0.5
        return mean / norm if norm > 0 else first


class Candidate(msgspec.Struct, frozen=True):
    """An entry as the store has it now, beside what the decision needs."""

    entry: Entry
    embedding: Embedding | None = None
    vetoed: bool = False
    """Feedback said that this entry is a wrong answer to the asking prompt."""


class Nearest(msgspec.Struct, frozen=True):
    """The best neighbour that was not good enough."""

    similarity: float
    entry_id: str
    confidence: float | None = None
    """The verifier's probability that it would have answered the prompt, where it was asked."""


class Grounds(msgspec.Struct, frozen=True, array_like=True):
    """What verified mode takes a candidate's confidence from, beside the labels of its entry."""

    chance: float
    """The decision's own probability."""
    differing: tuple[float, float, float]
    """How the two prompts differ (`policy.adaptation.contrast`)."""


class Drawn(msgspec.Struct, frozen=True, array_like=True):
    """What verified mode knew when it explored a candidate (`policy.risk.Decision`); its label is counted by it."""

    bin: int
    level: int
    """-1: it was not servable."""
    wrong: float
    settled: bool = False
    grounds: Grounds | None = None
    """None in a token of before they were kept."""


class Withheld(msgspec.Struct, frozen=True, array_like=True):
    """A semantic hit that was not served, so that its answer is compared with the fresh one."""

    entry_id: str
    similarity: float
    confidence: float | None = None
    drawn: Drawn | None = None
    """Where verified mode withheld it, to learn; None for shadow mode, which serves none."""
    weight: float = 1.0
    """1 / the probability with which it was withheld."""


class FillToken(msgspec.Struct, frozen=True, array_like=True):
    """What a miss read, for the store that follows: lets the store script tell a fill that raced an invalidation."""

    entry_id: str
    epoch: int
    fence: int
    issued_ms: int
    """When the miss was read, by the store's clock: the answer was asked for then, or later."""
    flight: int = 0
    """Fencing token of the flight that fetches the answer; 0 for a store that no flight makes."""
    withheld: Withheld | None = None
    """What the stored answer will be compared with."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """An answer to serve."""

    tier: Tier
    entry: Entry
    similarity: float
    confidence: float | None = None
    now_ms: int
    asker: bytes = b""
    """Norm digest of the asking request: what a veto of this hit is about."""
    asked: str = ""
    """What was compared, of a semantic hit: the asking prompt, or the whole conversation."""


class Stale(msgspec.Struct, frozen=True, kw_only=True):
    """An expired exact entry inside the stale window; served only by an explicit rule."""

    entry: Entry
    now_ms: int


class Miss(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing to serve, and why."""

    reason: MissReason
    nearest: Nearest | None = None
    fill: FillToken | None = None
    stale: Stale | None = None
    """The expired exact entry, while it is kept (`ttl.stale_window_s`) and nothing but its age speaks against it."""
    withheld: Withheld | None = None
    """The semantic hit that shadow or verified mode did not serve."""


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """Policy forbids the cache for this request."""

    reason: BypassReason


Outcome = Hit | Miss | Bypass


class Stored(msgspec.Struct, frozen=True, kw_only=True):
    """What a store did."""

    entry_id: str
    ttl_s: float
    ttl_class: TtlClass
    expires_ms: int
    replaced: bool
    semantic: SemanticState


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a store did not happen."""

    reason: RefusedReason


StoreOutcome = Stored | Refused
