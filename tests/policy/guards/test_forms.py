"""Stems are the same for forms of a word, slips are told from other words, verbs get their forms."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.policy.guards.forms import inflected, near, stem


@pytest.mark.parametrize(
    "forms",
    ["cancel cancels", "study studies studied", "stop stops stopped stopping", "pass passes passing", "cat cats"],
)
def test_forms_have_one_stem(forms: str) -> None:
    assert len({stem(form) for form in forms.split()}) == 1


@pytest.mark.parametrize(("a", "b"), [("bus", "bu"), ("glass", "glas"), ("über", "übers")])
def test_other_words_keep_theirs(a: str, b: str) -> None:
    assert stem(a) != stem(b)


@pytest.mark.parametrize(("a", "b"), [("telephone", "telephnoe"), ("weather", "wether"), ("python", "pyhton")])
def test_a_slip_is_near(a: str, b: str) -> None:
    assert near(a, b)
    assert near(b, a)


@pytest.mark.parametrize(
    ("a", "b"),
    [("cat", "car"), ("increase", "decrease"), ("mp3s", "mp4s"), ("table", "chair"), ("internal", "external")],
)
def test_another_word_is_not(a: str, b: str) -> None:
    assert not near(a, b)
    assert not near(b, a)


@given(st.text(max_size=12), st.text(max_size=12))
@settings(deadline=None)
def test_near_is_symmetric(a: str, b: str) -> None:
    assert near(a, b) == near(b, a)


@pytest.mark.parametrize(
    ("verb", "forms"),
    [
        ("stop", {"stop", "stops", "stopped", "stopping"}),
        ("deny", {"deny", "denies", "denied", "denying"}),
        ("freeze", {"freeze", "freezes", "freezing"}),
        ("push", {"push", "pushes", "pushed", "pushing"}),
    ],
)
def test_a_verb_has_its_forms(verb: str, forms: set[str]) -> None:
    assert forms <= set(inflected(verb))
