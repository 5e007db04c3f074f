"""Prompts of other languages: which may be judged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from semcache.engines import package
from semcache.verifier.foreign import differs

FILE: Final = Path(__file__).parents[1] / "data" / "foreign_pairs.jsonl"
KNOWN: Final = package.words()


def rows(*, same: bool) -> list[dict[str, Any]]:
    read = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [row for row in read if bool(row["same"]) is same]


@pytest.mark.parametrize("row", rows(same=False), ids=lambda row: f"{row['a']} {row['b']}")
def test_another_word_differs_whichever_prompt_is_asked(row: dict[str, Any]) -> None:
    assert differs(row["a"], row["b"], KNOWN)
    assert differs(row["b"], row["a"], KNOWN)


def test_most_rewordings_may_be_judged() -> None:
    refused = [row for row in rows(same=True) if differs(row["a"], row["b"], KNOWN)]
    assert len(refused) <= len(rows(same=True)) / 5, refused


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("how do I turn it on", "how do I turn it off"),
        ("flights los angeles to las vegas", "los angeles las vegas cheap tickets"),
        ("benefits of vitex agnus", "benefits of monk pepper"),
        ("what does 'ich' mean in German", "what does 'du' mean in German"),
        ("come home early", "go home late"),
        ("weather in tokyo", "tokyo forecast"),
        ("Ibn Yunus died at", "Ibn Yunus died in"),
        ("", ""),
        ("42", "43"),
    ],
)
def test_english_is_judged_whatever_differs(a: str, b: str) -> None:
    assert not differs(a, b, KNOWN)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Wie miete ich ein Auto?", "wie miete ich ein auto"),
        ("Wo ist der Bahnhof?", "Wo ist der Bahnhof, bitte?"),
        ("wie lange dauert das", "Wie lange dauert das denn?"),
    ],
)
def test_another_case_and_a_word_more_are_no_difference(a: str, b: str) -> None:
    assert not differs(a, b, KNOWN)
