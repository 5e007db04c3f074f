"""What the gateway adds to a call of the model: misses, bypasses, hits, streams.

A bare provider answers every chat completion after a fixed time. The same client sends the same requests to it directly
and through a running service, one connection, one request after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from benchmarks.speed import parts
from benchmarks.speed.client import Answer, Client
from benchmarks.speed.load import percentiles
from benchmarks.speed.parts import Serving
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import Stage
from benchmarks.speed.texts import text

DELAY_MS: Final = 20.0
_PATH: Final = "/v1/chat/completions"
_EXACT: Final = {"x-cache-strategy": "exact"}


class _Kind(NamedTuple):
    through: bool
    """Through the service, not directly."""
    body: Callable[[str], dict[str, Any]]
    headers: dict[str, str]
    expect: str | None


def _body(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **more}


_KINDS: Final = {
    "direct": _Kind(False, _body, {}, None),
    "direct stream": _Kind(False, lambda prompt: _body(prompt, stream=True), {}, None),
    "miss": _Kind(True, _body, {}, "MISS"),
    "miss, exact only": _Kind(True, lambda prompt: _body("e " + prompt), _EXACT, "MISS"),
    "miss, stream": _Kind(True, lambda prompt: _body("s " + prompt, stream=True), {}, "MISS"),
    "bypass": _Kind(True, lambda prompt: _body(prompt, temperature=1.0), {}, "BYPASS"),
    "hit": _Kind(True, _body, {}, "HIT"),
}


def open_miss(stage: Stage) -> Measure:
    """p50 of each kind, in ms; of streams also to the first byte. Answers of another kind than meant do not count."""
    upstream = parts.provider(stage, delay_ms=DELAY_MS)
    # Made prompts may be near each other, and every miss must be one.
    service = Serving(stage, "gateway", upstream_base_url=f"{upstream}/v1", upstream_api_key="bench", threshold="0.999")

    def measure(number: int) -> Figures:
        with Client(upstream) as direct, Client(service.url) as gateway:
            return _round(direct, gateway, range(number * 1_000_000, number * 1_000_000 + stage.plan.asks))

    return measure


def _round(direct: Client, gateway: Client, numbers: range) -> Figures:
    """One request of each kind in turn, so that all meet the same moods of the machine.

    A direct call follows every miss: the store of an answer is no part of what its caller waits for.
    """
    answers: dict[str, list[Answer]] = {name: [] for name in _KINDS}
    for number in numbers:
        prompt = text(number)
        for name, kind in _KINDS.items():
            answer = (gateway if kind.through else direct).post(_PATH, kind.body(prompt), kind.headers)
            if answer.cache_status == kind.expect:
                answers[name].append(answer)
            if kind.expect == "MISS":
                direct.post(_PATH, _body(prompt))
    figures = {name: percentiles([one.ms for one in found])["p50_ms"] for name, found in answers.items()}
    figures["as expected"] = min(len(found) for found in answers.values()) / len(numbers)
    for name in ("direct stream", "miss, stream"):
        figures[f"{name}, first byte"] = percentiles([one.first_ms for one in answers[name]])["p50_ms"]
    return figures
