"""The seams of the house: what the tiers need from a store, an index and an embedder, and nothing more.

Every port has one contract suite under `tests/contract/` that each implementation passes. Implementations raise
only `semcache.errors`; no foreign exception crosses a port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from semcache.models import (
    CacheIdentity,
    Candidate,
    Embedding,
    Entry,
    FillToken,
    Outcome,
    RefusedReason,
    Stale,
    StoreOutcome,
    Strategy,
    Usage,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# --- entries -------------------------------------------------------------------------------------------------


class ExactRead(msgspec.Struct, frozen=True, kw_only=True):
    """One round trip: what one slot knows of an identity."""

    now_ms: int
    """The store's clock."""
    epoch: int
    """Current invalidation epoch of (namespace, shard)."""
    fence: int
    """Current fence sequence of the shard; goes into the fill token."""
    exact: Candidate | None = None
    normalized: Candidate | None = None
    """Through the pointer of the normalised digest; None where it leads to `exact` itself or to nothing."""


class ManyRead(msgspec.Struct, frozen=True, kw_only=True):
    """Several entries, read from their shards in parallel. Absent ids are missing from `found`."""

    now_ms: int
    found: dict[str, Candidate]
    epochs: dict[str, int]
    """entry id -> current epoch of its namespace and shard, for each id in `found`."""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An entry to be written; the store's script stamps `created`, `expires` and `epoch`."""

    identity: CacheIdentity
    response: bytes
    ttl_s: float
    retain_s: float
    """How much longer than `ttl_s` the key is kept (the stale window)."""
    sliding: bool = False
    tags: tuple[str, ...] = ()
    usage: Usage | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    metadata: dict[str, Any] | None = None
    embedding: Embedding | None = None
    fill: FillToken | None = None
    reach: Strategy = Strategy.SEMANTIC
    pinned: bool = False
    """To be found only where all that precedes the last user message is the same."""
    created_ms: int | None = None
    """When the answer was stored first, elsewhere (one that is imported); else now."""
    expires_ms: int | None = None
    """When it expires, where that is not `ttl_s` from now."""
    vetoes: tuple[bytes, ...] = ()
    """Askers (heads of norm digests, as `EntryStore.vetoes` tells them) for whom it was found wrong elsewhere."""


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A draft became the record."""

    entry: Entry
    replaced: bool
    shard_entries: int
    """Entries in this shard after the write (bookkeeping count, evicted ones included until swept)."""
    seq: int = 0
    """The number of this change in its shard's log."""


class Fenced(msgspec.Struct, frozen=True):
    """A draft was refused: its fill token is older than something that concerns it.

    INVALIDATED_MEANWHILE: an invalidation. SUPERSEDED: a newer flight for the same entry. NEWER_KEPT: the record's own
    fill token, or, of a record without, the time when it was stored.
    """

    reason: RefusedReason = RefusedReason.INVALIDATED_MEANWHILE


class Touch(msgspec.Struct, frozen=True):
    """Use of an entry since the last flush."""

    hits: int
    slide: bool
    """Move the expiry to now + ttl (entries stored as sliding only)."""


