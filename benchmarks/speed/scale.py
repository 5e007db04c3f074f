"""From a thousand entries to many: semantic lookups, recall, memory, rebuild, start, and many partitions.

The entries are written straight into stores (`fill`): real questions with their own vectors among generated ones. Three
services run beside each other: of 1,000 entries, of all in one partition, of all in partitions of ten.
"""

from __future__ import annotations

import random
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.speed import fill, parts, questions
from benchmarks.speed.client import Answer, Client
from benchmarks.speed.exact import ANSWER
from benchmarks.speed.load import percentiles
from benchmarks.speed.parts import Serving
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import Stage
from benchmarks.speed.texts import WORDINGS, reworded

SMALL: Final = 1_000
PARTITION: Final = 10
_SLACK: Final = 2e-3
"""What float16 and bf16 leave open between two equally near neighbours."""
_QUIET: Final = 1_000
"""Lookups of which a 99th percentile is taken."""
_REBUILD_S: Final = 3_600.0
_POLL_S: Final = 0.05


def open_lookups(stage: Stage) -> Measure:
    """p50 of a semantic lookup, one connection, and recall@1 against exhaustive search."""
    small, large, asked = _service(stage, "small"), _service(stage, "large"), _Asked(stage)
    limits = parts.limits(stage)
    limits.ask("rows", texts=_real(stage))
    generated = stage.plan.scale_entries - len(_real(stage))
    ids = fill.entry_ids(_one(0), _real(stage))

    def measure(_: int) -> Figures:
        prompts = asked.some(small=True)
        times = {name: _lookups(one.url, prompts, _one) for name, one in (("small", small), ("large", large))}
        wanted = asked.some()
        found = _lookups(large.url, wanted, _one)
        best = limits.ask("nearest", texts=[prompt for _, prompt in wanted], generated=generated)
        right = [_is_nearest(one, ids, *nearest) for one, nearest in zip(found, best, strict=True)]
        figures = {name: _p50(answers) for name, answers in times.items()}
        return figures | {"recall": statistics.fmean(right), "hits": _hits(times["large"])}

    return measure


def open_memory(stage: Stage) -> Measure:
    """Resident bytes of the service, by entry."""
    small, large = _service(stage, "small"), _service(stage, "large")
    more = stage.plan.scale_entries - SMALL

    def measure(_: int) -> Figures:
        sizes = {"small": small.resident_bytes(), "large": large.resident_bytes()}
        return {**sizes, "bytes an entry": (sizes["large"] - sizes["small"]) / more}

    return measure


def open_partitions(stage: Stage) -> Measure:
    """The same entries in partitions of ten."""
    small, large, many = (_service(stage, name) for name in ("small", "large", "many"))
    asked = _Asked(stage)

    def measure(_: int) -> Figures:
        prompts = asked.some()
        many_times = _lookups(many.url, prompts, _model_of(stage))
        large_times = _lookups(large.url, prompts, _one)
        base = small.resident_bytes()
        return {
            "large p50": _p50(large_times), "many p50": _p50(many_times), "hits": _hits(many_times),
            "large growth": large.resident_bytes() - base, "many growth": many.resident_bytes() - base,
            "large bytes": large.resident_bytes(), "many bytes": many.resident_bytes(),
        }  # fmt: skip

    return measure


def open_rebuild(stage: Stage) -> Measure:
    """Seconds of a rebuild, with nothing else to do and under lookups of one connection, and what these took."""
    large, asked = _service(stage, "large"), _Asked(stage)

    def measure(_: int) -> Figures:
        prompts = [asked.one() for _ in range(_QUIET)]
        quiet = percentiles([one.ms for one in _lookups(large.url, prompts, _one)])
        idle_s = _rebuild(large.url)
        times: list[float] = []
        ended = threading.Event()
        asking = threading.Thread(target=_ask_until, args=(large.url, asked, ended, times))
        asking.start()
        try:
            busy_s = _rebuild(large.url)
        finally:
            ended.set()
            asking.join()
        busy = percentiles(times)
        return {
            "idle s": idle_s, "busy s": busy_s, "lookups": busy["count"],
            "quiet p99": quiet["p99_ms"], "busy p99": busy["p99_ms"],
        }  # fmt: skip

    return measure


