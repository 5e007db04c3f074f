"""Families: the labels hold by construction, the format's rules are kept, and what is shipped is sound."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from semcache.verifier.train.families import FamilyError, an, load, pairs, plural
from semcache.verifier.train.values import RULED, Listed, Value, kinds, words

SMALL = """
[[family]]
name = "transfer"
slots = { amount = "amount", from = "account", to = "account" }
ordered = [["from", "to"]]
[[family.group]]
asks = ["Send {amount} from {from} to {to}", "out of {from} take {amount}, into {to}", "to {to} from {from}: {amount}"]
[[family.group]]
trap = "action"
asks = ["Undo {amount} from {from} to {to}", "give me back {amount} that went from {from} into {to}"]

[[family]]
name = "feature"
[[family.group]]
asks = ["enable dark mode", "how do I turn dark mode on?", "I want a dark screen"]
[[family.group]]
trap = "antonym"
asks = ["disable dark mode", "how do I turn dark mode off?"]

[[family]]
name = "size"
slots = { size = [["small", "S"], "medium"] }
[[family.group]]
asks = ["price of a {size} shirt", "what does a {size} shirt cost"]
[[family.group]]
trap = "question"
asks = ["where is a {size} shirt made", "origin of a {size} shirt"]
"""


TWO = '[[family]]\nname = "x"\n[[family.group]]\nasks = ["a", "b"]\n[[family.group]]\ntrap = '


def written(folder: Path, text: str) -> Path:
    (folder / "a.toml").write_text(text, encoding="utf-8")
    return folder


def quiet(text: str, rng: Random) -> str:
    """Noise that can be told: it changes nothing but the end."""
    return f"{text} ~"


def test_a_positive_is_one_group_and_a_trap_is_not(tmp_path: Path) -> None:
    families = [each for each in load(written(tmp_path, SMALL)) if each.name == "feature"]
    on = {"enable dark mode", "how do I turn dark mode on?", "I want a dark screen"}
    for pair in pairs(families, Random(1), 400, noise=quiet):
        a, b = pair.a.rstrip("~ "), pair.b.rstrip("~ ")
        assert ((a in on) == (b in on)) is pair.same
        assert pair.kind.startswith("positive:" if pair.same else "trap:antonym")


def test_own_spellings_are_equal_and_other_values_are_not(tmp_path: Path) -> None:
    families = [each for each in load(written(tmp_path, SMALL)) if each.name == "size"]
    seen = Counter()
    for pair in pairs(families, Random(2), 600, noise=quiet, share=0.0):
        same_size = ("medium" in pair.a) == ("medium" in pair.b)
        same_ask = ("origin" in pair.a or "made" in pair.a) == ("origin" in pair.b or "made" in pair.b)
        assert (same_size and same_ask) is pair.same, pair
        seen[pair.same, " S shirt" in pair.a + pair.b] += 1
    assert len(seen) == 4


def test_a_swap_changes_direction(tmp_path: Path) -> None:
    families = [each for each in load(written(tmp_path, SMALL)) if each.name == "transfer"]
    found = [pair for pair in pairs(families, Random(3), 900, share=0.0) if pair.kind == "trap:direction"]
    assert len(found) > 30
    assert all(not pair.same and pair.a != pair.b for pair in found)
    # the accounts are the same two, in other places
    one = next(pair for pair in found if pair.a.startswith("Send") and pair.b.startswith("Send"))
    first, second = (re.fullmatch(r"Send .+ from (.+) to (.+)", text) for text in (one.a, one.b))
    assert first
    assert second
    assert first.groups() == second.groups()[::-1]


def test_the_same_seed_gives_the_same_pairs_and_another_others(tmp_path: Path) -> None:
    families = load(written(tmp_path, SMALL))
    first = list(pairs(families, Random(4), 200))
    assert first == list(pairs(families, Random(4), 200))
    assert first != list(pairs(families, Random(5), 200))


def test_families_are_drawn_evenly_and_labels_are_mixed(tmp_path: Path) -> None:
    drawn = list(pairs(load(written(tmp_path, SMALL)), Random(6), 1500))
    families = Counter(pair.group for pair in drawn)
    assert max(families.values()) < 1.1 * min(families.values())
    assert 0.38 < sum(pair.same for pair in drawn) / len(drawn) < 0.5


def test_noise_tells_nothing_of_the_label(tmp_path: Path) -> None:
    marked: dict[bool, list[bool]] = {True: [], False: []}
    for pair in pairs(load(written(tmp_path, SMALL)), Random(7), 4000, noise=quiet):
        if pair.kind in ("positive:paraphrase", "trap:action", "trap:antonym", "trap:question"):
            marked[pair.same] += [pair.a.endswith("~"), pair.b.endswith("~")]
    rates = [sum(each) / len(each) for each in marked.values()]
    assert abs(rates[0] - rates[1]) < 0.04


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[family]]\nname = "x"\n[[family.group]]\nasks = ["a", "b"]', "two groups"),
        (
            TWO + '"odd"\nasks = ["c", "d"]',
            "group 2: trap 'odd'",
        ),
        (
            TWO + '"order"\nasks = ["c", "A?"]',
            "group 2, ask 2",
        ),
        (
            '[[family]]\nname = "x"\nslots = { p = "nothing" }\n[[family.group]]\nasks = ["a {p}", "b {p}"]',
            "two groups",
        ),
        (SMALL.replace('"account", to', '"nothing", to'), "transfer: slot from: no type is called 'nothing'"),
        (
            SMALL.replace("out of {from} take {amount}, into {to}", "out of {from}, into {to}"),
            "transfer: group 1, ask 2: uses",
        ),
        (SMALL.replace("out of {from} take", "out of {form} take"), "group 1, ask 2: ['form'] is no slot"),
        (SMALL.replace('"feature"', '"transfer"'), "this name is taken by a.toml"),
        (SMALL.replace('ordered = [["from", "to"]]', 'ordered = [["from", "too"]]'), "transfer: ordered"),
        (SMALL.replace('["small", "S"], "medium"', '["small", "S"], "s"'), "size: slot size: 's' is listed twice"),
        (SMALL.replace('asks = ["price', 'askes = ["price'), "askes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FamilyError) as raised:
        load(written(tmp_path, text))
    assert said in str(raised.value)
    assert str(raised.value).startswith("a.toml: ")


@pytest.mark.parametrize(
    "word",
    [
        "apple",
        "hour",
        "8-hour day",
        "11",
        "18-year-old",
        "HTML file",
        "MP3",
        "umbrella",
        "XML",
        "80%",
        "$8",
        "unlock code",
        "uninstaller",
        "iPhone",
        "Ecuador",
    ],
)
def test_an(word: str) -> None:
    assert an(word)


@pytest.mark.parametrize(
    "word",
    [
        "banana",
        "one-off",
        "European",
        "unicorn",
        "PDF",
        "CSV",
        "15",
        "110",
        "ukulele",
        "US citizen",
        "URL",
        "user",
        "1,800",
        "$10",
        "Python",
        "JSON",
    ],
)
def test_a(word: str) -> None:
    assert not an(word)


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("dog", "dogs"),
        ("wolf", "wolves"),
        ("canary", "canaries"),
        ("fox", "foxes"),
        ("mother-in-law", "mothers-in-law"),
        ("donkey", "donkeys"),
    ],
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


def test_articles_nouns_and_quantities_fit_the_sentence(tmp_path: Path) -> None:
    text = """
