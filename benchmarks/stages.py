"""Where the time of a semantic hit goes, stage by stage, in one process and with one thread a model.

    python benchmarks/stages.py [--out DIR]

One service with real parts: one prompt of every everyday pair of the tests is stored, then the other is looked up once,
one after the other: bytes of a body in, bytes of an answer out, without a socket. Lookups that are semantic hits count,
but for the first, which warm up. Wall time, medians in microseconds; what the embedder does goes on in its own thread
beside the exact read, so its two lines are parts of the wait that is told above them.
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
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.added import Watch, ready
from semcache.embedders.minilm import Runtime
from semcache.http import answers
from semcache.http.access import Credential, Role
from semcache.http.bodies import LookupBody, StoreBody
from semcache.http.decoding import BodyDecoder
from semcache.models import Hit, Tier
from semcache.service import Service
from semcache.settings import Settings
from semcache.stores.embedded import EmbeddedServer

_ROOT: Final = Path(__file__).resolve().parent.parent
_PAIRS: Final = _ROOT / "tests" / "data" / "everyday_pairs.jsonl"
_WARM: Final = 20
"""Hits that are not counted."""
STAGES: Final = {
    "parse": "parse the body",
    "identity": "identity: canonical form, digests, class of life",
    "read": "exact read, and the wait for the embedding",
    "tokenise": "  of it tokenise",
    "model": "  of it the embedder's run",
    "search": "search the index",
    "candidates": "read the candidates (copies)",
    "guards": "guards",
    "verify": "verifier",
    "answer": "make the answer",
    "rest": "the rest: bookkeeping, the event loop",
    "whole": "whole",
}
_INSIDE: Final = ("tokenise", "model")


def main() -> int:
    """Fill, look up, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder for stages.json")
    chosen = parser.parse_args()
    spent: dict[str, float] = {}
    Runtime.tokens = _timed(Runtime.tokens, "tokenise", spent)  # type: ignore[method-assign]
    Runtime.encode_rows = _timed(Runtime.encode_rows, "model", spent)  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(_measure(spent, Path(folder)))
    print(_table(result))
    if chosen.out is not None:
        chosen.out.mkdir(parents=True, exist_ok=True)
        (chosen.out / "stages.json").write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _timed(call: Callable[..., Any], stage: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        begun = time.perf_counter()
        try:
            return call(*arguments)
        finally:
            spent[stage] = spent.get(stage, 0.0) + time.perf_counter() - begun

    return timed


async def _measure(spent: dict[str, float], folder: Path) -> dict[str, Any]:
    models = _ROOT / ".cache" / "models"
    models.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    data.mkdir(mode=0o700)
    (data / "models").symlink_to(models, target_is_directory=True)
    one = {"threads": 1}
    settings = Settings(data_dir=data, index_dir=folder / "indexes", embedding=one, verification=one)
    server = EmbeddedServer(data, settings.store)
    service = Service(settings, server_url=server.start())
    try:
        await service.start()
        await ready(service)
        pairs = [json.loads(line) for line in _PAIRS.read_text(encoding="utf-8").splitlines()]
        stores, credential = BodyDecoder(StoreBody), Credential(id="bench", roles=frozenset({Role.READ}))
        for pair in pairs:
            body = stores.decode(json.dumps({"prompt": pair["b"], "model": "m", "response": "kept"}).encode())
            await service.cache.store(body.request(credential, None), bytes(body.response))
        seen = await _look_up(service, credential, [pair["a"] for pair in pairs], spent)
    finally:
        await service.aclose()
        server.stop()
    return {
        "hits": len(seen["whole"]),
        "entries": len(pairs),
        "machine": f"{os.cpu_count()} CPUs, {platform.machine()}, Python {platform.python_version()}",
        "median_us": {stage: 1e6 * statistics.median(seen[stage]) for stage in STAGES},
    }


async def _look_up(
    service: Service, credential: Credential, prompts: list[str], spent: dict[str, float]
) -> dict[str, list[float]]:
    """Seconds of each stage of each semantic hit after the first."""
    watch = Watch()
    service.observers.add(watch)
    decoder, clock = BodyDecoder(LookupBody), time.perf_counter
    seen: dict[str, list[float]] = defaultdict(list)
    for prompt in prompts:
        raw = json.dumps({"prompt": prompt, "model": "m"}).encode()
        spent.clear()
        begun = clock()
        body = decoder.decode(raw)
        request = body.request(credential, None)
        parsed = clock()
        await service.cache.entry_id(request)  # the lookup takes the identity that is told here
        identified = clock()
        outcome = await service.cache.lookup(request)
        found = clock()
        answers.encode(answers.of_lookup(outcome, body.strategy))
        answers.lookup_headers(outcome)
        ended = clock()
        if not isinstance(outcome, Hit) or outcome.tier is not Tier.SEMANTIC:
            continue
        laps = watch.stages
        told = {
            "parse": parsed - begun,
            "identity": identified - parsed,
            "read": laps["store"] + laps["embed"],
            **{stage: laps.get(stage, 0.0) for stage in ("search", "candidates", "guards", "verify")},
            "answer": ended - found,
        }
        told["rest"] = ended - begun - sum(told.values())
        for stage, seconds in {**told, **{one: spent[one] for one in _INSIDE}, "whole": ended - begun}.items():
            seen[stage].append(seconds)
    return {stage: seconds[_WARM:] for stage, seconds in seen.items()}


def _table(result: dict[str, Any]) -> str:
    lines = [f"{result['hits']} semantic hits among {result['entries']} entries; {result['machine']}"]
    lines += [f"{title:52}{result['median_us'][stage]:8.0f} us" for stage, title in STAGES.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
