"""Labelled data as a stream of requests, in the order in which a service would have seen them.

Three kinds of JSON lines (plain or gzipped) are understood, told apart by their first row:

* pairs `{"a", "b", "same"}`: each row is two requests, `a` then `b`. Texts joined by `same: 1` (transitively) are one
  class; two texts of different classes deserve different answers, also where nobody labelled that very pair.
* classes `{"text", "label"[, "answer_key"]}`: one request a row; `answer_key` is stricter and wins where present. The
  label `oos` (out of scope) is no class: such rows never deserve each other's answer.
* logs `{"prompt"}` or `{"text"}` or `{"messages"}` without a label: hit rate only.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a stream. `label` is its class; None where nothing is known."""

    messages: tuple[dict[str, Any], ...]
    label: str | None

    @property
    def text(self) -> str:
        """The last message's text."""
        content = self.messages[-1]["content"]
        return content if isinstance(content, str) else json.dumps(content)


@dataclass(frozen=True, slots=True)
class Stream:
    """Requests in order, and what kind of rows they came from."""

    kind: str
    requests: list[Request]

    @property
    def labelled(self) -> bool:
        """Whether wrong answers can be told from right ones."""
        return self.kind != "log"


def read(path: Path, *, limit: int | None = None) -> Stream:
    """Read a file; `limit` is a number of rows. Raises ValueError that names the line that cannot be understood."""
    lines = list(rows(path, limit))
    if not lines:
        raise ValueError(f"{path}: no rows")
    first = lines[0]
    if {"a", "b", "same"} <= first.keys():
        return Stream("pairs", from_pairs(lines))
    if "label" in first and "text" in first:
        return Stream("classes", [_classed(row, number) for number, row in enumerate(lines)])
    return Stream("log", [Request(_messages(row, path, number), None) for number, row in enumerate(lines, 1)])


def from_pairs(rows: list[dict[str, Any]]) -> list[Request]:
    """Both texts of each pair as requests, in order, labelled by what `same` joins."""
    classes = _Classes()
    for row in rows:
        classes.find(row["a"])
        classes.find(row["b"])
        if row["same"]:
            classes.join(row["a"], row["b"])
    return [Request(_user(text), classes.find(text)) for row in rows for text in (row["a"], row["b"])]


def shuffled(stream: Stream, seed: int) -> Stream:
    """The same requests in a random order."""
    requests = list(stream.requests)
    random.Random(seed).shuffle(requests)
    return Stream(stream.kind, requests)


def rows(path: Path, limit: int | None = None) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines, the first `limit` at most. Raises ValueError that names a bad line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if limit is not None and number > limit:
                return
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {number}: {error}") from error
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: expected an object")
            yield row


def _user(text: str) -> tuple[dict[str, Any], ...]:
    return ({"role": "user", "content": text},)


def _classed(row: dict[str, Any], number: int) -> Request:
    label = str(row["label"])
    if "answer_key" in row:
        label = json.dumps([label, row["answer_key"]], sort_keys=True)
    if label == "oos":
        label = f"oos-{number}"
    return Request(_user(row["text"]), label)


def _messages(row: dict[str, Any], path: Path, number: int) -> tuple[dict[str, Any], ...]:
    if isinstance(row.get("messages"), list) and row["messages"]:
        return tuple(row["messages"])
    for key in ("prompt", "text"):
        if isinstance(row.get(key), str):
            return _user(row[key])
    raise ValueError(f"{path}, line {number}: expected prompt, text or messages (or a, b, same; or text, label)")


class _Classes:
    """Union-find over texts."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, text: str) -> str:
        parent = self._parent.setdefault(text, text)
        root = text
        while parent != root:
            root, parent = parent, self._parent[parent]
        self._parent[text] = root
        return root

    def join(self, first: str, second: str) -> None:
        self._parent[self.find(first)] = self.find(second)
