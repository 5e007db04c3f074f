"""The semantic tier over HTTP, with the real embedder."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.conftest import Open
from tests.patience import LONG_S

MODEL = {"model": "m1"}


async def until_ready(client: httpx.AsyncClient) -> None:
    deadline = time.monotonic() + LONG_S
    while not {"embedder", "index"}.isdisjoint((await client.get("/readyz")).json()["degraded"]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_paraphrase_hits_until_it_is_said_to_be_wrong(
    open_app: Open, prepared_models_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(prepared_models_dir, target_is_directory=True)
    async with open_app(embedder="minilm", mode="threshold", threshold=0.8) as client:
        await until_ready(client)

        async def lookup(prompt: str, **more: Any) -> httpx.Response:
            return await client.post("/v1/lookup", json={**MODEL, "prompt": prompt, **more})

        body = {**MODEL, "prompt": "What is the capital city of France?", "response": "Paris"}
        stored = await client.post("/v1/store", json=body)
        assert stored.json()["semantic"] == "indexed"

        paraphrase = "What's the name of the capital city of France?"
        answer = await lookup(paraphrase)
        hit = answer.json()
        assert (hit["tier"], hit["response"], hit["matched_prompt"]) == ("semantic", "Paris", body["prompt"])
        assert 0.8 <= hit["similarity"] < 1
        assert answer.headers["x-cache-status"] == "SEMANTIC-HIT"
        assert answer.headers["x-cache-similarity"] == f"{hit['similarity']:.4f}"

        tighter = (await lookup(paraphrase, threshold=0.999)).json()
        assert tighter["reason"] == "below_threshold"
        assert tighter["nearest"]["entry_id"] == hit["entry_id"]
        assert tighter["nearest"]["similarity"] == pytest.approx(hit["similarity"], abs=0.002)  # the index's own
        looser = (await lookup("Which planets have rings?", threshold=0.0)).json()
        assert looser["reason"] == "below_threshold"
        assert (await lookup(paraphrase, strategy="normalized")).json()["hit"] is False

        wrong = await client.post("/v1/feedback", json={"request_id": hit["request_id"], "correct": False})
        assert wrong.status_code == 202
        assert (await lookup(paraphrase)).json()["reason"] == "vetoed"
        assert (await lookup(body["prompt"])).json()["tier"] == "exact"

        text = (await client.get("/metrics")).text
        assert 'semcache_lookup_seconds_count{stage="embed",tier="semantic"}' in text
        assert "semcache_index_rows 1.0" in text
        index = (await client.get("/v1/stats")).json()["index"]
        assert (index["rows"], index["ok"]) == (1, True)

        rebuild = await client.post("/admin/index/rebuild", json={})
        deadline = time.monotonic() + LONG_S
        while (await client.get(f"/admin/jobs/{rebuild.json()['job_id']}")).json()["state"] != "done":
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        assert (await lookup("Please name the capital city of France?")).json()["tier"] == "semantic"
