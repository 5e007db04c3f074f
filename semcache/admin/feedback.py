"""What callers say of hits: a wrong one is vetoed for that prompt at once, and what it teaches is recorded.

The veto comes first and stands alone: whatever hinders the rest, a wrong answer is not served to that prompt again. A
hit by meaning teaches something of the two prompts, and is a label; a wrong answer to an entry's own prompt (an exact
hit) only that the answer is bad, and is a vote on the entry. Prompts of a personal entry are never kept.

Where earlier turns may be worded otherwise, a prompt alone does not say who asked; the request id or the messages do.
"""

from __future__ import annotations

from typing import Any

import msgspec

from semcache.cache import SemanticCache
from semcache.errors import EmbedderUnavailable, RequestError, StoreUnavailable
from semcache.labels import Labels
from semcache.models import Entry, base_namespace
from semcache.policy import conversation
from semcache.policy.identity import asker_digest, asking
from semcache.policy.labels import Label, Met, Source
from semcache.policy.normalize import Normalizer
from semcache.policy.similarity import similarity
from semcache.policy.transcript import transcript
from semcache.ports import Embedder, EntryStore, Observer


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller says of a hit: named by the asking prompt or messages, by the norm digest (`asker`), or by both."""

    correct: bool
    who: str
    """The caller, credential and user."""
    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    """The asking conversation, in place of `prompt`."""
    asker: bytes | None = None
    met: Met | None = None
    answer: Any = None


class Feedback:
    """Takes what is said of hits."""

    def __init__(
        self,
        cache: SemanticCache,
        labels: Labels,
        *,
        entries: EntryStore,
        embedder: Embedder | None,
        normalizer: Normalizer,
        observer: Observer,
    ) -> None:
        self._cache = cache
        self._labels = labels
        self._entries = entries
        self._embedder = embedder
        self._normalizer = normalizer
        self._observer = observer

    async def take(self, entry: Entry, said: Said) -> bool | None:
        """Act on it: whether it told something new; None where the entry is gone.

        Raises StoreUnavailable where the veto cannot be written, RequestError where `prompt` or `messages` did not ask
        this hit, or cannot tell.
        """
        asker, asked = self._asker(entry, said)
        if not await self._cache.feedback(entry.entry_id, prompt=None, asker=asker, correct=said.correct):
            return None
        own = asker[:16] == entry.norm_digest[:16]
        pair = not own and entry.owner is None
        alike, sure = None, None
        if pair and said.met is not None:
            alike, sure = said.met.similarity, said.met.confidence
        elif pair and asked:
            alike = await self._similarity(entry.entry_id, asked)
        try:
            return await self._labels.record(
                Label(
                    namespace=base_namespace(entry.namespace),
                    entry_id=entry.entry_id,
                    asked=asked if pair else "",
                    cached=entry.compared if pair else "",
                    conversation=pair and bool(entry.transcript),
                    similarity=alike,
                    confidence=sure,
                    same=said.correct,
                    source=Source.FEEDBACK,
                    principal=await self._labels.principal(said.who),
                    asker=asker[:8].hex(),
                    answer=said.answer if pair else None,
                ),
                pair=pair,
                created_ms=entry.created_ms,
            )
        except StoreUnavailable as error:  # the veto stands; saying it again records it
            self._observer.degraded("labels", error.code, str(error))
            return False

    def _asker(self, entry: Entry, said: Said) -> tuple[bytes, str]:
        """The asker's norm digest, and what was compared where that is known to be of this asker."""
        if said.messages is not None:
            return self._by_messages(entry, said.messages, said.asker)
        told = said.met.asked if said.met is not None else ""
        reworded = bool(entry.transcript) and not entry.pinned

        def digest(text: str) -> bytes:
            return asker_digest(entry.partition, entry.exact_context, text, self._normalizer)

        if said.asker is None:
            if reworded:
                raise RequestError(
                    "this entry answers conversations whose earlier turns may be worded otherwise, so a prompt alone "
                    "does not tell which one asked: give `messages`, or the hit's `request_id`",
                    field="prompt",
                )
            return digest(said.prompt or ""), _after(entry, said.prompt or "")
        if said.prompt is not None:
            if digest(said.prompt) == said.asker:
                return said.asker, _after(entry, said.prompt)
            if not reworded:
                raise RequestError("this hit was not the answer to this prompt: leave `prompt` out", field="prompt")
            if not _ends_with(told, said.prompt):
                raise RequestError(
                    "this hit answered a conversation, and its request id does not tell that it ended so: give "
                    "`messages` in place of `prompt`, or neither",
                    field="prompt",
                )
        if entry.transcript:
            return said.asker, told if conversation.reworded(told, entry.transcript) is not None else ""
        return said.asker, told if told and digest(told) == said.asker else ""

    def _by_messages(self, entry: Entry, messages: list[dict[str, Any]], asker: bytes | None) -> tuple[bytes, str]:
        found = asking(entry, messages, self._normalizer)
        if found is None:
            raise RequestError("no such conversation is answered by this entry by meaning", field="messages")
        if asker is not None and found.digest != asker:
            raise RequestError(
                "this hit was not the answer to this conversation: leave `messages` out", field="messages"
            )
        return found.digest, found.compared

    async def _similarity(self, entry_id: str, asked: str) -> float | None:
        """Cosine of the asking prompt and the entry's; None where a vector is missing."""
        if self._embedder is None or not self._embedder.state().ready:
            return None
        try:
            query = (await self._embedder.embed([asked]))[0]
            if query is None:
                return None
            read = await self._entries.read_many([entry_id], space=query.space)
        except (EmbedderUnavailable, StoreUnavailable):  # it is evidence that the label can do without
            return None
        candidate = read.found.get(entry_id)
        return None if candidate is None or candidate.embedding is None else similarity(query, candidate.embedding)


def _after(entry: Entry, prompt: str) -> str:
    """What was compared of a request that differs from the entry's own in its last message alone."""
    if not entry.transcript:
        return prompt
    earlier = entry.transcript.rpartition("\n")[0]
    return f"{earlier}\n{transcript([('user', prompt)])}"


def _ends_with(told: str, prompt: str) -> bool:
    return told.rpartition("\n")[2] == transcript([("user", prompt)])
