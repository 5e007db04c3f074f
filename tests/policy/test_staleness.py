"""Windows for expired answers: the operator's, the request's, and what bounds both."""

from __future__ import annotations

import pytest

from semcache.models import Stale
from semcache.policy.directives import Directives
from semcache.policy.staleness import Windows, usable, windows
from semcache.settings import GatewaySettings, TtlSettings
from semcache.stores.codec import stamped
from tests.ops import draft_of

GATEWAY = GatewaySettings(stale_if_error_s=600.0, stale_while_revalidate_s=30.0)
KEPT = TtlSettings(stale_window_s=3600.0)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (Directives(), Windows(600, 30)),
        (Directives(stale_if_error_s=60), Windows(60, 30)),
        (Directives(stale_if_error_s=1200), Windows(1200, 30)),
        (Directives(stale_if_error_s=0, stale_while_revalidate_s=0), Windows(0, 0)),
        (Directives(stale_if_error_s=9999, stale_while_revalidate_s=9999), Windows(3600, 3600)),
        (Directives(no_cache=True), Windows(0, 0)),
        (Directives(no_cache=True, stale_while_revalidate_s=60), Windows(0, 0)),
        (Directives(no_cache=True, stale_if_error_s=60), Windows(60, 0)),
    ],
)
def test_the_request_s_window_wins_within_what_is_kept(asked: Directives, expected: Windows) -> None:
    assert windows(asked, GATEWAY, KEPT) == expected


def test_nothing_is_stale_where_nothing_is_kept() -> None:
    asked = Directives(stale_if_error_s=60, stale_while_revalidate_s=60)
    assert windows(asked, GatewaySettings(), TtlSettings()) == Windows(0, 0)
    assert windows(Directives(), GatewaySettings(), KEPT) == Windows(0, 0)


def stale(past_expiry_ms: int) -> Stale:
    """An answer that lived from 0 to 10 s."""
    entry = stamped(draft_of("a prompt"), created_ms=0, expires_ms=10_000, epoch=1)
    return Stale(entry=entry, now_ms=10_000 + past_expiry_ms)


def test_within_the_window_and_not_a_millisecond_longer() -> None:
    assert usable(stale(0), 5)
    assert usable(stale(5000), 5)
    assert not usable(stale(5001), 5)
    assert not usable(stale(0), 0)


def test_no_older_than_asked_for() -> None:
    assert usable(stale(2000), 5, max_age_s=12)
    assert not usable(stale(2001), 5, max_age_s=12)
    assert not usable(stale(0), 5, max_age_s=0)
