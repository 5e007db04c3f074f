"""Clients are imported by programs that have better things to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import semcache.client
from tests.patience import LONG_S

ROOT = Path(__file__).parent.parent.parent
HEAVY = {"faiss", "torch", "openvino", "fastapi", "starlette", "redis", "numpy", "pydantic", "openai", "langchain_core"}


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=2 * LONG_S, check=True
    ).stdout


def test_importing_the_package_takes_no_time() -> None:
    code = "from tests.yardstick import once; print(once(lambda: __import__('semcache.client')))"
    assert min(float(run(code)) for _ in range(3)) < 700


@pytest.mark.parametrize("names", ["Client", "AsyncClient", "cached"])
def test_a_client_needs_nothing_heavy(names: str) -> None:
    loaded = run(f"import sys; from semcache.client import {names}; print(*sys.modules)").split()
    assert not {name.split(".")[0] for name in loaded} & HEAVY


def test_every_name_is_there() -> None:
    assert set(semcache.client.__all__) == set(semcache.client._HOMES)
    for name in semcache.client.__all__:
        assert getattr(semcache.client, name).__name__ == name
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = semcache.client.no_such_name