[[family]]
name = "repair"
slots = { food = "food", river = "river", card = "card", span = "duration", animal = "animal" }
[[family.group]]
asks = ["Did you eat a {food}? And is a {animal} near {river}, with my {card} and a {span} trip with {animal}s",
        "x is a {food} recipe, length of the {river}, my {card} card, {span} and an {animal}"]
[[family.group]]
trap = "object"
asks = ["y", "z"]
"""
    drawn = [pair for pair in pairs(load(written(tmp_path, text)), Random(8), 3000, share=0.0) if pair.same]
    said = " | ".join(f"{pair.a} | {pair.b}" for pair in drawn)
    assert not re.search(r"eat an? ", said)
    assert "an oatmeal recipe" in said
    assert " a oatmeal recipe" not in said
    assert not re.search(r"the the|\bcard card|\ba (?:owl|elephant|8|11|18)\b|\ban (?:dog|python)\b", said)
    assert not re.search(r"\ba \d+ (?:hours|days|weeks|minutes|months|years) trip", said)
    assert "wolves" in said
    assert "near the Nile" in said


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(kinds()))
def test_another_value_shares_no_spelling_with_the_first(name: str) -> None:
    kind, rng = kinds()[name], Random(9)
    for _ in range(200):
        value = kind.draw(rng)
        assert value is not None
        other = kind.other(value, rng)
        assert other is not None
        assert other.folded.isdisjoint(value.folded)
        assert other.key != value.key


def test_listed_types_are_wide() -> None:
    small = {"weekday", "month", "planet", "browser", "account", "card", "room", "furniture", "cloud"}
    for name, kind in kinds().items():
        if isinstance(kind, Listed):
            assert len(kind.values) >= 40 or name in small, name


def test_spellings_of_rules_are_equal() -> None:
    def of(kind: str, *spellings: str) -> bool:
        rng = Random(10)
        for _ in range(60_000):
            value = RULED[kind].draw(rng)
            assert value is not None
            if spellings[0] in value.spellings:
                return set(spellings) <= set(value.spellings)
        return False

    assert of("amount", "$10", "USD 10", "10 dollars")
    assert of("amount", "$1,500", "1500 dollars")
    assert of("date", "January 5", "Jan 5", "5 January", "January 5th")
    assert of("time", "3 pm", "15:00", "3:00 pm")
    assert of("number", "3", "three")
    assert of("duration", "2 hours", "two hours")
    assert of("count", "1,000", "1000")
    assert words(4321) == "four thousand three hundred twenty-one"


def test_measures_that_are_equal_are_no_other_values() -> None:
    rng = Random(11)
    size = {"minute": 1, "hour": 60, "day": 1440, "week": 10_080, "month": 43_800, "year": 525_600}

    def minutes(value: Value) -> float:
        number, unit = value.key
        return int(number) * size[str(unit)]

    for _ in range(5000):
        value = RULED["duration"].draw(rng)
        assert value is not None
        other = RULED["duration"].other(value, rng)
        assert other is not None
        ratio = minutes(value) / minutes(other)
        assert value.key[1] == other.key[1] or not 0.87 < ratio < 1.15


# --- what is shipped -------------------------------------------------------------------------------------------------


def test_the_shipped_families_load_and_give_pairs() -> None:
    families = load()
    if not families:
        pytest.skip("no family is here yet")
    drawn = list(pairs(families, Random(12), 3000))
    assert len({family.name for family in families}) == len(families)
    for pair in drawn:
        assert pair.a.strip()
        assert pair.a != pair.b
        assert "{" not in pair.a + pair.b
