"""An operator's tables replace the house's, and what is wrong in them is told by table and key."""

from __future__ import annotations

from typing import Any

import pytest

from semcache.errors import ConfigError
from semcache.policy.guards import Force, Rules, compare, read
from semcache.policy.guards.rules import TABLES


def vetoes(a: str, b: str, rules: Rules) -> list[str]:
    found = compare(read(a, rules), read(b, rules), rules)
    return [finding.guard for finding in found if finding.force is Force.VETO]


def test_the_default_is_all_tables() -> None:
    assert Rules.from_table(TABLES) == Rules.default()


def test_a_table_is_replaced_as_a_whole_and_the_others_stay() -> None:
    rules = Rules.from_table({"opposed_actions": [["blorp", "splurg"]]})
    assert vetoes("how do I blorp it", "how do I splurg it", rules) == ["antonym"]
    assert vetoes("blorping a file", "splurging a file", rules) == ["antonym"]
    assert vetoes("how do I encrypt it", "how do I decrypt it", rules) == []
    assert vetoes("the cheapest one", "the dearest one", rules) == ["antonym"]
    assert vetoes("how do I encrypt it", "how do I decrypt it", Rules.default()) == ["antonym"]


def test_units_names_and_languages_of_an_operator() -> None:
    rules = Rules.from_table(
        {
            "units": {"stack": {"pile": [1, "pile piles"], "heap": [10, "heap heaps"]}},
            "names": {"depot": "north yard=ny1, south yard"},
            "stop_words": {"xx": "zork mork pork"},
        }
    )
    assert vetoes("move 20 piles", "move 2 heaps", rules) == []
    assert vetoes("move 20 piles", "move 20 heaps", rules) == ["amount"]
    assert vetoes("stock of north yard", "stock of ny1", rules) == []
    assert vetoes("stock of north yard", "stock of south yard", rules) != []
    assert vetoes("zork mork pork not", "zork mork pork", rules) == []


def test_searches_of_an_operator() -> None:
    rules = Rules.from_table({"searched": {"flat": "flat flats"}, "restrictions": {"furnished": "furnished, all in"}})
    assert vetoes("flats in Riga", "furnished flats in Riga", rules) == ["restriction"]
    assert vetoes("furnished flats in Riga", "flats in Riga, all in", rules) == []
    assert vetoes("flights to Riga", "nonstop flights to Riga", rules) == []


def test_people_of_an_operator() -> None:
    rules = Rules.from_table({"roles": ["bishop=vicar", "verger"]})
    assert vetoes("can I call my bishop", "can I call my vicar", rules) == []
    assert vetoes("can I call my bishop", "can I call my verger", rules) == ["scope"]
    assert vetoes("can I call my boss", "can I call my wife", rules) == []


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"oposites": []}, "'oposites'"),
        ({"restrictions": {"late": "latest,, last"}}, "guards.restrictions.late"),
        ({"roles": "boss=chief wife="}, "guards.roles: a word is missing in 'wife='"),
        ({"searched": ["boat"]}, "guards.searched:"),
        ({"opposites": "big small"}, "guards.opposites:"),
        ({"opposites": [["big", "small"], ["big"]]}, "guards.opposites[1]"),
        ({"opposites": [["big", ""]]}, "guards.opposites[0]"),
        ({"opposed_actions": [3]}, "guards.opposed_actions[0]"),
        ({"negators": ["not", 3]}, "guards.negators[1]"),
        ({"negators": {"not": 1}}, "guards.negators:"),
        ({"number_words": {"two": "2"}}, "guards.number_words.two"),
        ({"number_words": {"two": True}}, "guards.number_words.two"),
        ({"quantifiers": {"all": 1}}, "guards.quantifiers.all"),
        ({"quantifiers": ["all"]}, "guards.quantifiers:"),
        ({"units": {"length": {"km": 1000}}}, "guards.units.length.km"),
        ({"units": {"length": {"km": [-1, "km"]}}}, "guards.units.length.km"),
        ({"units": {"length": "km"}}, "guards.units.length"),
        ({"names": {"city": ["rome"]}}, "guards.names.city"),
        ({"names": {"city": "rome, =roma"}}, "guards.names.city"),
        ({"languages": ["french"]}, "guards.languages"),
        ({"months": ["january", ""]}, "guards.months[1]"),
        ({"months": ["January"]}, "guards.months: 'January'"),
        ({"negators": "not NEVER"}, "guards.negators: 'NEVER'"),
        ({"opposites": [["Big", "small"]]}, "guards.opposites (or opposed_actions): 'Big'"),
        ({"number_words": {"two": float("inf")}}, "guards.number_words.two"),
        ({"units": {"length": {"km": [float("nan"), "km"]}}}, "guards.units.length.km"),
        ({"names": {"city": "rome, '"}}, "guards.names.city"),
    ],
)
def test_what_is_wrong_is_told_by_table_and_key(table: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Rules.from_table(table)
    assert told in str(refused.value)


def test_rules_and_findings_cannot_be_changed() -> None:
    rules = Rules.default()
    with pytest.raises(AttributeError):
        rules.common = frozenset()  # type: ignore[misc]
