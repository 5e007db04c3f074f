"""What a run sees: a part of the labelled sets is enough, and told of."""

from __future__ import annotations

import logging
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from semcache.errors import ConfigError
from semcache.verifier.train import dialogs, mix, report, sets
from semcache.verifier.train.sets import Fold, fold_of
from tests.verifier.train.labelled import classes, paraphrases, questions, write

EVERYTHING = (*mix.TAUGHT, *sets.UNSEEN_SETS, dialogs.SAME_LAST)


@pytest.fixture(autouse=True)
def few_families(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files of them: to read all takes seconds."""
    folder = tmp_path_factory.mktemp("families")
    for name in ("home.toml", "health.toml"):
        shutil.copyfile(mix.FAMILIES / name, folder / name)
    monkeypatch.setattr(mix, "FAMILIES", folder)


def sources(folder: Path, total: int = 2000, *, made: bool = True) -> Counter[str]:
    return Counter(pair.source for pair in mix.training_pairs(folder, total, random.Random(1), made=made))


def test_one_set_is_enough_and_the_others_part_falls_to_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, "mqp_pairs", paraphrases(100))
    found = sources(tmp_path)
    assert found.keys() == {"mqp_pairs", "families"}
    shares = mix.SHARES["mqp_pairs"].part, mix.SHARES["families"].part
    assert found["mqp_pairs"] == int(2000 * shares[0] / sum(shares))
    assert sum(found.values()) >= 1990
    assert sources(tmp_path, 100, made=False).keys() == {"mqp_pairs"}


@pytest.mark.parametrize(
    ("name", "rows", "seen"),
    [
        ("qqp_pairs", paraphrases(300), {"qqp_pairs", "made of labelled pairs"}),
        ("clinc150_class", classes(60), {"clinc150_class"}),
        ("open_questions", questions(100), {"made of questions"}),
    ],
)
def test_what_is_made_of_a_set_is_made_where_it_is_there(
    tmp_path: Path, name: str, rows: list[dict[str, object]], seen: set[str]
) -> None:
    write(tmp_path, name, rows)
    assert sources(tmp_path).keys() == {*seen, "families"}
    calibrated = mix.calibration_pairs(tmp_path, random.Random(1))
    assert {pair.source for pair in calibrated} == {*seen, "families"}
    assert all(fold_of(pair.group) is Fold.CALIBRATION for pair in calibrated if pair.source != "families")


def test_where_nothing_can_be_seen_it_is_said(tmp_path: Path) -> None:
    write(tmp_path, "open_questions", questions(10))
    with pytest.raises(ConfigError, match="nothing to train on"):
        mix.training_pairs(tmp_path, 100, random.Random(1), made=False)


def test_what_is_absent_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for name in EVERYTHING:
        write(tmp_path, name, [])
    mix.look(tmp_path)
    assert caplog.records == []
    for name in ("mqp_pairs", "boolq_contrast_pairs"):
        (tmp_path / f"{name}.jsonl.gz").unlink()
    mix.look(tmp_path)
    [told] = caplog.messages
    assert told == f"2 of {len(EVERYTHING)} sets are not in {tmp_path} and left out: mqp_pairs, boolq_contrast_pairs"


def test_none_at_all_is_an_error(tmp_path: Path) -> None:
    for name in (*sets.UNSEEN_SETS, dialogs.SAME_LAST, "mine"):
        write(tmp_path, name, [])
    with pytest.raises(ConfigError, match=rf"{tmp_path} has none of the labelled sets.*NAME\.jsonl\.gz: qqp_pairs, "):
        mix.look(tmp_path)


def test_what_is_absent_is_not_tested(tmp_path: Path) -> None:
    write(tmp_path, "mqp_pairs", paraphrases(100))
    found = {name for name, pairs in report.tested(tmp_path, seed=1) if pairs}
    assert found - {"everyday, dev", "everyday, test"} == {"families kept out", "mqp_pairs"}


def test_a_damaged_set_is_no_absent_one(tmp_path: Path) -> None:
    write(tmp_path, "mqp_pairs", paraphrases(10))
    (tmp_path / "qqp_pairs.jsonl.gz").write_bytes(b"no archive")
    with pytest.raises(ConfigError, match=r"qqp_pairs\.jsonl\.gz"):
        mix.training_pairs(tmp_path, 100, random.Random(1))
