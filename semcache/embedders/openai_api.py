"""OpenAI embeddings, or any server that speaks the same API. Network only: no model here, so no owner thread."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from pydantic import SecretStr

from semcache.engines.package import fingerprint, printable
from semcache.errors import EmbedderOverloaded, EmbedderTimeout, EmbedderUnavailable
from semcache.models import Embedding
from semcache.ports import EmbedderState

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

WHOLE_BYTES = 8000
"""Longest text sent in one piece. The models take 8,191 tokens, and a byte-level token is a byte at least."""
PIECE_BYTES = 2000
"""Longest piece of a longer text."""
END_CHARS = 96
"""Length of the two short pieces over its ends; see `windows.END`."""
RETRIES = 2
"""Of one request, after a refusal or a lost connection; always inside the deadline."""
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0


class OpenAiEmbedder:
    """Implements `ports.Embedder` by HTTP. Belongs to one event loop."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None,
        api_key: SecretStr | None,
        dimensions: int | None,
        queue: int,
        batch: int,
        max_windows: int,
        deadline_s: float,
    ) -> None:
        """`dimensions`: components to ask for, None for the model's own; `queue`: texts in flight; rest as settings."""
        self._model = model
        self._base_url = base_url
        self._api_key = api_key
        self._asked = dimensions
        self._dimension = dimensions
        self._limit = queue
        self._batch = batch
        self._max_windows = max_windows
        self._deadline_s = deadline_s
        self._space = fingerprint(
            f"openai-{model}", model, dimensions or "own", "l2", f"bytes-{WHOLE_BYTES}-{PIECE_BYTES}-{END_CHARS}"
        )
        self._client: AsyncOpenAI | None = None
        self._in_flight = 0
        self._failure = "not started"
        self._starter: asyncio.Task[None] | None = None

    @property
    def space(self) -> str:
        """Fingerprint of the model's name, the dimensions asked for, and how long texts are cut."""
        return self._space

    @property
    def dimension(self) -> int:
        """The setting, or what the first answer had. Raises EmbedderUnavailable before."""
        if self._dimension is None:
            raise EmbedderUnavailable(f"the dimension of {self._model} is not known before its first answer")
        return self._dimension

    def state(self) -> EmbedderState:
        """Ready when the last request was answered; else why it was not."""
        return EmbedderState(ready=not self._failure, detail=self._failure)

    async def start(self) -> None:
        """Begin to make the client and to ask for one embedding, until there is an answer."""
        if self._starter is None:
            self._failure = "preparing"
            self._starter = asyncio.create_task(self._prepare())

    async def aclose(self) -> None:
        """Stop asking and close connections."""
        if self._starter is not None:
            self._starter.cancel()
            await asyncio.gather(self._starter, return_exceptions=True)
        client, self._client = self._client, None
        self._failure = "stopped"
        if client is not None:
            await client.close()

    async def embed(self, texts: Sequence[str], *, deadline_s: float | None = None) -> list[Embedding | None]:
        """See `ports.Embedder.embed`."""
        client = self._client
        if client is None:
            raise EmbedderUnavailable(f"embedder: {self._failure}")
        if self._in_flight + len(texts) > self._limit:
            raise EmbedderOverloaded(f"{self._in_flight} texts are in flight, {self._limit} may be")
        limit = self._deadline_s if deadline_s is None else deadline_s
        self._in_flight += len(texts)
        try:
            async with asyncio.timeout(limit):
                return await self._embed(client, texts, limit)
        except TimeoutError:
            self._failure = f"no answer within {limit:g} s"
            raise EmbedderTimeout(self._failure) from None
        except EmbedderUnavailable as error:
            self._failure = str(error)
            raise
        finally:
            self._in_flight -= len(texts)

    async def _embed(self, client: AsyncOpenAI, texts: Sequence[str], limit: float) -> list[Embedding | None]:
        plans = [split(printable(text)) for text in texts]
        pieces = [piece for plan in plans if len(plan) <= self._max_windows for piece in plan]
        chunks = [pieces[at : at + self._batch] for at in range(0, len(pieces), self._batch)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._request(client, chunk, limit)) for chunk in chunks]
        except ExceptionGroup as failures:  # the first to fail cancelled the others
            raise failures.exceptions[0] from failures
        rows = [row for task in tasks for row in task.result()]
        results: list[Embedding | None] = []
        at = 0
        for plan in plans:
            if len(plan) > self._max_windows:
                results.append(None)
                continue
            weights = np.array([max(1.0, len(piece) / 4) for piece in plan], np.float32)
            results.append(Embedding(self._space, np.stack(rows[at : at + len(plan)]), weights))
            at += len(plan)
        return results

    async def _request(self, client: AsyncOpenAI, pieces: list[str], limit: float) -> list[NDArray[np.float32]]:
        """Unit vectors of the pieces. Raises EmbedderUnavailable kinds; all foreign errors end here."""
        import openai

        try:
            answer = await client.embeddings.create(
                model=self._model,
                input=pieces,
                encoding_format="float",
                dimensions=self._asked if self._asked is not None else openai.omit,
                timeout=limit,
            )
            by_index = {item.index: np.asarray(item.embedding, np.float32) for item in answer.data}
            rows = [by_index[at] for at in range(len(pieces))]
        except openai.APITimeoutError as error:
            raise EmbedderTimeout(str(error)) from error
        except openai.RateLimitError as error:
            raise EmbedderOverloaded(str(error)) from error
        except openai.OpenAIError as error:
            raise EmbedderUnavailable(f"{type(error).__name__}: {error}") from error
        except (ValueError, TypeError, AttributeError, LookupError) as error:  # an answer of another shape
            raise EmbedderUnavailable(f"no embeddings in the answer: {type(error).__name__}: {error}") from error
        return [self._unit(row) for row in rows]

    def _unit(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        norm = float(np.linalg.norm(row)) if row.ndim == 1 else 0.0
        if not (norm > 0 and math.isfinite(norm)):
            raise EmbedderUnavailable("the answer holds a vector that is none")
        if self._dimension is None:
            self._dimension = len(row)
        if len(row) != self._dimension:
            raise EmbedderUnavailable(f"a vector of {len(row)} components where {self._dimension} are expected")
        self._failure = ""
        unit: NDArray[np.float32] = row / np.float32(norm)
        return unit

    async def _prepare(self) -> None:
        pause = FIRST_PAUSE_S
        while True:
            try:
                if self._client is None:
                    self._client = await asyncio.to_thread(self._connect)
                await self.embed(["dimension"])
                log.info("embedder ready, space %s", self._space)
                return
            except EmbedderUnavailable as error:
                self._failure = str(error)
                log.error("embedder unavailable: %s", error)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _connect(self) -> AsyncOpenAI:
        """Import the library, which takes a while, and make its client, which makes no connection."""
        import openai

        key = self._api_key.get_secret_value() if self._api_key is not None else None
        try:
            return openai.AsyncOpenAI(api_key=key, base_url=self._base_url, max_retries=RETRIES)
        except openai.OpenAIError as error:
            raise EmbedderUnavailable(f"the OpenAI client cannot be made: {error}") from error


def split(text: str) -> list[str]:
    """The text where the API takes it whole; else its head, about equal pieces that make it up, its tail."""
    size = len(text) if text.isascii() else len(text.encode())
    if size <= WHOLE_BYTES:
        return [text]
    # By the bytes of each character, so that a piece is never longer than PIECE_BYTES in any script.
    count = math.ceil(size / (PIECE_BYTES - 3))
    edges, used = [0], 0
    for at, character in enumerate(text):
        if used >= len(edges) * size / count:
            edges.append(at)
        used += len(character.encode())
    return [text[:END_CHARS], *(text[start:end] for start, end in pairwise([*edges, len(text)])), text[-END_CHARS:]]