class EntryStore(Protocol):
    """Records: found by digest, by pointer, or by id. Each method is one atomic script per shard touched."""

    async def read(self, identity: CacheIdentity, strategy: Strategy) -> ExactRead:
        """Read the exact entry, and for `normalized` and wider the pointer's too, in one round trip.

        `Candidate.vetoed` tells whether feedback vetoed the entry for `identity.norm_digest`.
        """

    def begin_read(self, identity: CacheIdentity, hear: Callable[[ExactRead | Exception], None]) -> bool:
        """Read the exact entry alone; `hear` is given what `read` would return, or raise, as soon as it is there.

        False, and `hear` is never called, where that is not possible just now: then `read` is.
        """

    async def read_many(
        self, entry_ids: Sequence[str], *, space: str | None = None, asker: bytes | None = None
    ) -> ManyRead:
        """Read entries by id, with their vectors in `space` if given, vetoes for the norm digest `asker`."""

    async def put(self, draft: Draft) -> Written | Fenced:
        """Fence check, record, pointer, change-log entry, tag and model sets: one atomic script in one slot.

        Only what has a fill token can be refused: it never replaces an answer that was asked for later.
        """

    async def remove(self, entry_ids: Sequence[str]) -> int:
        """Delete records, with a change-log entry each; returns how many were there."""

    async def forget(self, entry_ids: Sequence[str]) -> int:
        """Tell, by the change log, of those whose record the server has evicted; returns how many that were news of."""

    async def attach(self, entry_id: str, digest: bytes, embedding: Embedding) -> bool:
        """Add vectors to a record that still holds `digest`, and log the change; False where it is gone, or may not
        be found by meaning (`Entry.reach`)."""

    async def touch(self, uses: Mapping[str, Touch]) -> None:
        """Flush hit counts, recency for eviction, and sliding expiries. Never re-creates a record."""

    async def veto(self, entry_id: str, asker: bytes, *, wrong: bool) -> bool:
        """Remember (or forget) that this entry is wrong for the norm digest `asker`; False where it is gone."""

    async def vetoes(self, entry_ids: Sequence[str]) -> dict[str, tuple[bytes, ...]]:
        """Of the entries that have any: the heads (16 bytes) of the norm digests for which they are wrong."""


# --- the change log and the catalogue ------------------------------------------------------------------------


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a reader has come in one shard's change log."""

    stream_id: str = "0-0"
    seq: int = 0
    """The shard's change counter at that entry: a reader that sees `seq + 1` next has missed nothing."""


class ShardChanges(msgspec.Struct, frozen=True, kw_only=True):
    """Ids that changed in one shard since a position; level-triggered: read them, do not trust the order."""

    shard: int
    entry_ids: tuple[str, ...]
    position: Position
    seqs: tuple[int, ...] = ()
    """The number of each id's last change (`Position.seq`), in the same order."""
    gap: bool = False
    """The log no longer reaches back to the position, or went backwards: the shard must be scanned."""
    lost: bool = False
    """It went backwards: the store has lost writes."""
    namespaces: tuple[str, ...] = ()
    """Whose entries in the shard were all invalidated at once; "" for those of every namespace."""
    more: bool = False
    """The log goes on after these: ask again."""


class ChangeLog(Protocol):
    """A trimmed stream per shard that carries only ids."""

    async def generation(self) -> str:
        """Identity of the store's contents; a store that lost everything has a new one."""

    async def tails(self) -> list[Position]:
        """Where each of the SHARDS logs ends now, index = shard."""

    async def changes(self, positions: Sequence[Position], *, wait_s: float) -> list[ShardChanges]:
        """What came after `positions` (one a shard); waits up to `wait_s` for the first change."""


