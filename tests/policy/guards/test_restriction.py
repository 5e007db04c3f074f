"""What narrows a search, told by other words too."""

from __future__ import annotations

import pytest

from semcache.errors import ConfigError
from semcache.policy.guards import Force, Rules
from tests.policy.guards.told import told


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("taxi fare to the Harbour Hotel", "what's a taxi to the Harbour Hotel"),
        ("how do passengers pay on the bus in Oslo", "Oslo bus fare payment"),
        ("the first train from York to Hull", "which train from York to Hull is before all others"),
        ("the last train from York to Hull", "until when do trains go from York to Hull"),
        ("trains to Bath tonight", "trains to Bath this evening"),
        ("hotel with breakfast and dinner", "half board hotel"),
    ],
)
def test_the_same_in_other_words_is_at_most_doubted(a: str, b: str) -> None:
    assert told("restriction", a, b) is not Force.VETO
    assert told("restriction", b, a) is not Force.VETO


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("ferry Paros Milos fare", "ferry Paros Milos duration"),
        ("the first train from York to Hull", "the trains from York to Hull"),
        ("what is the fare of the ferry", "what is the length of the ferry"),
        ("hotel with breakfast", "hotel with parking"),
    ],
)
def test_what_only_one_asks_for_is_vetoed(a: str, b: str) -> None:
    assert told("restriction", a, b) is Force.VETO
    assert told("restriction", b, a) is Force.VETO


def test_other_words_are_a_table() -> None:
    rules = Rules.from_table({"restated": {"price": "length"}})
    assert told("restriction", "what is the fare of the ferry", "what is the length of the ferry", rules) is Force.DOUBT
    with pytest.raises(ConfigError, match="restated"):
        Rules.from_table({"restated": {"price": 1}})
