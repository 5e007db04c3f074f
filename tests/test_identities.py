"""Identities that are remembered are those that would be computed; a request that is another has another."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.identities import LONGEST, Identities
from semcache.memory import Budget
from semcache.models import CacheRequest
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer

NORMALIZER, RULES = Normalizer(), TtlRules.default()
TEXT = st.sampled_from(["Why?", "why", "What is my balance?", "1", "", "\u00e9", "\x00"])
VALUE = st.recursive(st.one_of(TEXT, st.sampled_from([None, True, False, 0, 1, 1.0, 0.5, -0.0, 2**60])), st.lists)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "system"]), "content": TEXT})
REQUEST = st.builds(
    CacheRequest, messages=st.lists(MESSAGE, min_size=1),
    model=TEXT, model_version=TEXT, namespace=TEXT, params=st.dictionaries(TEXT, VALUE, max_size=2),
    principal=st.one_of(st.none(), TEXT),
)  # fmt: skip


@given(st.lists(REQUEST, max_size=10), st.integers(1, 4))
def test_what_is_remembered_is_what_is_computed(requests: list[CacheRequest], most: int) -> None:
    known = Identities(most, Budget(10**6))
    for request in requests * 2:
        key = known.key(request)
        assert key is not None
        identity = identify(request, NORMALIZER, RULES)
        assert known.get(key) in (None, identity)
        known.put(key, identity)
        assert known.get(key) == identity
        assert len(known) <= most


@pytest.mark.parametrize("content", ["\ud800", {1, 2}, 2**70, object(), "x" * LONGEST])
def test_what_is_no_json_or_is_long_is_not_kept(content: Any) -> None:
    asked = CacheRequest(messages=[{"role": "user", "content": content}], model="m")
    key = Identities(5, Budget(10**6)).key(asked)
    assert key is None or content == {1, 2}  # a set looks like a list there; `identify` refuses it before it is kept


def test_off_is_off() -> None:
    asked = CacheRequest(messages=[{"role": "user", "content": "Why?"}], model="m")
    assert Identities(0, Budget(10**6)).key(asked) is None


def test_the_one_not_asked_for_the_longest_goes() -> None:
    known = Identities(2, Budget(10**6))
    asked = [CacheRequest(messages=[{"role": "user", "content": text}], model="m") for text in "abc"]
    keys = [key for request in asked if (key := known.key(request))]
    identities = [identify(request, NORMALIZER, RULES) for request in asked]
    known.put(keys[0], identities[0])
    known.put(keys[1], identities[1])
    assert known.get(keys[0]) is not None
    known.put(keys[2], identities[2])
    assert [known.get(key) is not None for key in keys] == [True, False, True]


TURNS = [{"role": ("user", "assistant")[at % 2], "content": f"{at}, say"} for at in range(31)]
SHAPES = {
    "short": lambda n: [{"role": "user", "content": f"Why is {n} odd?"}],
    "long": lambda n: [{"role": "user", "content": f"Why is {n} odd? " + "word " * 700}],
    "wide": lambda n: [{"role": "user", "content": f"Why is {n} odd? \U0001f600 " + "word " * 380}],
    "accents": lambda n: [{"role": "user", "content": f"Why is {n} odd? " + "caf\u00e9 " * 300}],
    "turns": lambda n: [*TURNS, {"role": "user", "content": f"Why is {n} odd?"}],
}


@pytest.mark.parametrize(("shape", "reworded"), [*((shape, False) for shape in SHAPES), ("turns", True)])
def test_an_identity_weighs_what_it_takes(shape: str, reworded: bool) -> None:
    budget = Budget(10**9)
    known = Identities(10**6, budget)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(200):
            request = CacheRequest(messages=SHAPES[shape](number), model="m")
            key = known.key(request)
            assert key is not None
            known.put(key, identify(request, NORMALIZER, RULES, reworded=reworded))
            del request, key
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.7 < budget.bytes / held < 1.4
