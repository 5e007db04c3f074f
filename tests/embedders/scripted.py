"""An encoder that does what a test says: hang, fail, count. Its vectors are made from the text's digest."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence

import numpy as np

from semcache.errors import EmbedderUnavailable
from semcache.models import Embedding


class ScriptedEncoder:
    """Implements `Encoder`. While `gate` is clear, `encode` waits at it."""

    def __init__(self) -> None:
        self.space = "scripted"
        self.dimension = 8
        self.batches: list[list[str]] = []
        self.loads = 0
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.load_error: str | None = None
        self.gone_on: str | None = None
        self.unloaded = False

    def load(self) -> None:
        self.loads += 1
        if self.load_error is not None:
            raise EmbedderUnavailable(self.load_error)

    def windows(self, text: str) -> int:
        return 1 + len(text) // 100

    def encode(self, texts: Sequence[str]) -> list[Embedding | None]:
        self.batches.append(list(texts))
        self.entered.set()
        self.gate.wait(30)
        if self.gone_on in texts:
            self.gone_on = None
            raise EmbedderUnavailable("the model died")
        if "poison" in texts:
            raise ValueError("cannot read this")
        return [None if text == "endless" else vector_of(text) for text in texts]

    def unload(self) -> None:
        self.unloaded = True

    def abort(self) -> None:
        self.gate.set()


def vector_of(text: str) -> Embedding:
    """A unit vector that depends on the text alone."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    row = np.random.default_rng(seed).normal(size=(1, 8))
    row /= np.linalg.norm(row)
    return Embedding("scripted", row.astype(np.float32), np.ones(1, np.float32))
