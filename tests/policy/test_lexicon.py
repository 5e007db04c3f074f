"""Pairs of words in a sorted table."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from semcache.policy.lexicon import Beside, Lexicon

WORDS = st.text("abcé", min_size=1, max_size=4)


def table(counts: dict[tuple[str, str], int]) -> Beside:
    return Beside(b"".join(sorted(f"{one} {two} {count}\n".encode() for (one, two), count in counts.items())))


@given(st.dictionaries(st.tuples(WORDS, WORDS), st.integers(1, 10**12)), st.tuples(WORDS, WORDS))
def test_it_counts_what_it_holds_and_nothing_else(counts: dict[tuple[str, str], int], other: tuple[str, str]) -> None:
    beside = table(counts)
    for (one, two), count in counts.items():
        assert beside.count(one, two) == count
    assert beside.count(*other) == counts.get(other, 0)


def test_an_empty_table_holds_nothing() -> None:
    assert Beside().count("how", "far") == 0


def test_a_lexicon_is_its_words() -> None:
    lexicon = Lexicon({"far": 7}, terms=frozenset({"sudo"}))
    assert lexicon["far"] == 7
    assert "sudo" in lexicon.terms
    assert lexicon.beside.count("how", "far") == 0
