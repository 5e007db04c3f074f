"""Labelled sets as training reads them, small and made up."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write(folder: Path, name: str, rows: Iterable[Any]) -> Path:
    """A set of these rows; returns its file."""
    file = folder / f"{name}.jsonl.gz"
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(row)}\n" for row in rows)
    return file


def paraphrases(count: int, *, of: str = "lamp") -> list[dict[str, Any]]:
    """Pairs that are the same, and as many that are not; no two share a text."""
    same = [
        {"a": f"How do I mend {of} {at} for 20 euros?", "b": f"What mends {of} {at} for 20 euros?", "same": True}
        for at in range(count)
    ]
    other = [{"a": f"Who made {of} {at}?", "b": f"Who sold {of} {at}?", "same": False} for at in range(count)]
    return [row for pair in zip(same, other, strict=True) for row in pair]


def questions(count: int) -> list[dict[str, Any]]:
    """Of which none is asked twice."""
    return [{"text": f"Which of the {at + 2} planets near star {at} is larger than Mars?"} for at in range(count)]


def classes(count: int) -> list[dict[str, Any]]:
    """Labels with three texts each."""
    return [
        {"label": f"l{at}", "text": f"{verb} the parcel of shelf {at}"}
        for at in range(count)
        for verb in ("send", "take", "open")
    ]
