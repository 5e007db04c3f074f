"""Labels as training pairs: joined where they share a prompt, left out where voices disagree."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from semcache.errors import ConfigError
from semcache.verifier.train.feedback import mixed, pairs_of
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of


def file_of(folder: Path, *rows: Any) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_labels_and_plain_pairs_are_read(tmp_path: Path) -> None:
    file = file_of(
        tmp_path,
        {"asked": "disable it", "cached": "enable it", "same": False, "source": "feedback", "principal": "p"},
        {"a": "how tall is it", "b": "what is its height", "same": True},
        {"asked": "", "cached": "", "same": False, "source": "feedback"},
        {"asked": "Enable  it", "cached": "enable it", "same": False, "source": "feedback"},
    )
    one, two = pairs_of(file)
    assert (one.a, one.b, one.same, one.kind) == ("enable it", "disable it", False, "trap:feedback")
    assert one.source == "feedback"
    assert (two.a, two.b, two.same, two.kind) == ("how tall is it", "what is its height", True, "positive:file")
    assert one.group != two.group


def test_pairs_that_share_a_prompt_are_one_group(tmp_path: Path) -> None:
    rows = [{"a": a, "b": b, "same": True} for a, b in (("a", "b"), ("c", "d"), ("B", "c"), ("x", "y"))]
    groups = [pair.group for pair in pairs_of(file_of(tmp_path, *rows))]
    assert len(set(groups)) == 2
    assert groups[0] == groups[1] == groups[2]


def test_of_conversations_each_turn_that_differs_is_a_pair(tmp_path: Path) -> None:
    def row(*asked: str, same: bool) -> dict[str, Any]:
        cached = ["how old is she", "and he", "why"]
        said = ["\n".join(f"user: {text}" for text in texts) for texts in (asked, cached)]
        return {"asked": said[0], "cached": said[1], "same": same, "conversation": True, "source": "feedback"}

    good = row("what is her age", "what about him", "why", same=True)
    assert [(pair.a, pair.b, pair.same) for pair in pairs_of(file_of(tmp_path, good))] == [
        ("user: how old is she", "user: what is her age", True),
        ("user: what is her age\nuser: and he", "user: what is her age\nuser: what about him", True),
    ]
    [wrong] = pairs_of(file_of(tmp_path, row("how old is she", "and it", "why", same=False)))
    assert (wrong.b.split("\n")[-1], wrong.same) == ("user: and it", False)
    assert pairs_of(file_of(tmp_path, row("how tall is she", "and it", "why", same=False))) == []


def test_voices_that_disagree_cancel_and_the_last_word_of_one_counts(tmp_path: Path) -> None:
    def row(principal: str | None, same: bool, asked: str = "b") -> dict[str, Any]:
        return {"cached": "a", "asked": asked, "same": same, "principal": principal, "source": "feedback"}

    assert pairs_of(file_of(tmp_path, row("p", True), row("q", False))) == []
    [one] = pairs_of(file_of(tmp_path, row("p", False), row("p", True), row("q", True)))
    assert one.same


def test_feedback_is_a_part_of_the_mix_and_no_more() -> None:
    base = [LabelledPair(f"{n}", "x", True, "k", "s", "g") for n in range(90)]
    said = [LabelledPair(f"a{n}", f"b{n}", False, "trap:feedback", "feedback", f"feedback\0{n}") for n in range(40)]
    whole = mixed(base, said, random.Random(1))
    mine = [pair for pair in whole if pair.source == "feedback"]
    assert len(whole) == 100
    assert len(mine) == 10
    assert all(fold_of(pair.group) is Fold.TRAIN for pair in mine)
    assert whole == mixed(base, said, random.Random(1))
    few = mixed(base, [pair for pair in said if fold_of(pair.group) is Fold.TRAIN][:2], random.Random(1))
    assert len(few) == 96


@pytest.mark.parametrize(
    "line",
    [
        b"[]",
        b'{"a": "x", "b": "y"}',
        b'{"a": 1, "b": "y", "same": true}',
        b"no",
        b'{"a": "x", "b": "\xff", "same": true}',
        b'{"a": "x", "b": "\\ud83d", "same": true}',
        b'{"x": ' + b"[" * 200_000,
    ],
)
def test_what_is_no_pair_is_refused_by_file_and_line(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_bytes(b'{"a": "x", "b": "y", "same": true}\n\n' + line + b"\n")
    with pytest.raises(ConfigError, match=r"labels\.jsonl, line 3: "):
        pairs_of(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.jsonl: No such file"):
        pairs_of(tmp_path / "absent.jsonl")


def test_a_prompt_may_have_any_character_but_a_newline(tmp_path: Path) -> None:
    """What some take for the end of a line is none in JSON."""
    file = tmp_path / "labels.jsonl"
    text = '{"a": "one\u2028two\u0085three", "b": "y", "same": true}\n'
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    [pair] = pairs_of(file)
    assert pair.a == "one\u2028two\u0085three"
