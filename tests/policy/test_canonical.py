from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.errors import RequestError
from semcache.policy import canonical

NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("text", ["1", "1.0", "1e0", "10e-1", "0.1e1"])
def test_one_number_has_one_spelling(text: str) -> None:
    assert canonical.encode(json.loads(text)) == b"1"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (-0.0, b"0"),
        (0.1, b"0.1"),
        (1e21, b"1000000000000000000000"),
        (2**63 + 1, b"9223372036854775809"),
        (True, b"true"),
        ({"b": 1, "a": [None, "é"]}, '{"a":[null,"é"],"b":1}'.encode()),
        ((1, 2), b"[1,2]"),
        ({123: 5}, b'{"123":5}'),
    ],
)
def test_spelling(value: Any, expected: bytes) -> None:
    assert canonical.encode(value) == expected


def test_seeds_beyond_a_double_stay_apart() -> None:
    assert canonical.encode(2**53 + 1) != canonical.encode(2**53)


def test_keys_stand_in_code_point_order() -> None:
    # UTF-16 order (RFC 8785) would put the emoji, a surrogate pair, before the full-width tilde
    assert canonical.encode({"\U0001f600": 1, "～": 2, "a": 3}).decode() == '{"a":3,"～":2,"\U0001f600":1}'


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, b"x", {1, 2}, object(), {(1,): 2}, {True: 1}, "\ud800"]
)
def test_what_is_no_json_is_refused_by_path(value: Any) -> None:
    with pytest.raises(RequestError) as refused:
        canonical.encode({"temperature": [value]}, field="params")
    assert refused.value.field.startswith("params")


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(RequestError, match="twice"):
        canonical.encode({1: "a", "1": "b"})


def test_depth_is_bounded() -> None:
    deep: Any = 1
    for _ in range(canonical.MAX_DEPTH + 1):
        deep = [deep]
    with pytest.raises(RequestError, match="nested deeper"):
        canonical.encode(deep)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_reads_back_and_is_stable(value: Any) -> None:
    encoded = canonical.encode(value)
    again = json.loads(encoded)
    assert again == value
    assert canonical.encode(again) == encoded


@given(st.dictionaries(TEXTS, VALUES, max_size=6), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_of_keys_is_nothing(value: dict[str, Any], random: Any) -> None:
    names = list(value)
    random.shuffle(names)
    assert canonical.encode({name: value[name] for name in names}) == canonical.encode(value)


@given(VALUES, VALUES)
@settings(max_examples=200, deadline=None)
def test_different_values_have_different_bytes(a: Any, b: Any) -> None:
    def typed(value: Any) -> Any:  # Python says True == 1; JSON does not
        if isinstance(value, bool) or value is None:
            return ("constant", value)
        if isinstance(value, list):
            return [typed(item) for item in value]
        return {name: typed(item) for name, item in value.items()} if isinstance(value, dict) else value

    assert (canonical.encode(a) == canonical.encode(b)) == (typed(a) == typed(b))


def test_only_transport_fields_and_nulls_leave_the_parameters() -> None:
    given = dict.fromkeys(canonical.TRANSPORT_FIELDS, "x") | {"temperature": 0, "top_p": None, "new_field": 1}
    assert canonical.params(given) == {"temperature": 0, "new_field": 1}


def test_null_inside_a_schema_is_a_value() -> None:
    bare = {"tools": [{"type": "function", "function": {"parameters": {"properties": {"a": {}}}}}]}
    null = {"tools": [{"type": "function", "function": {"parameters": {"properties": {"a": {"default": None}}}}}]}
    assert canonical.encode(canonical.params(bare)) != canonical.encode(canonical.params(null))


def test_cache_marks_go_from_tools_and_parts_and_stay_inside_schemas() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    assert canonical.params({"tools": [{"name": "f"} | mark]}) == {"tools": [{"name": "f"}]}
    schema = {"tools": [{"name": "f", "input_schema": {"properties": mark}}]}
    assert canonical.params(schema) == schema
    assert canonical.message({"role": "user", "content": [{"type": "text", "text": "x"} | mark]}) == {
        "role": "user",
        "content": "x",
    }


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": "x"},
        {"role": "user", "content": "x", "name": None},
        {"role": "user", "content": [{"type": "text", "text": "x"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "x"}]},
    ],
)
def test_one_text_is_one_message(message: dict[str, Any]) -> None:
    assert [canonical.message(message)] == canonical.user_message("x")


def test_two_parts_are_not_their_concatenation() -> None:
    parts = {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    assert canonical.message(parts) != canonical.message({"role": "user", "content": "a\nb"})
    assert canonical.text_of(canonical.message(parts)) == "a\nb"


def test_a_part_with_more_than_text_is_not_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    mixed = {"role": "user", "content": [{"type": "text", "text": "what is this"}, image]}
    assert canonical.text_of(mixed) is None
    assert canonical.words_of(mixed) == "what is this"
    cited = {"role": "user", "content": [{"type": "text", "text": "a", "citations": [1]}]}
    assert canonical.text_of(canonical.message(cited)) is None
