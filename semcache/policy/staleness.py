"""Which expired answers may be served: the windows of RFC 5861, within which they are kept.

The rule. An expired answer is served only where this very request was answered before (exact tier), nothing but its age
speaks against it, and a window is open: while a refresh runs (`stale-while-revalidate`), or after upstream failed
(`stale-if-error`). The windows are the operator's, unless the request names its own; none reaches beyond the time that
expired answers are kept (`ttl.stale_window_s`). A request that wants a fresh answer (`no-cache`) gets a stale one only
after a failure, and only if it names that window itself.
"""

from __future__ import annotations

import msgspec

from semcache.models import Stale
from semcache.policy.directives import Directives
from semcache.settings import GatewaySettings, TtlSettings


class Windows(msgspec.Struct, frozen=True):
    """Seconds past an answer's expiry in which it may be served; 0: never."""

    if_error_s: float
    """After upstream failed."""
    while_revalidate_s: float
    """While one refresh runs."""


def windows(directives: Directives, gateway: GatewaySettings, ttl: TtlSettings) -> Windows:
    """The windows that hold for a request."""
    if_error, revalidate = directives.stale_if_error_s, directives.stale_while_revalidate_s
    if directives.no_cache:
        if_error, revalidate = if_error or 0.0, 0.0
    return Windows(
        if_error_s=min(gateway.stale_if_error_s if if_error is None else if_error, ttl.stale_window_s),
        while_revalidate_s=min(
            gateway.stale_while_revalidate_s if revalidate is None else revalidate, ttl.stale_window_s
        ),
    )


def usable(stale: Stale, window_s: float, max_age_s: float | None = None) -> bool:
    """Whether an expired answer may be served within a window, and is no older than `max_age_s`.

    RFC 5861 lets `stale-if-error` serve whatever `max-age` says: leave it out there.
    """
    if window_s <= 0 or stale.now_ms - stale.entry.expires_ms > window_s * 1000:
        return False
    return max_age_s is None or stale.now_ms - stale.entry.created_ms <= max_age_s * 1000
