"""The speed benchmark works, from its options to its files. What it measures is nobody's business here."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis

from benchmarks.speed import __main__ as command
from benchmarks.speed import check, cold, fill, load, machine, parts, peers, questions, report, runner, stage, vectors
from benchmarks.speed.plan import FULL, QUICK
from benchmarks.speed.row import INSTRUCTIONS, SHARE, Goal, spread, verdict
from benchmarks.speed.rows import ROWS, named
from benchmarks.speed.stage import Stage
from benchmarks.speed.texts import WORDINGS, reworded, text
from semcache.settings import fields, unknown_variables


def test_every_row_has_a_name_of_its_own_and_goals_that_can_be_told_apart() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert len({goal.title for goal in row.goals}) == len(row.goals)
        assert any(goal.bounded or goal.sign for goal in row.goals)


def test_rows_are_found_by_name_in_the_tables_order() -> None:
    assert [row.name for row in named(["cold", "exact_one"])] == ["exact_one", "cold"]
    assert named([]) == list(ROWS)
    with pytest.raises(ValueError, match="no row is called warm"):
        named(["cold", "warm"])


def test_a_goal_is_over_or_less_another_figure_of_the_same_round() -> None:
    figures = {"ours": 6.0, "theirs": 3.0, "nothing": 0.0}
    assert Goal("", "ours", over="theirs").of(figures) == 2.0
    assert Goal("", "ours", less="theirs").of(figures) == 3.0
    assert Goal("", "ours", over="peer").of(figures) is None
    assert math.isnan(Goal("", "ours", over="nothing").of(figures) or 0.0)


def test_the_median_of_the_rounds_decides() -> None:
    goal = Goal("", "ours", over="theirs", least=1.0)
    rounds = [{"ours": one, "theirs": 2.0} for one in (1.0, 2.4, 2.2)]
    found = spread(goal, rounds)
    assert found == (1.1, 0.5, 1.2, 3)
    assert verdict(goal, found, full=False) == "met"
    assert verdict(goal, spread(goal, rounds[:1]), full=False) == "missed"
    assert verdict(goal, spread(goal, []), full=False) == "not measured"


def test_a_goal_for_a_million_is_judged_at_a_million_alone() -> None:
    goal = Goal("", "ours", most=1.0, full=True)
    assert verdict(goal, spread(goal, [{"ours": 2.0}]), full=QUICK.full) == "not judged"
    assert verdict(goal, spread(goal, [{"ours": 2.0}]), full=FULL.full) == "missed"
    assert verdict(Goal("", "ours", most=1.0), spread(goal, [{"ours": math.nan}]), full=True) == "missed"


def _result(values: list[float], *, sign: int = 1, unit: str = "x", title: str = "ratio") -> dict[str, Any]:
    values = sorted(values)
    goal = {
        "title": title, "unit": unit, "bound": ">= 1 x", "least": 1.0, "most": None, "sign": sign, "verdict": "met",
        "median": values[len(values) // 2], "low": values[0], "high": values[-1], "rounds": len(values),
    }  # fmt: skip
    row = {"name": "row", "goals": [goal], "plan": dataclasses.asdict(QUICK) | {"rounds": len(values)}}
    return {"format": runner.FORMAT, "machine": {"python": "CPython 3.11.7"}, "rows": [row]}


@pytest.mark.parametrize(
    ("before", "now", "sign", "regressed"),
    [
        ([1.0, 1.01, 1.02], [1.0, 1.01, 1.02], 1, False),
        ([1.0, 1.01, 1.02], [0.9, 0.91, 0.92], 1, True),
        ([1.0, 1.01, 1.02], [1.1, 1.11, 1.12], 1, False),
        ([1.0, 1.01, 1.02], [1.1, 1.11, 1.12], -1, True),
        ([0.8, 1.01, 1.2], [0.9, 0.91, 0.92], 1, False),
        ([1.0, 1.01, 1.02], [0.97, 0.975, 0.98], 1, False),
        ([1.0], [0.8], 1, False),
        ([1.0], [0.5], 1, True),
        ([1.0, 1.01, 1.02], [0.1, 0.1, 0.1], 0, None),
    ],
    ids=[
        "equal", "worse", "better", "worse, less is better", "noisy before", "a little", "one round", "half",
        "no direction",
    ],
)  # fmt: skip
def test_a_check_allows_what_the_spread_explains(
    before: list[float], now: list[float], sign: int, regressed: bool | None
) -> None:
    held = check.compare(_result(before, sign=sign), _result(now, sign=sign))
    assert [one.regressed for one in held] == ([] if regressed is None else [regressed])


def test_the_page_tells_which_rows_had_fewer_rounds_than_asked_for() -> None:
    result = json.loads((stage.ROOT / "benchmarks" / "results" / "speed.json").read_text(encoding="utf-8"))
    for row in result["rows"]:
        row["rounds"] = [{}] * (2 if row["name"] == "rebuild" else row["plan"]["rounds"])
    page = report.page(result)
    assert "rebuild (2 rounds)" in page
    assert page.count(" rounds)") == 1


def test_the_recorded_page_is_that_of_the_recorded_result() -> None:
    folder = stage.ROOT / "benchmarks" / "results"
    result = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    assert (folder / "speed.md").read_text(encoding="utf-8") == report.page(result)


@pytest.mark.parametrize("unit", [SHARE, INSTRUCTIONS])
def test_a_check_holds_counts_of_one_round_tightly(unit: str) -> None:
    before = _result([0.8], unit=unit)
    assert [one.regressed for one in check.compare(before, _result([0.7], unit=unit))] == [True]
    assert [one.regressed for one in check.compare(before, _result([0.78], unit=unit))] == [False]


def test_a_check_of_instructions_excuses_nothing_by_a_round_that_was_off() -> None:
    before = _result([76_509.0, 76_738.0, 76_856.0], sign=-1, unit=INSTRUCTIONS)
    for now, regressed in (([58_879.0, 76_386.0, 76_449.0], False), ([58_879.0, 84_000.0, 84_100.0], True)):
        assert [one.regressed for one in check.compare(before, _result(now, sign=-1, unit=INSTRUCTIONS))] == [regressed]


def test_a_check_says_which_figure_regressed() -> None:
    before, now = _result([1.0], title="requests a second"), _result([0.5], title="requests a second")
    before["rows"][0]["goals"] += _result([1.0], title="hits")["rows"][0]["goals"]
    before["rows"][0]["goals"] += _result([1.0], title="of a peer")["rows"][0]["goals"]
    now["rows"][0]["goals"] += _result([1.0], title="hits")["rows"][0]["goals"]
    told = check.report(before, now, check.compare(before, now)).splitlines()
    assert told[0].startswith("REGRESSED row: requests a second: 1 before, 0.5 now (-50.0%)")
    assert told[1].startswith("ok        row: hits")
    assert told[2] == "not held  row: of a peer: not measured now"
    assert told[3:] == ["1 of 2 figures regressed", "  row: requests a second"]


def test_instructions_are_held_where_both_ran_the_same_python() -> None:
    before, now = (_result([one], sign=-1, unit=INSTRUCTIONS) for one in (100.0, 200.0))
    assert [one.regressed for one in check.compare(before, now)] == [True]
    now["machine"] = {"python": "CPython 3.12.1"}
    assert check.compare(before, now) == []
    assert "CPython 3.11 before, CPython 3.12 now" in check.report(before, now, [])


def test_a_check_refuses_other_sizes_but_not_other_rounds() -> None:
    one, other = _result([1.0]), _result([1.0, 1.0, 1.0])
    assert check.compare(one, other)
    bigger = copy.deepcopy(one)
    bigger["rows"][0]["plan"]["scale_entries"] = 1_000_000
    with pytest.raises(check.Uncomparable, match="other sizes than the baseline: row"):
        check.compare(one, bigger)
    with pytest.raises(check.Uncomparable, match="no result"):
        check.compare({"plan": {}}, one)


def test_rewordings_are_all_different() -> None:
    told = {reworded(text(number), wording) for number in range(5) for wording in range(WORDINGS)}
    assert len(told) == 5 * WORDINGS


def test_the_near_cache_is_set_by_a_setting_that_exists() -> None:
    wanted = parts.near_cache(7) or {}
    variables = {f"SEMCACHE_{name.upper()}": value for name, value in wanted.items()}
    assert unknown_variables(variables) == []
    assert len(wanted) <= 1
    assert bool(wanted) == any("near" in path for path, _ in fields())


def test_generated_vectors_are_the_same_everywhere_and_of_unit_length() -> None:
    first, second = vectors.chunk(0), vectors.chunk(1)
    assert first.shape == (vectors.CHUNK, vectors.DIMENSION)
    assert np.array_equal(first, vectors.chunk(0))
    assert not np.array_equal(first[:10], second[:10])
    assert np.allclose(np.linalg.norm(first, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(("real", "count"), [(1, 1), (3, 10), (10, 10), (1_000, 50_000), (10_000, 1_000_000)])
def test_real_texts_are_spread_over_all_entries(real: int, count: int) -> None:
    places = [fill.real_at(number, real, count) for number in range(real)]
    assert len(set(places)) == real
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] < count


def test_made_questions_stand_in_where_the_shared_ones_are_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEMCACHE_EVALDATA", str(tmp_path / "nowhere"))
    found, what = questions.real(20)
    assert len(set(found)) == 20
    assert "absent" in what
    classes, what = questions.classes(5)
    assert len({one for members in classes for one in members}) == 20
    assert "absent" in what
    moments, what = questions.arrivals(50)
    assert moments == sorted(moments)
    assert len(moments) == 50
    assert 0.0 <= moments[0] <= moments[-1] <= 1.0
    assert "absent" in what


def test_the_load_generator_counts_every_answer_once() -> None:
    with Stage(QUICK) as one:
        url = parts.provider(one, delay_ms=0, answer_bytes=300)
        requests = [load.post("/v1/chat/completions", {"model": "m", "number": number}) for number in range(25)]
        found = load.run(url, requests, connections=4, seconds=60, marker="Because", once=True)
        assert (found["count"], found["failed"], found["marked"]) == (25, 0, 25)
        assert load.run(url, requests, connections=1, seconds=60, marker="never said", once=True)["marked"] == 0
        assert load.run(url, requests, connections=4, seconds=0)["count"] == 4  # a time that is over before it began
    with pytest.raises(RuntimeError, match="load generator failed"):
        load.run(url, requests, connections=1, seconds=60, once=True)


def test_what_a_stage_started_is_stopped_when_a_row_fails() -> None:
    seen: list[Any] = []

    def fail(one: Stage) -> None:
        seen.extend((one.folder, one.start("sleeper", ["sleep", "600"]).pid, parts.store(one)))
        raise RuntimeError("failed on purpose")

    with Stage(QUICK) as one, pytest.raises(RuntimeError, match="failed on purpose"):
        fail(one)
    folder, pid, url = seen
    assert not Path(f"/proc/{pid}").exists()
    assert not folder.exists()
    with redis.Redis.from_url(url) as client, pytest.raises(redis.ConnectionError):
        client.ping()


def test_what_ends_early_says_why() -> None:
    with Stage(QUICK) as one, pytest.raises(RuntimeError, match="no such thing"):
        one.start("failing", ["sh", "-c", "echo no such thing; exit 3"]).wait_until(lambda: False, seconds=60)


def test_peers_that_cannot_be_installed_are_left_out_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "_HOME", tmp_path / "peers")
    monkeypatch.setattr(peers, "_MARK", tmp_path / "peers" / ".made")
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    monkeypatch.setattr(peers, "_Choice", type("_Choice", (), {"wanted": True, "index": None}))
    peers.python.cache_clear()
    with pytest.raises(peers.NoPeers, match=r"cannot be installed: .*nowhere"):
        peers.python()
    peers.python.cache_clear()


SMALLEST = dataclasses.replace(QUICK, seconds=0.1, asks=20, exact_entries=100, semantic_entries=50)
"""Shows as well that everything works."""


def test_two_cheap_rows_run_from_the_command_line_to_the_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "QUICK", SMALLEST)
    monkeypatch.setattr(cold, "_TIMES", 1)
    out = tmp_path / "out"
    arguments = ["--quick", "--no-peers", "--only", "exact_one", "--only", "cold", "--out", str(out)]
    assert command.main(arguments) == 0
    result = json.loads((out / "speed.json").read_text())
    assert [row["name"] for row in result["rows"]] == ["exact_one", "cold"]
    for row in result["rows"]:
        assert row["error"] is None
        assert len(row["rounds"]) == SMALLEST.rounds
        assert all(goal["median"] > 0 for goal in row["goals"])
    assert result["machine"]["versions"]["redis"]
    assert result["peers"] == {}
    told = capsys.readouterr().out
    assert "exact_one: exact hit" in told
    assert "the same bare app" in told
    assert report.page(result) == (out / "speed.md").read_text()
    assert {path.name for path in out.iterdir()} >= {"speed.json", "speed.md"}

    # Another row is added to the same result, and a result of another machine is not added to.
    added = ["--quick", "--no-peers", "--out", str(out), "--add", "--only", "work"]
    assert command.main(added) == 0
    both = json.loads((out / "speed.json").read_text())
    assert [row["name"] for row in both["rows"]] == ["exact_one", "work", "cold"]
    assert both["rows"][0] == result["rows"][0]
    capsys.readouterr()

    # With the sizes of the baseline, equal code passes, and a figure that was better than it can be does not.
    (tmp_path / "better.json").write_text(json.dumps(_better(both, "lookup", 0.5)))
    again = ["--no-peers", "--out", str(tmp_path / "again"), "--only", "work", "--check", str(tmp_path / "better.json")]
    assert command.main(again) == 1
    told = capsys.readouterr().out
    assert "ok        work: bypass: " in told
    assert "REGRESSED work: lookup: " in told
    assert "figures regressed\n  work: lookup\n" in told

    both["machine"]["memory_gb"] = 0
    (out / "speed.json").write_text(json.dumps(both))
    with pytest.raises(SystemExit):
        command.main(added)
    assert "another machine" in capsys.readouterr().err


def _better(result: dict[str, Any], title: str, factor: float) -> dict[str, Any]:
    """The same result, one figure of it multiplied."""
    better = copy.deepcopy(result)
    found = [goal for row in better["rows"] for goal in row["goals"] if goal["title"] == title]
    assert found
    for goal in found:
        goal |= {key: goal[key] * factor for key in ("median", "low", "high")}
    return better


def test_what_others_take_of_the_machine_is_told() -> None:
    ours, busy = iter([1.0, 2.0, 3.0, 4.0]), iter([0.0, 1.0, 100.0, 1e6])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(machine, "_ours_s", lambda: next(ours))
        patch.setattr(machine, "_busy_s", lambda: next(busy))
        assert machine.Others().warnings() == []
        assert "of the machine meanwhile" in machine.Others().warnings()[0]


def test_an_unknown_row_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["--only", "warm"])
    assert "no row is called warm" in capsys.readouterr().err


def test_the_rows_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [row.name for row in ROWS]


def test_the_root_is_the_repository() -> None:
    assert (stage.ROOT / "pyproject.toml").is_file()
