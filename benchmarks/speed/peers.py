"""The peers: the LiteLLM proxy with its Redis cache, and GPTCache with SBERT MiniLM, SQLite and FAISS.

They live in an environment of their own (`.cache/peers`), made at first need from the versions below. Where it cannot
be made, their figures are left out and the result says why. Neither is let talk to anybody but us.
"""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from benchmarks.speed.parts import Talking, answers
from benchmarks.speed.stage import CACHE, Stage, clean_environment
from benchmarks.speed.texts import free_port
from semcache.engines.package import model_dir

PINS: Final = {
    "litellm[proxy]": "1.106.2",
    "gptcache": "0.1.44",
    "sentence-transformers": "6.2.0",
    "transformers": "5.23.0",
    "torch": "2.13.0",
    "faiss-cpu": "1.15.1",
    "sqlalchemy": "2.1.9",
    "redis": "8.1.0",
    "hiredis": "3.5.0",
}
_HOME: Final = CACHE / "peers"
_MARK: Final = _HOME / ".made"
_INSTALL_S: Final = 1_500
_START_S: Final = 300.0
_OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True", "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOCAL_AUTOROUTER_PRESETS": "True", "LITELLM_LOCAL_POLICY_TEMPLATES": "True", "LITELLM_LOG": "ERROR",
    "NO_PROXY": "*",
}  # fmt: skip


class NoPeers(Exception):
    """The environment of the peers cannot be made; says why."""


class _Choice:
    wanted = True
    index: str | None = None


def choose(*, wanted: bool, index: str | None) -> None:
    """Whether the peers are measured, and a further package index to install them from."""
    _Choice.wanted, _Choice.index = wanted, index
    python.cache_clear()


@functools.cache
def python() -> Path:
    """The interpreter of the peers' environment, made if need be. Raises NoPeers."""
    if not _Choice.wanted:
        raise NoPeers("the peers were left out, as was asked")
    path = _HOME / "bin" / "python"
    wanted = [f"{name}=={version}" for name, version in PINS.items()]
    mark = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()
    if path.exists() and _MARK.exists() and _MARK.read_text() == mark:
        return path
    print(f"making {_HOME} for the peers (minutes, once): {', '.join(wanted)}", file=sys.stderr)
    shutil.rmtree(_HOME, ignore_errors=True)
    extra = ["--extra-index-url", _Choice.index] if _Choice.index else []
    try:
        _run([sys.executable, "-m", "venv", str(_HOME)])
        _run([str(path), "-m", "pip", "--disable-pip-version-check", "install", "-q", *extra, *wanted])
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise NoPeers(f"the peers cannot be installed: {said[-1] if said else error}") from error
    _MARK.write_text(mark)
    return path


def versions() -> dict[str, str]:
    """Installed versions of what is pinned. Raises NoPeers."""
    names = [name.partition("[")[0] for name in PINS]
    code = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    done = _run([str(python()), "-c", code, *names])
    found: dict[str, str] = json.loads(done)
    return found


def litellm(stage: Stage, store_url: str, provider_url: str) -> str:
    """A LiteLLM proxy over this store and provider; its URL. Raises NoPeers where it does not come up."""
    proxy = python().with_name("litellm")
    port, parts = free_port(), urlsplit(store_url)
    config = stage.folder / "litellm.yaml"
    config.write_text(
        json.dumps(  # JSON is YAML
            {
                "model_list": [
                    {
                        "model_name": "gpt-4o-mini",
                        "litellm_params": {
                            "model": "openai/gpt-4o-mini",
                            "api_base": f"{provider_url}/v1",
                            "api_key": "bench",
                        },
                    }
                ],
                "litellm_settings": {
                    "cache": True,
                    "cache_params": {"type": "redis", "host": str(parts.hostname), "port": str(parts.port)},
                    "telemetry": False,
                },
                # Ours runs without keys too: neither pays for checking one.
                "general_settings": {"dangerously_permit_weak_or_unset_master_key": True},
            }
        )
    )
    started = stage.start(
        "litellm",
        [str(proxy), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"],
        clean_environment(**_OFFLINE),
    )
    url = f"http://127.0.0.1:{port}"
    try:
        started.wait_until(lambda: answers(url, "/health/liveliness"), seconds=_START_S)
    except (RuntimeError, TimeoutError) as error:
        raise NoPeers(f"the LiteLLM proxy does not start: {str(error).splitlines()[-1]}") from error
    return url


def gptcache(stage: Stage) -> Talking:
    """GPTCache in a process of its own. Raises NoPeers. See `gptcache_peer` for its jobs."""
    script = Path(__file__).with_name("gptcache_peer.py")
    folder = stage.folder / "gptcache"
    folder.mkdir()
    command = [str(python()), str(script), str(model_dir()), str(folder)]
    return Talking(stage, "gptcache", command, clean_environment(**_OFFLINE), folder=folder)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
    return done.stdout
