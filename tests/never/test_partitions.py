"""No answer of another model version, system prompt, conversation or vector space.

With a threshold of 0 whatever the index proposes would be served: what still misses is kept apart by where it is
searched for, not by how alike it is.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from semcache.models import Embedding, Hit, Miss, MissReason, Tier
from semcache.policy.identity import identify
from semcache.ports import Draft, Written
from semcache.service import Service
from tests.integration.conftest import MakeService, eventually
from tests.never.conftest import answer_of, keep, missed, request, user

QUESTION = "How do I reset the device?"
ALIKE = "How can the device be reset?"
SYSTEM = {"role": "system", "content": "You answer for the X200."}
TOOLS = [{"type": "function", "function": {"name": name}} for name in ("search", "erase")]
EARLIER = [user("I own a kettle."), {"role": "assistant", "content": "Nice."}]
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": "{}"}}]}


def asking(text: str, *before: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"messages": [*before, user(text)], **fields}


PLACES: dict[str, list[dict[str, Any]]] = {
    "model": [{"model": "m"}, {"model": "M"}, {"model": "m "}, {"model": "m-2024"}, {"model": "ｍ"}],
    "model version": [
        {"model_version": "1"}, {"model_version": "1.0"}, {"model_version": "01"}, {"model_version": ""},
        {"model": "m1"}, {"params": {"model_version": "1"}}, {"params": {"version": "1"}}, {"model": "m@1"},
    ],
    "system prompt": [
        {"before": [SYSTEM]}, {"before": []}, {"before": [{**SYSTEM, "content": "You answer for the X201."}]},
        {"before": [{**SYSTEM, "content": SYSTEM["content"].upper()}]}, {"before": [{**SYSTEM, "role": "developer"}]},
        {"before": [user(SYSTEM["content"])]}, {"before": [{**SYSTEM, "role": "assistant"}]},
        {"before": [SYSTEM, SYSTEM]}, {"before": [{**SYSTEM, "name": "other"}]},
        {"params": {"system": SYSTEM["content"]}},
        {"params": {"instructions": SYSTEM["content"]}}, {"before": [{**SYSTEM, "role": "System"}]},
    ],
    "system prompt inside the user's words": [
        {"before": [SYSTEM]}, {"text": f"{SYSTEM['content']}\n{{}}"},
    ],
    "tools": [
        {"params": {"tools": TOOLS}}, {"params": {"tools": TOOLS[::-1]}}, {"params": {"tools": TOOLS[:1]}},
        {"params": {"tools": TOOLS, "tool_choice": "none"}}, {"params": {"tools": []}},
        {"params": {"functions": TOOLS}},
        {"params": {"tools": [TOOLS[0], {**TOOLS[1], "strict": True}]}}, {},
    ],
    "parameters": [
        {"params": {"temperature": 0}}, {"params": {"temperature": 0.1}}, {"params": {"temperature": "0"}}, {},
        {"params": {"top_p": 0}}, {"params": {"seed": 2**53}}, {"params": {"seed": 2**53 + 1}},
        {"params": {"seed": 2**70}}, {"params": {"seed": 2**70 + 1}}, {"params": {"n": 1}}, {"params": {"n": True}},
        {"params": {"stop": ["a", "b"]}}, {"params": {"stop": ["b", "a"]}}, {"params": {"stop": "a,b"}},
        {"params": {"response_format": {"type": "json_object"}}}, {"params": {"language": "fr"}},
        {"params": {"x": {"stream": True}}}, {"params": {"x": {"user": "ann"}}}, {"params": {"x": {"user": "bob"}}},
    ],
    "conversation": [
        {"before": EARLIER}, {"before": []}, {"before": EARLIER[::-1]}, {"before": EARLIER[:1]},
        {"before": EARLIER * 2},
        {"before": [user("I own a lamp."), EARLIER[1]]}, {"before": [EARLIER[0], {**EARLIER[1], "content": "nice."}]},
        {"before": [{**EARLIER[0], "role": "assistant"}, {**EARLIER[1], "role": "user"}]},
        {"before": [user("I own a kettle. Nice.")]},
        {"before": [user("Nice."), {"role": "assistant", "content": "I own a kettle."}]},
        {"before": [EARLIER[0], {**EARLIER[1], "name": "bot"}]}, {"before": [SYSTEM, *EARLIER]},
        {"before": [EARLIER[0], SYSTEM, EARLIER[1]]}, {"before": [*EARLIER, SYSTEM]},
        {"before": [CALL, {"role": "tool", "tool_call_id": "1", "content": "20 C"}]},
        {"before": [CALL, {"role": "tool", "tool_call_id": "1", "content": "21 C"}]},
    ],
}  # fmt: skip


def placed(text: str, place: dict[str, Any]) -> Any:
    rest = {name: value for name, value in place.items() if name not in ("before", "text")}
    return request(**asking(place.get("text", "{}").format(text), *place.get("before", ()), **rest))


@pytest.fixture
async def eager(make_service: MakeService) -> Service:
    """A service that serves whatever its index proposes."""
    return await make_service(threshold=0.0)


async def test_whatever_can_change_the_answer_is_another_place(eager: Service) -> None:
    """Model, version, system prompt, tools, parameters, conversation: every variant has only its own answer."""
    for kind, places in PLACES.items():
        here = [{**place, "namespace": kind.replace(" ", "-").replace("'", "")} for place in places]
        for number, place in enumerate(here):
            outcome = await missed(eager, placed(ALIKE, place))
            assert outcome.reason is MissReason.NOT_FOUND, (kind, place)
            await keep(eager, placed(QUESTION, place), number)
        for number, place in enumerate(here):
            alike = await eager.cache.lookup(placed(ALIKE, place))
            assert isinstance(alike, Hit), (kind, place)
            assert (alike.tier, answer_of(alike)) == (Tier.SEMANTIC, number), (kind, place)
            assert answer_of(await eager.cache.lookup(placed(QUESTION, place))) == number, (kind, place)


async def test_another_user_s_personal_answer_is_no_neighbour(eager: Service) -> None:
    personal, alike = "What is my account balance?", "How much money is in my account?"
    await keep(eager, request(personal, principal="user:ann"), "ann's")
    assert answer_of(await eager.cache.lookup(request(alike, principal="user:ann"))) == "ann's"
    for other in ("user:bob", "key:ann", "user:ann ", "USER:ANN"):
        await missed(eager, request(alike, principal=other))
        await missed(eager, request(personal, principal=other))
    assert not isinstance(await eager.cache.lookup(request(personal)), Hit)
    conversation = [user("My name is Ann and my account is 7."), {"role": "assistant", "content": "Hello Ann."}]
    asked = request(messages=[*conversation, user("Which one is it?")], principal="user:ann")
    await keep(eager, asked, "ann's")
    await missed(eager, msgspec.structs.replace(asked, principal="user:bob"))


async def test_what_has_no_text_to_compare_is_found_by_identity_alone(eager: Service) -> None:
    def shown(url: str) -> Any:
        parts = [{"type": "text", "text": QUESTION}, {"type": "image_url", "image_url": {"url": url}}]
        return request(messages=[{"role": "user", "content": parts}])

    await keep(eager, shown("https://a/1.png"), 1)
    await keep(eager, request(QUESTION), "text alone")
    await missed(eager, shown("https://a/2.png"))
    tool = [user(QUESTION), CALL, {"role": "tool", "tool_call_id": "1", "content": "20 C"}]
    await keep(eager, request(messages=tool), 20)
    await missed(eager, request(messages=[*tool[:-1], {**tool[-1], "content": "21 C"}]))
    await missed(eager, request(messages=[*tool, tool[-1]]))
    await missed(eager, request(messages=[user(QUESTION), SYSTEM]))


async def test_two_vector_spaces_never_meet_in_one_index(make_service: MakeService) -> None:
    """A record whose vector in another space of the same dimension is the very query's: no row, no hit by it."""
    service = await make_service()
    assert service.embedder is not None
    (query,) = await service.embedder.embed([QUESTION])
    assert query is not None
    other = request("Which fruits are yellow?")
    identity = identify(other, service.normalizer, service.cache._rules)
    foreign = Embedding("another-space", query.vectors, query.weights)
    draft = Draft(identity=identity, response=b'"wrong"', ttl_s=60.0, retain_s=0.0, embedding=foreign)
    assert isinstance(await service.entries.put(draft), Written)

    async def embedded_here() -> bool:
        found = (await service.entries.read_many([identity.entry_id], space=query.space)).found
        return found[identity.entry_id].embedding is not None

    async def refused() -> None:
        outcome = await service.cache.lookup(request(QUESTION), threshold=0.9)
        assert isinstance(outcome, Miss), outcome

    await refused()
    await eventually(embedded_here, what="a vector of this space")  # embedded anew, not taken over
    await eventually(lambda: len(service.follower.index or ()) == 1 if service.follower else False, what="its row")
    await refused()
    nearest = (await missed(service, request(QUESTION))).nearest
    assert nearest is not None
    assert nearest.similarity < 0.5
    assert answer_of(await service.cache.lookup(request("which fruits are yellow"))) == "wrong"  # its own prompt's
