"""The official Node client, unchanged but for its base URL, where Node and its package can be had."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.conftest import Gateway
from tests.gateway.provider import Call, Reply
from tests.patience import LONG_S

HERE = Path(__file__).parent / "node"
CACHE = Path(__file__).parents[2] / ".cache" / "node"
"""Kept between runs, and shared by all test processes under a lock."""
INSTALL = ("install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline", "--fetch-retries=0")


@pytest.fixture(scope="module")
def script() -> Path:
    """The script beside its installed package; skips where there is no Node or no registry."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the Node client is not tested: there is no `node` with `npm`")
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = json.loads((HERE / "package.json").read_text())["dependencies"]["openai"]
        installed = CACHE / "node_modules" / "openai" / "package.json"
        shutil.copy(HERE / "package.json", CACHE)
        shutil.copy(HERE / "client.mjs", CACHE)
        if not installed.exists() or json.loads(installed.read_text())["version"] != wanted:
            try:
                done = subprocess.run([npm, *INSTALL], cwd=CACHE, capture_output=True, text=True, timeout=60)
            except subprocess.TimeoutExpired:
                pytest.skip("the Node client is not tested: npm took longer than a minute")
            if done.returncode:
                pytest.skip(f"the Node client is not tested: npm cannot install it: {done.stderr.strip()[:300]}")
    return CACHE / "client.mjs"


def answer(call: Call) -> Reply:
    """What the provider says to the script's requests."""
    asked = call.body.decode()
    if "call a tool" in asked:
        return Reply(tools=(("weather", '{"city": "Paris"}'),))
    if "refuse this" in asked:
        return Reply(status=404)
    if "cut this off" in asked:
        return Reply(reset_at=3)
    return Reply()


@pytest.fixture(scope="module")
def seen(script: Path, shared_gateway: Gateway) -> Any:
    """What the client saw."""
    shared_gateway.provider.always(answer)
    done = subprocess.run(
        ["node", str(script), f"{shared_gateway.url}/v1"], capture_output=True, text=True, timeout=2 * LONG_S
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_misses_and_hits(seen: Any) -> None:
    assert [one["status"] for one in seen["whole"]] == ["MISS", "HIT"]
    assert [one["hit"] for one in seen["whole"]] == [False, True]
    assert {one["text"] for one in seen["whole"]} == {"You said: node asks"}


def test_a_recorded_stream_is_replayed_and_answers_whole(seen: Any) -> None:
    first, second, whole = seen["streamed"]
    assert (first["status"], second["status"], whole["status"]) == ("MISS", "HIT", "HIT")
    assert first["text"] == second["text"] == whole["text"] == "You said: node streams"
    assert first["finish"] == second["finish"] == "stop"
    assert first["tokens"] == second["tokens"] > 0


def test_embeddings_come_from_the_cache_number_for_number(seen: Any) -> None:
    first, second = seen["embedded"]
    assert (first["status"], second["status"]) == ("MISS", "HIT")
    a, b, again = first["vectors"]
    assert a == again
    assert second["vectors"] == [b, a]
    assert len(a) == 8


def test_responses_and_models(seen: Any) -> None:
    assert seen["responded"] == {
        "text": "You said: node responds",
        "first": "response.created",
        "last": "response.completed",
    }
    assert seen["models"] == ["gpt-test", "claude-test"]


def test_tools_are_called_by_a_miss_and_by_a_hit(seen: Any) -> None:
    assert seen["tools"] == [[["weather", {"city": "Paris"}]]] * 2


def test_errors_are_the_clients_own(seen: Any) -> None:
    assert seen["refused"]["name"] == "NotFoundError"
    assert (seen["refused"]["status"], seen["refused"]["code"]) == (404, "not_found_error")
    assert seen["cut"]["name"] == "APIError"
    assert seen["cut"]["code"] == "upstream_unavailable"
