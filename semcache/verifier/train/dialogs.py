"""Conversations for training: the same last message after a reworded context, and after another one."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from semcache.policy.transcript import Turn, transcript
from semcache.verifier.train import sets, surface, traps
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of

SET: Final = "context_rewrite_dialogs"
_MOST_TURNS: Final = 7
"""Longer histories are cut at their beginning here, so that pairs stay short; serving judges all turns."""


class Dialogs:
    """The dialogs of one fold, each in its longest state, with the stand-alone forms of its user turns."""

    def __init__(self, folder: Path, fold: Fold) -> None:
        states: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in sets.rows(folder, SET):
            states[str(row["dialog"])].append(row)
        self._rewrites: dict[str, dict[str, str]] = {}
        self._turns: dict[str, list[Turn]] = {}
        for dialog, rows in sorted(states.items()):
            # One topic may fill several dialogs.
            topic = next((turn["content"] for turn in rows[0]["turns"] if turn["role"] == "context"), dialog)
            longest = max(rows, key=lambda row: len(row["turns"]))["turns"]
            turns = [(turn["role"], turn["content"]) for turn in longest if turn["role"] in ("user", "assistant")]
            if fold_of(f"{SET}\0{topic}") is fold and sum(role == "user" for role, _ in turns) > 1:
                self._turns[dialog] = turns
                self._rewrites[dialog] = {row["last"]: row["rewrite"] for row in rows if row.get("rewrite")}

    def pairs(self, rng: random.Random, count: int) -> Iterator[LabelledPair]:
        """Half positives: earlier user turns reworded. Half traps: an earlier turn changed, or another conversation
        that ends with the same message."""
        names = sorted(self._turns)
        made = 0
        while made < count and len(names) > 1:
            dialog = rng.choice(names)
            turns = self._cut(self._turns[dialog], rng)
            if turns is None:
                continue
            same = made % 2 == 0
            other = self._reworded(dialog, turns, rng) if same else self._changed(dialog, turns, names, rng)
            if other is None or other == turns:
                continue
            kind = "positive:context" if same else "trap:context"
            yield LabelledPair(transcript(turns), transcript(other), same, kind, SET, f"{SET}\0{dialog}")
            made += 1

    def _cut(self, turns: Sequence[Turn], rng: random.Random) -> list[Turn] | None:
        """A state of the dialog that ends with a user's turn which is not the first."""
        ends = [at for at, (role, _) in enumerate(turns) if role == "user" and at > 0]
        end = rng.choice(ends)
        start = max(0, end + 1 - rng.choice((3, 5, _MOST_TURNS)))
        return list(turns[start : end + 1]) if turns[start][0] == "user" else None

    def _reworded(self, dialog: str, turns: Sequence[Turn], rng: random.Random) -> list[Turn]:
        known = self._rewrites[dialog]
        result: list[Turn] = []
        for at, (role, text) in enumerate(turns):
            last = at == len(turns) - 1
            if role == "user" and not last and text in known and rng.random() < 0.7:
                text = known[text]
            if role == "user" and rng.random() < (0.2 if last else 0.5):
                text = surface.noisy(text, rng)
            result.append((role, text))
        return result

    def _changed(
        self, dialog: str, turns: Sequence[Turn], names: Sequence[str], rng: random.Random
    ) -> list[Turn] | None:
        chance = rng.random()
        earlier = [at for at, (role, _) in enumerate(turns[:-1]) if role == "user"]
        if chance < 0.4:  # another conversation
            other = self._cut(self._turns[rng.choice([name for name in names if name != dialog])], rng)
            return None if other is None else [*other[:-1], turns[-1]]
        reworded = self._reworded(dialog, turns, rng)
        at = rng.choice(earlier)
        if chance < 0.7:  # one thing in an earlier turn
            known = self._rewrites[dialog]
            made = traps.trap(known.get(turns[at][1], turns[at][1]), rng)
            if made is None:
                return None
            reworded[at] = ("user", made[0])
            return reworded
        users = [text for role, text in self._turns[rng.choice(names)] if role == "user"]
        reworded[at] = ("user", rng.choice(users))  # another question was asked before
        return reworded
