"""Traps made of real questions change the answer; where they might not, none is made."""

from __future__ import annotations

from random import Random

import pytest

from semcache.verifier.train.opposed import opposites
from semcache.verifier.train.traps import FINDERS, both_sides, direction, edits, opposed, positives, symmetric, trap

SEEDS = range(60)


def traps(text: str) -> dict[str, str]:
    """All traps that some seed makes, with their kinds."""
    made = (trap(text, Random(seed)) for seed in SEEDS)
    return {each[0]: each[1] for each in made if each is not None}


@pytest.mark.parametrize(
    ("text", "changed", "kind"),
    [
        ("How do I enable 2FA?", "How do I disable 2FA?", "antonym"),
        ("how do i turn on dark mode", "how do i turn off dark mode", "antonym"),
        ("He was buying shares", "He was selling shares", "antonym"),
        ("What did we buy?", "What did we sell?", "antonym"),
        ("Who is the best singer?", "Who is the worst singer?", "superlative"),
        ("the cheapest phone", "the most expensive phone", "superlative"),
        ("what happens before birth", "what happens after birth", "order"),
        ("good laptops for students", "good laptops for teachers", "role"),
        ("coats for men", "coats for women", "scope"),
        ("Why is the sky blue at noon?", "Why isn't the sky blue at noon?", "negation"),
        ("Why can't I log into it?", "Why can I log into it?", "negation"),
        ("What should I eat?", "What should I not eat?", "negation"),
        ("people who are not vegan", "people who are vegan", "negation"),
        ("coffee without sugar", "coffee with sugar", "negation"),
        ("pizza with cheese", "pizza without cheese", "negation"),
        ("from Python to Rust", "from Rust to Python", "direction"),
        ("How do I convert PDF to DOCX?", "How do I convert DOCX to PDF?", "direction"),
        ("Is tea healthier than coffee?", "Is coffee healthier than tea?", "direction"),
        ("When did the war start?", "Why did the war start?", "question"),
        ("Is the shop open?", "Is the shop closed?", "antonym"),
        ("which doors are open", "which doors are closed", "antonym"),
        ("delete all the rows", "delete some of the rows", "scope"),
    ],
)
def test_a_trap_changes_one_thing(text: str, changed: str, kind: str) -> None:
    assert traps(text).get(changed) == f"trap:{kind}"


@pytest.mark.parametrize(
    ("text", "kind", "old"),
    [
        ("Who won in 1998?", "date", "1998"),
        ("is it open on Sunday", "date", "Sunday"),
        ("weather in July", "date", "July"),
        ("20 push-ups", "number", "20"),
        ("send $1,500 today", "number", "$1,500"),
        ("convert seven inches", "number", "seven"),
        ("Where is Slovakia?", "entity", "Slovakia"),
        ("Is ibuprofen strong?", "entity", "ibuprofen"),
        ("How do I learn Spanish?", "language", "Spanish"),
        ("How do I reset my password?", "scope", "my "),
    ],
)
def test_values_are_changed_into_others(text: str, kind: str, old: str) -> None:
    found = [changed for changed, called in traps(text).items() if called == f"trap:{kind}"]
    assert found
    assert all(changed != text for changed in found)
    if kind != "scope":
        assert any(old not in changed for changed in found)


@pytest.mark.parametrize(
    "text",
    [
        "What is the difference between margarine and lard?",
        "What is the distance from Paris to Rome?",
        "How far is it from Paris to Rome?",
        "How long is the flight from Paris to Rome?",
        "What should I do from time to time?",
        "Paris vs Rome",
    ],
)
def test_what_is_the_same_both_ways_is_not_swapped(text: str) -> None:
    assert [list(direction(text, Random(seed))) for seed in SEEDS] == [[]] * len(SEEDS)


@pytest.mark.parametrize(
    "text",
    [
        "Is it hot or cold?",
        "how old is he",
        "How big is it?",
        "whether it is legal",
        "buyers and sellers",
        "What kind of high school is it?",
        "open source",
        "He is 30 years old",
        "I like it",
        "even if it is so",
    ],
)
def test_no_opposite_where_it_would_change_nothing_or_make_no_sense(text: str) -> None:
    assert [list(opposed(text, Random(seed))) for seed in SEEDS] == [[]] * len(SEEDS)


