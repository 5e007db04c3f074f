"""Shared fixtures: real stores, one set for each test process, kept apart between tests by key prefix."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from semcache.embedders.minilm import MiniLm
from semcache.settings import StoreSettings
from semcache.stores.embedded import EmbeddedServer
from semcache.verifier.judge import PackagedJudge
from tests import servers
from tests.verifier.shipped import untrained_weights

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Backend:
    """A store to run a suite on."""

    url: str
    cluster: bool = False


@pytest.fixture
def key_prefix() -> str:
    """A key prefix that no other test has: what keeps tests on one server apart."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="session")
def standalone_server() -> Iterator[str]:
    """URL of a standalone server of this test process."""
    with servers.standalone() as url:
        yield url


@pytest.fixture(scope="session")
def cluster_server() -> Iterator[list[str]]:
    """URLs of the nodes of a three-node cluster of this test process."""
    with servers.cluster() as urls:
        yield urls


@pytest.fixture(scope="session")
def embedded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """unix:// URL of an embedded server of this test process."""
    server = EmbeddedServer(tmp_path_factory.mktemp("embedded"), StoreSettings(fsync="no"))
    try:
        yield server.start()
    finally:
        server.stop()


@pytest.fixture(scope="session", params=["embedded", "standalone", "cluster"])
def store_backend(request: pytest.FixtureRequest) -> Backend:
    """Every kind of store in turn."""
    if request.param == "cluster":
        urls: list[str] = request.getfixturevalue("cluster_server")
        return Backend(urls[0], cluster=True)
    return Backend(request.getfixturevalue(f"{request.param}_server"))


@pytest.fixture(scope="session")
def prepared_models_dir() -> Path:
    """Folder with the packaged model prepared, kept between runs and shared by all test processes (under a lock).

    A service under test that embeds links its `data_dir / "models"` to it: preparing takes half a minute.
    """
    folder = Path(__file__).resolve().parent.parent / ".cache" / "models"
    MiniLm(folder, threads=1, batch=8, max_windows=8).load()
    return folder


@pytest.fixture(scope="session")
def untrained_verifier(prepared_models_dir: Path) -> Path:
    """Weights of a verifier that lies prepared in `prepared_models_dir`; they were never trained."""
    file = untrained_weights(prepared_models_dir)
    judge = PackagedJudge(prepared_models_dir, threads=1, file=file)
    judge.load()
    judge.unload()
    return file
