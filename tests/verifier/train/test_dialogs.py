"""Conversations for training: what a step shows, and that a trap asks something else while a positive does not."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from semcache.policy.conversation import reworded, steps
from semcache.verifier.train.dialogs import SAME_LAST, SET, WHOLE, Dialogs, aligned, same_last_message
from semcache.verifier.train.sets import Fold

TURNS = [
    ("What does a heat pump do?", None, "It moves heat into a house."),
    ("How loud is it?", "How loud is a heat pump?", "About as loud as a fridge."),
    ("What else?", "What else is there to know of how loud a heat pump is?", "Old ones hum."),
    ("Does it need 3 phases?", "Does a heat pump need 3 phases?", "Large ones do."),
    ("What else?", "What else does a heat pump need to run on 3 phases?", "A permit."),
]


def states(name: str) -> list[dict[str, Any]]:
    """Every state of a dialog, as the set has them."""
    turns: list[dict[str, str]] = [{"role": "context", "content": name}]
    made = []
    for asked, rewrite, answer in TURNS:
        turns.append({"role": "user", "content": asked})
        made.append({"dialog": name, "turns": list(turns), "last": asked, "rewrite": rewrite})
        turns.append({"role": "assistant", "content": answer})
    return made


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    with gzip.open(folder / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write(tmp_path, SET, [row for number in range(40) for row in states(f"dialog {number}")])
    return tmp_path


def test_a_step_of_training_is_one_of_serving(data: Path) -> None:
    pairs = list(Dialogs(data, Fold.TRAIN).pairs(random.Random(1), 200))
    assert sum(pair.same for pair in pairs) == 100
    for pair in pairs:
        one, other = pair.a.split("\n"), pair.b.split("\n")
        assert len(one) == len(other) <= 4
        assert sum(line != its for line, its in zip(one, other, strict=True)) == 1


def test_a_turn_is_reworded_by_the_form_of_its_own_place(data: Path) -> None:
    """ "What else?" is asked twice, of different things."""
    dialogs = Dialogs(data, Fold.TRAIN)
    assert dialogs._forms
    assert all(of == {2 * at: form for at, (_, form, _) in enumerate(TURNS) if form} for of in dialogs._forms.values())


def test_no_trap_is_a_wording_of_the_turn_that_it_stands_for(data: Path) -> None:
    wordings = [{text.lower() for text in (asked, form) if text} for asked, form, _ in TURNS if asked != "What else?"]
    traps = [pair for pair in Dialogs(data, Fold.TRAIN).pairs(random.Random(2), 400) if not pair.same]
    for trap in traps:
        [(one, other)] = reworded(f"{trap.a}\nuser: x", f"{trap.b}\nuser: x") or []
        assert not any({one.lower(), other.lower()} <= of for of in wordings)


def test_folds_share_no_dialog(data: Path) -> None:
    groups = [set(Dialogs(data, fold)._turns) for fold in Fold]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 40


def test_whole_conversations_end_with_the_same_message_and_are_of_one_shape(data: Path) -> None:
    pairs = list(Dialogs(data, Fold.TRAIN).conversations(random.Random(3), 60))
    assert {pair.source for pair in pairs} == {WHOLE}
    for pair in pairs:
        assert pair.a.split("\n")[-1] == pair.b.split("\n")[-1]
        assert all(step.asked != step.cached for step in steps(pair.a, pair.b))
        assert steps(pair.a, pair.b)


def test_the_questions_of_another_conversation_among_the_same_answers() -> None:
    one = [("user", "a"), ("assistant", "1"), ("user", "b"), ("assistant", "2"), ("user", "last")]
    other = [("user", "c"), ("assistant", "3"), ("user", "last")]
    assert aligned(one, other) == (one[2:], [("user", "c"), *one[3:]])
    assert aligned(one, one[-1:]) == (one[-1:], one[-1:])


def test_real_conversations_with_the_same_last_message_are_traps_unless_one_asks_the_same(tmp_path: Path) -> None:
    def turns(first: str) -> list[dict[str, str]]:
        return [
            {"role": "user", "content": first},
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": "why?"},
            {"role": "assistant", "content": "so"},
        ]

    rows = [{"turns": turns("Is it hot?"), "turns_b": turns(other)} for other in ("Is it late?", "is it  hot")]
    write(tmp_path, SAME_LAST, rows)
    [trap] = same_last_message(tmp_path)
    assert (trap.a, trap.b) == (
        "user: Is it hot?\nassistant: yes\nuser: why?",
        "user: Is it late?\nassistant: yes\nuser: why?",
    )
    assert not trap.same
