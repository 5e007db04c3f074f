"""The file that makes probabilities of scores: whose it is, and what it may say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from semcache.errors import VerifierUnavailable
from semcache.policy.conversation import TURNS
from semcache.verifier.calibrations import Calibrations, load


def written(folder: Path, **spaces: Any) -> Path:
    file = folder / "calibration.json"
    one = {"fingerprint": "cross-1", "bias": -0.5, "weights": {"score": 1.5}}
    file.write_text(json.dumps({"spaces": {name: {**one, **changed} for name, changed in spaces.items()}}))
    return file


def test_a_space_has_its_own_and_others_the_one_for_all(tmp_path: Path) -> None:
    measured = {"weights": {"score": 1.0, "similarity": 4.0, "doubt:number": -2.0}}
    found = load("cross-1", written(tmp_path, **{"*": {}, "minilm-a": measured}))
    assert isinstance(found, Calibrations)
    assert found.of("minilm-a").weights["similarity"] == 4.0
    assert found.of("minilm-b").weights == {"score": 1.5}
    assert found.of("*").bias == -0.5
    assert found.of(TURNS) == found.of("*")
    assert load("cross-1", written(tmp_path, **{"*": {}, "turns": {"bias": -2.0}})).of(TURNS).bias == -2.0


@pytest.mark.parametrize(
    ("spaces", "why"),
    [
        ({"minilm-a": {}}, r"never measured \('\*'\)"),
        ({"*": {"fingerprint": "cross-0"}}, "cross-0, not of cross-1"),
        ({"*": {}, "minilm-a": {"fingerprint": "cross-0"}}, "cross-0, not of cross-1"),
        ({"*": {"weights": {"similarity": 1.0}}}, "no evidence is called similarity"),
        ({"*": {}, "turns": {"weights": {"similarity": 1.0}}}, "'turns': no evidence is called similarity"),
        ({"*": {}, "minilm-a": {"weights": {"mood": 1.0}}}, "'minilm-a': no evidence is called mood"),
        ({"*": {"bends": [{"gain": 1.0, "bias": 0.0, "weights": {"similarity": 1.0}}]}}, "is called similarity"),
        ({"*": {"bias": "high"}}, "no calibration: .*float"),
    ],
)
def test_one_that_cannot_be_meant_is_refused(tmp_path: Path, spaces: dict[str, Any], why: str) -> None:
    with pytest.raises(VerifierUnavailable, match=why):
        load("cross-1", written(tmp_path, **spaces))


def test_an_absent_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(VerifierUnavailable, match=r"no calibration: .*absent\.json"):
        load("cross-1", tmp_path / "absent.json")
