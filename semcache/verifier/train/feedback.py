"""Labels that a service gathered, as pairs to train on: what its own callers and comparisons said.

Reads the JSON lines of `GET /admin/labels` (`asked`, `cached`, `same`), or plain pairs (`a`, `b`, `same`). Pairs that
share a prompt, directly or through others, are one group, so that folds keep them together. A pair on which the voices
disagree is left out; one that several agree on counts once. Two conversations are a pair for each turn that differs, as
these are what is judged; that one of several turns is wrong does not say which, so such a label is left out.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from semcache.errors import ConfigError
from semcache.policy.conversation import steps
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of

_BOM: Final = b"\xef\xbb\xbf"

PASSES: Final = 3
MOST: Final = 0.1


def pairs_of(file: Path) -> list[LabelledPair]:
    """The pairs of a file, in the order in which they first come. Raises ConfigError, naming file and line."""
    said: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
    sources: dict[tuple[str, str], str] = {}
    for number, row in _rows(file):
        try:
            a, b, same = row.get("cached", row.get("a")), row.get("asked", row.get("b")), row["same"]
        except (KeyError, AttributeError) as error:
            raise ConfigError(f"{file}, line {number}: a pair has `a`, `b` and `same`") from error
        if not isinstance(same, bool) or not all(isinstance(text, str) or text is None for text in (a, b)):
            raise ConfigError(f"{file}, line {number}: `a` and `b` are text, `same` is true or false")
        if not a or not b or _plain(a) == _plain(b):  # its prompts were not kept, or it is about an answer alone
            continue
        told = [(step.cached, step.asked) for step in steps(b, a)] if row.get("conversation") else [(a, b)]
        if not same and len(told) > 1:
            continue
        for pair in told:
            said[pair][str(row.get("principal"))] = same  # of one voice the last word
            sources.setdefault(pair, str(row.get("source", "file")))
    groups = _groups(said)
    found = []
    for (a, b), voices in said.items():
        if len(set(voices.values())) == 1:
            same = next(iter(voices.values()))
            kind = f"{'positive' if same else 'trap'}:{sources[a, b]}"
            found.append(LabelledPair(a=a, b=b, same=same, kind=kind, source="feedback", group=groups[_plain(a)]))
    return found


def mixed(pairs: Sequence[LabelledPair], said: Sequence[LabelledPair], rng: random.Random) -> list[LabelledPair]:
    """Pairs to train on with those of feedback among them: its train fold, each PASSES times, either prompt first, and
    at most MOST of the whole, so that what a few callers say bends the verifier without breaking it.
    """
    chosen = [pair for pair in said if fold_of(pair.group) is Fold.TRAIN] * PASSES
    rng.shuffle(chosen)
    room = int(len(pairs) * MOST / (1 - MOST))
    turned = [
        pair if rng.random() < 0.5 else msgspec.structs.replace(pair, a=pair.b, b=pair.a) for pair in chosen[:room]
    ]
    whole = [*pairs, *turned]
    rng.shuffle(whole)
    return whole


def _rows(file: Path) -> Iterator[tuple[int, Any]]:
    """What stands in each line that is not empty, with its number. A line ends where a prompt cannot: at a newline."""
    number = 0
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):  # `number` is told of below
                text = line.removeprefix(_BOM) if number == 1 else line
                if text.strip():
                    yield number, msgspec.json.decode(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}, line {number}: {error}") from error
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror or error}") from error


def _groups(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Text -> what stands for all texts that are joined with it: the least of them."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        while (up := parent.setdefault(text, text)) != text:
            parent[text] = text = parent.setdefault(up, up)
        return text

    for a, b in pairs:
        low, high = sorted((root(_plain(a)), root(_plain(b))))
        parent[high] = low
    return {text: f"feedback\0{root(text)}" for text in list(parent)}


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
