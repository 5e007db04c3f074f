from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from semcache.models import CacheRequest, TtlClass
from semcache.policy import slices
from semcache.policy.english import is_english
from semcache.policy.freshness import Patterns, TtlRule, TtlRules
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from semcache.policy.slices import REACH, SLICE, all_of, found

SIZE = 3 * SLICE + 500
RULES = TtlRules.default()


def with_at(piece: str, at: int, filler: str = "lorem ") -> str:
    """A text of SIZE characters or so in which `piece` begins at `at`."""
    fill = filler * (SIZE // len(filler) + 1)
    return fill[:at] + piece + fill[at:SIZE]


@pytest.mark.parametrize("cut", [SLICE, 2 * SLICE, 3 * SLICE, SLICE + REACH])
@pytest.mark.parametrize(
    "pattern", [r"needle in \w+", r"\bneedle\b.{3,60}haystack", r"(?<=!)needle in a haystack(?=!)"]
)
def test_no_match_is_lost_at_a_cut(cut: int, pattern: str) -> None:
    piece = "!needle in a haystack!"
    for at in range(cut - len(piece) - 1, cut + 2):
        assert found(re.compile(pattern), with_at(piece, at, "blah blah, "))
        assert not found(re.compile(pattern), with_at("!needle on a hayst!", at, "blah blah, "))


@pytest.mark.parametrize("pattern", [r"^b", r"\Ab", r"b$", r"b\Z", r"\bb", r"b\b", r"(?<!a)b", r"b(?!a)", r"(?m:^)b"])
def test_a_cut_is_neither_begin_nor_end(pattern: str) -> None:
    text = "ab" * SLICE + "a"
    assert re.search(pattern, text) is None
    assert not found(re.compile(pattern), text)


def test_as_far_as_a_slice_reaches() -> None:
    text = "a" * (SLICE - 1) + "(" + "b" * (REACH - 2) + ")" + "a" * SLICE
    assert found(re.compile(r"\(b*\)"), text)


def test_words_are_whole_in_a_text_of_any_length() -> None:
    words = {f"word{number}" for number in range(SIZE)}
    assert all_of(re.compile(r"\w+"), " ".join(words)) == words
    assert all_of(re.compile(r"\w+"), "no more no less") == {"no", "more", "less"}


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        (" my password is hunter22xyz ", TtlClass.NEVER),
        (" 4111 1111 1111 1111 ", TtlClass.NEVER),
        (" write to ann@example.org ", TtlClass.PERSONAL),
    ],
)
def test_a_secret_at_a_cut_of_a_long_conversation_is_seen(piece: str, expected: TtlClass) -> None:
    for at in range(SLICE - len(piece), SLICE + 1):
        turns = with_at(piece, at, "some words, ")
        last = [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": "a poem"}]
        asked = CacheRequest(messages=[{"role": "user", "content": turns}, *last], model="m")
        assert identify(asked, Normalizer(), RULES).ttl_class is expected
        assert RULES.classify(turns)[0] is expected


def test_the_word_and_the_pattern_of_a_rule_may_stand_slices_apart() -> None:
    rules = TtlRules.from_table([{"name": "r", "class": "never", "words": ["zorp"], "patterns": [r"code \d"]}])
    assert rules.classify("zorp " + with_at(" code 1 ", 2 * SLICE))[0] is TtlClass.NEVER


@dataclass
class Watched:
    """A pattern that remembers how many characters each of its searches might read."""

    pattern: re.Pattern[str]
    spans: list[int] = field(default_factory=list)

    def search(self, text: str, start: int = 0, end: int | None = None) -> re.Match[str] | None:
        end = len(text) if end is None else min(end, len(text))
        self.spans.append(end - start)
        return self.pattern.search(text, start, end)


def test_no_single_search_reads_more_than_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[Watched] = []
    real = slices.found

    def watching(pattern: re.Pattern[str], text: str) -> bool:
        watched.append(Watched(pattern))
        return real(watched[-1], text)  # type: ignore[arg-type]

    monkeypatch.setattr(slices, "found", watching)
    prompt = "the password of 7 brown foxes; " * 30_000
    RULES.classify(prompt)
    RULES.lasting(prompt)
    is_english(prompt)
    spans = [span for each in watched for span in each.spans]
    assert len(spans) > 90
    assert max(spans) <= SLICE + REACH


def test_every_rule_searches_in_slices() -> None:
    pattern = Watched(re.compile("b"))
    patterns = Patterns(None, pattern)  # type: ignore[arg-type]
    rule = TtlRule("r", TtlClass.NEVER, None, patterns, patterns, False)
    assert not rule.claims("a" * SIZE, set())
    assert max(pattern.spans) <= SLICE + REACH
