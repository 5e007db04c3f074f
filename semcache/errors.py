"""The error tree. Each class carries a stable `code` and the HTTP status that it becomes at the edge.

    SemcacheError                     500 internal
    ├── RequestError                  422 invalid_request      the caller can mend it; `field` says where
    │   ├── TooLarge                  413 too_large
    │   ├── NotFound                  404 not_found
    │   └── UnknownModel              404 model_not_found      no upstream serves it
    ├── AccessError                   401 unauthenticated
    │   └── Forbidden                 403 forbidden
    ├── RateLimited                   429 rate_limited         the caller has spent its rate
    ├── ConfigError                   500 invalid_config       the operator can mend it, at start
    └── Unavailable                   503 unavailable          a dependency; on the data plane it becomes a miss
        ├── StoreUnavailable          503 store_unavailable
        │   ├── StoreTimeout          503 store_timeout
        │   └── StoreFull             503 store_full
        ├── EmbedderUnavailable       503 embedder_unavailable
        │   ├── EmbedderTimeout       503 embedder_timeout
        │   └── EmbedderOverloaded    503 embedder_overloaded
        ├── VerifierUnavailable       503 verifier_unavailable
        │   ├── VerifierTimeout       503 verifier_timeout
        │   └── VerifierOverloaded    503 verifier_overloaded
        ├── IndexUnavailable          503 index_unavailable
        │   └── SnapshotRejected      503 snapshot_rejected    damaged or foreign: rebuilt from the store
        ├── NotCached                 504 not_cached           the caller asked for a cached answer, and there is none
        ├── NoUpstream                503 no_upstream          none is configured for the protocol
        └── UpstreamUnavailable       502 upstream_unavailable the model's provider: refused, broke, or spoke garbage
            └── UpstreamTimeout       504 upstream_timeout

Adapters translate foreign exceptions into this tree once, at their edge; nothing above them sees another.
"""


class SemcacheError(Exception):
    """Root of all errors that semcache raises on purpose."""

    code = "internal"
    status = 500


class RequestError(SemcacheError):
    """The request cannot be understood. `field` is the path of the offending field, "" for the whole body."""

    code = "invalid_request"
    status = 422

    def __init__(self, detail: str, *, field: str = "") -> None:
        super().__init__(detail)
        self.field = field


class TooLarge(RequestError):
    """A prompt, an answer or a body is beyond the operator's limit."""

    code = "too_large"
    status = 413


class NotFound(RequestError):
    """No such entry or job in the namespaces that the caller may see."""

    code = "not_found"
    status = 404


class UnknownModel(RequestError):
    """No upstream serves the model of a request."""

    code = "model_not_found"
    status = 404


class AccessError(SemcacheError):
    """No credential, or one that is not known."""

    code = "unauthenticated"
    status = 401


class Forbidden(AccessError):
    """The credential is known and does not open this namespace or role."""

    code = "forbidden"
    status = 403


class RateLimited(SemcacheError):
    """The caller has spent its rate. `retry_after_s`: seconds until the same request may pass."""

    code = "rate_limited"
    status = 429

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class ConfigError(SemcacheError):
    """The service cannot start, or a setting cannot be honoured, as configured."""

    code = "invalid_config"


class Unavailable(SemcacheError):
    """A dependency is dead, slow or refusing. The data plane turns it into a miss with `code` as its reason."""

    code = "unavailable"
    status = 503


class StoreUnavailable(Unavailable):
    """The store cannot be reached, or answered with an error of its own."""

    code = "store_unavailable"


class StoreTimeout(StoreUnavailable):
    """The store did not answer within its deadline."""

    code = "store_timeout"


class StoreFull(StoreUnavailable):
    """The store is at its memory bound and found nothing to evict."""

    code = "store_full"


class EmbedderUnavailable(Unavailable):
    """The embedder failed, or is not loaded yet."""

    code = "embedder_unavailable"


class EmbedderTimeout(EmbedderUnavailable):
    """The embedder did not answer within its deadline."""

    code = "embedder_timeout"


class EmbedderOverloaded(EmbedderUnavailable):
    """The embedder's queue is full."""

    code = "embedder_overloaded"


class VerifierUnavailable(Unavailable):
    """The verifier failed, or is not loaded yet."""

    code = "verifier_unavailable"


class VerifierTimeout(VerifierUnavailable):
    """The verifier did not answer within its deadline."""

    code = "verifier_timeout"


class VerifierOverloaded(VerifierUnavailable):
    """The verifier's queue is full."""

    code = "verifier_overloaded"


class IndexUnavailable(Unavailable):
    """The vector index cannot be used."""

    code = "index_unavailable"


class SnapshotRejected(IndexUnavailable):
    """A snapshot is damaged, of another format, space or store generation."""

    code = "snapshot_rejected"


class NotCached(Unavailable):
    """Nothing is cached, and the caller asked for `only-if-cached` (RFC 9111, section 5.2.1.7)."""

    code = "not_cached"
    status = 504


class NoUpstream(Unavailable):
    """No provider is configured that could be asked."""

    code = "no_upstream"


class UpstreamUnavailable(Unavailable):
    """The model's provider cannot be reached, or broke off."""

    code = "upstream_unavailable"
    status = 502


class UpstreamTimeout(UpstreamUnavailable):
    """The model's provider did not answer in time."""

    code = "upstream_timeout"
    status = 504
