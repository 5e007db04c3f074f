"""No answer of another conversation where earlier turns may be worded otherwise.

The verifier here is sure that everything deserves the same answer, and the threshold is 0: what still misses is kept
apart by the conversation's shape, by a guard on one of its turns, or by who asks for the exact context.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
import pytest

from semcache.models import CacheRequest, Hit, Miss, MissReason, Tier
from semcache.ports import Verifier
from semcache.service import Service
from tests.integration.conftest import MakeService
from tests.never.conftest import answer_of, keep, request, user
from tests.sure import decide_by, sure_verifier

SYSTEM = {"role": "system", "content": "You answer for the X200."}
FIRST, LAST = "How do I enable the alarm on 2 doors?", "And on a phone?"
SAID = {"role": "assistant", "content": "Open the settings of the alarm."}
LOOKED = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": ""}}]}


def talk(first: str = FIRST, *between: dict[str, Any], last: str = LAST, before: Sequence[Any] = ()) -> CacheRequest:
    return request(messages=[*before, user(first), *(between or (SAID,)), user(last)])


def asking(asked: CacheRequest) -> CacheRequest:
    """The same, asking that earlier turns may be reworded."""
    return msgspec.structs.replace(asked, reworded=True)


def told(result: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": "1", "content": result}


@pytest.fixture
async def sure() -> AsyncIterator[Verifier]:
    async with sure_verifier() as verifier:
        yield verifier


async def judging(make_service: MakeService, verifier: Verifier) -> Service:
    """A service whose namespaces let earlier turns be worded otherwise."""
    service = await make_service()
    decide_by(service, verifier)
    return service


async def test_only_a_conversation_that_is_worded_otherwise_is_served(
    make_service: MakeService, sure: Verifier
) -> None:
    service = await judging(make_service, sure)
    await keep(service, talk(), "so")
    reworded = await service.cache.lookup(talk("how can I enable the alarm on 2 doors"))
    assert isinstance(reworded, Hit)
    assert (reworded.tier, answer_of(reworded)) == (Tier.SEMANTIC, "so")
    others = {
        "its last message alone": request(LAST),
        "its stand-alone form": request("How do I enable the alarm on 2 doors on a phone?"),
        "another answer before": talk(FIRST, {**SAID, "content": "Press the button of the alarm."}),
        "no answer before": request(messages=[user(FIRST), user(LAST)]),
        "a turn more": talk(FIRST, SAID, user("And then?"), SAID),
        "turns in another order": request(messages=[SAID, user(FIRST), user(LAST)]),
        "another system prompt": talk(before=[SYSTEM]),
        "a system prompt between": talk(FIRST, SAID, SYSTEM),
        "a tool's result between": talk(FIRST, LOOKED, told("20 C"), SAID),
        "the opposite before": talk("How do I disable the alarm on 2 doors?"),
        "another number before": talk("How do I enable the alarm on 3 doors?"),
        "another last message": talk(last="And not on a phone?"),
    }
    for what, other in others.items():
        outcome = await service.cache.lookup(other)
        assert isinstance(outcome, Miss), what


async def test_the_results_of_tools_are_never_reworded(make_service: MakeService, sure: Verifier) -> None:
    service = await judging(make_service, sure)
    await keep(service, talk(FIRST, LOOKED, told("20 C"), SAID), "warm")
    outcome = await service.cache.lookup(talk("how can I enable the alarm on 2 doors", LOOKED, told("21 C"), SAID))
    assert isinstance(outcome, Miss)


async def test_who_asks_for_the_exact_context_gets_no_other(make_service: MakeService, sure: Verifier) -> None:
    service = await judging(make_service, sure)
    await keep(service, talk(), "so")
    reworded = talk("how can I enable the alarm on 2 doors")
    assert isinstance(await service.cache.lookup(reworded, context="exact"), Miss)
    same = await service.cache.lookup(talk(last="And on a mobile phone?"), context="exact")
    assert answer_of(same) == "so"


async def test_an_answer_that_was_pinned_to_its_context_serves_no_other(
    make_service: MakeService, sure: Verifier
) -> None:
    service = await judging(make_service, sure)
    await keep(service, talk(), "so", pinned=True)
    assert isinstance(await service.cache.lookup(talk("how can I enable the alarm on 2 doors")), Miss)
    assert answer_of(await service.cache.lookup(talk(last="And on a mobile phone?"))) == "so"


async def test_where_the_operator_says_exact_a_request_loosens_nothing(
    make_service: MakeService, sure: Verifier
) -> None:
    service = await judging(make_service, sure)
    service.cache._settings = service.cache._settings.model_copy(update={"context": "exact"})
    await keep(service, asking(talk()), "so")
    reworded = asking(talk("how can I enable the alarm on 2 doors"))
    outcome = await service.cache.lookup(reworded, context="semantic")
    assert isinstance(outcome, Miss)
    assert outcome.reason is MissReason.NOT_FOUND


async def test_where_the_operator_says_nothing_only_requests_that_ask_for_it_meet(
    make_service: MakeService, sure: Verifier
) -> None:
    service = await judging(make_service, sure)
    service.cache._settings = service.cache._settings.model_copy(update={"context": None})
    reworded = talk("how can I enable the alarm on 2 doors")
    await keep(service, talk(), "of the exact context")
    assert isinstance(await service.cache.lookup(asking(reworded)), Miss)
    assert isinstance(await service.cache.lookup(reworded), Miss)
    other = talk("How do I enable the light on 2 doors?")
    await keep(service, asking(other), "so")
    assert answer_of(await service.cache.lookup(asking(talk("how can I enable the light on 2 doors")))) == "so"
    assert isinstance(await service.cache.lookup(talk("how can I enable the light on 2 doors")), Miss)
    assert isinstance(await service.cache.lookup(asking(talk("how can I disable the light on 2 doors"))), Miss)
    assert answer_of(await service.cache.lookup(other)) == "so", "its very conversation, by the exact tier"


async def test_a_cosine_alone_judges_no_conversation(make_service: MakeService) -> None:
    service = await make_service(context="semantic", threshold=0.0)
    await keep(service, talk(), "so")
    await keep(service, asking(talk(last="And on a tablet?")), "so")
    reworded = talk("how can I enable the alarm on 2 doors", last="And on a tablet?")
    assert isinstance(await service.cache.lookup(asking(reworded)), Miss)
    assert isinstance(await service.cache.lookup(talk("how can I enable the alarm on 2 doors")), Miss)


async def test_changing_the_setting_hides_what_was_stored_before_but_from_its_own_conversation(
    make_service: MakeService, sure: Verifier
) -> None:
    service = await judging(make_service, sure)
    loose = service.cache._settings
    service.cache._settings = loose.model_copy(update={"context": "exact"})
    await keep(service, talk(), "so")
    service.cache._settings = loose
    assert isinstance(await service.cache.lookup(talk("how can I enable the alarm on 2 doors")), Miss)
    assert answer_of(await service.cache.lookup(talk())) == "so"
