"""kill -9 at seeded moments under store load: whatever was acknowledged is found again, exact and semantic.

`SEMCACHE_TEST_KILLS` sets the number of kills (a handful by default; the full run is `make faults`).
"""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import httpx
import pytest

from tests.patience import LONG_S
from tests.prompts import numbers, prompt, reworded
from tests.serving import Served, served

KILLS = int(os.environ.get("SEMCACHE_TEST_KILLS", "6"))
STORES_A_ROUND = 40
pytestmark = pytest.mark.timeout(600 + 60 * KILLS)


@pytest.fixture
def service(tmp_path: Path, prepared_models_dir: Path) -> Served:  # type: ignore[misc]
    environment = {"SEMCACHE_THRESHOLD": "0.9", "SEMCACHE_MAINTENANCE__SNAPSHOT_INTERVAL_S": "2"}
    with served(tmp_path, prepared_models_dir, environment) as running:
        yield running


async def _store_until_killed(service: Served, todo: list[int], kill_after_s: float, kind: str) -> list[int]:
    """Store with four writers; kill at the given moment; return what was acknowledged."""
    acknowledged: list[int] = []
    queue = list(todo)
    killed = asyncio.Event()

    async def writer(client: httpx.AsyncClient) -> None:
        while queue and not (killed.is_set() and kind != "server"):
            number = queue.pop()
            try:
                answer = await client.post("/v1/store", json=_item(number))
            except httpx.HTTPError:
                continue
            if answer.status_code == 201:
                acknowledged.append(number)

    async def killer() -> None:
        await asyncio.sleep(kill_after_s)
        {"service": service.kill, "server": service.kill_server, "both": service.kill_both}[kind]()
        killed.set()

    async with httpx.AsyncClient(base_url=service.url, timeout=LONG_S) as client:
        await asyncio.gather(killer(), *(writer(client) for _ in range(4)))
    return acknowledged


def _item(number: int) -> dict[str, object]:
    return {"prompt": prompt(number), "model": "m", "response": {"text": f"answer {number}"}, "ttl_s": 86400}


def _missing(service: Served, acknowledged: list[int], text: object, tiers: set[str]) -> list[tuple[int, object]]:
    wrong = []
    with httpx.Client(base_url=service.url, timeout=LONG_S) as client:
        for start in range(0, len(acknowledged), 100):
            chunk = acknowledged[start : start + 100]
            items = [{"prompt": text(number), "model": "m"} for number in chunk]  # type: ignore[operator]
            answers = client.post("/v1/lookup/batch", json={"items": items}).json()["items"]
            for number, answer in zip(chunk, answers, strict=True):
                if answer.get("response") != {"text": f"answer {number}"} or answer.get("tier") not in tiers:
                    wrong.append((number, answer))
    return wrong


def test_nothing_acknowledged_is_lost(service: Served) -> None:
    seed = int(os.environ.get("SEMCACHE_TEST_SEED", "20261121"))
    moments = random.Random(seed)
    supply = numbers(seed, min(4000, KILLS * STORES_A_ROUND))
    everything: list[int] = []
    counts = dict.fromkeys(("service", "server", "both"), 0)
    for round_number in range(KILLS):
        kind = ("service", "server", "both")[round_number % 3]
        todo = [supply.pop() for _ in range(min(STORES_A_ROUND, len(supply)))]
        everything += asyncio.run(_store_until_killed(service, todo, moments.uniform(0.0, 0.4), kind))
        counts[kind] += 1
        if kind != "server":
            service.start(ready=False)
        service.wait_ready()
        recent = everything[-3 * STORES_A_ROUND :]
        assert _missing(service, recent, prompt, {"exact"}) == [], f"after kill {round_number} ({kind})"
    assert _missing(service, everything, prompt, {"exact"}) == []
    assert _missing(service, everything, reworded, {"semantic"}) == []
    print(f"kills: {counts}, acknowledged and found again, exact and semantic: {len(everything)}")  # noqa: T201
    assert len(everything) > KILLS  # the load was real: most rounds acknowledged something before the kill
