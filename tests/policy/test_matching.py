"""The hit decision: rules 1 to 3, for any mixture of records."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from semcache.models import (
    CacheIdentity,
    Candidate,
    Embedding,
    Entry,
    Hit,
    Miss,
    MissReason,
    Stale,
    Strategy,
    Tier,
    TtlClass,
)
from semcache.policy.guards import Finding, Force, Rules
from semcache.policy.matching import (
    AS_TYPED,
    Open,
    Shortlist,
    Terms,
    match_direct,
    match_neighbours,
    may_be_mistyped,
    only_repeats,
    shortlist,
    stale,
    surest_hit,
    unservable,
    withheld,
)
from semcache.ports import ExactRead, ManyRead

NOW = 1_000_000
EPOCH = 500
QUERY = Embedding("space", np.array([[1.0, 0.0]], np.float32), np.ones(1, np.float32))


def identity(partition: bytes = b"p" * 16, context: bytes = b"c" * 16) -> CacheIdentity:
    return CacheIdentity(
        namespace="n",
        model="m",
        model_version="",
        digest=b"d" * 32,
        norm_digest=b"\0" * 32,
        partition=partition,
        context=context,
        prompt="q",
        ttl_class=TtlClass.GENERAL,
        ttl_rule="r",
    )


def entry(
    name: str = "0" * 32,
    *,
    expires_ms: int = NOW + 1,
    created_ms: int = NOW - 1000,
    epoch: int = EPOCH,
    partition: bytes = b"p" * 16,
    context: bytes = b"c" * 16,
    reach: Strategy = Strategy.SEMANTIC,
) -> Entry:
    return Entry(
        entry_id=name,
        digest=b"d" * 32,
        norm_digest=b"\0" * 32,
        partition=partition,
        context=context,
        namespace="n",
        model="m",
        model_version="",
        prompt="q",
        response=b'"a"',
        ttl_class=TtlClass.GENERAL,
        ttl_s=1.0,
        created_ms=created_ms,
        expires_ms=expires_ms,
        epoch=epoch,
        reach=reach,
    )


def at(cosine: float, space: str = "space") -> Embedding:
    """A vector whose cosine to QUERY is this."""
    return Embedding(space, np.array([[cosine, (1 - cosine**2) ** 0.5]], np.float32), np.ones(1, np.float32))


def direct(exact: Candidate | None = None, normalized: Candidate | None = None) -> ExactRead:
    return ExactRead(now_ms=NOW, epoch=EPOCH, fence=0, exact=exact, normalized=normalized)


def judge(*candidates: Candidate, threshold: float = 0.9, max_age_s: float | None = None) -> Hit | Miss:
    found = {candidate.entry.entry_id: candidate for candidate in candidates}
    read = ManyRead(now_ms=NOW, found=found, epochs=dict.fromkeys(found, EPOCH))
    terms = Terms(threshold=threshold, max_age_s=max_age_s)
    return match_neighbours(identity(), QUERY, list(found), read, terms).outcome


def test_exact_comes_before_normalized() -> None:
    outcome = match_direct(direct(Candidate(entry("1" * 32)), Candidate(entry("2" * 32))), Terms())
    assert isinstance(outcome, Hit)
    assert (outcome.tier, outcome.entry.entry_id) == (Tier.EXACT, "1" * 32)


def test_a_dead_exact_entry_leaves_the_normalized_one() -> None:
    dead = Candidate(entry("1" * 32, expires_ms=NOW))
    outcome = match_direct(direct(dead, Candidate(entry("2" * 32))), Terms())
    assert isinstance(outcome, Hit)
    assert (outcome.tier, outcome.entry.entry_id) == (Tier.NORMALIZED, "2" * 32)


def test_nothing_found_is_said_so() -> None:
    assert match_direct(direct(), Terms()) == Miss(reason=MissReason.NOT_FOUND)


def test_each_reason_is_named() -> None:
    cases = {
        MissReason.EXPIRED: Candidate(entry(expires_ms=NOW)),
        MissReason.INVALIDATED: Candidate(entry(epoch=EPOCH - 1)),
        MissReason.TOO_OLD: Candidate(entry(created_ms=NOW - 11_000)),
        MissReason.VETOED: Candidate(entry(), None, True),
    }
    for reason, candidate in cases.items():
        assert match_direct(direct(candidate), Terms(max_age_s=10)) == Miss(reason=reason)


@given(
    vetoed=st.booleans(),
    epoch=st.integers(EPOCH - 2, EPOCH + 2),
    expires=st.integers(NOW - 2, NOW + 2),
    age_s=st.integers(0, 20),
    max_age=st.none() | st.integers(0, 20),
)
def test_what_may_be_served_is_exactly_rule_one(
    vetoed: bool, epoch: int, expires: int, age_s: int, max_age: int | None
) -> None:
    candidate = Candidate(entry(expires_ms=expires, epoch=epoch, created_ms=NOW - age_s * 1000), None, vetoed)
    allowed = not vetoed and epoch >= EPOCH and expires > NOW and (max_age is None or age_s <= max_age)
    assert (unservable(candidate, EPOCH, NOW, max_age) is None) == allowed


def test_only_expiry_makes_an_entry_stale() -> None:
    assert isinstance(stale(direct(Candidate(entry(expires_ms=NOW))), 10), Stale)
    assert stale(direct(Candidate(entry(expires_ms=NOW, epoch=EPOCH - 1))), 10) is None
    assert stale(direct(Candidate(entry(expires_ms=NOW), None, True)), 10) is None
    assert stale(direct(Candidate(entry())), 10) is None
    assert stale(direct(), 10) is None


def test_an_entry_is_stale_for_the_window_only() -> None:
    assert isinstance(stale(direct(Candidate(entry(expires_ms=NOW - 9_999))), 10), Stale)
    assert stale(direct(Candidate(entry(expires_ms=NOW - 10_000))), 10) is None
    assert stale(direct(Candidate(entry(expires_ms=NOW))), 0) is None


def test_beyond_its_reach_an_entry_is_not_there() -> None:
    for reach in Strategy:
        one = entry(reach=reach)
        assert isinstance(match_direct(direct(exact=Candidate(one)), Terms()), Hit)
        pointed = match_direct(direct(normalized=Candidate(one, None, True)), Terms())
        near = judge(Candidate(one, at(1.0)))
        assert pointed == Miss(reason=MissReason.NOT_FOUND if reach is Strategy.EXACT else MissReason.VETOED)
        assert isinstance(near, Hit) == (reach is Strategy.SEMANTIC)
        assert isinstance(near, Hit) or near == Miss(reason=MissReason.NOT_FOUND)


def test_the_best_live_neighbour_wins() -> None:
    outcome = judge(Candidate(entry("1" * 32), at(0.93)), Candidate(entry("2" * 32), at(0.97)))
    assert isinstance(outcome, Hit)
    assert outcome.entry.entry_id == "2" * 32
    assert outcome.tier is Tier.SEMANTIC
    assert abs(outcome.similarity - 0.97) < 1e-5


def test_below_the_threshold_the_nearest_is_told() -> None:
    outcome = judge(Candidate(entry("1" * 32), at(0.8)), Candidate(entry("2" * 32), at(0.7)))
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.BELOW_THRESHOLD
    assert outcome.nearest is not None
    assert outcome.nearest.entry_id == "1" * 32


def test_a_veto_is_told_and_the_next_neighbour_may_serve() -> None:
    vetoed = Candidate(entry("1" * 32), at(0.99), True)
    alone = judge(vetoed)
    assert isinstance(alone, Miss)
    assert alone.reason is MissReason.VETOED
    second = judge(vetoed, Candidate(entry("2" * 32), at(0.95)))
    assert isinstance(second, Hit)
    assert second.entry.entry_id == "2" * 32


def test_neighbours_of_another_place_or_space_are_no_neighbours() -> None:
    for stranger in (
        Candidate(entry(partition=b"x" * 16), at(1.0)),
        Candidate(entry(context=b"x" * 16), at(1.0)),
        Candidate(entry(), at(1.0, "other space")),
        Candidate(entry(), None),
    ):
        outcome = judge(stranger)
        assert isinstance(outcome, Miss)
        assert outcome.reason is MissReason.NOT_FOUND


def test_more_neighbours_are_wanted_only_when_none_was_alive() -> None:
    read = ManyRead(
        now_ms=NOW, found={"1" * 32: Candidate(entry("1" * 32, expires_ms=0), at(1.0))}, epochs={"1" * 32: 0}
    )
    assert match_neighbours(identity(), QUERY, ["1" * 32], read, Terms(threshold=0.9)).more
    assert match_neighbours(identity(), QUERY, ["2" * 32], read, Terms(threshold=0.9)).more
    alive = ManyRead(now_ms=NOW, found={"1" * 32: Candidate(entry("1" * 32), at(0.1))}, epochs={"1" * 32: 0})
    assert not match_neighbours(identity(), QUERY, ["1" * 32], alive, Terms(threshold=0.9)).more


@given(
    st.lists(
        st.tuples(
            st.floats(-1, 1, width=32),
            st.booleans(),
            st.sampled_from([EPOCH, EPOCH - 1]),
            st.sampled_from([0, 2 * NOW]),
        ),
        max_size=6,
    ),
    st.floats(0, 1),
)
def test_a_hit_is_always_alive_and_near_enough(rows: list[tuple[float, bool, int, int]], threshold: float) -> None:
    candidates = [
        Candidate(entry(f"{number:032x}", epoch=epoch, expires_ms=expires), at(cosine), vetoed)
        for number, (cosine, vetoed, epoch, expires) in enumerate(rows)
    ]
    outcome = judge(*candidates, threshold=threshold)
    servable = [cosine for cosine, vetoed, epoch, expires in rows if not vetoed and epoch >= EPOCH and expires > NOW]
    if isinstance(outcome, Hit):
        assert outcome.similarity >= threshold
        assert abs(outcome.similarity - max(servable)) < 1e-3
    else:
        assert not servable or max(servable) < threshold + 1e-3


def listed(*candidates: Candidate, threshold: float = 0.8) -> tuple[Shortlist, ManyRead]:
    found = {candidate.entry.entry_id: candidate for candidate in candidates}
    read = ManyRead(now_ms=NOW, found=found, epochs=dict.fromkeys(found, EPOCH))
    return shortlist(identity(), QUERY, list(found), read, Terms(threshold=threshold), Rules.default()), read


def test_the_surest_neighbour_wins_not_the_nearest() -> None:
    both, read = listed(Candidate(entry("1" * 32), at(0.97)), Candidate(entry("2" * 32), at(0.85)))
    assert [one.entry.entry_id for one in both.open] == ["1" * 32, "2" * 32]
    outcome = surest_hit(identity(), both, read, [0.6, 0.99], 0.9)
    assert isinstance(outcome, Hit)
    assert (outcome.entry.entry_id, outcome.confidence) == ("2" * 32, 0.99)


def test_doubt_is_told_with_the_surest_neighbour() -> None:
    both, read = listed(Candidate(entry("1" * 32), at(0.97)), Candidate(entry("2" * 32), at(0.85)))
    outcome = surest_hit(identity(), both, read, [0.6, 0.89], 0.9)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.DOUBTED
    assert outcome.nearest is not None
    assert (outcome.nearest.entry_id, outcome.nearest.confidence) == ("2" * 32, 0.89)


def test_what_cannot_be_judged_is_not_served() -> None:
    both, read = listed(Candidate(entry("1" * 32), at(0.97)), Candidate(entry("2" * 32), at(0.85)))
    assert isinstance(surest_hit(identity(), both, read, [None, 0.95], 0.9), Hit)
    outcome = surest_hit(identity(), both, read, [None, None], 0.9)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.NOT_JUDGED


def test_with_nothing_near_enough_the_nearest_is_told() -> None:
    far, read = listed(Candidate(entry("1" * 32), at(0.5)))
    outcome = surest_hit(identity(), far, read, [], 0.9)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.BELOW_THRESHOLD


def test_of_what_another_spelling_finds_only_undoubted_repeats_of_the_prompt_stay() -> None:
    doubt = (Finding("number", Force.DOUBT, "a / b"),)
    prompts = ("how honest are you", "how honest are they", "how ronest are you")
    near = [Open(msgspec.structs.replace(entry(), prompt=prompt), 0.9) for prompt in prompts]
    listed = Shortlist((*near, Open(near[0].entry, 0.9, doubt)), Miss(reason=MissReason.DOUBTED), more=False)
    kept = only_repeats(listed, "how ronest are you", {"how", "honest", "are", "you", "they"}, Terms())
    assert kept.open == (near[0], near[2])
    assert kept.missed == listed.missed


def test_of_doubted_ones_only_a_mistyped_name_stays_and_is_no_nearer_than_it_was() -> None:
    def kept(stored: str, *guards: str, asked: str = "boats to norwey", least: float = 0.5) -> list[float]:
        doubts = tuple(Finding(guard, Force.DOUBT, "") for guard in guards)
        one = Open(msgspec.structs.replace(entry(), prompt=stored), 0.97, doubts)
        listed = Shortlist((one,), Miss(reason=MissReason.DOUBTED), more=False)
        found = only_repeats(listed, asked, known, Terms(threshold=least))
        return [left.similarity for left in found.open]

    known = {"boats", "boat", "to", "norway", "get"}
    assert kept("boats to norway", "entity") == [AS_TYPED]
    assert kept("boats to norway", "entity", least=0.6) == []
    assert kept("boats to norway", "entity", "number") == []
    assert kept("boats to norway", "number") == []
    assert kept("boat to norway", "entity") == []
    assert kept("get boats to norway", "entity", asked="gte boats to norwey") == []  # less than sure
    known.add("norwey")
    assert kept("boats to norway", "entity") == []


def test_a_record_that_may_not_be_served_is_no_slip() -> None:
    assert may_be_mistyped(Miss(reason=MissReason.BELOW_THRESHOLD))
    assert may_be_mistyped(Miss(reason=MissReason.DOUBTED))
    assert not may_be_mistyped(Miss(reason=MissReason.VETOED))
    assert not may_be_mistyped(Miss(reason=MissReason.EXPIRED))
    hit = Hit(tier=Tier.SEMANTIC, entry=entry(), similarity=0.9, now_ms=NOW, asker=b"")
    assert not may_be_mistyped(withheld(hit, MissReason.SHADOWED))
