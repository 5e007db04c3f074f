"""The language that an answer is asked in: named in any form, or another one."""

from __future__ import annotations

import pytest

from semcache.policy.guards import Force, Rules, compare, read

RULES = Rules.default()


def vetoes(a: str, b: str) -> list[str]:
    return [found.detail for found in compare(read(a, RULES), read(b, RULES), RULES) if found.force is Force.VETO]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("give me a proverb in Czech", "Czech proverb"),
        ("say good night in Spanish", "en español: good night"),
        ("write the letter in German", "the letter, auf Deutsch"),
        ("how do I say umbrella in Japanese", "the Japanese word for umbrella"),
        ("translate umbrella into Dutch", "umbrella in het nederlands please"),
        ("what do I answer my host in Finnish", "which reply does my Finnish-speaking host expect"),
        ("what does nota bene say in English", "nota bene abbreviation meaning"),
        ("translate this letter from Welsh to Zulu", "the letter is in Welsh, please put it into Zulu"),
        ("the Zulu version of this letter, original in Welsh", "translate this letter from Welsh into Zulu"),
        ("how can I type Korean next to English", "what do I click so that I can write in Korean"),
        ("in German, which gender has moon", "moon german gender der die das"),
    ],
)
def test_the_same_language_in_another_form_is_not_vetoed(a: str, b: str) -> None:
    assert vetoes(a, b) == []
    assert vetoes(b, a) == []


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("give me a proverb in Czech", "give me a proverb in Slovak"),
        ("say good night in Spanish", "say good night"),
        ("say good night in Spanish", "the French for good night"),
        ("translate this letter from Welsh to Zulu", "translate this letter from Zulu to Welsh"),
        ("translate the label into English", "read the label out to me"),
        ("write an essay on sleep in English", "write an essay on sleep in Hebrew"),
        ("wie sage ich das auf deutsch", "wie sage ich das auf englisch"),
        ("wie ist das Wetter und was kann ich mit dem Hund machen", "what is the weather and what can I do"),
    ],
)
def test_another_language_is_vetoed(a: str, b: str) -> None:
    assert vetoes(a, b) != []
    assert vetoes(b, a) != []
