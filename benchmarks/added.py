"""What the decision adds to a semantic lookup: guards and verifier, on labelled prompts of the tests' own.

    python benchmarks/added.py [--rounds 5] [--out DIR]

One service in this process with real parts: one prompt of every everyday pair is stored, then the other is looked up,
one after the other, so that each meets paraphrases and traps. `limits.candidates` is 4. The stages `guards` and
`verify` of a lookup are what it takes longer than in mode `threshold`, which serves the nearest. Told over all semantic
lookups, and over those whose four nearest were all judged, the dearest there are.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from tqdm import tqdm

from semcache.models import CacheRequest
from semcache.observers import Observers
from semcache.ports import LookupEvent, Verifier
from semcache.service import Service
from semcache.settings import Settings
from semcache.stores.embedded import EmbeddedServer

_ROOT: Final = Path(__file__).resolve().parent.parent
_PAIRS: Final = _ROOT / "tests" / "data" / "everyday_pairs.jsonl"
GOAL_MS: Final = (4.0, 10.0)
"""p50 and p99."""


class Watch(Observers):
    """Keeps what the last lookup took."""

    stages: dict[str, float]

    def looked_up(self, event: LookupEvent) -> None:
        """Remember its stages."""
        self.stages = event.stages


class Counted:
    """The service's own verifier, counting what it is asked."""

    def __init__(self, verifier: Verifier) -> None:
        self._scores = verifier.scores
        self.judged = 0

    async def scores(self, asked: str, cached: Sequence[str], **options: Any) -> list[float | None]:
        """Pass on."""
        self.judged += len(cached)
        return await self._scores(asked, cached, **options)


def main() -> int:
    """Fill, look up, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="each with all prompts anew (default 5)")
    parser.add_argument("--out", type=Path, help="folder for added.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(_measure(chosen.rounds, Path(folder)))
    print(_table(result))
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "added.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


async def _measure(rounds: int, folder: Path) -> dict[str, Any]:
    models = _ROOT / ".cache" / "models"
    models.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    data.mkdir(mode=0o700)
    (data / "models").symlink_to(models, target_is_directory=True)
    settings = Settings(data_dir=data, index_dir=folder / "indexes", limits={"candidates": 4})
    server = EmbeddedServer(data, settings.store)
    service = Service(settings, server_url=server.start())
    try:
        await service.start()
        await ready(service)
        return await _rounds(service, rounds)
    finally:
        await service.aclose()
        server.stop()


async def ready(service: Service) -> None:
    """Wait until all parts of a service are. Raises TimeoutError."""
    deadline = time.monotonic() + 300  # the first preparation of the models takes a while
    while not all(part["ok"] for part in (await service.health()).values()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the service did not become ready: {await service.health()}")
        await asyncio.sleep(0.1)


async def _rounds(service: Service, rounds: int) -> dict[str, Any]:
    pairs = [json.loads(line) for line in _PAIRS.read_text(encoding="utf-8").splitlines()]
    watch = Watch()
    service.observers.add(watch)
    assert service.verifier is not None
    counted = Counted(service.verifier)
    service.verifier.scores = counted.scores  # type: ignore[method-assign]
    lookups: list[list[tuple[int, float, float]]] = []
    for number in range(rounds):
        model = f"round {number}"
        for one in pairs:
            await service.cache.store(_request(one["b"], model), b'"kept"')
        seen = []
        for one in tqdm(pairs, desc=model, file=sys.stderr):
            counted.judged = 0
            await service.cache.lookup(_request(one["a"], model))
            stages = watch.stages
            if "search" in stages:
                seen.append((counted.judged, stages.get("guards", 0.0), stages.get("verify", 0.0)))
        lookups.append(seen)
    return {
        "pairs": len(pairs),
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}",
        "all": _told([[(guards, verify) for _, guards, verify in seen] for seen in lookups]),
        "four": _told([[(guards, verify) for judged, guards, verify in seen if judged == 4] for seen in lookups]),
        "judged": [statistics.fmean(judged for judged, _, _ in seen) for seen in lookups],
    }


def _request(prompt: str, model: str) -> CacheRequest:
    return CacheRequest(messages=[{"role": "user", "content": prompt}], model=model, principal="bench")


def _told(rounds: list[list[tuple[float, float]]]) -> dict[str, Any]:
    """Per round: count, and p50 and p99 in ms of the guards and of both together."""
    return {
        "count": [len(seen) for seen in rounds],
        "guards_ms": [np.percentile([1000 * guards for guards, _ in seen], [50, 99]).tolist() for seen in rounds],
        "added_ms": [np.percentile([1000 * sum(one) for one in seen], [50, 99]).tolist() for seen in rounds],
    }


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['pairs']} stored, as many looked up, {statistics.fmean(result['judged']):.1f} judged a lookup"]
    for name, title in (("all", "all semantic lookups"), ("four", "four judged")):
        told = result[name]
        for what, key in (("added", "added_ms"), ("of which guards", "guards_ms")):
            p50, p99 = ([one[at] for one in told[key]] for at in (0, 1))
            lines.append(
                f"{title:22}{what:16} p50 {statistics.median(p50):5.2f} ms ({min(p50):.2f} to {max(p50):.2f}), "
                f"p99 {statistics.median(p99):5.2f} ms ({min(p99):.2f} to {max(p99):.2f})"
            )
    return "\n".join([*lines, f"asked for: p50 {GOAL_MS[0]:.0f} ms, p99 {GOAL_MS[1]:.0f} ms"])


if __name__ == "__main__":
    sys.exit(main())
