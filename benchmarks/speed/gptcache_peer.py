"""GPTCache as a child: SBERT MiniLM, SQLite, FAISS, its own evaluation by search distance and its own defaults.

    PEERS_PYTHON gptcache_peer.py MODEL_FOLDER FOLDER

Runs in the peers' environment, so it imports nothing of ours. Reads a JSON job a line, answers each with a JSON line.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def main(model: str, folder: str) -> None:
    from gptcache import Config, cache  # type: ignore[import-not-found,unused-ignore]
    from gptcache.adapter.api import get, put  # type: ignore[import-not-found,unused-ignore]
    from gptcache.embedding import SBERT  # type: ignore[import-not-found,unused-ignore]
    from gptcache.manager import manager_factory  # type: ignore[import-not-found,unused-ignore]
    from gptcache.processor.pre import get_prompt  # type: ignore[import-not-found,unused-ignore]
    from gptcache.similarity_evaluation import SearchDistanceEvaluation  # type: ignore[import-not-found,unused-ignore]

    embedder = SBERT(model)
    cache.init(
        pre_embedding_func=get_prompt,
        embedding_func=embedder.to_embeddings,
        data_manager=manager_factory(
            "sqlite,faiss",
            folder,
            vector_params={"dimension": embedder.dimension},
            eviction_params={"max_size": 1_000_000},  # by default it would evict past 1,000
        ),
        similarity_evaluation=SearchDistanceEvaluation(),
        config=Config(disable_report=True),
    )

    def store(texts: list[str], response: str) -> float:
        """Stores a second."""
        began = time.perf_counter()
        for text in texts:
            put(text, response)
        return len(texts) / (time.perf_counter() - began)

    def look_up(texts: list[str]) -> dict[str, Any]:
        """Milliseconds of each lookup, and how many were hits."""
        times, hits = [], 0
        for text in texts:
            began = time.perf_counter()
            found = get(text)
            times.append(1000 * (time.perf_counter() - began))
            hits += found is not None
        return {"times_ms": times, "hits": hits}

    jobs: dict[str, Callable[..., Any]] = {"store": store, "look_up": look_up}
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is no answer
    for line in sys.stdin:
        job = json.loads(line)
        print(json.dumps(jobs[job.pop("do")](**job)), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
