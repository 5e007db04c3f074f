"""Exact and semantic lookups beside the bare limits of this machine, in interleaved rounds of one run.

    python benchmarks/lookup_speed.py [--entries 10000] [--rounds 5] [--out DIR]

Exact: POST /v1/lookup and POST /v1/chat/completions with 2 KB answers, keys drawn Zipf(1), with a near cache of 5 % of
the entries and (lookups) without one, against a uvicorn app that does one Redis GET of the same keys on the same
server. Semantic: one connection with rewordings that no cache has seen, against tokenising, embedding and searching the
same kind of text in one thread, without service or store. Prints ratios, medians over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import redis
from tqdm import tqdm

from benchmarks import bare, load
from benchmarks.texts import free_port, text
from semcache.embedders import make_embedder
from semcache.errors import EmbedderUnavailable
from semcache.ports import Row
from semcache.settings import Settings
from semcache.stores.embedded import EmbeddedServer
from semcache.vectors import SegmentedIndex

_ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1700000000,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "x" * 1750}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 400, "total_tokens": 420},
}
_ASKED = {"model": "m", "params": {"protocol": "openai.chat"}}
"""What a chat completion of that model asks beside its messages: lookups and completions find the same entries."""
_NEAR = 0.05
"""Share of the entries that the near cache may hold."""
_ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Start all parts, run the rounds, print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=10_000, help="entries in the cache (default 10000)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement in a round (default 3)")
    parser.add_argument("--connections", type=int, default=16, help="for the exact hits (default 16)")
    parser.add_argument("--out", type=Path, help="folder for lookup_speed.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = _measure(chosen, Path(folder))
    print(_table(result))
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "lookup_speed.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _measure(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    models = _ROOT / ".cache" / "models"
    models.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    data.mkdir()
    (data / "models").symlink_to(models, target_is_directory=True)
    settings = Settings(data_dir=data, threshold=0.9)
    server = EmbeddedServer(data, settings.store)
    url = server.start()
    parts: list[subprocess.Popen[bytes]] = []
    try:
        ours, far, plain = free_port(), free_port(), free_port()
        environment = {
            **os.environ, bare.STORE: url, "SEMCACHE_REDIS_URL": url, "SEMCACHE_PORT": str(ours),
            "SEMCACHE_DATA_DIR": str(data), "SEMCACHE_INDEX_DIR": str(folder / "indexes"), "SEMCACHE_THRESHOLD": "0.9",
            "SEMCACHE_LOG_LEVEL": "WARNING", "SEMCACHE_NEAR__ENTRIES": str(int(chosen.entries * _NEAR)),
            "SEMCACHE_UPSTREAM_BASE_URL": f"http://127.0.0.1:{free_port()}", "SEMCACHE_UPSTREAM_API_KEY": "none",
        }  # fmt: skip
        without = {
            **environment, "SEMCACHE_PORT": str(far), "SEMCACHE_NEAR__ENTRIES": "0",
            "SEMCACHE_INDEX_DIR": str(folder / "indexes2"), "SEMCACHE_EMBEDDER": "off",
        }  # fmt: skip
        serve = ["-m", "semcache", "serve"]
        parts = [
            subprocess.Popen([sys.executable, *command], env=variables, cwd=_ROOT, stdout=subprocess.DEVNULL)
            for command, variables in (
                (serve, environment), (serve, without), (["-m", "benchmarks.bare", str(plain)], environment)
            )
        ]  # fmt: skip
        urls = [f"http://127.0.0.1:{port}" for port in (ours, far, plain)]
        _fill(chosen.entries, urls[0], url)
        return _rounds(chosen, settings, *urls)
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(timeout=30)
        server.stop()


def _fill(entries: int, ours: str, store: str) -> None:
    import urllib.request

    deadline = time.monotonic() + 180
    while True:  # the first preparation of the model takes a while
        try:
            with urllib.request.urlopen(f"{ours}/readyz", timeout=5) as answer:
                if not json.load(answer)["degraded"]:
                    break
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("the service did not become ready")
        time.sleep(0.1)
    client = redis.Redis.from_url(store)
    for start in tqdm(range(0, entries, 100), unit_scale=100, desc="store", file=sys.stderr):
        numbers = range(start, min(start + 100, entries))
        items = [{"prompt": text(n), **_ASKED, "response": _ANSWER, "ttl_s": 86400} for n in numbers]
        request = urllib.request.Request(f"{ours}/v1/store/batch", json.dumps({"items": items}).encode())
        with urllib.request.urlopen(request, timeout=120) as answer:
            outcomes = json.load(answer)["items"]
        refused = [outcome for outcome in outcomes if "entry_id" not in outcome]
        if refused:
            raise RuntimeError(f"not stored: {refused[0]}")
        client.mset({f"bare{n}": json.dumps(_ANSWER) for n in numbers})


def _rounds(chosen: argparse.Namespace, settings: Settings, ours: str, far: str, plain: str) -> dict[str, Any]:
    draw = random.Random(0)
    drawn = draw.choices(range(chosen.entries), weights=[1 / (n + 1) for n in range(chosen.entries)], k=20_000)
    exact = [load.post("/v1/lookup", {"prompt": text(n), **_ASKED}) for n in drawn]
    chat = [
        load.post("/v1/chat/completions", {"model": "m", "messages": [{"role": "user", "content": text(n)}]})
        for n in drawn
    ]
    keys = [load.get(f"/bare{n}") for n in drawn]
    rounds = []
    bench = _Bare(settings, [text(n) for n in range(min(chosen.entries, 2000))])
    try:
        for number in tqdm(range(chosen.rounds), desc="rounds", file=sys.stderr):
            fresh = [f"{text(n)} today {number}" for n in draw.sample(range(chosen.entries), 300)]
            semantic = [load.post("/v1/lookup", {"prompt": prompt, **_ASKED}) for prompt in fresh]
            rounds.append(
                {
                    "bare": load.run(plain, keys, connections=chosen.connections, seconds=chosen.seconds),
                    "exact": load.run(ours, exact, connections=chosen.connections, seconds=chosen.seconds),
                    "far": load.run(far, exact, connections=chosen.connections, seconds=chosen.seconds),
                    "chat": load.run(ours, chat, connections=chosen.connections, seconds=chosen.seconds),
                    "bare_one": load.run(plain, keys, connections=1, seconds=chosen.seconds),
                    "exact_one": load.run(ours, exact, connections=1, seconds=chosen.seconds),
                    "semantic_one": _once(ours, semantic),
                    "embed_one": bench.times([f"{prompt} again" for prompt in fresh]),
                }
            )
    finally:
        bench.close()
    return {
        "entries": chosen.entries,
        "connections": chosen.connections,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "rounds": rounds,
    }


def _once(url: str, requests: list[bytes]) -> dict[str, float]:
    """Each request once, on one connection: none is in the embedding cache."""
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(str(urlsplit(url).hostname), urlsplit(url).port)
    times = []
    for request in requests:
        body = request.split(b"\r\n\r\n", 1)[1]
        began = time.perf_counter()
        connection.request("POST", "/v1/lookup", body)
        connection.getresponse().read()
        times.append(1000 * (time.perf_counter() - began))
    connection.close()
    return _percentiles(times)


class _Bare:
    """Tokenise, embed, search: one text at a time, one thread waits for each, no service and no store."""

    def __init__(self, settings: Settings, texts: list[str]) -> None:
        self._loop = asyncio.new_event_loop()
        embedder = make_embedder(settings)
        assert embedder is not None
        self._embedder = embedder
        self._loop.run_until_complete(self._embedder.start())
        while True:
            try:
                first = self._embed(texts[0])
                break
            except EmbedderUnavailable:
                time.sleep(0.1)
        self._index = SegmentedIndex(self._embedder.space, len(first))
        for number, one in enumerate(texts):
            self._index.upsert([Row(f"{number % 64:02x}{number:030x}", b"p" * 16, b"c" * 16, self._embed(one))])

    def _embed(self, text: str) -> Any:
        found = self._loop.run_until_complete(self._embedder.embed([text], deadline_s=30.0))[0]
        assert found is not None
        return found.pooled

    def times(self, texts: list[str]) -> dict[str, float]:
        """Milliseconds for each text."""
        times = []
        for one in texts:
            began = time.perf_counter()
            self._index.search(b"p" * 16, b"c" * 16, self._embed(one), 4)
            times.append(1000 * (time.perf_counter() - began))
        return _percentiles(times)

    def close(self) -> None:
        """Stop the model."""
        self._index.close()
        self._loop.run_until_complete(self._embedder.aclose())
        self._loop.close()


def _percentiles(times: list[float]) -> dict[str, float]:
    times = sorted(times)
    return {"p50_ms": times[len(times) // 2], "p99_ms": times[int(len(times) * 0.99)], "count": len(times)}


def _table(result: dict[str, Any]) -> str:
    def median(part: str, figure: str) -> float:
        return statistics.median(one[part][figure] for one in result["rounds"])

    def ratio(part: str, other: str, figure: str) -> str:
        ratios = [one[part][figure] / one[other][figure] for one in result["rounds"]]
        return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"

    failed = sum(one[part].get("failed", 0) for one in result["rounds"] for part in one)
    entries, count, cores = result["entries"], len(result["rounds"]), result["machine"]
    return "\n".join(
        (
            f"{entries} entries of 2 KB, {count} rounds, {cores}; failed requests: {failed}",
            f"exact, {result['connections']} connections: {median('exact', 'rps'):.0f} req/s; "
            f"bare {median('bare', 'rps'):.0f} req/s; ratio {ratio('exact', 'bare', 'rps')}",
            f"without the near cache: {median('far', 'rps'):.0f} req/s; ratio {ratio('far', 'bare', 'rps')}",
            f"chat completions: {median('chat', 'rps'):.0f} req/s; ratio {ratio('chat', 'bare', 'rps')}",
            f"exact, one connection: p50 {median('exact_one', 'p50_ms'):.3f} ms, "
            f"p99 {median('exact_one', 'p99_ms'):.3f} ms; "
            f"bare {median('bare_one', 'p50_ms'):.3f}, {median('bare_one', 'p99_ms'):.3f}; "
            f"ratio p50 {ratio('exact_one', 'bare_one', 'p50_ms')}, p99 {ratio('exact_one', 'bare_one', 'p99_ms')}",
            f"semantic, one connection: p50 {median('semantic_one', 'p50_ms'):.2f} ms, "
            f"p99 {median('semantic_one', 'p99_ms'):.2f} ms; embed and search alone "
            f"{median('embed_one', 'p50_ms'):.2f}, {median('embed_one', 'p99_ms'):.2f}; "
            f"ratio p50 {ratio('semantic_one', 'embed_one', 'p50_ms')}",
        )
    )


if __name__ == "__main__":
    raise SystemExit(main())
