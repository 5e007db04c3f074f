"""`doctor`, `rebuild` and `stats` against a real service and its embedded server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from semcache.cli import main
from semcache.settings import StoreSettings
from semcache.stores.embedded import EmbeddedServer
from tests.patience import LONG_S
from tests.serving import Served, served


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    for name in list(os.environ):
        if name.upper().startswith("SEMCACHE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEMCACHE_EMBEDDER", "off")
    monkeypatch.setenv("SEMCACHE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEMCACHE_INDEX_DIR", str(tmp_path / "indexes"))
    with served(tmp_path, tmp_path / "no-models", {"SEMCACHE_EMBEDDER": "off"}) as running:
        body = {"model": "m", "prompt": "Who wrote Emma?", "response": "Jane Austen."}
        assert httpx.post(f"{running.url}/v1/store", json=body, timeout=LONG_S).status_code == 201
        yield running


def test_doctor_beside_the_service_and_without_it(
    service: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "1 entries read: sound\n"

    url = EmbeddedServer(tmp_path / "data", StoreSettings()).url
    with redis.Redis.from_url(url) as client:
        persisted = [key for key in client.scan_iter("sc:*") if client.ttl(key) > 0 and client.persist(key)]
    assert persisted
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "fault  no_ttl" in shown
    assert "try semcache doctor --repair" in shown

    assert main(["doctor", "--repair"]) == 0
    assert "mended" in capsys.readouterr().out
    assert service.stop() == 0
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out == "1 entries read: sound\n"
    assert not EmbeddedServer(tmp_path / "data", StoreSettings()).check()


def test_stats_and_a_rebuild_that_cannot_be(service: Served, capsys: pytest.CaptureFixture[str]) -> None:
    body = {"model": "m", "prompt": "Who wrote Emma?"}
    assert httpx.post(f"{service.url}/v1/lookup", json=body, timeout=LONG_S).json()["tier"] == "exact"
    assert main(["stats", "--url", service.url]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert ["requests", "1"] in [line.split() for line in shown]
    assert shown[-1].split()[:4] == ["default", "m", "1", "1"]
    assert main(["rebuild", "--url", service.url]) == 1
    assert "SEMCACHE_EMBEDDER is off" in capsys.readouterr().err
