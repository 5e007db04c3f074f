"""The page that is written of what was measured."""

from __future__ import annotations

from collections import Counter
from typing import Any

from benchmarks import page
from benchmarks.page import goals, pairs, streams

ERRORS = ("0.005", "0.01", "0.02", "0.05")


def _point(hits: int, semantic: int) -> dict[str, Any]:
    false = {"served": 1, "of": semantic, "low": 0.0, "high": 0.5}
    return {"threshold": 0.9, "hits": hits, "semantic": semantic, "wrong": 1, "error": 0.01, "false": false}


def _result() -> dict[str, Any]:
    ranks = {"auc": 0.5, "recall_90": 0.1, "recall_95": None}
    ranks |= {f"served_at_{share}": 0.25 for share in ("0.05", "0.03", "0.01", "0")}
    better = ranks | {"served_at_0.01": 0.875}
    share = {"served": 3, "of": 4, "low": 0.3, "high": 0.95}
    of_pairs = {
        "same": 4,
        "traps": 4,
        "judges": {"cosine": ranks, "verifier": better, "guarded": better},
        "shipped": {mode: {"same": share, "traps": share | {"of": 0}} for mode in pairs.SERVING},
        "kinds": {
            "trap:number": {"of": 20, "threshold": 10, "guarded": 1, "gptcache": 18, "vetoed": 19},
            "trap:rare": {"of": 9, "threshold": 0, "guarded": 0, "gptcache": 9, "vetoed": 0},
        },
    }
    static = {
        error: {"static": _point(20, 10), "guarded": _point(45, 35), "verified": None, "vcache": None}
        for error in ERRORS
    }
    shipped = {key: _point(30, 20) for key, _, _ in streams.SHIPPED}
    run = {"at": static, "shipped": shipped}
    names = ("file, miss", "file, all", "shuffle 0, miss", "shuffle 0, all")
    return {
        "verifier": "cross-1",
        "space": "minilm-1",
        "calibration": "the package's",
        "floor": 0.8,
        "threshold": 0.97,
        "confidence": 0.97,
        "seed": 1,
        "quick": False,
        "pairs": dict.fromkeys(("everyday, test", "qqp_pairs", "near repeats, made"), of_pairs),
        "streams": {"qqp_pairs": {"requests": 100, "possible": 50, "runs": dict.fromkeys(names, run)}},
        "errors": {
            "wrong": 3,
            "refused": 2,
            "drawn": {"wrong": Counter({"qqp_pairs, trap": 3}), "refused": Counter({"qqp_pairs, positive": 2})},
            "causes": Counter({"doubted": 2}),
        },
    }


def test_goals_stand_beside_what_was_reached() -> None:
    rows = {row[0]: row[1:] for row in goals.goals(_result())}
    assert rows["everyday, test: positives served at 1% of traps"] == ("25.0%", ">= 85 %", "87.5%")
    assert rows["everyday, dev: positives served at 1% of traps"] == ("-", ">= 85 %", "-")
    assert rows["Quora stream: hits of all tiers at 1 % wrong over all requests"] == (
        "20",
        ">= 2.5 times",
        "45 (2.25 times)",
    )
    assert rows["Quora stream: semantic hits at 1 % wrong over all requests"] == (
        "10",
        ">= 2.5 times",
        "35 (3.50 times)",
    )
    assert rows["near repeats served as shipped"] == ("75.0%", ">= 97 %", "75.0%")


def test_the_page_holds_every_part_and_no_class_too_small_to_tell() -> None:
    text = page.page(_result())
    for line in (
        "| on miss | file | guarded | 45.0% (35.0% semantic) |",
        "| on miss | file | vCache's policy | - | - | - | - |",
        "| everyday, test | 4 / 4 | guarded | 0.500 | 0.100 | - | 0.250 | 0.875 | 0.250 |",
        "| everyday, test | 75.0% (30.0% to 95.0%) | 75.0% (30.0% to 95.0%) | 75.0% (30.0% to 95.0%) | - | - | - |",
        "| everyday, test | trap:number | 20 | 50.0% | 5.0% | 90.0% | 95.0% |",
        "| wrong hit | qqp_pairs, trap | 3 |",
    ):
        assert line in text
    assert "trap:rare" not in text


def test_a_stream_in_which_nothing_is_possible_tells_what_was_served_at_all() -> None:
    result = _result()
    stream = result["streams"]["qqp_pairs"]
    runs = {
        name: run | {"shipped": {key: point for key, point in run["shipped"].items() if key != "verified 0.01"}}
        if name.endswith("all")
        else run
        for name, run in stream["runs"].items()
    }
    result["streams"] = {"open_questions": stream | {"possible": 0, "runs": runs}}
    text = page.page(result)
    assert "| guarded mode | 20 (20.00%) | 20 (20.00%) | 20 (20.00%) | 20 (20.00%) |" in text
    assert "| verified mode, bound 1 % | 20 (20.00%) | 20 (20.00%) | - | - |" in text
    assert "% wrong |" not in text


def test_a_run_of_one_part_has_a_page_too() -> None:
    empty = _result() | {"pairs": {}, "streams": {}}
    assert "## Streams" not in page.page(empty)
    assert "## Pairs" not in page.page(empty)
