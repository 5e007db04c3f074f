"""The process of a sentence-transformers model: `python -m semcache.embedders.st_worker MODEL THREADS`.

Speaks `pipes` on standard input and output, logs on standard error, and ends when its standard input closes, that is,
when the service is gone, be it in the midst of a batch.
"""

from __future__ import annotations

import hashlib
import os
import queue
import sys
import threading
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np

from semcache.embedders.pipes import Answer, Ask, Hello, receive, send
from semcache.embedders.windows import PIECE, cut

_LARGEST_WINDOW = 8192
"""Tokens, for models that state no limit of their own."""


def main(arguments: list[str]) -> int:
    """Load the model and answer until standard input closes."""
    model_name, threads = arguments[0], int(arguments[1])
    replies = os.dup(1)
    os.dup2(2, 1)  # what libraries print must not get among the messages
    asks: queue.SimpleQueue[Ask] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(asks,), daemon=True).start()
    model = _Model(model_name, threads)
    send(replies, Hello(dimension=model.dimension, fingerprint=model.fingerprint()))
    while True:
        ask = asks.get()
        try:
            answer = model.answer(ask)
        except Exception as error:  # noqa: BLE001 - whatever a model raises for a text; the asker is told
            answer = Answer(error=f"{type(error).__name__}: {error}")
        send(replies, answer)


def _listen(asks: queue.SimpleQueue[Ask]) -> None:
    while (body := receive(0)) is not None:
        asks.put(msgspec.msgpack.decode(body, type=Ask))
    os._exit(0)


class _Model:
    def __init__(self, name: str, threads: int) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(threads)
        self._model: Any = SentenceTransformer(name, device="cpu")
        self._tokenizer: Any = self._model.tokenizer
        longest = min(self._model.max_seq_length or _LARGEST_WINDOW, _LARGEST_WINDOW)
        self._whole = max(1, longest - self._tokenizer.num_special_tokens_to_add())
        self.dimension = int(self._model.encode(["warm up"], show_progress_bar=False).shape[1])

    def fingerprint(self) -> str:
        """SHA-256 over weights, tokenizer, modules and window."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self._model.state_dict().items()):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            digest.update(tensor.contiguous().view(-1).numpy().tobytes())
        digest.update(repr(sorted(self._tokenizer.get_vocab().items())).encode())
        digest.update(f"{[type(part).__name__ for part in self._model]} {self._whole}".encode())
        return digest.hexdigest()

    def answer(self, ask: Ask) -> Answer:
        """Vectors of all texts, windows cut as for the default embedder."""
        pieces: list[str] = []
        weights: list[int] = []
        windows: list[int] = []
        for text in ask.texts:
            spans, offsets = self._spans(text)
            if len(spans) > ask.max_windows:
                windows.append(0)
                continue
            windows.append(len(spans))
            whole = len(spans) == 1
            pieces.extend(text if whole else text[offsets[start][0] : offsets[end - 1][1]] for start, end in spans)
            weights.extend(max(1, end - start) for start, end in spans)
        if not pieces:
            return Answer(windows=windows)
        rows = self._model.encode(pieces, batch_size=ask.batch, show_progress_bar=False, normalize_embeddings=True)
        vectors = np.ascontiguousarray(rows, np.float32)
        return Answer(windows=windows, vectors=vectors.tobytes(), weights=np.array(weights, np.float32).tobytes())

    def _spans(self, text: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Windows as spans of tokens, and where each token lies in the text."""
        if self._tokenizer.is_fast:
            encoded = self._tokenizer(
                text, add_special_tokens=False, truncation=False, return_offsets_mapping=True, verbose=False
            )
            offsets = [(int(start), int(end)) for start, end in encoded["offset_mapping"]]
        else:  # no offsets: taken as equally long, which is near enough to cut by
            count = max(1, len(self._tokenizer.tokenize(text)))
            edges = [round(at * len(text) / count) for at in range(count + 1)]
            offsets = list(pairwise(edges))
        return cut(len(offsets), self._whole, min(PIECE, self._whole)), offsets


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
