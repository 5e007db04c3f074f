"""Imports point one way, libraries stay in their rooms, and what should be light is light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.patience import LONG_S

ROOT = Path(__file__).parent.parent
HEAVY = {"numpy", "pydantic", "redis", "faiss", "torch", "openvino", "fastapi", "openai", "tokenizers", "asyncio"}


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=2 * LONG_S, check=True
    )


def imported_by(module: str) -> set[str]:
    """Top-level packages in memory after importing `module` in a fresh interpreter."""
    return set(run(f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})").stdout.split())


def test_contracts() -> None:
    """The layers and rooms that pyproject.toml draws."""
    linter = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", linter], capture_output=True, text=True, cwd=ROOT, timeout=2 * LONG_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["semcache", "semcache.cli", "semcache.errors"])
def test_the_front_door_is_light(module: str) -> None:
    assert not imported_by(module) & HEAVY


def test_importing_semcache_takes_no_time() -> None:
    code = "from tests.yardstick import once; print(once(lambda: __import__('semcache')))"
    assert min(float(run(code).stdout) for _ in range(3)) < 250


@pytest.mark.parametrize(
    "module", ["semcache.http", "semcache.http.server", "semcache.service", "semcache.admin.doctor"]
)
def test_the_serving_process_imports_no_torch(module: str) -> None:
    assert not imported_by(module) & {"torch", "transformers", "sentence_transformers"}


@pytest.mark.parametrize(
    "module", ["semcache.stores", "semcache.vectors", "semcache.embedders", "semcache.verifier", "semcache.http"]
)
def test_a_room_is_entered_without_its_heavy_furniture(module: str) -> None:
    assert not imported_by(module) & {"faiss", "openvino", "torch", "openai"}