class Selector(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an invalidation is about; all given parts must hold. `prefix`, `contains`, `pattern` are on the prompt."""

    namespace: str | None = None
    model: str | None = None
    model_version: str | None = None
    tags: tuple[str, ...] = ()
    older_than_s: float | None = None
    prefix: str | None = None
    contains: str | None = None
    pattern: str | None = None
    similar_to: str | None = None
    threshold: float | None = None
    entry_ids: tuple[str, ...] = ()
    all: bool = False


class GroupCount(msgspec.Struct, frozen=True):
    """Entries of one namespace, model and version."""

    namespace: str
    model: str
    model_version: str
    entries: int


class Catalog(Protocol):
    """Enumeration and invalidation, over all shards."""

    async def groups(self) -> list[GroupCount]:
        """All (namespace, model, version) with their entry counts."""

    def ids(self, *, shard: int | None = None, selector: Selector | None = None) -> AsyncIterator[list[str]]:
        """Entry ids in batches: of one shard or all, narrowed by the sets (namespace, model, version, tags).

        Other parts of the selector are not judged here. An id may be given twice; one added meanwhile may be left
        out (the change log has it).
        """

    async def coldest(self, count: int, *, namespace: str | None = None) -> list[str]:
        """The `count` least recently (LRU) or least frequently (LFU) used ids."""

    async def raise_epoch(self, namespace: str) -> int:
        """Invalidate all of a namespace at once; returns when every shard has the new epoch. Returns the highest."""

    async def raise_fence(self, selector: Selector) -> None:
        """Make fills born stale that were asked for before now and that the selector could concern."""

    async def distrust(self, shard: int) -> None:
        """A shard has lost writes: invalidate all that it holds, as a deletion may be among what it lost."""

    async def sweep(self, shard: int) -> int:
        """Drop bookkeeping (sets, recency, counts) of entries whose record is gone; returns how many."""


# --- the control plane ---------------------------------------------------------------------------------------


class Control(Protocol):
    """Small shared state beside the entries: jobs, history, counters, leases, the replicas that are alive."""

    async def hset(self, name: str, fields: Mapping[str, str], *, ttl_s: float | None = None) -> None:
        """Write fields of a named hash."""

    async def hget_all(self, name: str) -> dict[str, str]:
        """Read a named hash; {} where absent."""

    async def add(self, name: str, deltas: Mapping[str, float]) -> None:
        """Add to counters (fields) of a named hash, atomically."""

    async def append(self, name: str, fields: Mapping[str, str], *, cap: int) -> str:
        """Append to a named, capped stream; returns the entry's stream id."""

    async def tail(
        self, name: str, *, after: str = "0-0", count: int = 100, newest: bool = False
    ) -> list[tuple[str, dict[str, str]]]:
        """Entries of a named stream after an id in order, or the newest `count`, newest first."""

    async def acquire(self, name: str, owner: str, ttl_s: float) -> bool:
        """Take or renew a lease; False while another owner holds it."""

    async def release(self, name: str, owner: str) -> None:
        """Give a lease back if `owner` still holds it."""

    async def names(self, prefix: str) -> list[str]:
        """Names of hashes that start so (registered at first write), live ones only."""


class StoreHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator wants to know of the store."""

    reachable: bool
    detail: str = ""
    server: str = ""
    used_memory_bytes: int = 0
    max_memory_bytes: int = 0
    eviction_policy: str = ""
    warnings: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a self-check found, as often as `count`; `repaired` of these were mended."""

    code: str
    detail: str
    count: int = 1
    repaired: int = 0
    fault: bool = True
    """False: it comes of ordinary work (eviction, expiry, a log not yet followed) and mends itself."""


class Audit(Protocol):
    """The store's self-check, key by key."""

    async def check(self, *, repair: bool, progress: Progress) -> list[Finding]:
        """What is wrong, one Finding a code. Safe beside live traffic, repairs included."""


# --- flights -------------------------------------------------------------------------------------------------


class Boarding(StrEnum):
    """What came of asking to fly."""

    LEAD = "lead"
    """Nobody fetches this answer: do it."""
    FOLLOW = "follow"
    """Somebody does: listen."""
    LANDED = "landed"
    """The entry was written since the caller's lookup: look again."""


class Seat(msgspec.Struct, frozen=True):
    """A place in the flight of one entry. `token` is the flight's fencing token, higher than any before it."""

    boarding: Boarding
    token: int = 0


class Beat(msgspec.Struct, frozen=True):
    """What a leader learns when it renews its lease."""

    alive: bool
    """False: the lease ran out and another leader has taken over, or may."""
    watched: bool = False
    """Another process listens: publish."""
    published: int = 0
    """Frames that the store has: go on from there. Less than before where it has lost some."""


class Feed(msgspec.Struct, frozen=True):
    """Frames of a flight that another process leads, after a position."""

    frames: list[bytes]
    position: int
    """How many frames were read in all, these included."""
    alive: bool
    """Whether the leader still holds its lease, or has landed. False: it is dead, no further frame will come."""
    landed: bool = False
    """With these frames they have all come."""
    settled: bool = False
    """The leader has given its lease back, its store included, or has lost it."""


class Flights(Protocol):
    """One fetch an entry at a time over all replicas: a lease with a fencing token, and the leader's frames.

    Keys lie in the entry's shard, so that `EntryStore.put` can check `FillToken.flight` in the same script.
    """

    async def board(self, entry_id: str, *, since_ms: int, ttl_s: float) -> Seat:
        """Lead if nobody does. LANDED if the entry's record was created at or after `since_ms` (store's clock).

        A FOLLOW counts as listening.
        """

    async def beat(
        self, entry_id: str, token: int, frames: Sequence[bytes], *, at: int, ttl_s: float, last: bool = False
    ) -> Beat:
        """Renew the lease and publish `frames`, the first of which is the flight's frame number `at`; may be none.

        `last`: with these the flight's frames are complete. Frames that were published before (same number) are
        skipped, so a beat may be repeated. A leader whose lease ran out goes on as long as nobody took over. One that
        publishes more than a flight may hold loses its lease, and is lost to those who follow.
        """

    async def land(self, entry_id: str, token: int, *, linger_s: float, whole: bool = True) -> bool:
        """Give the lease back; what was published stays readable for `linger_s`. Nothing where it went to another.

        False, and the lease is kept, where somebody listens and has not been given the last frame: publish first.
        Not `whole`: the flight broke off, and is lost to whoever listens.
        """

    async def follow(self, entry_id: str, token: int, position: int) -> Feed:
        """What the flight of `token` has published after `position` frames; at once, and says that somebody listens.

        Only so much at a time; an answer without frames, not landed, says that there are none yet.
        """


# --- rate limits ---------------------------------------------------------------------------------------------


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a caller's rate."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: float
    """Seconds until the limit is whole again; past the limit, until the next request may come."""


class RateLimiter(Protocol):
    """Counts requests of callers, right across replicas."""

    async def take(
        self, caller: str, route_class: str, *, per_minute: int, cost: int = 1, spend: bool = True
    ) -> Allowance:
        """Spend `cost` requests (a batch is several) of the caller's rate, all or none; `spend=False` only looks.

        Raises StoreUnavailable.
        """


# --- upstream ------------------------------------------------------------------------------------------------


class UpstreamRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent to a provider. `path` begins with `/v1/`; the upstream's base URL takes its place."""

    method: str
    path: str
    query: bytes = b""
    headers: list[tuple[bytes, bytes]]
    """The caller's, hop-by-hop and our own credentials taken out; lower-case names."""
    body: bytes = b""


class UpstreamAnswer(Protocol):
    """A provider's answer, its body still to be read. Must be closed."""

    @property
    def status(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Without hop-by-hop fields; lower-case names."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises UpstreamUnavailable (broken off) or UpstreamTimeout (silent for too long)."""

    async def aclose(self) -> None:
        """Give the connection back, or end it where the body was not read to its end."""


class Upstream(Protocol):
    """One provider, or one deployment of it."""

    @property
    def name(self) -> str:
        """As the operator calls it."""

    async def send(self, request: UpstreamRequest) -> UpstreamAnswer:
        """Send it, retrying what may be retried. Raises UpstreamUnavailable, UpstreamTimeout; an HTTP error status is
        an answer like any other.
        """


# --- vectors -------------------------------------------------------------------------------------------------


class Row(msgspec.Struct, frozen=True):
    """What the index holds of an entry. `vector` is float32 (dim,), unit length."""

    entry_id: str
    partition: bytes
    context: bytes
    vector: Any


class Neighbour(msgspec.Struct, frozen=True):
    """A live row near the query. `similarity` is the index's own cosine, approximate to about 1e-3."""

    entry_id: str
    similarity: float


class VectorIndex(Protocol):
    """A view of the store's vectors in one vector space. Thread-safe: searches never wait for a merge."""

    space: str
    dimension: int
    searches: int
    """Searches so far, about: for work that gives way to them."""

    def upsert(self, rows: Sequence[Row]) -> None:
        """Add rows, replacing those of the same entry id."""

    def remove(self, entry_ids: Iterable[str]) -> int:
        """Mark rows dead; returns how many were alive."""

    def search(self, partition: bytes, context: bytes | None, query: NDArray[np.float32], k: int) -> list[Neighbour]:
        """The k nearest live rows of the partition, and of the context unless it is None; best first.

        `query` is float32 (dim,), unit length.
        """

    def holds(self, partition: bytes, context: bytes) -> bool:
        """Whether a search could find anything there. Cheap; may be True where all rows are dead."""

    def __len__(self) -> int:
        """Live rows."""

    def ids(self, shard: int | None = None) -> list[str]:
        """Entry ids of the live rows (of one shard)."""

    def filling(self) -> None:
        """Many rows come now that nobody searches yet, `merge_now` after them: until then only keep that cheap."""

    def merge_now(self) -> None:
        """Lay everything out as a search finds it fastest; it may take long."""

    def close(self) -> None:
        """Stop background work; searches that go on finish."""


class LiveIndex(Protocol):
    """The vector index as the follower keeps it: absent or behind at first, current later."""

    @property
    def index(self) -> VectorIndex | None:
        """What may be searched now; None while there is nothing yet."""

    @property
    def caught_up(self) -> bool:
        """Whether everything acknowledged before the start is in it."""

    def upsert(self, rows: Sequence[Row], *, seqs: Sequence[int] = ()) -> None:
        """Add rows at once, ahead of the change log; `seqs`: by which changes (`Written.seq`), where known."""

    def remove(self, entry_ids: Sequence[str]) -> None:
        """Mark rows dead at once, ahead of the change log."""

    def doubt(self, entry_ids: Sequence[str]) -> None:
        """Look again soon at rows whose records a lookup did not find."""


class OpenedIndex(msgspec.Struct, frozen=True):
    """A snapshot that fits: the index as it was, and how far the change log was applied to it."""

    index: VectorIndex
    positions: list[Position]


class IndexShelf(Protocol):
    """Where indexes come from and are kept: one folder, one locked writer, many readers."""

    def create(self, space: str, dimension: int) -> VectorIndex:
        """A new, empty index."""

    def open(self, space: str, dimension: int, generation: str) -> OpenedIndex:
        """The newest snapshot, checksums verified before anything is mapped. Raises SnapshotRejected, saying why."""

    def save(self, index: VectorIndex, generation: str, positions: Sequence[Position]) -> bool:
        """Write a snapshot atomically; False where another process is the folder's writer."""

    def close(self) -> None:
        """Give the writer lock back."""


# --- embedders -----------------------------------------------------------------------------------------------


class Embedder(Protocol):
    """Text to vectors in one vector space."""

    @property
    def space(self) -> str:
        """Fingerprint of the vector space, known from the start (no model needs to be loaded for it).

        Raises EmbedderUnavailable while it cannot be known: a model by name that is not on this disk yet.
        """

    @property
    def dimension(self) -> int:
        """Components of a vector. Raises EmbedderUnavailable while it is not known yet."""

    def state(self) -> EmbedderState:
        """Whether it can answer now, and if not, why."""

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        """One Embedding a text, in order; None for a text of more than the most windows: it has no vectors, ever.

        Raises EmbedderUnavailable or one of its kinds, within `deadline_s` (default: the operator's). At once while
        the model is not ready, and where more texts wait than may.
        """

    async def start(self) -> None:
        """Begin loading in the background; returns at once."""

    async def aclose(self) -> None:
        """Stop threads and processes."""


class EmbedderState(msgspec.Struct, frozen=True):
    """Whether an embedder can answer, and if not, why."""

    ready: bool
    detail: str = ""


# --- verifiers -----------------------------------------------------------------------------------------------


class Bend(msgspec.Struct, frozen=True, kw_only=True):
    """One hidden unit of a calibration: evidence that counts together, `gain * tanh(bias + weights . evidence)`."""

    gain: float
    bias: float
    weights: dict[str, float]
    """By feature name; one that is missing weighs nothing."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What turns a verifier's score and further evidence into a probability (`policy.confidence`)."""

    fingerprint: str
    """Of the verifier whose scores were calibrated."""
    bias: float
    weights: dict[str, float]
    """By feature name; one that is missing weighs nothing."""
    bends: tuple[Bend, ...] = ()
    """What a weighted sum alone cannot say; none for a logistic regression."""


class Verifier(Protocol):
    """A learned judge of two prompts: do they deserve the same answer?"""

    @property
    def fingerprint(self) -> str:
        """What its scores mean: weights and runtime class. Calibrations hold for one fingerprint only."""

    @property
    def known(self) -> Mapping[str, int]:
        """Words that are spelt as they are meant, lower-case, with how common they are: what is none of them may be a
        slip."""

    def state(self) -> EmbedderState:
        """Whether it can answer now, and if not, why."""

    def calibration(self, space: str) -> Calibration:
        """For decisions on neighbours in a vector space; one without the cosine for a space that was never measured.

        `policy.conversation.TURNS` in place of a space: for single turns of conversations.

        Raises VerifierUnavailable while it is not known.
        """

    async def scores(self, asked: str, cached: Sequence[str], *, deadline_s: float | None = None) -> list[float | None]:
        """A score for each of the cached prompts against the asked one, in order, all judged in one run.

        Higher means surer that one answer serves both; `policy.confidence` makes a probability of it. None where the
        pair is too long to be judged. Raises VerifierUnavailable or one of its kinds within `deadline_s` (default: the
        operator's); at once while the model is not ready.
        """

    async def start(self) -> None:
        """Begin loading in the background; returns at once."""

    async def aclose(self) -> None:
        """Stop the thread."""


# --- observers -----------------------------------------------------------------------------------------------


class LookupEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished lookup. `seconds` is the whole; `stages` its parts (store, embed, search, candidates)."""

    namespace: str
    model: str
    outcome: Outcome
    seconds: float
    stages: dict[str, float]
    digest: bytes = b""


class StoreEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished store."""

    namespace: str
    model: str
    outcome: StoreOutcome
    seconds: float


class CallEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One finished call of a model's provider, or a caller who shared another's (`coalesced`)."""

    namespace: str
    model: str
    upstream: str
    status: int | None
    """HTTP status; None where there was no answer."""
    seconds: float
    usage: Usage | None = None
    cost_usd: float | None = None
    coalesced: bool = False


class StaleEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An expired answer was served by an explicit stale rule; its lookup was counted as a miss before."""

    namespace: str
    model: str
    stale: Stale


class Observer(Protocol):
    """Told of everything that the cache did; must neither block nor raise."""

    def looked_up(self, event: LookupEvent) -> None:
        """A lookup ended."""

    def stored(self, event: StoreEvent) -> None:
        """A store ended."""

    def called(self, event: CallEvent) -> None:
        """A model's provider was called."""

    def served_stale(self, event: StaleEvent) -> None:
        """An expired answer was served."""

    def degraded(self, part: str, reason: str, detail: str = "") -> None:
        """A call to a dependency (`store`, `embedder`, `index`, `upstream`) failed and was turned into a named reason.

        `detail` is what the operator may want to read; it is not for callers.
        """


Progress = Callable[[int, int], None]
"""Called with (done, total) as long work goes on."""
