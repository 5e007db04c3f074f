"""The packaged all-MiniLM-L6-v2 on OpenVINO: the default embedder. Needs openvino and tokenizers, never torch."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from semcache.embedders import packaged
from semcache.embedders.windows import PIECE, cut
from semcache.engines import package, prepared
from semcache.engines.compiled import Compiler
from semcache.errors import EmbedderUnavailable
from semcache.models import Embedding

_CLS, _SEP = 101, 102
_WIDTHS: Final = (16, 24, 32)
"""Of the models that are compiled for one short text: a lookup's, as a rule. More than half of all questions fit the
first, which takes three fifths of the time of the last. Of a fixed shape each saves a fifth of what the model of any
shape takes for it, and needs 35 MB. Weights of 8 bits, the worst matrices kept whole, saved a further eighth, at
a cosine down to .9990 for turns of chats: not worth it."""
_RUN_TOKENS: Final = 48
"""Tokens of padding that cost more than a further run of the model: of 8, 16, 24, 48 and 96 the best for batches of 64,
be they alike (even) or mixed (a sixth of the time that they take in one run)."""
_SPLIT: Final = 4
"""Rows below which a run is not split for the sake of another thread."""
_CHARS_A_TOKEN = 4


class MiniLm:
    """Implements `Encoder`. A prepared model lies under `cache_dir`; one is made at the first load."""

    def __init__(self, cache_dir: Path, *, threads: int, batch: int, max_windows: int) -> None:
        """`threads`: of the model; `batch`: most windows in one run; `max_windows`: longer texts give None."""
        self._cache_dir = cache_dir
        self._threads = threads
        self._batch = batch
        self._max_windows = max_windows
        self._space: str | None = None
        self._runtime: Runtime | None = None
        self._preparation = prepared.Preparation(packaged.KIND)

    @property
    def space(self) -> str:
        """Fingerprint of weights, tokenizer, pooling, dimension, normalisation, windows and equivalence class."""
        if self._space is None:
            self._space = packaged.announced_space(self._cache_dir)
        return self._space

    @property
    def dimension(self) -> int:
        """384."""
        return packaged.DIMENSION

    def load(self) -> None:
        """Prepare the model if there is none that is sound, and load it. Minutes the first time, then under 1 s."""
        announced = self.space
        folder = packaged.prepared_dir(self._cache_dir)
        manifest = self._preparation.ensure(folder)
        if packaged.vector_space(manifest.equivalence) != announced:
            # Others have asked for the space by now, and vectors of two spaces must not mix.
            raise EmbedderUnavailable(
                "this machine's vectors are a space of their own: restart the service to use them"
            )
        self._runtime = Runtime(
            folder, precision=manifest.precision, threads=self._threads, batch=self._batch, files=manifest.files
        )

    def windows(self, text: str) -> int:
        """A guess from the length in characters."""
        return 1 + len(text) // (PIECE * _CHARS_A_TOKEN)

    def encode(self, texts: Sequence[str]) -> list[Embedding | None]:
        """See `Encoder.encode`."""
        runtime = self._runtime
        if runtime is None:
            raise EmbedderUnavailable("the model is not loaded")
        rows: list[list[int]] = []
        plans: list[list[tuple[int, int]] | None] = []
        for text in texts:
            tokens = runtime.tokens(text)
            spans = cut(len(tokens), packaged.MAX_TOKENS)
            if len(spans) > self._max_windows:
                plans.append(None)
                continue
            plans.append(spans)
            rows.extend(tokens[start:end] for start, end in spans)
        vectors = runtime.encode_rows(rows)
        results: list[Embedding | None] = []
        at = 0
        for plan in plans:
            if plan is None:
                results.append(None)
                continue
            weights = np.array([max(1, end - start) for start, end in plan], np.float32)
            results.append(Embedding(self.space, vectors[at : at + len(plan)].copy(), weights))
            at += len(plan)
        return results

    def unload(self) -> None:
        """Drop the model."""
        self._runtime = None

    def abort(self) -> None:
        """Kill a preparation that is under way, and allow no other."""
        self._preparation.abort()


class Runtime:
    """A prepared model in memory. Belongs to one thread."""

    def __init__(
        self,
        folder: Path,
        *,
        precision: package.Precision,
        threads: int,
        batch: int,
        files: Mapping[str, str] | None = None,
    ) -> None:
        """`files`: see `Compiler`."""
        self._batch = batch
        try:
            self._tokenizer = package.tokenizer(folder / "tokenizer.json")
            compiler, config = Compiler(folder, files=files), package.runtime_config(precision, threads)
            self._long = compiler.compile(config).create_infer_request()
            # Runs side by side, a thread each, take three quarters of the time that they take one after the other with
            # all threads: of those, each waits for the slowest, which the event loop's core always has.
            compiled = compiler.compile({**config, "NUM_STREAMS": threads}) if threads > 1 else None
            self._many = [compiled.create_infer_request() for _ in range(threads)] if compiled else [self._long]
            self._short = [_Short(compiler, config, width) for width in _WIDTHS]
            compiler.release()
            row = self.tokens("warm up")
            self.encode_rows([row * _WIDTHS[-1]])
            self.encode_rows([row] * (threads * _SPLIT))
        except Exception as error:  # the two libraries raise bare RuntimeError and Exception
            raise EmbedderUnavailable(f"the model in {folder} cannot be loaded: {error}") from error

    def tokens(self, text: str) -> list[int]:
        """Token ids of the whole text, without the special ones."""
        ids: list[int] = self._tokenizer.encode(package.printable(text), add_special_tokens=False).ids
        return ids

    def encode_rows(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """float32 (rows, 384): a unit vector for each window of token ids.

        One window has all threads, a short one also models of its own; of many, alike lengths run together.
        """
        if len(rows) == 1 and len(rows[0]) + 2 <= _WIDTHS[-1]:
            short = next(short for short in self._short if len(rows[0]) + 2 <= short.width)
            vectors = short.encode(rows[0])
        else:
            vectors = self._encode_any(rows, [self._long] if len(rows) == 1 else self._many)
        # bf16 leaves lengths of 1 +- 0.004; the port promises unit rows. One by one: NumPy's way for all at once takes
        # a single row, which finds nothing of it in the processor's caches, twice the time.
        for vector in vectors:
            vector /= math.sqrt(vector.dot(vector))
        return vectors

    def _encode_any(self, rows: Sequence[Sequence[int]], requests: Sequence[Any]) -> NDArray[np.float32]:
        vectors = np.empty((len(rows), packaged.DIMENSION), np.float32)
        most = min(self._batch, max(_SPLIT, -(-len(rows) // len(requests))))
        started: dict[int, _Run] = {}
        try:
            for number, chosen in enumerate(alike([len(row) for row in rows], most)):
                at = number % len(requests)
                if at in started:
                    started.pop(at).finish(vectors)
                started[at] = _Run(requests[at], chosen, [rows[row] for row in chosen])
            for at in list(started):
                started.pop(at).finish(vectors)
        finally:
            for left in started.values():  # after a failure: none may go on when its request is used again
                with contextlib.suppress(RuntimeError):
                    left.finish(vectors)
        return vectors


class _Run:
    """Rows of the batch that run together, started."""

    def __init__(self, request: Any, chosen: list[int], rows: Sequence[Sequence[int]]) -> None:
        width = 2 + max(len(row) for row in rows)
        ids, mask = (np.zeros((len(rows), width), np.int64) for _ in range(2))
        for line, row in enumerate(rows):
            ids[line, : 2 + len(row)] = (_CLS, *row, _SEP)
            mask[line, : 2 + len(row)] = 1
        self._request = request
        self._chosen = chosen
        request.start_async({"input_ids": ids, "attention_mask": mask})  # which copies them

    def finish(self, vectors: NDArray[np.float32]) -> None:
        """Wait for it, and put its vectors where they belong."""
        self._request.wait()
        vectors[self._chosen] = self._request.get_output_tensor(0).data


def alike(lengths: Sequence[int], most: int) -> list[list[int]]:
    """Which rows run together, at most so many: the longest first, until padding costs more than a further run."""
    runs: list[list[int]] = []
    padding = 0
    for at in sorted(range(len(lengths)), key=lambda at: -lengths[at]):
        padding += lengths[runs[-1][0]] - lengths[at] if runs else 0
        if not runs or padding > _RUN_TOKENS or len(runs[-1]) == most:
            runs.append([])
            padding = 0
        runs[-1].append(at)
    return runs


class _Short:
    """The model for one window of at most `width` tokens, special ones included."""

    def __init__(self, compiler: Compiler, config: Mapping[str, object], width: int) -> None:
        tensor = package.runtime().Tensor
        self.width = width
        shapes = {"input_ids": (1, width), "attention_mask": (1, width)}
        self._request = compiler.compile(config, shapes).create_infer_request()
        self._ids, self._mask = (np.zeros((1, width), np.int64) for _ in range(2))
        self._request.set_tensor("input_ids", tensor(self._ids, shared_memory=True))
        self._request.set_tensor("attention_mask", tensor(self._mask, shared_memory=True))
        self._vector: NDArray[np.float32] = self._request.get_output_tensor(0).data
        self.encode([])  # the first run allocates

    def encode(self, row: Sequence[int]) -> NDArray[np.float32]:
        """float32 (1, 384), the caller's own."""
        size = 2 + len(row)
        self._ids[0, :size] = (_CLS, *row, _SEP)
        self._ids[0, size:] = 0
        self._mask[0, :size] = 1
        self._mask[0, size:] = 0
        self._request.infer()
        return self._vector.copy()
