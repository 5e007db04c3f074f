"""What the gateway adds to a call of the model, in interleaved rounds of one run.

    python benchmarks/gateway.py [--rounds 5] [--count 200] [--delay-ms 20] [--out DIR]

A bare provider of our own answers every chat completion after a fixed delay. The same client sends the same requests to
it directly and through a running service, one connection, one request after the other. Overhead is the difference of
the medians of one round. `miss`: prompts that no cache has seen, semantic tier on (embedded and searched);
`miss, exact only`: the same with `X-Cache-Strategy: exact`; `bypass`: a temperature; `hit`: the misses again. Streams
are timed to their last byte, and to their first.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tqdm import tqdm

from benchmarks.texts import free_port, text

_ROOT: Final = Path(__file__).resolve().parent.parent
GOAL_MS: Final = 3.0
_PATH: Final = "/v1/chat/completions"


def main() -> int:
    """Start all parts, run the rounds, print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (default 5)")
    parser.add_argument("--count", type=int, default=200, help="requests of each kind in a round (default 200)")
    parser.add_argument("--delay-ms", type=float, default=20.0, help="what the provider takes (default 20)")
    parser.add_argument("--out", type=Path, help="folder for gateway.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = _measure(chosen, Path(folder))
    print(_table(result))
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "gateway.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _measure(chosen: argparse.Namespace, folder: Path) -> dict[str, Any]:
    models = _ROOT / ".cache" / "models"
    models.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    data.mkdir(mode=0o700)
    (data / "models").symlink_to(models, target_is_directory=True)
    upstream, ours = free_port(), free_port()
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SEMCACHE_")}
    environment = {
        **clean,
        "SEMCACHE_PORT": str(ours),
        "SEMCACHE_DATA_DIR": str(data),
        "SEMCACHE_INDEX_DIR": str(folder / "indexes"),
        "SEMCACHE_LOG_LEVEL": "WARNING",
        "SEMCACHE_UPSTREAM_BASE_URL": f"http://127.0.0.1:{upstream}/v1",
        "SEMCACHE_UPSTREAM_API_KEY": "bench",
        "SEMCACHE_THRESHOLD": "0.999",  # made prompts may be near each other, and every miss must be one
    }
    commands = (
        ["-m", "benchmarks.upstream", str(upstream), str(chosen.delay_ms)],
        ["-m", "semcache", "serve"],
    )
    parts = [
        subprocess.Popen([sys.executable, *command], env=environment, cwd=_ROOT, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        _wait(f"http://127.0.0.1:{ours}")
        direct, gateway = _Client(f"http://127.0.0.1:{upstream}"), _Client(f"http://127.0.0.1:{ours}")
        rounds = [_round(chosen, direct, gateway, number) for number in tqdm(range(chosen.rounds), file=sys.stderr)]
    finally:
        for part in parts:
            part.terminate()
        for part in parts:
            part.wait(timeout=30)
    return {
        "delay_ms": chosen.delay_ms,
        "count": chosen.count,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "rounds": rounds,
    }


def _wait(url: str) -> None:
    deadline = time.monotonic() + 180
    while True:  # the first preparation of the model takes a while
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=5) as answer:
                if not json.load(answer)["degraded"]:
                    return
        except OSError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("the service did not become ready")
        time.sleep(0.1)


class _Client:
    """One connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(str(parts.hostname), parts.port)

    def ask(self, body: dict[str, Any], headers: dict[str, str], expect: str | None) -> tuple[float, float]:
        """Milliseconds to the first byte of the body and to the last."""
        began = time.perf_counter()
        self._connection.request("POST", _PATH, json.dumps(body), {"content-type": "application/json", **headers})
        answer = self._connection.getresponse()
        answer.read(1)
        first = time.perf_counter()
        answer.read()
        last = time.perf_counter()
        status = answer.getheader("x-cache-status")
        if answer.status != 200 or status != expect:
            raise RuntimeError(f"HTTP {answer.status}, {status} where {expect} was expected")
        return 1000 * (first - began), 1000 * (last - began)


def _round(chosen: argparse.Namespace, direct: _Client, gateway: _Client, number: int) -> dict[str, Any]:
    """One request of each kind in turn, so that all meet the same moods of the machine.

    A direct call follows every miss: the store of an answer is no part of what its caller waits for.
    """
    kinds: dict[str, tuple[_Client, Callable[[int], tuple[dict[str, Any], dict[str, str]]], str | None]] = {
        "direct": (direct, lambda n: (_body(text(n)), {}), None),
        "direct stream": (direct, lambda n: (_body(text(n), stream=True), {}), None),
        "miss": (gateway, lambda n: (_body(text(n)), {}), "MISS"),
        "miss, exact only": (gateway, lambda n: (_body("e " + text(n)), {"x-cache-strategy": "exact"}), "MISS"),
        "miss, stream": (gateway, lambda n: (_body("s " + text(n), stream=True), {}), "MISS"),
        "bypass": (gateway, lambda n: (_body(text(n), temperature=1.0), {}), "BYPASS"),
        "hit": (gateway, lambda n: (_body(text(n)), {}), "HIT"),
        "hit, stream": (gateway, lambda n: (_body("s " + text(n), stream=True), {}), "HIT"),
    }
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for n in range(number * 1_000_000, number * 1_000_000 + chosen.count):
        for kind, (client, make, expect) in kinds.items():
            body, headers = make(n)
            times[kind].append(client.ask(body, headers, expect))
            if expect == "MISS":
                direct.ask(_body(text(n)), {}, None)
    return {kind: _figures(measured) for kind, measured in times.items()}


def _body(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": prompt}], **more}


def _figures(measured: Sequence[tuple[float, float]]) -> dict[str, float]:
    firsts, lasts = (sorted(column) for column in zip(*measured, strict=True))
    return {
        "first_p50_ms": firsts[len(firsts) // 2],
        "p50_ms": lasts[len(lasts) // 2],
        "p99_ms": lasts[int(len(lasts) * 0.99)],
    }


def _table(result: dict[str, Any]) -> str:
    rounds = result["rounds"]

    def over(kind: str, base: str, figure: str) -> str:
        added = [one[kind][figure] - one[base][figure] for one in rounds]
        return f"{statistics.median(added):+8.2f} ({min(added):+.2f} to {max(added):+.2f})"

    def median(kind: str, figure: str) -> float:
        return statistics.median(one[kind][figure] for one in rounds)

    lines = [
        f"{len(rounds)} rounds of {result['count']} requests a kind, provider {result['delay_ms']:g} ms, "
        f"{result['machine']}; goal: a miss adds at most {GOAL_MS:g} ms at p50",
        f"{'':18}{'p50 ms':>8}{'p99 ms':>8}   over the direct call, ms at p50        to the first byte",
    ]
    for kind in rounds[0]:
        base = "direct stream" if kind.endswith("stream") else "direct"
        line = f"{kind:18}{median(kind, 'p50_ms'):8.2f}{median(kind, 'p99_ms'):8.2f}"
        if kind != base:
            line += f"   {over(kind, base, 'p50_ms'):30}   {over(kind, base, 'first_p50_ms')}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
