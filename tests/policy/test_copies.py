"""Whether a copy may be served: each rule holds at its very edge."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from semcache.models import Candidate, Embedding, Entry, Hit, Tier, TtlClass
from semcache.policy.copies import (
    CONFIRMED_S,
    RENEWED_S,
    Copy,
    Doubt,
    comparable,
    latest_ms,
    may_copy,
    may_copy_for_all,
    serve,
)

ENTRY = Entry(
    entry_id="05" + "a" * 30,
    digest=b"d" * 32,
    norm_digest=b"\x05" * 32,
    partition=b"p" * 16,
    context=b"c" * 16,
    namespace="default",
    model="m",
    model_version="",
    prompt="Why?",
    response=b'"Because."',
    ttl_class=TtlClass.GENERAL,
    ttl_s=50.0,
    created_ms=1_000_000,
    expires_ms=1_050_000,
    epoch=7,
)
COPY = Copy(Candidate(ENTRY), now_ms=1_010_000, asked_s=100.0)


def test_a_copy_is_the_hit_that_the_store_told_of() -> None:
    hit = serve(COPY, epoch=7, confirmed_s=100.0, at_s=100.25)
    assert hit == Hit(tier=Tier.EXACT, entry=ENTRY, similarity=1.0, now_ms=1_010_250, asker=ENTRY.norm_digest)


@pytest.mark.parametrize(
    ("at_s", "confirmed_s", "epoch", "max_age_s", "expected"),
    [
        (100.0 + CONFIRMED_S, 100.0, 7, None, Hit),
        (100.001 + CONFIRMED_S, 100.0, 7, None, Doubt.UNCONFIRMED),
        (100.0, float("-inf"), 7, None, Doubt.UNCONFIRMED),
        (139.999, 139.9, 7, None, Hit),
        (140.0, 139.9, 7, None, Doubt.UNSERVABLE),  # the very moment of its expiry
        (100.1, 100.0, 8, None, Doubt.UNSERVABLE),  # a higher epoch was seen
        (100.1, 100.0, 6, None, Hit),
        (100.1, 100.0, 7, 10.2, Hit),
        (100.1, 100.0, 7, 10.05, Doubt.UNSERVABLE),
    ],
)
def test_the_rules(
    at_s: float, confirmed_s: float, epoch: int, max_age_s: float | None, expected: type | Doubt
) -> None:
    found = serve(COPY, epoch=epoch, confirmed_s=confirmed_s, at_s=at_s, max_age_s=max_age_s)
    assert found is expected if isinstance(expected, Doubt) else isinstance(found, expected)


def test_a_copy_is_renewed_however_long_it_may_live() -> None:
    lasting = Copy(Candidate(msgspec.structs.replace(ENTRY, expires_ms=10**14)), now_ms=1_010_000, asked_s=100.0)
    then = 100.0 + RENEWED_S
    assert isinstance(serve(lasting, epoch=7, confirmed_s=then, at_s=then), Hit)
    assert serve(lasting, epoch=7, confirmed_s=then, at_s=then + 0.001) is Doubt.OLD


def test_the_stores_clock_is_never_thought_behind() -> None:
    assert latest_ms(COPY, 100.0001) == 1_010_001


def test_only_exact_hits_whose_life_is_fixed_are_copied() -> None:
    hit = Hit(tier=Tier.EXACT, entry=ENTRY, similarity=1.0, now_ms=1)
    assert may_copy(hit)
    assert not may_copy(msgspec.structs.replace(hit, tier=Tier.NORMALIZED))
    assert not may_copy(msgspec.structs.replace(hit, entry=msgspec.structs.replace(ENTRY, sliding=True)))


VECTORS = Embedding("space", np.ones((1, 4), np.float32), np.ones(1, np.float32))


def test_what_was_read_for_one_prompt_is_copied_for_all_unless_anybody_found_it_wrong_or_its_life_moves() -> None:
    candidate = Candidate(ENTRY, VECTORS, disputed=False)
    assert may_copy_for_all(candidate)
    assert not may_copy_for_all(Candidate(ENTRY, VECTORS, disputed=True))
    assert not may_copy_for_all(Candidate(ENTRY, VECTORS))  # nobody knows
    sliding = msgspec.structs.replace(ENTRY, sliding=True)
    assert not may_copy_for_all(Candidate(sliding, VECTORS, disputed=False))


def test_a_copy_is_a_candidate_with_the_vectors_of_the_space_and_without_a_dispute() -> None:
    assert comparable(Candidate(ENTRY, VECTORS, disputed=False), "space")
    assert not comparable(Candidate(ENTRY, VECTORS, disputed=True), "space")
    assert not comparable(Candidate(ENTRY, VECTORS, disputed=False), "another")
    assert not comparable(Candidate(ENTRY, None, disputed=False), "space")
