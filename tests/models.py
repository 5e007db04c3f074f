"""Loaded models that go from one service under test to the next, instead of being compiled for each anew.

Loading is proven where it is the matter: `embedders/`, `verifier/`, `contract/`, and every service that is a process of
its own. Elsewhere it was most of what a test cost: half a second of a core for the embedder, two for the verifier.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, Final

import pytest

from semcache.embedders import minilm
from semcache.verifier import judge


class Lender:
    """Makes what nobody has given back; a runtime is in one thread's hands at a time."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._idle: dict[Hashable, list[Any]] = defaultdict(list)
        self._keys: dict[int, Hashable] = {}

    def lend(self, folder: Path, **how: Any) -> Any:
        """Stands for the runtime's constructor."""
        key = (folder.resolve(), repr(sorted(how.items())))
        with self._lock:
            if self._idle[key]:
                return self._idle[key].pop()
        made = self._make(folder, **how)
        self._keys[id(made)] = key  # it is never dropped, so its id is its own
        return made

    def take_back(self, runtime: Any) -> None:
        """From a model that is unloaded."""
        with self._lock:
            self._idle[self._keys[id(runtime)]].append(runtime)


_EMBEDDERS: Final = Lender(minilm.Runtime)
_VERIFIERS: Final = Lender(judge.Runtime)


def lend(patch: pytest.MonkeyPatch) -> None:
    """Have the packaged embedder and verifier of this process borrow what they load."""
    for module, model, lender in (
        (minilm, minilm.MiniLm, _EMBEDDERS),
        (judge, judge.PackagedJudge, _VERIFIERS),
    ):
        patch.setattr(module, "Runtime", lender.lend)
        patch.setattr(model, "unload", _giving_back(lender))


def _giving_back(lender: Lender) -> Callable[[Any], None]:
    def unload(model: Any) -> None:
        runtime, model._runtime = model._runtime, None
        if runtime is not None:
            lender.take_back(runtime)

    return unload
