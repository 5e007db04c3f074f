"""The labelled sets: read, split, and named with the line where they are not what they should be."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from semcache.errors import ConfigError
from semcache.verifier.train import sets
from tests.verifier.train.labelled import paraphrases, write


def test_those_that_are_there_are_named_in_order(tmp_path: Path) -> None:
    for name in ("mqp_pairs", "qqp_pairs", "other"):
        write(tmp_path, name, [])
    assert sets.present(tmp_path, sets.PAIR_SETS) == ["qqp_pairs", "mqp_pairs"]
    assert sets.present(tmp_path / "absent", sets.PAIR_SETS) == []


def test_a_group_is_called_the_same_whether_or_not_other_sets_of_its_questions_are_there(tmp_path: Path) -> None:
    """Or what training saw with one part of the sets would be tested with another."""
    write(tmp_path, "paws_qqp_pairs", paraphrases(3))
    write(tmp_path, "mqp_pairs", paraphrases(3))
    alone = sets.pair_sets(tmp_path, ["paws_qqp_pairs", "mqp_pairs"])
    write(tmp_path, "qqp_pairs", paraphrases(3, of="bell"))
    with_others = sets.pair_sets(tmp_path, ["qqp_pairs", "paws_qqp_pairs", "mqp_pairs"])
    for name in alone:
        assert alone[name] == with_others[name]
    assert {pair.group.split("\0")[0] for pair in alone["paws_qqp_pairs"]} == {"qqp_pairs"}
    assert {pair.group.split("\0")[0] for pair in alone["mqp_pairs"]} == {"mqp_pairs"}


def test_an_absent_one_that_is_asked_for_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"qqp_pairs\.jsonl\.gz: .*No such file"):
        sets.rows(tmp_path, "qqp_pairs")


@pytest.mark.parametrize("line", [b"{oops", b"\xff\xfe", b"[" * 200_000])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: bytes) -> None:
    file = tmp_path / "mqp_pairs.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"a": "x"}\n{"a": "y"}\n' + line + b"\n"))
    with pytest.raises(ConfigError, match=r"mqp_pairs\.jsonl\.gz, line [13]: "):  # bytes are decoded some lines ahead
        sets.rows(tmp_path, "mqp_pairs")


@pytest.mark.parametrize("content", [b"no archive", gzip.compress(b"x" * 99_999)[:40]], ids=["no archive", "cut"])
def test_a_file_that_is_no_archive_or_was_cut_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mqp_pairs.jsonl.gz").write_bytes(content)
    with pytest.raises(ConfigError, match=r"mqp_pairs\.jsonl\.gz: "):
        sets.rows(tmp_path, "mqp_pairs")