def open_start(stage: Stage) -> Measure:
    """Seconds from start to ready, the store running already, with the snapshot that the last stop wrote."""
    large = _service(stage, "large")

    def measure(_: int) -> Figures:
        large.stop()
        return {"start s": large.start()}

    return measure


# -- parts ------------------------------------------------------------------------------------------------------------


def _real(stage: Stage) -> list[str]:
    def make() -> list[str]:
        found, what = questions.real(stage.plan.real_texts)
        stage.note(f"scale: {len(found):,} of {stage.plan.scale_entries:,} entries are {what}, the rest generated")
        return found

    return stage.shared("real", make)


def _one(_: int) -> str:
    return "m"


def _model_of(stage: Stage) -> Callable[[int], str]:
    """Which model the entry with a real text of this number is of, where every ten entries have one of their own."""
    real, count = len(_real(stage)), stage.plan.scale_entries
    return lambda number: f"m{fill.real_at(number, real, count) // PARTITION}"


def _service(stage: Stage, name: str) -> Serving:
    def make() -> Serving:
        url, real, count = parts.store(stage, f"{name}-store"), _real(stage), stage.plan.scale_entries
        if name == "small":
            real, count = real[: SMALL // 2], SMALL
        model = (lambda at: f"m{at // PARTITION}") if name == "many" else _one
        fill.fill(url, fill.semantic(real, count, model), count, b'"%s"' % ANSWER[:200].encode())
        # The capacity is what is measured; no lookup may be served from an embedding that is kept.
        return Serving(
            stage, name, redis_url=url, max_entries=str(2 * count), embedding__cache_entries="1",
            maintenance__snapshot_interval_s="3600",
        )  # fmt: skip

    return stage.shared(name, make)


class _Asked:
    """Rewordings of the real texts, with the number of each."""

    def __init__(self, stage: Stage) -> None:
        self._real, self._count = _real(stage), stage.plan.asks
        self._draw = random.Random(0)

    def some(self, *, small: bool = False) -> list[tuple[int, str]]:
        """As many as a round asks; `small`: of texts that are among the 1,000 entries as well."""
        return [self.one(small=small) for _ in range(self._count)]

    def one(self, *, small: bool = False) -> tuple[int, str]:
        """One."""
        most = min(SMALL // 2, len(self._real)) if small else len(self._real)
        number = self._draw.randrange(most)
        return number, reworded(self._real[number], self._draw.randrange(WORDINGS))


def _lookups(url: str, asked: list[tuple[int, str]], model: Callable[[int], str]) -> list[Answer]:
    with Client(url) as client:
        return [client.post("/v1/lookup", {"prompt": prompt, "model": model(number)}) for number, prompt in asked]


def _p50(answers: list[Answer]) -> float:
    return percentiles([one.ms for one in answers])["p50_ms"]


def _hits(answers: list[Answer]) -> float:
    return statistics.fmean(one.json()["hit"] for one in answers)


def _is_nearest(answer: Answer, ids: list[str], similarity: float, number: int) -> bool:
    """Whether the answer names the real text of this number, or one as near. Not by similarity alone: the model's own
    answers differ by more than that leaves open, by what else was in the batch."""
    told: dict[str, Any] = answer.json()
    near = told if told["hit"] else told["nearest"] or {}
    if number >= 0 and near.get("entry_id") == ids[number]:
        return True
    return float(near.get("similarity") or 0.0) >= similarity - _SLACK


def _rebuild(url: str) -> float:
    began = time.perf_counter()
    job_id = parts.ask(url, "POST", "/admin/index/rebuild")["job_id"]
    while time.perf_counter() - began < _REBUILD_S:
        state = parts.ask(url, "GET", f"/admin/jobs/{job_id}")
        if state["state"] == "done":
            return time.perf_counter() - began
        if state["state"] in ("failed", "cancelled"):
            raise RuntimeError(f"the rebuild {state['state']}: {state['error']}")
        time.sleep(_POLL_S)
    raise TimeoutError(f"the rebuild took more than {_REBUILD_S:g} s")


def _ask_until(url: str, asked: _Asked, ended: threading.Event, times: list[float]) -> None:
    with Client(url) as client:
        while not ended.is_set():
            _, prompt = asked.one()
            times.append(client.post("/v1/lookup", {"prompt": prompt, "model": "m"}).ms)
