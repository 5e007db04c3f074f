"""Where the shared labelled prompts are, and how a test reads them. Their text is never copied into the repository.

They are found by `SEMCACHE_EVALDATA`, else at `../shared/evaldata` beside the repository root. A test that needs
them is skipped, with a message that says so, where they are absent.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

_BESIDE = Path(__file__).resolve().parents[1].parent / "shared" / "evaldata"


class Pair(NamedTuple):
    """Two prompts, and whether one answer serves both."""

    a: str
    b: str
    same: bool


class Classed(NamedTuple):
    """A prompt and the key of its answer: equal keys, equal answers (as far as the set's labels say)."""

    text: str
    key: str


def folder() -> Path | None:
    """The data folder, or None where it is absent."""
    place = Path(os.environ.get("SEMCACHE_EVALDATA") or _BESIDE)
    return place if place.is_dir() else None


def require() -> Path:
    """The data folder; skips the calling test where it is absent."""
    place = folder()
    if place is None:
        pytest.skip("no shared prompts: set SEMCACHE_EVALDATA to their folder, or put it at ../shared/evaldata")
    return place


def names(kind: str) -> list[str]:
    """Names of the sets of a kind ("pairs" or "class"), e.g. `qqp_pairs`; [] where the data is absent."""
    place = folder()
    return [] if place is None else sorted(p.name.split(".")[0] for p in place.glob(f"*_{kind}.jsonl.gz"))


def iter_rows(name: str) -> Iterator[dict[str, Any]]:
    """The rows of a set by its name without suffix, in file order; skips the test where it is absent."""
    path = require() / f"{name}.jsonl.gz"
    if not path.is_file():
        pytest.skip(f"no shared prompts of the name {name}: {path} is absent")
    decode = msgspec.json.Decoder().decode
    with gzip.open(path, "rb") as lines:
        for line in lines:
            yield decode(line)


def rows(name: str, limit: int | None = None) -> list[dict[str, Any]]:
    """The (first `limit`) rows of a set."""
    found: list[dict[str, Any]] = []
    for row in iter_rows(name):
        if limit is not None and len(found) >= limit:
            break
        found.append(row)
    return found


def pairs(name: str, limit: int | None = None) -> list[Pair]:
    """The pairs of a `*_pairs` set whose sides are texts."""
    return [Pair(row["a"], row["b"], bool(row["same"])) for row in rows(name, limit) if isinstance(row.get("a"), str)]


def classed(name: str, limit: int | None = None) -> list[Classed]:
    """The prompts of a `*_class` set, keyed by `answer_key` where the rows have one, else by `label`."""
    return [Classed(row["text"], row.get("answer_key") or row["label"]) for row in rows(name, limit)]


def texts(name: str, limit: int | None = None) -> list[str]:
    """The prompts of `open_questions`, `llm_prompts` or a `*_class` set."""
    return [row["text"] for row in rows(name, limit)]
