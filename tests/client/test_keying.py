"""Arguments to identities: the same call always the same, another never."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.client.calls import encode_sorted
from semcache.client.keying import Keying, flaw_of

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)
odd = st.sampled_from([b"", object(), {1: 1}, (1,), {1}, float("nan"), float("inf"), 1j])


def ask(question: str, first: Any = None, *rest: Any, last: Any = "default", **more: Any) -> None:
    """A function with all kinds of arguments."""


KEYING = Keying(ask, model="m", prompt=None, namespace=None, strategy=None, context=None, params=None, version="")


@settings(max_examples=100, deadline=None)
@given(first=values, last=values, more=st.dictionaries(st.sampled_from("abc"), values))
def test_the_way_of_writing_a_call_does_not_count(first: Any, last: Any, more: dict[str, Any]) -> None:
    one = KEYING.item(("q", first), {"last": last, **more})
    other = KEYING.item((), {**dict(reversed(more.items())), "last": last, "first": first, "question": "q"})
    assert encode_sorted(one) == encode_sorted(other)


@settings(max_examples=100, deadline=None)
@given(one=values, other=values)
def test_other_values_are_another_call(one: Any, other: Any) -> None:
    same = encode_sorted(one) == encode_sorted(other)
    assert (encode_sorted(KEYING.item(("q", one), {})) == encode_sorted(KEYING.item(("q", other), {}))) == same


@settings(max_examples=100, deadline=None)
@given(values)
def test_json_has_no_flaw_and_reads_back(value: Any) -> None:
    assert flaw_of(value) is None
    assert msgspec.json.decode(msgspec.json.encode(value)) == value or isinstance(value, int | float | list | dict)


@given(st.recursive(odd, lambda inner: st.lists(inner, min_size=1, max_size=2) | st.fixed_dictionaries({"a": inner})))
def test_anything_else_has_one(value: Any) -> None:
    assert flaw_of(value)


class Text(str):
    """Text with more to it, as frameworks have it."""


class Level(float):
    """A number of a kind of its own."""


def test_kinds_of_text_and_numbers_are_what_they_are() -> None:
    assert flaw_of([Text("x"), Level(0.5)]) is None
    item = KEYING.item((Text("q"), Text("x")), {"last": Level(0.5)})
    assert encode_sorted(item) == encode_sorted(KEYING.item(("q", "x"), {"last": 0.5}))


def test_a_place_of_arguments_counts() -> None:
    items = [KEYING.item(args, kwargs) for args, kwargs in _PLACES]
    assert len({encode_sorted(item) for item in items}) == len(items)


_PLACES: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("q",), {}),
    (("q", "x"), {}),
    (("q", None, "x"), {}),
    (("q",), {"last": "x"}),
    (("q",), {"x": "x"}),
    (("q",), {"more": {"x": "x"}}),
    (("x",), {}),
]