@pytest.mark.parametrize(
    "text", ["Can I park here?", "Can't I park here?", "Isn't it late?", "Don't you think so?", "He came, didn't he?"]
)
def test_a_yes_or_no_question_is_not_negated(text: str) -> None:
    assert not any(kind == "trap:negation" for kind in traps(text).values())


def test_no_trap_is_the_text_itself() -> None:
    texts = [
        "Why is it 5 o'clock in New York on Monday?",
        "How do I buy all the 3 best books with my card?",
        "x",
        "",
        "?",
    ]
    for text in texts:
        for changed in traps(text):
            assert changed.lower().split() != text.lower().split()
    assert trap("x", Random(0)) is None


def test_articles_follow_what_is_put_in() -> None:
    for changed in traps("a landlord and a teacher with an elephant"):
        assert " an teacher" not in changed
        assert "a employee" not in changed
        assert "an tiger" not in changed


def test_case_follows_what_is_replaced() -> None:
    assert "Worst phone?" in traps("Best phone?")
    assert "WORST PHONE" in traps("BEST PHONE")


def test_there_are_enough_opposites() -> None:
    assert len(opposites()) > 800
    assert dict(opposites()["bought"]) == {"sold": "antonym"}
    assert all(word != other for word, others in opposites().items() for other, _ in others)


@pytest.mark.parametrize(
    ("text", "turned"),
    [
        ("What is the difference between a lion and a tiger?", "What is the difference between a tiger and a lion?"),
        ("Python vs Java", "Java vs Python"),
        ("from Paris to Rome", None),
        ("Is it raining or snowing?", None),
    ],
)
def test_order_that_says_nothing(text: str, turned: str | None) -> None:
    assert symmetric(text, Random(0)) == turned


def test_positives_are_new_and_as_many_as_asked() -> None:
    made = positives("What is the difference between a lion and a tiger?", Random(1), 5)
    assert len({text for text, _ in made}) == 5
    assert ("What is the difference between a tiger and a lion?", "positive:symmetric") in made
    assert all(kind.startswith("positive:") for _, kind in made)


def test_both_sides_changed_alike_stay_a_positive_and_one_side_does_not() -> None:
    a, b = "How do I enable dark mode in Gmail?", "what's the way to enable dark mode in gmail"
    seen = set()
    for seed in range(200):
        made = both_sides(a, b, Random(seed))
        assert made is not None
        first, second, same, kind = made
        seen.add(kind)
        changed = [first != a, second != b]
        assert sum(changed) == (2 if same else 1)
        if kind == "positive:both-antonym":
            assert "disable" in first
            assert "disable" in second
    assert {"positive:both-antonym", "trap:antonym", "positive:both-entity", "trap:entity"} <= seen


def test_a_side_that_says_the_new_word_already_is_left_alone() -> None:
    for seed in range(100):
        made = both_sides("what should I buy", "what to buy, or rather sell", Random(seed))
        assert made is None or "sell" not in made[0]


def test_the_same_seed_makes_the_same_trap() -> None:
    text = "Why can't I send 20 emails from Gmail to Outlook before Monday with my best friend's phone?"
    for seed in range(50):
        assert trap(text, Random(seed)) == trap(text, Random(seed))
        assert [edit for edit, _ in edits(text, Random(seed))] == [edit for edit, _ in edits(text, Random(seed))]
    assert len(FINDERS) == 10


def test_in_a_long_text_the_question_is_changed_and_not_its_story() -> None:
    story = "I bought two cats last summer and both like fish. On Monday one of them began to sneeze without pause. "
    text = story + "Is it dangerous to give them 3 ml of syrup?"
    assert traps(text)
    assert all(changed.startswith(story) for changed in traps(text))


def test_a_year_of_age_makes_no_trap() -> None:
    for changed, kind in traps("diet for a man, 42 yrs").items():
        if kind == "trap:number":
            assert not any(str(each) in changed for each in range(33, 52))
