"""A file of labelled pairs: what is read of it, and how it is told what is wrong with it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from semcache.admin.scoring import Pair
from semcache.cli import main
from semcache.cli.tune_pairs import Found, pairs_of
from semcache.errors import RequestError

GOOD = {"a": "x", "b": "y", "same": True}
LABEL = {"cached": "x", "asked": "y", "same": True, "source": "shadow", "namespace": "n", "entry_id": "0", "at_ms": 1}
SAID = {**LABEL, "source": "feedback", "principal": "p"}


def read(folder: Path, *rows: Any) -> Found:
    file = folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return pairs_of(file)


def test_plain_pairs_and_labels_are_read(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, {**GOOD, "same": 0, "weight": 2}, {**LABEL, "weight": 4.0})
    assert found == ([Pair("x", "y", True), Pair("x", "y", False, 2.0), Pair("x", "y", True, 4.0)], ())


def test_what_a_plain_pair_has_beside_is_its_own(tmp_path: Path) -> None:
    """Labelled sets name where a pair comes from."""
    more: list[dict[str, Any]] = [
        {"source": "quora"},
        {"source": "feedback"},
        {"source": ["x"], "conversation": "yes", "principal": 7},
    ]
    assert read(tmp_path, *({**GOOD, **one} for one in more)) == ([Pair("x", "y", True)] * 3, ())


def test_a_mark_of_the_encoding_empty_lines_and_packing_do_no_harm(tmp_path: Path) -> None:
    text = b'\xef\xbb\xbf{"a": "\xc3\xa4", "b": "y", "same": true}\n\n \n'
    file = tmp_path / "pairs.jsonl.gz"
    file.write_bytes(gzip.compress(text))
    assert pairs_of(file).pairs == [Pair("ä", "y", True)]


def test_of_one_voice_the_last_word_counts(tmp_path: Path) -> None:
    found = read(tmp_path, SAID, {**SAID, "same": False}, {**SAID, "principal": "q"})
    assert found.pairs == [Pair("x", "y", False, voice="p"), Pair("x", "y", True, voice="q")]
    assert found.notes == ("feedback alone, of who complains or praises: not a fair sample",)


def test_comparisons_count_rather_than_feedback(tmp_path: Path) -> None:
    found = read(tmp_path, SAID, LABEL)
    assert found.pairs == [Pair("x", "y", True)]
    assert found.notes == ("1 labels of feedback left out: comparisons are the fairer sample",)


def test_what_cannot_be_scored_anew_is_left_out_and_told(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD, {**LABEL, "conversation": True}, {**LABEL, "asked": "", "cached": ""})
    assert len(found.pairs) == 1
    assert ["texts" in note or "conversations" in note for note in found.notes] == [True, True]


@pytest.mark.parametrize(
    "line",
    [
        b"{oops",
        b"[1]",
        b'"text"',
        b'{"a": "x", "same": true}',
        b'{"a": "x", "b": 5, "same": true}',
        b'{"a": "x", "b": "y"}',
        b'{"a": "x", "b": "y", "same": 7}',
        b'{"a": "x", "b": "y", "same": "yes"}',
        b'{"a": "x", "b": "y", "same": true, "weight": null}',
        b'{"a": "x", "b": "y", "same": true, "weight": -5}',
        b'{"a": "x", "b": "y", "same": true, "weight": NaN}',
        b'{"a": "x", "b": "y", "same": true, "weight": 1e999}',
        b'{"a": "x", "b": "\xff\xfe", "same": true}',
        b'{"a": "x", "b": "\\ud83d", "same": true}',
        b'{"x": ' + b"[" * 200_000,
    ],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_bytes(b'{"a": "x", "b": "y", "same": true}\n' + line + b"\n")
    assert main(["tune", "--pairs", str(file)]) == 1
    [told] = capsys.readouterr().err.splitlines()
    assert told.startswith(f"semcache: {file}, line 2: ")


@pytest.mark.parametrize("content", [b"", b"\n\n", b"no archive", gzip.compress(b"x" * 9999)[:25]])
def test_a_file_that_holds_nothing_is_named(tmp_path: Path, content: bytes) -> None:
    for name in ("pairs.jsonl.gz", "pairs.jsonl"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(RequestError, match=name):
            pairs_of(tmp_path / name)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="directory"):
        pairs_of(tmp_path)
