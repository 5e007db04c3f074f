"""What a request costs the interpreter: counts, which a busy machine does not move, so that a later run may be held to.

Each kind of request is sent over one connection to a service whose interpreter is counted (`counting`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from benchmarks.speed import parts
from benchmarks.speed.exact import ANSWER
from benchmarks.speed.parts import Talking
from benchmarks.speed.row import Figures, Measure
from benchmarks.speed.stage import Stage, clean_environment
from benchmarks.speed.texts import WORDINGS, reworded, text

KINDS: Final = (
    "lookup", "lookup, near", "completion", "completion, near", "semantic", "miss", "stream", "bypass", "store",
)  # fmt: skip
_CHAT: Final = "/v1/chat/completions"
_LOOKUP: Final = "/v1/lookup"
_APART: Final = {"x-cache-threshold": "0.999"}
"""Made prompts may be near each other, and every miss must be one."""
_MODEL: Final = "gpt-4o-mini"


def open_work(stage: Stage) -> Measure:
    """Bytecode instructions of each kind, the first decile of its requests: the more have work on them that goes on
    beside the request."""
    asks = stage.plan.asks // 4
    services = {
        near: _counted(stage, "near" if near else "plain", {} if near else parts.near_cache(0) or {})
        for near in (False, True)
    }

    def measure(number: int) -> Figures:
        figures: dict[str, float] = {}
        for kind in KINDS:
            asked = _Asked(services[kind.endswith("near")], number * 1_000_000, asks)
            found = getattr(asked, kind.partition(",")[0])()
            if not all(one == found["wanted"] for one in found["said"]):
                raise RuntimeError(f"{kind}: {found['wanted']} was to be, and there were {sorted(set(found['said']))}")
            figures[kind] = sorted(found["instructions"])[asks // 10]
        return figures

    return measure


class _Asked:
    """Requests of a kind, sent and counted. What they were answered is `said`, and is to be `wanted`."""

    def __init__(self, service: Talking, first: int, asks: int) -> None:
        self._service = service
        self._texts: Iterator[str] = (text(number) for number in range(first, first + asks + 1))

    def lookup(self) -> dict[str, Any]:
        bodies = [{"prompt": one, "model": _MODEL} for one in self._texts]
        self._stored([one["prompt"] for one in bodies])
        return self._tiers(bodies, "exact")

    def completion(self) -> dict[str, Any]:
        return self._statuses([_chat(one) for one in self._texts], "HIT", before=3)

    def semantic(self) -> dict[str, Any]:
        prompts = list(self._texts)
        self._stored(prompts)
        bodies = [{"prompt": reworded(one, at % WORDINGS), "model": _MODEL} for at, one in enumerate(prompts)]
        return self._tiers(bodies, "semantic", before=0)

    def miss(self) -> dict[str, Any]:
        return self._statuses([_chat("m " + one) for one in self._texts], "MISS", headers=_APART)

    def stream(self) -> dict[str, Any]:
        return self._statuses([_chat("s " + one, stream=True) for one in self._texts], "MISS", headers=_APART)

    def bypass(self) -> dict[str, Any]:
        return self._statuses([_chat(one, temperature=1.0) for one in self._texts], "BYPASS")

    def store(self) -> dict[str, Any]:
        bodies = [{"prompt": "t " + one, "model": _MODEL, "response": ANSWER} for one in self._texts]
        found = self._count("/v1/store", bodies)
        return found | {"said": ["entry_id" in one for one in found["answers"]], "wanted": True}

    def _stored(self, prompts: list[str]) -> None:
        items = [{"prompt": one, "model": _MODEL, "response": ANSWER} for one in prompts]
        url = self._service.ask("where")
        for at in range(0, len(items), 64):
            parts.ask(url, "POST", "/v1/store/batch", {"items": items[at : at + 64]})

    def _tiers(self, bodies: list[Any], wanted: str, before: int = 3) -> dict[str, Any]:
        for _ in range(before):  # what is asked again lies in the near cache, where there is one
            self._count(_LOOKUP, bodies)
        found = self._count(_LOOKUP, bodies)
        return found | {"said": [one["tier"] for one in found["answers"]], "wanted": wanted}

    def _statuses(
        self, bodies: list[Any], wanted: str, before: int = 0, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        for at in range(before):
            self._count(_CHAT, bodies, _APART if not at else None)
        found = self._count(_CHAT, bodies, headers)
        return found | {"said": found["statuses"], "wanted": wanted}

    def _count(self, path: str, bodies: list[Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self._service.ask("count", path=path, bodies=bodies, headers=headers or {})
        return found


def _chat(prompt: str, **more: Any) -> dict[str, Any]:
    return {"model": _MODEL, "messages": [{"role": "user", "content": prompt}], **more}


def _counted(stage: Stage, name: str, settings: dict[str, str]) -> Talking:
    """A counted service in mode threshold, without bounds that chance decides, ready."""
    folder = stage.folder / name
    folder.mkdir(mode=0o700)
    data = folder / "data"
    data.mkdir(mode=0o700)
    parts.prepare_model()
    (data / "models").symlink_to(parts.MODELS, target_is_directory=True)
    upstream = parts.provider(stage, delay_ms=0, answer_bytes=len(ANSWER))
    variables = {
        "redis_url": parts.store(stage, f"store-{name}"), "data_dir": str(data), "index_dir": str(folder / "indexes"),
        "log_level": "WARNING", "mode": "threshold", "threshold": "0.8", "upstream_base_url": f"{upstream}/v1",
        "upstream_api_key": "bench", **settings,
    }  # fmt: skip
    environment = clean_environment(**{f"SEMCACHE_{key.upper()}": value for key, value in variables.items()})
    service = Talking(stage, f"counted-{name}", [sys.executable, "-m", "benchmarks.speed.counting"], environment)
    url = service.ask("where")
    deadline = time.monotonic() + parts.READY_S
    while not parts.is_ready(url):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the counted service at {url} is not ready")
        time.sleep(0.05)
    return service
