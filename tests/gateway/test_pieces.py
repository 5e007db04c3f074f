from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semcache.gateway.pieces import pieces


@given(st.text() | st.text("a \n語🏽\u200d\u0301", max_size=200))
def test_pieces_are_the_text(text: str) -> None:
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert "" not in cut


def test_words_keep_the_blanks_before_them() -> None:
    assert list(pieces("Hello, world!\n\n  How are you?\n")) == [
        "Hello,",
        " world!",
        "\n\n  How",
        " are",
        " you?",
        "\n",
    ]


def test_long_runs_are_cut() -> None:
    assert list(pieces("语" * 20)) == ["语" * 8, "语" * 8, "语" * 4]
    assert max(map(len, pieces('{"location":"Paris","unit":"celsius","days":[1,2,3]}'))) < 16


@pytest.mark.parametrize(
    "character",
    [
        "👩\u200d👩\u200d👧",
        "👍🏽",
        "🇩🇪",
        "1\ufe0f\u20e3",
        "e\u0301",
        "각",
        "ก\u0e33",
        "हिन्दी",
        "🏴\U000e0067\U000e0062\U000e007f",
    ],
)
def test_no_character_is_cut(character: str) -> None:
    for lead in range(9):
        text = "x" * lead + character * 12
        cut = list(pieces(text))
        assert "".join(cut) == text
        places = {sum(map(len, cut[: number + 1])) for number in range(len(cut))}
        whole = set(range(lead + 1)) | {lead + len(character) * number for number in range(13)}
        assert places <= whole or character == "हिन्दी"
        assert not any(piece[0] in "\u200d🏽\ufe0f\u20e3\u0301\u0e33ी्ि" for piece in cut)
