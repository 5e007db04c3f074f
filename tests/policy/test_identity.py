from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.errors import RequestError
from semcache.models import CacheIdentity, CacheRequest, TtlClass
from semcache.policy import canonical, identity
from semcache.policy.canonical import TRANSPORT_FIELDS
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import asker_digest, identify
from semcache.policy.normalize import Normalizer
from semcache.settings import NormalizationSettings

NORMALIZER = Normalizer()
RULES = TtlRules.default()


def user(text: Any) -> dict[str, Any]:
    return {"role": "user", "content": text}


def who(messages: list[dict[str, Any]] | str, **fields: Any) -> CacheIdentity:
    turns = [user(messages)] if isinstance(messages, str) else messages
    return identify(CacheRequest(messages=turns, model="m", **fields), NORMALIZER, RULES)


BASE = [{"role": "system", "content": "Be brief."}, user("What is entropy?")]


def test_the_same_request_has_the_same_identity() -> None:
    assert who("What is entropy?", params={"temperature": 1}) == who(
        [user([{"type": "text", "text": "What is entropy?"}])], params={"temperature": 1.0, "stream": True, "n": None}
    )


def test_shapes() -> None:
    identity = who(BASE)
    assert (len(identity.digest), len(identity.norm_digest)) == (32, 32)
    assert (len(identity.partition), len(identity.context)) == (16, 16)
    assert identity.prompt == "What is entropy?"
    assert identity.comparable


@pytest.mark.parametrize(
    "change",
    [
        {"namespace": "other"},
        {"model": "m2"},
        {"model_version": "2"},
        {"params": {"temperature": 0.7}},
        {"params": {"max_tokens": 10}},
        {"params": {"tools": [{"name": "f"}]}},
        {"params": {"response_format": {"type": "json_object"}}},
        {"params": {"seed": 1}},
        {"params": {"something_new": True}},
        {"messages": [{"role": "system", "content": "Be long."}, BASE[1]]},
        {"messages": [{"role": "developer", "content": "Be brief."}, BASE[1]]},
        {"messages": [BASE[1]]},
    ],
)
def test_all_that_can_change_the_answer_is_in_the_partition(change: dict[str, Any]) -> None:
    base = CacheRequest(messages=BASE, model="m")
    one = identify(base, NORMALIZER, RULES)
    other = identify(msgspec.structs.replace(base, **change), NORMALIZER, RULES)
    assert one.partition != other.partition
    assert one.digest != other.digest
    assert one.norm_digest != other.norm_digest


@pytest.mark.parametrize("field", sorted(TRANSPORT_FIELDS))
def test_transport_is_in_nothing(field: str) -> None:
    assert who(BASE) == who(BASE, params={field: "x"})


def test_history_is_the_context_and_nothing_else() -> None:
    asked = who([user("Who was Napoleon?"), {"role": "assistant", "content": "An emperor."}, user("How old is he?")])
    other = who([user("Who was Caesar?"), {"role": "assistant", "content": "A consul."}, user("How old is he?")])
    alone = who("How old is he?")
    assert len({asked.context, other.context, alone.context}) == 3
    assert len({asked.norm_digest, other.norm_digest, alone.norm_digest}) == 3
    assert asked.partition == other.partition == alone.partition


def test_the_place_of_a_system_message_between_turns_counts() -> None:
    system, first, last = {"role": "system", "content": "s"}, user("one thing"), user("the other")
    before, between = who([system, first, last]), who([first, system, last])
    assert before.partition == between.partition
    assert before.context != between.context
    assert before.norm_digest != between.norm_digest


def test_a_name_on_the_last_message_counts() -> None:
    assert who([user("x y z")]).norm_digest != who([user("x y z") | {"name": "ann"}]).norm_digest


def test_spellings_share_the_normalised_digest_alone() -> None:
    one, other = who("What is entropy?"), who("what's  entropy")
    assert one.norm_digest == other.norm_digest
    assert one.digest != other.digest
    assert one.shard == other.shard
    assert one.entry_id != other.entry_id


def test_the_normaliser_version_is_in_the_digest() -> None:
    request = CacheRequest(messages=[user("plain words")], model="m")
    fewer = identify(request, Normalizer(NormalizationSettings(case=False)), RULES)
    full = identify(request, NORMALIZER, RULES)
    assert fewer.digest == full.digest
    assert fewer.norm_digest != full.norm_digest


def test_asker_digest_recomputes_the_normalised_digest() -> None:
    identity = who(BASE)
    assert asker_digest(identity.partition, identity.context, "what is entropy", NORMALIZER) == identity.norm_digest


@pytest.mark.parametrize(
    "messages",
    [
        [user("x"), {"role": "assistant", "content": "y"}],
        [user("x"), {"role": "tool", "tool_call_id": "1", "content": "42"}],
        [user([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "u"}}])],
        [user([{"type": "image_url", "image_url": {"url": "u"}}])],
        [user("")],
        [user(None)],
        [{"role": "user"}],
    ],
)
def test_without_a_text_to_compare_only_the_exact_tier_is_left(messages: list[dict[str, Any]]) -> None:
    identity = who(messages)
    assert identity.prompt == ""
    assert not identity.comparable
    assert identity.norm_digest != who("x").norm_digest
    assert who(messages) == identity


