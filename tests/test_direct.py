"""What is known of a request stands for its own entry alone."""

from __future__ import annotations

import msgspec

from semcache.direct import lean, taken, told
from semcache.errors import StoreTimeout
from semcache.models import CacheIdentity, Hit, Tier
from semcache.stores.codec import stamped
from tests.contract.records import draft, identity


def hit_of(who: CacheIdentity, tier: Tier = Tier.EXACT) -> Hit:
    """A hit of this identity's entry."""
    entry = stamped(draft(who), created_ms=1, expires_ms=2, epoch=1)
    return Hit(tier=tier, entry=entry, similarity=1.0, now_ms=1)


def test_of_an_identity_that_is_kept_which_finds_its_entry() -> None:
    who = identity("Why?")
    kept = lean(who, hit_of(who))
    assert kept is not None
    assert (kept.entry_id, kept.shard, kept.namespace) == (who.entry_id, who.shard, who.namespace)
    assert (kept.digest, kept.norm_digest) == (who.digest, who.norm_digest)


def test_a_hit_of_another_entry_or_tier_is_not_learnt_from() -> None:
    who = identity("Why?")
    other = msgspec.structs.replace(identity("Wyh?"), norm_digest=who.norm_digest)
    assert lean(who, hit_of(other)) is None
    assert lean(who, hit_of(who, Tier.SEMANTIC)) is None
    assert lean(None, hit_of(who)) is None


def test_what_the_store_refused_is_told_once() -> None:
    error = StoreTimeout("store: no answer in time")
    assert taken() is None
    with told(error):
        assert taken() is error
        assert taken() is None
    with told(None):
        assert taken() is None
    assert taken() is None
