"""Which requests a stream holds, and which a shortened one keeps."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sweep import Asked

unseen = pytest.importorskip("benchmarks.unseen", reason="needs what training needs")

REQUESTS = [Asked(f"t{at}", str(at % 10)) for at in range(100)]


def test_whole_labels_are_kept_in_order() -> None:
    kept = unseen.shortened(REQUESTS, 35, 1, by_label=True)
    assert len(kept) == 30
    assert len({one.label for one in kept}) == 3
    assert kept == [one for one in REQUESTS if one in kept]
    assert kept != unseen.shortened(REQUESTS, 35, 2, by_label=True)


def test_or_the_first_ones() -> None:
    assert unseen.shortened(REQUESTS, 35, 1, by_label=False) == REQUESTS[:35]
    assert unseen.shortened(REQUESTS, 100, 1, by_label=True) == REQUESTS


def _write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_no_question_of_the_floor_is_in_the_words_of_another_or_was_seen(tmp_path: Path) -> None:
    texts = [text for at in range(60) for text in (f"How high is hill {at}?", f"how high is hill {at}")]
    _write(tmp_path, unseen.FLOOR, [{"text": text, "label": str(at)} for at, text in enumerate(texts)])
    found = unseen.questions(tmp_path, frozenset())
    assert 0 < len(found) < 60, "the test fold alone"
    assert len({one.label for one in found}) == len({one.text.lower().rstrip("?") for one in found}) == len(found)
    seen = unseen.plain(found[0].text)
    assert seen not in {unseen.plain(one.text) for one in unseen.questions(tmp_path, frozenset({seen}))}


def test_a_class_that_training_saw_one_text_of_is_left_out(tmp_path: Path) -> None:
    rows = [
        {"text": "fly to rome", "label": "flight", "answer_key": "flight|rome"},
        {"text": "a flight to Rome", "label": "flight", "answer_key": "flight|rome"},
        {"text": "fly to oslo", "label": "flight", "answer_key": "flight|oslo"},
        {"text": "wake me", "label": "alarm"},
    ]
    _write(tmp_path, "atis_class", rows)
    found = unseen.classes(tmp_path, "atis_class", frozenset({"a flight to rome"}))
    assert [(one.text, one.label) for one in found] == [("fly to oslo", "flight|oslo"), ("wake me", "alarm")]
