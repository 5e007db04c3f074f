"""The guards by tables of pairs, and what holds for any two prompts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.policy.guards import GUARDS, Finding, Force, Rules, compare, read
from tests.policy.guards.pairs import DOUBT, FOREIGN_SAME, OTHER_LANGUAGES, SAME, SILENT, VETO

RULES = Rules.default()
ALL_PAIRS = [pair for pairs in VETO.values() for pair in pairs] + SAME + SILENT
PROMPTS = sorted({text for pair in ALL_PAIRS for text in pair})


def findings(a: str, b: str) -> tuple[Finding, ...]:
    return compare(read(a, RULES), read(b, RULES), RULES)


def vetoes(a: str, b: str) -> list[str]:
    return [finding.detail for finding in findings(a, b) if finding.force is Force.VETO]


@pytest.mark.parametrize(("guard", "a", "b"), [(guard, a, b) for guard, pairs in VETO.items() for a, b in pairs])
def test_a_difference_that_matters_is_vetoed(guard: str, a: str, b: str) -> None:
    assert Force.VETO in [finding.force for finding in findings(a, b) if finding.guard == guard], findings(a, b)


@pytest.mark.parametrize(("a", "b"), SAME)
def test_another_wording_is_not_vetoed(a: str, b: str) -> None:
    assert vetoes(a, b) == []


@pytest.mark.parametrize(("a", "b"), SILENT)
def test_another_spelling_is_not_mentioned(a: str, b: str) -> None:
    assert findings(a, b) == ()


@pytest.mark.parametrize(("guard", "a", "b"), DOUBT)
def test_what_may_matter_is_doubted(guard: str, a: str, b: str) -> None:
    assert Force.DOUBT in [finding.force for finding in findings(a, b) if finding.guard == guard], findings(a, b)
    assert vetoes(a, b) == []


@pytest.mark.parametrize(("guard", "a", "b"), OTHER_LANGUAGES)
def test_other_languages_have_the_guards_that_need_no_words(guard: str, a: str, b: str) -> None:
    assert guard in [finding.guard for finding in findings(a, b) if finding.force is Force.VETO]


@pytest.mark.parametrize(("a", "b"), FOREIGN_SAME)
def test_rules_for_english_do_not_speak_of_other_languages(a: str, b: str) -> None:
    assert findings(a, b) == ()


def test_every_guard_has_a_veto_and_is_told_in_order() -> None:
    assert set(VETO) == set(GUARDS)
    told = [finding.guard for finding in findings("pay $5 to Anna in python?", "why not receive 7 km from Bob, in C++")]
    assert told == sorted(told, key=GUARDS.index)
    assert len(told) > 2


def test_a_finding_tells_the_difference() -> None:
    (found,) = findings("List 15 facts about bees", "List 50 facts about bees")
    assert found == Finding("number", Force.VETO, "number: 15 / 50")


@pytest.mark.parametrize(("a", "b"), ALL_PAIRS)
def test_it_is_symmetric_but_for_the_details(a: str, b: str) -> None:
    one, other = findings(a, b), findings(b, a)
    assert [(found.guard, found.force) for found in one] == [(found.guard, found.force) for found in other]


@given(st.sampled_from(PROMPTS), st.sampled_from(PROMPTS))
@settings(deadline=None)
def test_any_two_of_them_compare_alike_either_way(a: str, b: str) -> None:
    one, other = findings(a, b), findings(b, a)
    assert [(found.guard, found.force) for found in one] == [(found.guard, found.force) for found in other]


_TEXT = st.text(alphabet=st.sampled_from("ab 1259.,-/$%'\"`nIN\nß€京é:=+()"), max_size=60)


@given(st.one_of(st.text(max_size=80), _TEXT), st.one_of(st.text(max_size=80), _TEXT))
@settings(max_examples=300, deadline=None)
def test_any_text_can_be_read_and_compared(a: str, b: str) -> None:
    one, other = read(a, RULES), read(b, RULES)
    assert compare(one, one, RULES) == ()
    assert compare(one, read(a, RULES), RULES) == ()
    forward, back = compare(one, other, RULES), compare(other, one, RULES)
    assert [(found.guard, found.force) for found in forward] == [(found.guard, found.force) for found in back]


@given(st.sampled_from(PROMPTS), st.data())
@settings(deadline=None)
def test_noise_is_not_vetoed(prompt: str, data: st.DataObject) -> None:
    before = data.draw(st.sampled_from(["", "Please ", "hi, ", "Hello! Can you tell me: ", "  "]))
    after = data.draw(st.sampled_from(["", "?", " ?", "!", ".", " please", ", thanks", " Thank you!"]))
    assert vetoes(prompt, before + prompt + after) == []


@pytest.mark.parametrize("prompt", ["what is the capital of france", "how do i turn on dark mode in two apps"])
def test_case_is_not_vetoed(prompt: str) -> None:
    for other in (prompt.upper(), prompt.title(), prompt.capitalize()):
        assert vetoes(prompt, other) == []


def test_a_long_text_is_read_in_bounded_work() -> None:
    words = " ".join(f"word{number} is {number} not less than Name{number}, from a to b;" for number in range(20_000))
    one, other = read(words, RULES), read("x " + words, RULES)
    assert len(one.tokens.low) < 8000
    compare(one, other, RULES)
