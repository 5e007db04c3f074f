"""What goes wrong between a client and the cache.

    SemcacheError
    └── ClientError          the service refused the call: `status`, `code`, `detail`, `field`, `request_id`
        └── CacheUnavailable no usable answer: no connection, no time, a 5xx, something that is no semcache

`code` is the service's own (see `semcache.errors`); `cache_unavailable` where there was no answer.
"""

from __future__ import annotations

from semcache.errors import SemcacheError


class ClientError(SemcacheError):
    """The service refused a call; mending the call, or the key, helps, and repeating it does not."""

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str,
        field: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{detail} ({code})")
        self.detail = detail
        self.status = status
        """HTTP status; 0 where there was no answer."""
        self.code = code
        self.field = field
        """Path of the offending field, where it is one."""
        self.request_id = request_id
        """By which the service's log finds the call."""


class CacheUnavailable(ClientError):
    """The cache cannot be used now. Lookups and stores raise it only without `fail_open`."""

    def __init__(
        self, detail: str, *, status: int = 0, code: str = "cache_unavailable", request_id: str | None = None
    ) -> None:
        super().__init__(detail, status=status, code=code, request_id=request_id)
