"""The page about clients: every piece of code on it runs, and what it names exists."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from semcache.client import AsyncClient, Client
from tests.gateway.provider import Provider, provider
from tests.patience import LONG_S
from tests.serving import Served

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PRINTED = [
    "{'text': 'Open Settings, then Security.'}\n",
    "",
    "You said: What is your return policy?\n",
    "MISS\nHIT\n",
    "",
]
"""By each block, in order."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[Provider]:
    """A provider of OpenAI's and Anthropic's protocols."""
    with provider() as running:
        yield running


@pytest.mark.parametrize(("block", "printed"), list(zip(BLOCKS, PRINTED, strict=True)), ids=range(len(BLOCKS)))
def test_a_block_runs(block: str, printed: str, service: Served, upstream: Provider, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import pathlib; folder = pathlib.Path({str(tmp_path)!r})\n{block}"],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("SEMCACHE_")},
            "SEMCACHE_URL": service.url,
            "OPENAI_BASE_URL": upstream.url,
            "OPENAI_API_KEY": "k",
            "ANTHROPIC_BASE_URL": upstream.origin,
            "ANTHROPIC_API_KEY": "k",
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == printed


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_methods_in_the_table_exist(kind: type) -> None:
    client = kind("http://127.0.0.1:1")
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z_.]+)`", row) if name != "base_url"]
    assert "lookup" in named
    for name in named:
        owner = client.admin if name.startswith(("admin.", ".")) else client
        assert callable(getattr(owner, name.removeprefix("admin").removeprefix("."))), name
