"""The semantic tier in its judged mode: guards, verifier, confidence, and what becomes of a verifier that is broken."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from semcache.engines import package
from semcache.errors import VerifierTimeout
from semcache.models import CacheIdentity, CacheRequest, Hit, Miss, MissReason
from semcache.policy.conversation import MOST_STEPS
from semcache.policy.freshness import TtlRules
from semcache.policy.guards import Rules
from semcache.policy.identity import identify
from semcache.policy.matching import AS_TYPED, Terms
from semcache.ports import Verifier
from semcache.semantic import Laps, SemanticTier
from semcache.service import Service
from semcache.settings import Settings
from tests.conftest import Backend
from tests.integration.conftest import MakeService, eventually, make_service
from tests.never.conftest import keep, request
from tests.verifier.by_words import LONGEST, word_verifier

__all__ = ["make_service"]

STORED = request("How do I enable two factor authentication on my work account today?")
REWORDED = request("how can I enable two factor authentication on my work account today")
OPPOSED = request("How do I disable two factor authentication on my work account today?")
OTHER = request("How do I enable two factor authentication on my work account without a smartphone at hand?")


@pytest.fixture
def store_backend(standalone_server: str) -> Backend:
    return Backend(standalone_server)


@pytest.fixture
async def verifier() -> AsyncIterator[Verifier]:
    judge = word_verifier()
    await judge.start()
    await eventually(lambda: judge.state().ready, what="the verifier")
    yield judge
    await judge.aclose()


def tier(service: Service, verifier: Verifier | None, **settings: object) -> SemanticTier:
    assert service.follower is not None
    assert service.embedder is not None
    return SemanticTier(
        Settings(**{"mode": "guarded", "threshold": 0.5, "confidence": 0.9, **settings}),  # type: ignore[arg-type]
        entries=service.entries,
        live=service.follower,
        embedder=service.embedder,
        verifier=verifier,
        rules=Rules.default(),
        observer=service.observers,
    )


async def ask(service: Service, tier: SemanticTier, asked: CacheRequest) -> Hit | Miss:
    identity = identify(asked, service.normalizer, TtlRules.default(), reworded=tier._settings.context == "semantic")
    return await tier.find(identity, Terms(), Miss(reason=MissReason.NOT_FOUND), Laps(lambda: 0.0, {}))


async def test_what_the_verifier_is_sure_of_is_served_with_its_confidence(
    make_service: MakeService, verifier: Verifier
) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    outcome = await ask(service, tier(service, verifier), REWORDED)
    assert isinstance(outcome, Hit)
    assert outcome.confidence is not None
    assert outcome.confidence >= 0.9


async def test_a_guard_comes_before_the_verifier(make_service: MakeService, verifier: Verifier) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    outcome = await ask(service, tier(service, verifier), OPPOSED)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.GUARDED


async def test_what_it_doubts_is_a_miss_that_tells_how_sure_it_was(
    make_service: MakeService, verifier: Verifier
) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    outcome = await ask(service, tier(service, verifier), OTHER)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.DOUBTED
    assert outcome.nearest is not None
    assert outcome.nearest.confidence is not None
    assert outcome.nearest.confidence < 0.9


async def test_a_broken_verifier_is_a_miss_with_its_name(make_service: MakeService, verifier: Verifier) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    stopped = word_verifier()
    outcome = await ask(service, tier(service, stopped), REWORDED)
    assert outcome == Miss(reason=MissReason.VERIFIER_UNAVAILABLE)

    class Slow(type(verifier)):  # type: ignore[misc]
        async def scores(self, *_: object, **__: object) -> list[float | None]:
            raise VerifierTimeout("too slow")

    slow = word_verifier()
    slow.__class__ = Slow
    assert await ask(service, tier(service, slow), REWORDED) == Miss(reason=MissReason.VERIFIER_TIMEOUT)


def talk(*asked: str) -> CacheRequest:
    """A conversation in which every question is answered alike."""
    turns = [{"role": "user", "content": text} for text in asked]
    said = {"role": "assistant", "content": "Yes."}
    return request(messages=[message for turn in turns for message in (turn, said)][:-1])


FIRST, SECOND, LAST = (
    "Can two doors have one alarm here?",
    "Is there a key that turns it off at night?",
    "And by phone?",
)
TALK = talk(FIRST, SECOND, LAST)


async def telling(make_service: MakeService) -> Service:
    """A service that stores conversations as ones that may be worded otherwise."""
    service = await make_service()
    service.cache._settings = service.settings.model_copy(update={"mode": "guarded", "context": "semantic"})
    return service


async def test_of_a_conversation_the_turn_that_is_doubted_most_decides(
    make_service: MakeService, verifier: Verifier
) -> None:
    service = await telling(make_service)
    await keep(service, TALK, "so")
    judge = verifier._judge  # type: ignore[attr-defined]
    judged = tier(service, verifier, context="semantic")
    served = await ask(service, judged, talk("can two doors have one alarm here", SECOND.lower(), LAST))
    assert isinstance(served, Hit)
    [batch] = judge.batches  # one run, and nothing of the turn that is the same
    assert [len(pair.asked.split("\n")) for pair in batch] == [2, 4]
    other = talk("can two doors have one alarm here", "Which colours do the keys of the doors come in?", LAST)
    refused = await ask(service, judged, other)
    assert isinstance(refused, Miss)
    assert refused.reason is MissReason.DOUBTED
    assert refused.nearest is not None
    assert refused.nearest.confidence is not None
    assert served.confidence is not None
    assert refused.nearest.confidence < 0.9 <= served.confidence


async def test_what_differs_in_too_many_turns_or_is_too_long_is_not_judged(
    make_service: MakeService, verifier: Verifier
) -> None:
    service = await telling(make_service)
    judged = tier(service, verifier, context="semantic", threshold=0.0)
    many = [f"Can all the doors have one alarm{'?' * (at + 1)}" for at in range(MOST_STEPS + 1)]
    await keep(service, talk(*many, LAST), "so")
    outcome = await ask(service, judged, talk(*(text.lower() for text in many), LAST))
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.NOT_JUDGED
    fewer = [*(text.lower() for text in many[1:]), LAST]
    assert isinstance(await ask(service, judged, talk(many[0], *fewer)), Hit)
    await keep(service, talk(FIRST + " word" * (LONGEST // 5), LAST), "so")
    outcome = await ask(service, judged, talk(FIRST.lower() + " word" * (LONGEST // 5), LAST))
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.NOT_JUDGED


async def test_with_the_verifier_off_guards_temper_the_cosine(make_service: MakeService) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    alone = tier(service, None, threshold=0.8)
    served, vetoed = await ask(service, alone, REWORDED), await ask(service, alone, OPPOSED)
    assert isinstance(served, Hit)
    assert served.confidence is None
    assert isinstance(vetoed, Miss)
    assert vetoed.reason is MissReason.GUARDED


async def test_in_threshold_mode_nothing_but_the_cosine_decides(make_service: MakeService, verifier: Verifier) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    outcome = await ask(service, tier(service, verifier, mode="threshold", threshold=0.8), OPPOSED)
    assert isinstance(outcome, Hit)
    assert outcome.confidence is None


async def test_shadow_mode_serves_nothing_and_says_what_it_would_have(
    make_service: MakeService, verifier: Verifier
) -> None:
    service = await make_service()
    stored = await keep(service, STORED, "like this")
    outcome = await ask(service, tier(service, verifier, mode="shadow"), REWORDED)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.SHADOWED
    assert outcome.withheld is not None
    assert outcome.withheld.entry_id == stored.entry_id
    assert outcome.withheld.confidence is not None
    vetoed = await ask(service, tier(service, verifier, mode="shadow"), OPPOSED)
    assert isinstance(vetoed, Miss)
    assert vetoed.reason is MissReason.GUARDED


async def test_of_neighbours_only_those_that_may_be_near_enough_are_read(make_service: MakeService) -> None:
    service = await make_service()
    await keep(service, STORED, "like this")
    await keep(service, request("What is the tallest mountain of South America?"), "Aconcagua")
    read: list[int] = []
    many = service.entries.read_many

    async def watched(entry_ids: Sequence[str], **more: Any) -> Any:
        if more.get("asker"):  # a lookup's, not the follower's
            read.append(len(entry_ids))
        return await many(entry_ids, **more)

    service.entries.read_many = watched  # type: ignore[method-assign]
    cosine = tier(service, None, mode="threshold", threshold=0.8)
    found = await ask(service, cosine, REWORDED)
    assert isinstance(found, Hit)
    assert read == [1]
    assert await service.cache.feedback(
        found.entry.entry_id, prompt=None, asker=identity_of(service, REWORDED).norm_digest, correct=False
    )
    missed = await ask(service, cosine, REWORDED)
    assert isinstance(missed, Miss)
    assert missed.reason is MissReason.VETOED
    assert missed.nearest is not None
    assert missed.nearest.entry_id != found.entry.entry_id
    assert read[1:] == [1]  # and none after it: what lies further off is no nearer


def identity_of(service: Service, asked: CacheRequest) -> CacheIdentity:
    return identify(asked, service.normalizer, TtlRules.default(), reworded=False)


TYPED, MEANT, BESIDE = (
    request("how ronest are you"),
    request("how honest are you"),
    request("how honest are you with them"),
)


@pytest.fixture
async def spelling() -> AsyncIterator[Verifier]:
    """One that knows which words there are."""
    judge = word_verifier(known=package.words())
    await judge.start()
    await eventually(lambda: judge.state().ready, what="the verifier")
    yield judge
    await judge.aclose()


async def test_a_slip_that_moves_the_vector_far_is_looked_up_as_it_was_meant(
    make_service: MakeService, verifier: Verifier, spelling: Verifier
) -> None:
    service = await make_service()
    await keep(service, MEANT, "very")
    outcome = await ask(service, tier(service, spelling), TYPED)
    assert isinstance(outcome, Hit)
    assert outcome.asked == "how ronest are you"
    assert outcome.similarity > 0.99
    outcome = await ask(service, tier(service, verifier), TYPED)
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.BELOW_THRESHOLD  # so far is the vector of what was typed


async def test_a_mistyped_name_is_looked_up_as_it_was_meant_and_counts_as_far(
    make_service: MakeService, spelling: Verifier
) -> None:
    service = await make_service()
    await keep(service, request("what is guatemala main export"), "coffee")
    typed = request("what is gwatemala main export")
    outcome = await ask(service, tier(service, spelling, confidence=0.1), typed)
    assert isinstance(outcome, Hit)
    assert outcome.similarity == AS_TYPED
    assert isinstance(await ask(service, tier(service, spelling, confidence=0.1, threshold=0.6), typed), Miss)


async def test_what_it_was_meant_as_finds_nothing_that_it_does_not_repeat(
    make_service: MakeService, spelling: Verifier
) -> None:
    service = await make_service()
    await keep(service, BESIDE, "very")
    guarded = tier(service, spelling, confidence=0.1)
    assert isinstance(await ask(service, guarded, MEANT), Hit)
    assert isinstance(await ask(service, guarded, TYPED), Miss)
