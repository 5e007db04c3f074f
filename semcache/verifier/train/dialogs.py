"""Conversations for training and for tests of it: earlier turns reworded, and earlier turns that ask something else.

A conversation is judged turn by turn (`policy.conversation.steps`), so training sees such steps: one of the user's
turns in two wordings, amid the same turns.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from semcache.policy.conversation import steps
from semcache.policy.transcript import Turn, transcript
from semcache.verifier.train import sets, surface, traps
from semcache.verifier.train.pairs import LabelledPair
from semcache.verifier.train.sets import Fold, fold_of

SET: Final = "context_rewrite_dialogs"
SAME_LAST: Final = "same_last_turn_pairs"
WHOLE: Final = "conversations"
"""Source of pairs that are whole transcripts, to be judged step by step."""


class Dialogs:
    """The dialogs of one fold, each in its longest state, with the stand-alone forms of its user turns; none where the
    set is absent."""

    def __init__(self, folder: Path, fold: Fold) -> None:
        states: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for name in sets.present(folder, [SET]):
            for row in sets.rows(folder, name):
                states[str(row["dialog"])].append(row)
        self._turns: dict[str, list[Turn]] = {}
        self._forms: dict[str, Mapping[int, str]] = {}
        for dialog, rows in sorted(states.items()):
            # One topic may fill several dialogs.
            topic = next((turn["content"] for turn in rows[0]["turns"] if turn["role"] == "context"), dialog)
            turns = max((spoken(row["turns"]) for row in rows), key=len)
            if fold_of(f"{SET}\0{topic}") is fold and len(_asked(turns)) > 1:
                self._turns[dialog] = turns
                self._forms[dialog] = _stand_alone(turns, rows)

    def pairs(self, rng: random.Random, count: int) -> Iterator[LabelledPair]:
        """Steps. Half positives: a turn reworded. Half traps: one thing in it changed, or another question."""
        names = sorted(self._turns)
        made = 0
        while made < count and len(names) > 1:
            dialog = rng.choice(names)
            turns = self._reworded(dialog, rng, chance=0.4)
            at = rng.choice(_asked(turns))
            same = made % 2 == 0
            text = self._again(dialog, at, rng) if same else self._otherwise(dialog, at, rng)
            if text is None or plain(text) == plain(turns[at][1]):
                continue
            kind = "positive:context" if same else "trap:context"
            [step] = steps(transcript(turns), transcript([*turns[:at], ("user", text), *turns[at + 1 :]]))
            yield LabelledPair(step.asked, step.cached, same, kind, SET, f"{SET}\0{dialog}")
            made += 1

    def conversations(self, rng: random.Random, count: int) -> Iterator[LabelledPair]:
        """Whole transcripts that end with the same message. Half positives: every earlier turn that has a stand-alone
        form in it. Half traps: one earlier turn asks something else, or all of them do."""
        names = sorted(self._turns)
        made = 0
        while made < count and len(names) > 1:
            dialog = rng.choice(names)
            end = rng.choice(_asked(self._turns[dialog])[1:])
            turns = self._turns[dialog][: end + 1]
            same = made % 2 == 0
            if same:
                forms = self._forms[dialog]
                other = [(role, forms.get(at, text) if at < end else text) for at, (role, text) in enumerate(turns)]
            elif rng.random() < 0.5:
                other = list(turns)
                at = rng.choice(_asked(turns)[:-1])
                other[at] = ("user", self._otherwise(dialog, at, rng) or "")
            else:
                turns, other = aligned(turns, self._turns[rng.choice(names)])
            if plain(transcript(turns)) == plain(transcript(other)) or ("user", "") in other:
                continue
            kind = "positive:context" if same else "trap:context"
            yield LabelledPair(transcript(turns), transcript(other), same, kind, WHOLE, f"{SET}\0{dialog}")
            made += 1

    def _reworded(self, dialog: str, rng: random.Random, *, chance: float) -> list[Turn]:
        forms = self._forms[dialog]
        return [
            (role, forms[at] if at in forms and rng.random() < chance else text)
            for at, (role, text) in enumerate(self._turns[dialog])
        ]

    def _again(self, dialog: str, at: int, rng: random.Random) -> str:
        """A turn in one of its two wordings, or with noise."""
        text = self._turns[dialog][at][1]
        text = self._forms[dialog].get(at, text) if rng.random() < 0.7 else text
        return surface.noisy(text, rng) if rng.random() < 0.4 else text

    def _otherwise(self, dialog: str, at: int, rng: random.Random) -> str | None:
        """What is not asked by a turn, though it could be in its place."""
        turns, forms = self._turns[dialog], self._forms[dialog]
        chance = rng.random()
        if chance < 0.5:  # one thing changed
            text = turns[at][1]
            made = traps.trap(forms.get(at, text) if rng.random() < 0.6 else text, rng)
            other = None if made is None else made[0]
        else:  # another question, mostly of this dialog
            source = dialog if chance < 0.85 else rng.choice(sorted(self._turns))
            place = rng.choice(_asked(self._turns[source]))
            other = self._turns[source][place][1]
            if rng.random() < 0.5:
                other = self._forms[source].get(place, other)
        if other is None or plain(other) in (plain(turns[at][1]), plain(forms.get(at, ""))):
            return None
        return surface.noisy(other, rng) if rng.random() < 0.3 else other


def same_last_message(folder: Path) -> list[LabelledPair]:
    """Real conversations that end with the same message and mean something else by it: traps, in the same shape.

    But for those that ask the same until then: with the same answers, too, they are the same. None where the set is
    absent.
    """
    made = []
    for row in (row for name in sets.present(folder, [SAME_LAST]) for row in sets.rows(folder, name)):
        turns, other = aligned(spoken(row["turns"]), spoken(row["turns_b"]))
        if _letters(turns) != _letters(other):
            made.append(LabelledPair(transcript(turns), transcript(other), False, "trap:same_last_turn", WHOLE, ""))
    return made


def aligned(turns: Sequence[Turn], others: Sequence[Turn]) -> tuple[list[Turn], list[Turn]]:
    """The end of a conversation, and the same with the earlier questions of another in it.

    As hard as a trap gets: roles, answers and the last message are the same, and all that tells is what was asked.
    """
    mine, its = _asked(turns)[:-1], [others[at] for at in _asked(others)[:-1]]
    count = min(len(mine), len(its))
    if not count:
        return list(turns[-1:]), list(turns[-1:])
    changed = dict(zip(mine[-count:], its[-count:], strict=True))
    first = mine[-count]
    return list(turns[first:]), [changed.get(at, turn) for at, turn in enumerate(turns) if at >= first]


def spoken(turns: Sequence[Mapping[str, str]]) -> list[Turn]:
    """The turns of a row that the user or the model spoke, up to the user's last."""
    found = [(turn["role"], turn["content"]) for turn in turns if turn["role"] in ("user", "assistant")]
    while found and found[-1][0] != "user":
        found.pop()
    return found


def plain(text: str) -> str:
    """Without case and blanks of its own: what is left of a difference that is one."""
    return " ".join(text.lower().split())


def _letters(turns: Sequence[Turn]) -> list[str]:
    return [re.sub(r"\W+", " ", text).strip().lower() for _, text in turns]


def _asked(turns: Sequence[Turn]) -> list[int]:
    return [at for at, (role, _) in enumerate(turns) if role == "user"]


def _stand_alone(turns: Sequence[Turn], rows: Sequence[Mapping[str, Any]]) -> dict[int, str]:
    """The stand-alone forms of turns, by place: a dialog may ask "What else?" twice, of different things."""
    forms = {}
    for row in rows:
        at = len(spoken(row["turns"])) - 1
        if row.get("rewrite") and turns[: at + 1] == spoken(row["turns"]):
            forms[at] = str(row["rewrite"])
    return forms
