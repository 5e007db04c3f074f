"""Exact hits: over `/v1/lookup` and over the gateway, beside a bare app that does one GET, and LiteLLM's proxy."""

from __future__ import annotations

import json
import random
import re
import sys
import urllib.request
from typing import Any, Final

import redis

from benchmarks.speed import fill, load, parts, peers
from benchmarks.speed.load import post
from benchmarks.speed.parts import Serving
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import Stage
from benchmarks.speed.texts import text

ANSWER: Final = "Because of the way in which it was made. " * 50
"""2 KB."""
_MODEL: Final = "gpt-4o-mini"
_PARAMS: Final = {"protocol": "openai.chat"}
"""What a chat completion asks beside its messages: lookups and completions find the same entries."""
_COMPLETION: Final = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_750_000_000,
    "model": _MODEL,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 400, "total_tokens": 420},
}
NEAR_SHARE: Final = 0.05
_DRAWN: Final = 100_000
"""Keys, in the order in which they are asked for: more than a side answers in a round."""
_FURTHER: Final = 37_000
"""So many keys on each round begins: a near cache that saw the same few thousand every time would hold too many of
them."""
_CONNECTIONS: Final = 16
_WARMING: Final = 10
"""Rounds' time, at most, in which each side is asked the drawn keys once before the first round: what is measured is a
service that has run for a while. How fast it is on the way there is told beside."""
_CHAT: Final = "/v1/chat/completions"


def open_lookup(stage: Stage) -> Measure:
    """`POST /v1/lookup` over 16 connections: near cache on, off; the bare app."""
    bare, keys, requests = _bare(stage), _keys(stage), _lookups(stage)
    plain, near = _service(stage), _near_service(stage)
    first = {"bare, first": _warmed(stage, bare, keys), "plain, first": _warmed(stage, plain.url, requests)}
    if near is not None:
        first["near, first"] = _warmed(stage, near.url, requests)

    def measure(number: int) -> Figures:
        asked = _turned(requests, number)
        figures = {
            "bare": _rps(stage, "the bare app", bare, _turned(keys, number), ""),
            "plain": _rps(stage, "lookups", plain.url, asked, '"hit":true'),
        }
        if near is not None:
            before = _hits_told(near.url)
            figures["near"] = _rps(stage, "lookups with the near cache", near.url, asked, '"hit":true')
            hits, copied = (now - then for now, then in zip(_hits_told(near.url), before, strict=True))
            figures["copied"] = copied / hits
        return figures if number else {**figures, **first}

    return measure


def open_chat(stage: Stage) -> Measure:
    """`POST /v1/chat/completions` over 16 connections: ours, the bare app, LiteLLM's proxy."""
    bare, keys, plan = _bare(stage), _keys(stage), stage.plan
    ours = (_near_service(stage) or _service(stage)).url
    requests = [post(_CHAT, _chat(n)) for n in _zipf(plan.exact_entries)]
    _warmed(stage, ours, requests)
    proxy = _litellm(stage)
    if proxy is not None:
        print(f"filling LiteLLM through its own front, {plan.litellm_entries} entries", file=sys.stderr)
        asked = [post(_CHAT, _chat(n)) for n in range(plan.litellm_entries)]
        load.run(proxy, asked, connections=4, seconds=1_800, once=True)
    theirs = [post(_CHAT, _chat(n)) for n in _zipf(plan.litellm_entries)]

    def measure(number: int) -> Figures:
        figures = {
            "bare": _rps(stage, "the bare app", bare, _turned(keys, number), ""),
            "ours": _rps(stage, "completions", ours, _turned(requests, number), '"cache_hit":true'),
        }
        if proxy is not None:
            figures["litellm"] = _rps(stage, "LiteLLM", proxy, _turned(theirs, number), "x-litellm-cache-key")
        return figures

    return measure


def open_one(stage: Stage) -> Measure:
    """One connection: p50 and p99."""
    bare, keys, requests = _bare(stage), _keys(stage), _lookups(stage)
    ours = (_near_service(stage) or _service(stage)).url
    _warmed(stage, bare, keys)
    _warmed(stage, ours, requests)
    seconds = stage.plan.seconds

    def measure(number: int) -> Figures:
        least = load.run(bare, _turned(keys, number), connections=1, seconds=seconds)
        found = load.run(ours, _turned(requests, number), connections=1, seconds=seconds, marker='"hit":true')
        _hits(stage, found, "lookups over one connection")
        return {
            "bare p50": least["p50_ms"], "bare p99": least["p99_ms"],
            "ours p50": found["p50_ms"], "ours p99": found["p99_ms"],
        }  # fmt: skip

    return measure


