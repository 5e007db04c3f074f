"""Hand-written pairs for which the guards were made: what they hold stays held, and what is the same stays free."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from semcache.policy.guards import Force, Rules, compare, read

FILE: Final = Path(__file__).parents[2] / "data" / "fresh_pairs.jsonl"
RULES: Final = Rules.default()


def vetoed(row: dict[str, Any]) -> bool:
    found = compare(read(row["a"], RULES), read(row["b"], RULES), RULES)
    return any(finding.force is Force.VETO for finding in found)


def rows(*, same: bool) -> list[dict[str, Any]]:
    read_in = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [row for row in read_in if row["split"] == "dev" and bool(row["same"]) is same]


def test_traps_that_are_held_stay_held() -> None:
    held = [row for row in rows(same=False) if row["veto"]]
    assert len(held) > len(rows(same=False)) / 2
    assert [(row["a"], row["b"]) for row in held if not vetoed(row)] == []


def test_no_further_pair_that_is_the_same_is_vetoed() -> None:
    free = [row for row in rows(same=True) if not row["veto"]]
    assert len(free) > len(rows(same=True)) * 0.99
    assert [(row["a"], row["b"]) for row in free if vetoed(row)] == []
