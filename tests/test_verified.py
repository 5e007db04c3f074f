"""Verified mode at run time: counters shared by replicas, plans made of them, a coin, and labels that come back."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from semcache.models import CacheRequest, Drawn, Grounds, Hit, Miss, MissReason
from semcache.policy import risk
from semcache.policy.adaptation import ALIKE, Contrast
from semcache.policy.freshness import TtlRules
from semcache.policy.guards import Rules
from semcache.policy.identity import identify
from semcache.policy.matching import Terms
from semcache.policy.risk.counters import view
from semcache.ports import Verifier
from semcache.semantic import Laps, SemanticTier
from semcache.service import Service
from semcache.settings import Settings
from semcache.verified import VerifiedMode
from tests.conftest import Backend
from tests.integration.conftest import MakeService, eventually, make_service
from tests.never.conftest import keep, request
from tests.verifier.by_words import word_verifier

__all__ = ["make_service"]

STORED = request("How do I enable two factor authentication on my work account today?")
REWORDED = request("how can I enable two factor authentication on my work account today")


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    return Backend(standalone_server)


def mode(service: Service, *, bound: float = 0.05, seed: int = 1) -> VerifiedMode:
    return VerifiedMode(
        Settings(mode="verified", error_bound=bound),
        service.control,
        evidence=lambda entry_id: None,
        observer=service.observers,
        random=random.Random(seed).random,
    )


def decided(
    verified: VerifiedMode, chance: float, namespace: str = "default", differing: Contrast = ALIKE
) -> Drawn | None:
    """As a lookup decides on a candidate of which the entry has no labels."""
    grounds = Grounds(chance, differing)
    return verified.decide(namespace, verified.weigh(namespace, "one", grounds), grounds)


async def learned(verified: VerifiedMode, *, labels: int, right: float, chance: float = 0.97, seed: int = 3) -> None:
    """Ask and label candidates of one confidence, as a stream would."""
    coin = random.Random(seed)
    for number in range(labels):
        verified._count("default", risk.asked(None))
        drawn = decided(verified, chance)
        if drawn is not None:
            verified.labelled("default", drawn, right=coin.random() < right)
        if number % 50 == 49:
            await verified.flush()
    await verified.flush()


async def served(verified: VerifiedMode, chance: float = 0.97, tries: int = 100) -> float:
    return sum(decided(verified, chance) is None for _ in range(tries)) / tries


async def test_nothing_is_served_before_anything_is_known(make_service: MakeService) -> None:
    verified = mode(await make_service(), bound=0.5)
    assert await served(verified, chance=0.9999) == 0.0


async def test_what_turns_out_right_is_served_and_what_turns_out_wrong_is_not(make_service: MakeService) -> None:
    service = await make_service()
    good = mode(service)
    await learned(good, labels=500, right=0.995)
    assert await served(good) > 0.5
    report = await good.report("default")
    assert report.requests == 500
    assert report.holds

    other = mode(await make_service())
    await service.control.hset("unrelated", {"a": "1"})
    for number in range(400):
        other._count("bad", risk.asked(None))
        drawn = decided(other, 0.97, "bad")
        if drawn is not None:
            other.labelled("bad", drawn, right=False)
        if number % 50 == 49:
            await other.flush()
    assert sum(decided(other, 0.97, "bad") is None for _ in range(100)) == 0


async def test_replicas_share_what_was_learned_and_a_restart_keeps_it(make_service: MakeService) -> None:
    service = await make_service()
    one = mode(service)
    await learned(one, labels=500, right=0.995)
    two = mode(service, seed=2)
    decided(two, 0.97)
    await two.flush()
    assert await served(two) > 0.5
    assert (await two.report("default")).labels == (await one.report("default")).labels
    assert await two.names() == ["default"]


async def test_what_was_counted_last_is_written_when_it_ends(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semcache.verified.FLUSH_S", 3600.0)
    service = await make_service()
    one = mode(service)
    decided(one, 0.97)
    running = asyncio.create_task(one.run())
    await eventually(lambda: "default" in one._plans, what="the first flush")
    one._count("default", risk.asked(None))
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (await mode(service, seed=2).report("default")).requests == 1


async def test_a_restart_counts_where_the_others_left_off(make_service: MakeService) -> None:
    service = await make_service()
    await service.control.add("risk:default", {"n": 5000.0})
    two = mode(service)
    two._count("default", risk.asked(None))
    await two.flush()
    assert await service.control.names("risk:default:") == [f"risk:default:{risk.epoch_of(5000)}"]


async def test_epochs_that_no_plan_reads_any_more_go(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("semcache.verified.CLOSED_S", 0.001)
    service = await make_service()
    verified = mode(service)
    for _ in range(3 * risk.EPOCHS):
        verified._count("default", {"n": 64.0, "c8": 1.0})
        await verified.flush()

    async def kept() -> list[str]:
        return await service.control.names("risk:default:")

    async def gone() -> bool:
        return len(await kept()) <= risk.EPOCHS

    await eventually(gone, what="the closed epochs")
    assert f"risk:default:{verified._states['default'].epoch - 1}" in await kept()
    assert (await verified.report("default")).requests == 3 * risk.EPOCHS * 64
    _, epochs = view(verified._states["default"])
    assert sum(one.bins["c"][8] for one in epochs) == 3 * risk.EPOCHS


async def test_a_namespace_in_this_mode_is_told_of_before_its_first_request(make_service: MakeService) -> None:
    service = await make_service(namespaces={"a": {"mode": "verified"}, "b": {"mode": "guarded"}})
    assert await service.verified.names() == ["a"]
    assert (await service.verified.report("a")).labels_needed == 300


async def test_a_forged_label_counts_for_nothing(make_service: MakeService) -> None:
    verified = mode(await make_service())
    verified.labelled("default", Drawn(10_000, 0, 0.5), right=True)
    verified.labelled("default", Drawn(1, 0, 7.0), right=True)
    assert not verified._pending.get("default")
    verified.labelled("default", Drawn(1, 0, 0.5, False, Grounds(0.9, (0.0, 0.0, 1e9))), right=True)
    verified.labelled("default", Drawn(1, 0, 0.5, False, Grounds(-1.0, ALIKE)), right=True)
    assert not {name for name in verified._pending["default"] if name[0] in "gh"}


async def test_replicas_share_what_was_learned_of_how_prompts_differ(make_service: MakeService) -> None:
    """Half of the candidates, equally sure, differ in much and are wrong: only these are refused after a while."""
    service = await make_service()
    few, many = (2.0, 1.5, -1.0), (0.0, -1.5, 1.5)
    one = mode(service, bound=0.02)
    for number in range(800):
        one._count("default", risk.asked(None))
        drawn = decided(one, 0.97, differing=many if number % 2 else few)
        if drawn is not None:
            one.labelled("default", drawn, right=number % 2 == 0)
        if number % 50 == 49:
            await one.flush()
    await one.flush()
    two = mode(service, bound=0.02, seed=2)
    decided(two, 0.97)
    await two.flush()
    assert sum(decided(two, 0.97, differing=few) is None for _ in range(100)) > 50
    assert sum(decided(two, 0.97, differing=many) is None for _ in range(100)) == 0


async def test_an_explored_miss_carries_what_its_label_is_counted_by(make_service: MakeService, tmp_path: Path) -> None:
    service = await make_service()
    assert service.follower is not None
    assert service.embedder is not None
    judge = word_verifier()
    await judge.start()
    await eventually(lambda: judge.state().ready, what="the verifier")
    try:
        tier = SemanticTier(
            Settings(mode="verified", threshold=0.5, error_bound=0.005),
            entries=service.entries,
            live=service.follower,
            embedder=service.embedder,
            verifier=judge,
            rules=Rules.default(),
            observer=service.observers,
            verified=mode(service, bound=0.005),
        )
        stored = await keep(service, STORED, "like this")
        outcome = await ask(service, tier, judge, REWORDED)
        assert isinstance(outcome, Miss)
        assert outcome.reason is MissReason.EXPLORED
        assert outcome.withheld is not None
        assert outcome.withheld.entry_id == stored.entry_id
        assert outcome.withheld.drawn is not None
        assert outcome.withheld.drawn.grounds is not None
        assert outcome.withheld.drawn.grounds.differing[1] > 0.0  # most words are in both
        assert outcome.withheld.weight == 1.0
    finally:
        await judge.aclose()


async def ask(service: Service, tier: SemanticTier, judge: Verifier, asked: CacheRequest) -> Hit | Miss:
    identity = identify(asked, service.normalizer, TtlRules.default())
    return await tier.find(identity, Terms(), Miss(reason=MissReason.NOT_FOUND), Laps(lambda: 0.0, {}))
