"""The bound of bytes holds for all that share it, and a weight is about what the value takes."""

from __future__ import annotations

import gc
import tracemalloc
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.memory import SLOT, Budget, Memory, of_json, of_text

PUT = st.tuples(st.just("put"), st.integers(0, 1), st.integers(0, 5), st.integers(0, 900))
TOUCH = st.tuples(st.just("touch"), st.integers(0, 1), st.integers(0, 5), st.just(0))
DROP = st.tuples(st.just("drop"), st.integers(0, 1), st.integers(0, 5), st.just(0))


@given(st.lists(st.one_of(PUT, TOUCH, DROP), max_size=40), st.integers(0, 3), st.integers(1, 3000))
def test_it_keeps_what_was_touched_last_within_both_bounds(
    steps: list[tuple[str, int, int, int]], most: int, most_bytes: int
) -> None:
    budget = Budget(most_bytes)
    memories = [Memory[str](most, budget), Memory[str](most, budget)]
    truth: list[OrderedDict[bytes, tuple[str, int]]] = [OrderedDict(), OrderedDict()]

    def total(known: OrderedDict[bytes, tuple[str, int]]) -> int:
        return sum(SLOT + weight for _, weight in known.values())

    for number, (what, which, at, weight) in enumerate(steps):
        memory, known, key = memories[which], truth[which], b"%d" % at
        if what == "drop":
            memory.drop(key)
            known.pop(key, None)
        elif what == "touch" and memory.find(key) is not None:
            memory.touch(key)
            known.move_to_end(key)
        elif what == "put":
            memory.put(key, str(number), weight)
            known.pop(key, None)
            if most and weight + SLOT <= most_bytes:
                known[key] = str(number), weight
            if len(known) > most:
                known.popitem(last=False)
            while sum(map(total, truth)) > most_bytes:
                max(truth, key=total).popitem(last=False)
        for one, those in zip(memories, truth, strict=True):
            assert [one.find(b"%d" % key) for key in range(6)] == [
                those[b"%d" % key][0] if b"%d" % key in those else None for key in range(6)
            ]
            assert (len(one), one.bytes) == (len(those), total(those))
        assert budget.bytes == sum(map(total, truth)) <= most_bytes


def test_what_one_does_not_need_the_other_may_take() -> None:
    budget = Budget(10 * (SLOT + 100))
    first, second = Memory[int](100, budget), Memory[int](100, budget)
    for number in range(20):
        first.put(b"%d" % number, number, 100)
    assert (len(first), len(second)) == (10, 0)
    for number in range(20):
        second.put(b"%d" % number, number, 100)
    assert (len(first), len(second)) == (5, 5)
    assert first.find(b"19") == second.find(b"19") == 19


@pytest.mark.parametrize(
    "text", ["", "a", "plain " * 300, "caf\u00e9 " * 300, "\u5929\u7a7a" * 300, "one \U0001f600" + "w" * 2000, "\ud800"]
)
def test_a_texts_weight_is_that_with_its_utf_8_whether_it_was_asked_for_or_not(text: str) -> None:
    before = of_text(text)
    if text != "\ud800":  # has no UTF-8
        msgspec.json.encode([text])  # asks for it
        if not text.isascii():
            assert text.__sizeof__() == pytest.approx(before, abs=8)
    assert of_text(text) == before
    if text.isascii():
        assert before == text.__sizeof__()


BODIES: dict[str, Callable[[int], Any]] = {
    "one": lambda n: [{"role": "user", "content": f"Why {n}? " + "word " * 100}],
    "turns": lambda n: [{"role": ("user", "assistant")[at % 2], "content": f"{at} of {n}"} for at in range(30)],
    "wide": lambda n: [{"role": "user", "content": f"\U0001f600 {n}" + "w" * 1000}],
    "parts": lambda n: [{"role": "user", "content": [{"type": "text", "text": f"{at} {n}"} for at in range(30)]}],
    "empty": lambda n: [[[], {}] for _ in range(300)] + [n],
    "names": lambda n: {f"name {n} {at}": at / 7 for at in range(100)},
}


@pytest.mark.parametrize("kind", BODIES)
def test_json_weighs_what_it_takes(kind: str) -> None:
    raws = [msgspec.json.encode(BODIES[kind](number)) for number in range(200)]
    held, weight = taken_by(lambda: [msgspec.json.decode(raw) for raw in raws], lambda each: sum(map(of_json, each)))
    assert 0.75 < weight / held < 1.25


def taken_by(make: Callable[[], Any], weigh: Callable[[Any], int]) -> tuple[int, int]:
    """Bytes that a value takes, its texts encoded once, and what it is said to weigh."""
    gc.collect()  # gives back the lists and dicts that Python keeps to use again, which would count for nothing
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        value = make()
        msgspec.json.encode(value)
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    return held, weigh(value)
