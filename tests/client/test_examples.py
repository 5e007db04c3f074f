"""Every example runs as its docstring says, against a real service and the demo provider."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic import Anthropic
from anthropic.types import TextBlock
from openai import BadRequestError, NotFoundError, OpenAI

from tests.client.conftest import EXACT
from tests.patience import LONG_S
from tests.serving import Served, served, until

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
STATUS = re.compile(r"\[((?:HIT|MISS|BYPASS|SEMANTIC-HIT)[^\]]*)\]")


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Base URL of the demo provider, and what it prints."""
    log = tmp_path_factory.mktemp("provider") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, str(EXAMPLES / "provider.py"), "--port", "0"], stdout=out)
    try:
        found = until(lambda: re.search(r"ready: (\S+)", log.read_text()), what="start of the provider")
        yield found.group(1), log
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def gateway(provider: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service in front of it."""
    folder = tmp_path_factory.mktemp("gateway")
    with served(folder, folder / "models", {**EXACT, "SEMCACHE_UPSTREAM_BASE_URL": provider[0]}) as running:
        yield running


def run(name: str, **environment: str) -> str:
    """What an example prints."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SEMCACHE_", "OPENAI_"))}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")],
        env={**kept, "PYTHONPATH": str(EXAMPLES.parent), "OPENAI_API_KEY": "k", **environment},
        capture_output=True,
        text=True,
        timeout=2 * LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_chat_app(gateway: Served) -> None:
    said = run("chat_app", OPENAI_BASE_URL=f"{gateway.url}/v1")
    assert [one.partition(",")[0] for one in STATUS.findall(said)] == ["MISS", "HIT", "HIT"]
    assert said.count("Air scatters blue light more than red.") == 3


def test_rag_with_tags(gateway: Served) -> None:
    said = run("rag_with_tags", OPENAI_BASE_URL=f"{gateway.url}/v1", SEMCACHE_URL=gateway.url)
    assert STATUS.findall(said) == ["MISS", "MISS", "HIT", "HIT", "MISS", "HIT"]
    assert "1 answer invalidated" in said
    assert "Orders are shipped within 2 days." in said


def test_agent_with_tools(provider: tuple[str, Path]) -> None:
    said = run("agent_with_tools", OPENAI_BASE_URL=provider[0])
    assert STATUS.findall(said) == ["MISS, MISS", "HIT, HIT", "HIT, MISS"]
    assert [line.partition("  ")[0] for line in said.splitlines()] == [
        "It is 18 degrees in Oslo now.",
        "It is 18 degrees in Oslo now.",
        "It is 19 degrees in Oslo now.",
    ]


def test_decorator(gateway: Served, provider: tuple[str, Path]) -> None:
    before = provider[1].read_text().count("model call")
    said = run("decorator", OPENAI_BASE_URL=provider[0], SEMCACHE_URL=gateway.url)
    assert said.count("Paris") == 3
    assert provider[1].read_text().count("model call") == before + 2


def test_the_demo_provider_speaks_to_anthropic_s_client_too(gateway: Served) -> None:
    client = Anthropic(base_url=gateway.url, api_key="k", max_retries=0)
    asked: dict[str, Any] = {
        "model": "demo",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "Where is the capital of France?"}],
    }
    with client.messages.stream(**asked) as stream:
        assert stream.get_final_text() == "The capital of France is Paris."
    answer = client.messages.create(**asked)
    [block] = answer.content
    assert isinstance(block, TextBlock)
    assert (block.text, answer.stop_reason) == ("The capital of France is Paris.", "end_turn")
    assert answer.usage.output_tokens > 0
    assert answer.model_extra is not None
    assert answer.model_extra["x_semcache"]["status"] == "HIT"


def test_the_demo_provider_refuses_what_it_does_not_do(gateway: Served) -> None:
    client = OpenAI(base_url=f"{gateway.url}/v1", api_key="k", max_retries=0)
    with pytest.raises(NotFoundError, match="the demo provider has no /v1/embeddings"):
        client.embeddings.create(model="demo", input="a")
    with pytest.raises(BadRequestError, match="`messages` are needed"):
        client.chat.completions.create(model="demo", messages=[])


def test_every_example_is_run_and_told_of() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {"provider", "chat_app", "rag_with_tags", "agent_with_tools", "decorator"}
    page = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(f"{name}.py" in page for name in names)