# -- parts ------------------------------------------------------------------------------------------------------------


def _store(stage: Stage) -> str:
    """A store with all entries, and the same answers under plain keys for the bare app."""

    def make() -> str:
        url, count = parts.store(stage), stage.plan.exact_entries
        response = json.dumps(_COMPLETION, separators=(",", ":")).encode()
        fill.fill(url, fill.exact(_MODEL, map(text, range(count))), count, response, _PARAMS)
        with redis.Redis.from_url(url) as client:
            for at in range(0, count, 1_000):
                client.mset({f"bare{n}": response for n in range(at, min(at + 1_000, count))})
        return url

    return stage.shared("exact store", make)


def _bare(stage: Stage) -> str:
    return stage.shared("bare", lambda: parts.bare_app(stage, _store(stage)))


def _provider(stage: Stage) -> str:
    return stage.shared("provider", lambda: parts.provider(stage, delay_ms=0, answer_bytes=len(ANSWER)))


def _service(stage: Stage) -> Serving:
    return stage.shared("plain", lambda: _serving(stage, "plain", parts.near_cache(0) or {}))


def _near_service(stage: Stage) -> Serving | None:
    def make() -> Serving | None:
        settings = parts.near_cache(int(NEAR_SHARE * stage.plan.exact_entries))
        if settings is None:
            stage.note("this version has no near cache: its figures are left out, the others are without one")
            return None
        return _serving(stage, "near", settings)

    return stage.shared("near", make)


def _serving(stage: Stage, name: str, settings: dict[str, str]) -> Serving:
    upstream = {"upstream_base_url": f"{_provider(stage)}/v1", "upstream_api_key": "bench"}
    return Serving(stage, name, redis_url=_store(stage), **upstream, **settings)


def _litellm(stage: Stage) -> str | None:
    def make() -> str | None:
        try:
            return peers.litellm(stage, _store(stage), _provider(stage))
        except peers.NoPeers as error:
            stage.note(str(error))
            return None

    return stage.shared("litellm", make)


# -- requests ---------------------------------------------------------------------------------------------------------


def _zipf(count: int) -> list[int]:
    """Numbers below `count`, drawn by Zipf's law with exponent 1."""
    return random.Random(0).choices(range(count), weights=[1 / (n + 1) for n in range(count)], k=_DRAWN)


def _turned(requests: list[bytes], number: int) -> list[bytes]:
    """The same requests, begun elsewhere in each round."""
    at = number * _FURTHER % len(requests)
    return requests[at:] + requests[:at]


def _keys(stage: Stage) -> list[bytes]:
    return [load.get(f"/bare{n}") for n in _zipf(stage.plan.exact_entries)]


def _lookups(stage: Stage) -> list[bytes]:
    numbers = _zipf(stage.plan.exact_entries)
    return [post("/v1/lookup", {"prompt": text(n), "model": _MODEL, "params": _PARAMS}) for n in numbers]


def _chat(number: int) -> dict[str, Any]:
    return {"model": _MODEL, "messages": [{"role": "user", "content": text(number)}]}


def _rps(stage: Stage, what: str, url: str, requests: list[bytes], marker: str) -> float:
    """Hits a second: an answer without the marker counts for nothing."""
    found = load.run(url, requests, connections=_CONNECTIONS, seconds=stage.plan.seconds, marker=marker)
    return float(found["rps"] * _hits(stage, found, what))


def _warmed(stage: Stage, url: str, requests: list[bytes]) -> float:
    """Ask a side everything once, if that was not done before; requests a second meanwhile."""

    def ask() -> float:
        most_s = _WARMING * stage.plan.seconds
        return float(load.run(url, requests, connections=_CONNECTIONS, seconds=most_s, once=True)["rps"])

    path = requests[0].split(b" ", 2)[1].rsplit(b"/", 1)[0].decode()
    return stage.shared(f"warmed {url}{path}", ask)


def _hits_told(url: str) -> tuple[float, float]:
    """Exact hits that a service has counted, and how many of them were copies of the near cache."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    hits = re.findall(r'(?m)^semcache_hits_total\{[^}]*tier="exact"[^}]*\} (\S+)$', text)
    copied = re.findall(r"(?m)^semcache_near_hits_total\{[^}]*\} (\S+)$", text)
    return sum(map(float, hits)), sum(map(float, copied))


def _hits(stage: Stage, found: dict[str, Any], what: str) -> float:
    """The share of the answers that were hits; where it is not all of them, the reader is told."""
    share = float(found["marked"] / found["count"])
    if share < 1:
        stage.note(f"{found['count'] - found['marked']} of {found['count']} {what} were no hits")
    return share
