"""Surface noise changes how a question looks and nothing that it asks."""

from __future__ import annotations

import re
from random import Random

import pytest

from semcache.verifier.train import surface
from semcache.verifier.train.surface import CHANGES, PROTECTED, noisy, noisy_as, reserved

QUESTIONS = [
    "How do I transfer $1,500.00 from my checking account to my savings account before March 3?",
    "What is the difference between margarine and butter?",
    "Write a function get_user_by_id(42) in Python 3.11 that doesn't return None.",
    "Can't I cancel the subscription without calling anybody on Monday?",
    "Is the color of the center line https://example.com/a/b-c.html gray or grey?",
    "translate seventeen sentences from German into French, please",
    "Why is not everybody allowed to vote at 16?",
    "convert report_2023.pdf to DOCX",
]


def digits(text: str) -> list[str]:
    return re.findall(r"\d+", text)


@pytest.mark.parametrize("text", QUESTIONS)
def test_digits_links_and_names_of_code_stay(text: str) -> None:
    for seed in range(300):
        changed = noisy(text, Random(seed))
        assert digits(changed) == digits(text)
        for whole in re.findall(r"https?://\S+|\w+_\w+", text):
            assert whole.lower() in changed.lower()


@pytest.mark.parametrize("text", QUESTIONS)
def test_typos_leave_protected_words_and_make_no_other_word(text: str) -> None:
    before = re.findall(r"[a-z']+", text.lower())
    made = 0
    for seed in range(300):
        after = re.findall(r"[a-z']+", surface.typo(text, Random(seed)).lower())
        assert [each for each in after if each in PROTECTED] == [each for each in before if each in PROTECTED]
        new = set(after) - set(before)
        made += len(new)
        assert not new & reserved()
    assert made or not re.search(r"[a-z]{4}", text)


def test_a_typo_is_one_slip() -> None:
    text = "recommend something wonderful"
    for seed in range(200):
        changed = surface.typo(text, Random(seed))
        assert abs(len(changed) - len(text)) <= 1
        assert sum(a != b for a, b in zip(text.split(), changed.split(), strict=True)) <= 1


def test_names_are_not_mistyped() -> None:
    for seed in range(100):
        assert "Slovakia" in surface.typo("tell about Slovakia and wonderful things", Random(seed))


def test_negation_survives_everything() -> None:
    for seed in range(500):
        changed = noisy("Why does my phone not charge without a cable?", Random(seed)).lower()
        assert re.search(r"\bnot\b|n't|\bdoesnt\b", changed)
        assert re.search(r"\bwithout\b|\bw/o\b", changed)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is the matter?", {"What's the matter?"}),
        ("I don't know it", {"I do not know it"}),
        ("Why don't you go?", {"Why don't you go?"}),
        ("Don't I need it?", {"Don't I need it?"}),
        ("Tell me what it is", {"Tell me what it is"}),
        ("I have a dog", {"I have a dog"}),
        ("I have lost it", {"I've lost it"}),
        ("I cannot log in", {"I can't log in"}),
    ],
)
def test_contractions_stay_grammatical(text: str, expected: set[str]) -> None:
    assert {surface.contractions(text, Random(seed)) for seed in range(20)} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What colour is the Theatre?", "What color is the Theater?"),
        ("my favorite flavor", "my favourite flavour"),
        ("color_map of color.py", "color_map of color.py"),
        ("a program", "a program"),
    ],
)
def test_spelling(text: str, expected: str) -> None:
    assert surface.spelling(text, Random(0)) == expected


@pytest.mark.parametrize(
    "text",
    ["How do I reset my password?", "What is the capital of France?", "Translate this into German", "Is tea healthy?"],
)
def test_a_lead_keeps_the_question(text: str) -> None:
    for seed in range(60):
        changed = surface.lead(text, Random(seed)).lower()
        kept = {"reset my password", "the capital of france", "this into german", "tea healthy"}
        assert any(each in changed for each in kept)
        assert changed != text.lower()


def test_a_lead_turns_the_question_into_a_clause() -> None:
    seen = {surface.lead("How do I reset my password?", Random(seed)) for seed in range(3000)}
    assert "Could you tell me how to reset my password?" in seen
    assert not any("how do i reset" in each.lower() for each in seen)
    seen = {surface.lead("What is the capital of France?", Random(seed)) for seed in range(3000)}
    assert "Do you know what the capital of France is?" in seen


def test_code_keeps_its_case() -> None:
    text = "What does get_User(Id) do?"
    assert {surface.case(text, Random(seed)) for seed in range(50)} == {text}


def test_times_keep_their_dots() -> None:
    for seed in range(50):
        assert surface.punctuation("Wake me at 3 p.m.", Random(seed)).endswith("p.m.")


@pytest.mark.parametrize("name", [name for name, _, _ in CHANGES])
def test_each_change_is_a_function_of_text_and_seed(name: str) -> None:
    change = next(each for called, each, _ in CHANGES if called == name)
    for text in [*QUESTIONS, "", "?", "a", "日本の首都はどこですか"]:
        for seed in range(20):
            assert change(text, Random(seed)) == change(text, Random(seed))


def test_noise_is_noise_and_names_what_it_did() -> None:
    names = {name for name, _, _ in CHANGES}
    seen = set()
    for seed in range(400):
        changed, name = noisy_as("I do not know what colour and size are right for me, please help", Random(seed))
        assert changed != "I do not know what colour and size are right for me, please help"
        assert name in names
        seen.add(name)
    assert {"typo", "case", "punctuation", "spelling", "politeness"} <= seen
