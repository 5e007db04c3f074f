"""What is known of a request stands for its own entry alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from semcache.direct import Direct, Question, lean, taken, told
from semcache.errors import StoreTimeout, StoreUnavailable
from semcache.memory import Budget
from semcache.models import CacheIdentity, Hit, Tier
from semcache.observers import Observers
from semcache.ports import EntryStore, ExactRead
from semcache.stores.codec import stamped
from semcache.uses import Uses
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


class Silent:
    """Makes no answer."""

    weight = 0

    def around(self, hit: Hit) -> None:
        return None


class Broken:
    """A store whose answer is none: what reads it fails."""

    def begin_read(self, identity: CacheIdentity, hear: Callable[[ExactRead | Exception], None]) -> bool:
        hear(cast(ExactRead, object()))
        return True


def test_whoever_asked_is_told_even_where_the_answer_cannot_be_read() -> None:
    entries = cast(EntryStore, Broken())
    asker = object()
    direct = Direct(10, budget=Budget(100_000), entries=entries, near=None, observer=Observers(), uses=Uses(entries))
    direct.remember(b"GET /", Question(identity=identity("Why?"), namespace="n", model="m", telling=Silent()), asker)
    heard: list[tuple[Hit | None, StoreUnavailable | None]] = []

    def hear(question: Question, hit: Hit | None, refused: StoreUnavailable | None) -> bool:
        heard.append((hit, refused))
        return False

    assert direct.ask(b"GET /", asker, hear)
    assert heard == [(None, None)]
    assert not direct.ask(b"GET /", asker, hear)


def test_what_the_store_refused_is_told_once() -> None:
    error = StoreTimeout("store: no answer in time")
    assert taken() is None
    with told(error):
        assert taken() is error
        assert taken() is None
    with told(None):
        assert taken() is None
    assert taken() is None
