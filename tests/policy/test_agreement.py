"""Whether two answers say the same: certain, or not claimed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.policy import guards
from semcache.policy.agreement import ALIKE, APART, Agreement, agreement, equal, told
from semcache.policy.guards import Rules

RULES = Rules.default()


def judged(one: str, other: str, similarity: float | None) -> Agreement:
    findings = guards.compare(guards.read(one, RULES), guards.read(other, RULES), RULES)
    return agreement(one, other, similarity=similarity, findings=findings)


def test_the_same_words_are_the_same_answer_whatever_the_vectors() -> None:
    assert judged("Paris.", "paris", 0.0) is Agreement.SAME


def test_another_number_is_another_answer_however_near() -> None:
    assert judged("It takes 15 minutes to walk there.", "It takes 50 minutes to walk there.", 0.99) is Agreement.OTHER


def test_near_answers_without_a_difference_agree() -> None:
    assert judged("Paris is the capital of France.", "The capital of France is Paris.", ALIKE) is Agreement.SAME


def test_far_answers_disagree_and_between_nothing_is_claimed() -> None:
    one, other = "You need a form from the office.", "Ask somebody to help with it."
    assert judged(one, other, APART - 0.01) is Agreement.OTHER
    assert judged(one, other, (ALIKE + APART) / 2) is Agreement.UNSURE
    assert judged(one, other, None) is Agreement.UNSURE


@given(st.text(), st.text(), st.none() | st.floats(-1, 1))
def test_it_is_symmetric(one: str, other: str, similarity: float | None) -> None:
    assert agreement(one, other, similarity=similarity, findings=()) is agreement(
        other, one, similarity=similarity, findings=()
    )


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ("plain", "plain"),
        ({"choices": [{"message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}, "hi"),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "model": "m"}, "a\nb"),
        ({"answer": "yes", "source": "book"}, "yes\nbook"),
        ([1, 2.5], "1\n2.5"),
        ({"spam": False, "label": None}, "false\nnull"),
    ],
)
def test_what_a_reader_sees_is_compared(answer: object, text: str) -> None:
    assert told(msgspec.json.encode(answer)) == text


def test_what_is_no_json_is_its_own_text() -> None:
    assert told(b"not json") == "not json"


def test_equal_goes_by_words() -> None:
    assert equal("Yes, it is!", "yes it is")
    assert not equal("yes it is", "yes it is not")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It is -5 degrees.", "It is 5 degrees."),
        ("It costs $5.", "It costs €5."),
        ("x > 5", "x < 5"),
        ("1.5 mg", "1 5 mg"),
        ("C++", "C#"),
        ("a != b", "a = b"),
        ("5 %", "5"),
    ],
)
def test_a_sign_may_say_as_much_as_a_word(one: str, other: str) -> None:
    assert not equal(one, other)
    assert equal(one, f"* **{one}**")


def test_answers_without_a_word_are_not_all_the_same() -> None:
    assert judged(told(b'{"label": 3}'), told(b'{"label": 5}'), None) is not Agreement.SAME
    assert judged(told(b"true"), told(b"false"), None) is not Agreement.SAME
    assert judged(told(b'{"label": 3}'), told(b'{"label":3}'), None) is Agreement.SAME