def test_images_are_told_apart() -> None:
    def shown(url: str) -> CacheIdentity:
        return who([user([{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": url}}])])

    assert shown("a").digest != shown("b").digest
    assert shown("a").norm_digest != shown("b").norm_digest


def test_a_personal_prompt_is_keyed_by_who_asks() -> None:
    ann, bob = who("where is my order", principal="ann"), who("where is my order", principal="bob")
    assert ann.ttl_class is TtlClass.PERSONAL
    assert len({ann.partition, bob.partition}) == len({ann.digest, bob.digest}) == 2
    assert ann.norm_digest != bob.norm_digest


def test_a_prompt_for_everyone_is_shared() -> None:
    assert who("What is entropy?", principal="ann") == who("What is entropy?", principal="bob")


def test_a_conversation_stays_personal_and_a_secret_stays_out() -> None:
    reply = {"role": "assistant", "content": "ok"}
    personal = who([user("my name is Ann"), reply, user("write a poem")], principal="ann")
    assert personal.ttl_class is TtlClass.PERSONAL
    assert personal.partition != who([user("my name is Ann"), reply, user("write a poem")], principal="bob").partition
    assert who([user("my password is hunter22"), reply, user("thanks")]).ttl_class is TtlClass.NEVER
    assert who([user("a poem"), reply, user("shorter")]).ttl_class is TtlClass.CONVERSATION


@pytest.mark.parametrize("messages", [[], ["x"], [user("x"), 3]])
def test_what_is_no_message_list_is_refused(messages: Any) -> None:
    with pytest.raises(RequestError) as refused:
        who(messages)
    assert refused.value.field.startswith("messages")


NAN = float("nan")
SYSTEM = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("messages", "params", "field"),
    [
        ([user("x")], {"a": NAN}, "params.a"),
        ([user("x")], {"a": {"b": [1, NAN]}}, "params.a.b.1"),
        ([user("x")], {"a": "\ud800"}, "params"),
        ([user("where is my order")], {"user": NAN}, "params.user"),
        ([user("where is my order")], {"metadata": {"user_id": NAN}}, "params.metadata.user_id"),
        ([user("x") | {"name": NAN}], {}, "messages.0.name"),
        ([user("x"), SYSTEM, {"role": "system", "content": [1, NAN]}, user("x")], {}, "messages.2.content.1"),
        ([SYSTEM, user("x"), {"role": "assistant", "n": NAN}, user("x")], {}, "messages.2.n"),
        ([user("x"), user("\ud800")], {}, "messages.1"),
    ],
)
def test_what_is_no_json_is_named_by_its_place_in_the_request(
    messages: list[dict[str, Any]], params: dict[str, Any], field: str
) -> None:
    with pytest.raises(RequestError) as refused:
        who(messages, params=params)
    assert refused.value.field == field


@pytest.mark.parametrize("named", [{"user": "u"}, {"safety_identifier": "u"}, {"metadata": {"user_id": "u"}}])
def test_whom_the_fields_name_counts_for_what_is_personal(named: dict[str, Any]) -> None:
    asked, principal = "where is my order", "ann"
    plain = who(asked, principal=principal)
    assert who(asked, principal=principal, params=named).partition != plain.partition
    assert who(asked, principal=principal, params={"metadata": {"trace": "1"}, "user": None}) == plain
    assert who("What is entropy?", params=named) == who("What is entropy?")


PIECES = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text('ab,[]{}"\\\0', max_size=4)),
    min_size=1,
    max_size=4,
)


@given(PIECES, PIECES)
@settings(max_examples=300, deadline=None)
def test_no_two_conversations_share_a_digest(a: list[tuple[str, str]], b: list[tuple[str, str]]) -> None:
    def identity(turns: list[tuple[str, str]]) -> CacheIdentity:
        return who([{"role": role, "content": text} for role, text in turns])

    assert (identity(a).digest == identity(b).digest) == (a == b)


@given(
    st.sampled_from([None, "", "Be brief.", "Sei brav, Ü", "x" * 5000]),
    st.sampled_from(["system", "developer"]),
    st.sampled_from(["m", "M", ""]),
    st.sampled_from(["default", "other"]),
    st.sampled_from([{}, {"name": "n"}]),
)
def test_kept_instructions_are_the_canonical_ones(
    text: str | None, role: str, model: str, namespace: str, beside: dict[str, str]
) -> None:
    given_system = [] if text is None else [{"role": role, "content": text, **beside}]
    request = CacheRequest(messages=[*given_system, user("Why?")], model=model, namespace=namespace)
    told = canonical.encode([namespace, model, "", None, given_system])
    for _ in range(2):
        assert identity._asked_bytes(request, None, given_system) == told


def test_an_empty_context_has_the_digest_of_its_bytes() -> None:
    for context_bytes in (b"[[],{}]", b"[[1],{}]"):
        assert identity._context_digest(context_bytes) == identity._digest(b"context", context_bytes)[:16]
