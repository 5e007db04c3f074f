"""Semantic hits and stores, beside what the model does alone, and GPTCache."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from typing import Final

from benchmarks.speed import load, parts, peers
from benchmarks.speed.client import Client
from benchmarks.speed.exact import ANSWER
from benchmarks.speed.load import percentiles, post
from benchmarks.speed.parts import Serving, Talking
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import Stage
from benchmarks.speed.texts import WORDINGS, reworded, text

CONNECTIONS: Final = 64
_BATCH: Final = 64
_PENDING: Final = '"semantic":"pending"'
_MOST_A_SECOND: Final = 3_000
"""More texts than any side embeds in a second, so that none is asked twice."""


def open_one(stage: Stage) -> Measure:
    """One connection, verifier off: rewordings that no cache has seen."""
    ours, limits, peer, fresh = _service(stage), _limits(stage), _gptcache(stage), _fresh(stage)
    count = stage.plan.asks

    def measure(_: int) -> Figures:
        asked = list(itertools.islice(fresh, count))
        figures = {"limit": limits.ask("one", texts=asked)["p50_ms"]}
        figures["limit, all cores"] = limits.ask("one", texts=asked, threads=0)["p50_ms"]
        with Client(ours.url) as client:
            answers = client.lookups(asked)
        figures["ours"] = percentiles([one.ms for one in answers])["p50_ms"]
        figures["ours p99"] = percentiles([one.ms for one in answers])["p99_ms"]
        figures["hits"] = sum(one.json()["tier"] == "semantic" for one in answers) / count
        if peer is not None:
            theirs = [reworded(text(n % stage.plan.gptcache_entries), n) for n in range(count)]
            found = peer.ask("look_up", texts=theirs)
            figures["gptcache"] = percentiles(found["times_ms"])["p50_ms"]
            figures["gptcache hits"] = found["hits"] / count
        return figures

    return measure


def open_many(stage: Stage) -> Measure:
    """64 connections, verifier off and on, beside the model's own throughput in batches."""
    ours, judged, limits, fresh = _service(stage), _judged(stage), _limits(stage), _fresh(stage)
    seconds = stage.plan.seconds
    count = int(seconds * _MOST_A_SECOND)

    def measure(_: int) -> Figures:
        asked = list(itertools.islice(fresh, count))
        figures = {"limit": limits.ask("batch", texts=asked, seconds=seconds)}
        for name, url in (("ours", ours.url), ("ours, judged", judged.url)):
            requests = [post("/v1/lookup", {"prompt": prompt, "model": "m"}) for prompt in asked]
            found = load.run(
                url, requests, connections=CONNECTIONS, seconds=seconds, marker='"tier":"semantic"', once=True
            )
            figures[name] = found["rps"]
            figures[f"{name}, hits"] = found["marked"] / found["count"]
        return figures

    return measure


def open_stores(stage: Stage) -> Measure:
    """`POST /v1/store/batch` with new prompts, beside the model's own throughput in batches."""
    ours, limits, peer = _service(stage), _limits(stage), _gptcache(stage)
    seconds = stage.plan.seconds
    numbers = itertools.count(10_000_000)
    batches = max(4, int(seconds * _MOST_A_SECOND) // _BATCH)

    def measure(_: int) -> Figures:
        prompts = [text(n) for n in itertools.islice(numbers, batches * _BATCH)]
        figures = {"limit": limits.ask("batch", texts=prompts, seconds=seconds)}
        requests = [_batch(prompts[at : at + _BATCH]) for at in range(0, len(prompts), _BATCH)]
        found = load.run(ours.url, requests, connections=4, seconds=seconds, marker=_PENDING, once=True)
        figures["ours"] = found["rps"] * _BATCH
        figures["indexed at once"] = 1 - found["marked"] / found["count"]
        if peer is not None:
            theirs = [text(n) for n in itertools.islice(numbers, stage.plan.asks)]
            figures["gptcache"] = peer.ask("store", texts=theirs, response=ANSWER)
        return figures

    return measure


def _batch(prompts: list[str]) -> bytes:
    items = [{"prompt": prompt, "model": "stores", "response": ANSWER} for prompt in prompts]
    return post("/v1/store/batch", {"items": items})


# -- parts ------------------------------------------------------------------------------------------------------------


def _fresh(stage: Stage) -> Iterator[str]:
    """Rewordings of what is stored, each told once in the whole stage, as long as there are any.

    All wordings are mixed, so that rounds are alike though the verifier doubts some of them.
    """

    def make() -> Iterator[str]:
        stored = stage.plan.semantic_entries
        every = itertools.cycle(itertools.product(range(WORDINGS), range(stored)))
        return (reworded(text(number), (wording + number) % WORDINGS) for wording, number in every)

    return stage.shared("fresh", make)


def _service(stage: Stage) -> Serving:
    return stage.shared("threshold", lambda: _filled(stage, "threshold"))


def _judged(stage: Stage) -> Serving:
    return stage.shared("guarded", lambda: _filled(stage, "guarded"))


def _filled(stage: Stage, mode: str) -> Serving:
    """A service as shipped, with a store of its own that syncs every write, in this mode."""
    serving = Serving(stage, mode, mode=mode)
    for at in range(0, stage.plan.semantic_entries, _BATCH):
        numbers = range(at, min(at + _BATCH, stage.plan.semantic_entries))
        items = [{"prompt": text(n), "model": "m", "response": ANSWER, "ttl_s": 86_400} for n in numbers]
        told = parts.ask(serving.url, "POST", "/v1/store/batch", {"items": items})["items"]
        refused = [one for one in told if "entry_id" not in one]
        if refused:
            raise RuntimeError(f"not stored: {json.dumps(refused[0])}")
    return serving


def _limits(stage: Stage) -> Talking:
    limits = parts.limits(stage)
    stage.shared("limit rows", lambda: limits.ask("rows", texts=[text(n) for n in range(stage.plan.semantic_entries)]))
    return limits


def _gptcache(stage: Stage) -> Talking | None:
    def make() -> Talking | None:
        count = stage.plan.gptcache_entries
        try:
            peer = peers.gptcache(stage)
            print(f"filling GPTCache, {count} entries", file=sys.stderr)
            peer.ask("store", texts=[text(n) for n in range(count)], response=ANSWER)
        except (peers.NoPeers, RuntimeError) as error:
            stage.note(f"GPTCache: {str(error).splitlines()[-1]}")
            return None
        return peer

    return stage.shared("gptcache", make)
