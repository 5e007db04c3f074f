"""One embeddings request: what it asks for, what of that is kept, what upstream said of the rest, and the answer.

Pure; who looks up, asks upstream and stores is `embeddings.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from semcache.gateway.bodies import unambiguous
from semcache.gateway.dialects.reading import RESERVED
from semcache.gateway.errands import Errand
from semcache.models import Bypass, CacheRequest, FillToken, Hit, Miss, MissReason, Outcome

PROTOCOL: Final = "openai.embeddings"


class Kept(msgspec.Struct, frozen=True):
    """An entry's response: the vector as upstream spelled it, and its share of the tokens."""

    embedding: msgspec.Raw
    tokens: int


class _Vector(msgspec.Struct):
    embedding: msgspec.Raw
    index: int


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    total_tokens: int = 0


class Vectors(msgspec.Struct):
    """What upstream says, as far as it must be understood."""

    data: list[_Vector]
    model: str
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Shared(msgspec.Struct, array_like=True):
    """What one call brought, for those who asked for the same at the time."""

    model: str
    vectors: list[tuple[bytes, bytes, int, int, int]]
    """Of each input: its JSON, its vector's, its tokens; epoch and fence of its miss (`FillToken`)."""


_shared = msgspec.msgpack.Decoder(_Shared)
_kept = msgspec.json.Decoder(Kept)
_answers = msgspec.json.Decoder(Vectors)


class Batch:
    """The inputs of one request, equal ones once."""

    def __init__(self, body: dict[str, Any], inputs: list[Any], errand: Errand) -> None:
        self._body = body
        self.errand = errand
        known: dict[bytes, int] = {}
        self._known = known
        self._inputs: list[Any] = []
        self.order: list[int] = []
        """For each input as it was given: its number among the unique ones."""
        for one in inputs:
            key = msgspec.json.encode(one)
            if key not in known:
                known[key] = len(self._inputs)
                self._inputs.append(one)
            self.order.append(known[key])
        self.unique = range(len(self._inputs))
        params = {name: value for name, value in body.items() if name not in ("input", "model")}
        params["protocol"] = PROTOCOL
        self.requests: list[CacheRequest] = [
            errand.request([{"role": "input", "input": one}], params, None) for one in self._inputs
        ]
        self.vectors: dict[int, Kept] = {}
        self.fills: dict[int, FillToken | None] = {}
        self.missing: list[int] = []
        self.worst = Miss(reason=MissReason.NOT_FOUND)
        self.oldest: Hit
        self.headers: list[tuple[bytes, bytes]] = []
        self.cost_usd: float | None = None
        self.saved_usd: float | None = None
        self.model = errand.model
        self.collapsed: set[int] = set()
        """Inputs that came with somebody else's call."""
        self.same_version = True
        """What upstream said last is of the version that the kept ones are of."""

    def take(self, number: int, outcome: Outcome) -> None:
        """What the cache said of an input."""
        if isinstance(outcome, Hit):
            kept = _read_kept(outcome.entry.response)
            if kept is None:  # an entry that somebody stored by hand: fetched anew
                self._lacks(number, Miss(reason=MissReason.NOT_FOUND))
                return
            self.vectors[number] = kept
            if not hasattr(self, "oldest") or outcome.entry.created_ms < self.oldest.entry.created_ms:
                self.oldest = outcome
            if outcome.entry.cost_usd is not None:
                self.saved_usd = (self.saved_usd or 0.0) + outcome.entry.cost_usd
            reported = (outcome.entry.metadata or {}).get("upstream_model")
            self.model = reported if isinstance(reported, str) else self.model
        else:
            self._lacks(number, outcome)

    def _lacks(self, number: int, outcome: Miss | Bypass) -> None:
        self.missing.append(number)
        self.missing.sort()
        self.fills[number] = outcome.fill if isinstance(outcome, Miss) else None
        if isinstance(outcome, Miss):
            self.worst = outcome

    @property
    def cached_inputs(self) -> int:
        """Inputs, equal ones counted each, that the cache had."""
        lacking = self.collapsed.union(self.missing)
        return sum(number not in lacking for number in self.order)

    def body_for_missing(self) -> bytes:
        """The request's body, asking for the missing inputs only; the very bytes where all are missing."""
        if len(self.missing) == len(self.order):
            return self.errand.ask.body
        return msgspec.json.encode({**self._body, "input": [self._inputs[number] for number in self.missing]})

    def forget(self) -> None:
        """What is kept does not count: all inputs are missing, and nothing is to be stored."""
        self.vectors.clear()
        self.missing = list(self.unique)
        self.fills = dict.fromkeys(self.unique)
        self.saved_usd = None

    def fill(self, found: Vectors, cost_usd: float | None) -> None:
        """Take in what upstream said, in any order, and what that cost; tokens are shared out by length."""
        self.model = found.model
        if cost_usd is not None:
            self.cost_usd = (self.cost_usd or 0.0) + cost_usd
        lengths = [max(1, len(self._inputs[number])) for number in self.missing]
        shares = shared_out(found.usage.prompt_tokens, lengths)
        for vector in found.data:
            number = self.missing[vector.index]
            self.vectors[number] = Kept(vector.embedding, shares[vector.index])

    def share(self) -> bytes:
        """What upstream said, for `take_shared` of others."""
        keys = {number: key for key, number in self._known.items()}
        told = [
            (keys[number], bytes(kept.embedding), kept.tokens, fill.epoch, fill.fence)
            for number, kept in self._asked_for()
            if (fill := self.fills[number]) is not None
        ]
        return msgspec.msgpack.encode(_Shared(self.model, told))

    def take_shared(self, data: bytes) -> None:
        """Take what another's call brought of what is missing here, if nothing was invalidated since it asked."""
        found = _shared.decode(data)
        for key, embedding, tokens, epoch, fence in found.vectors:
            number = self._known.get(key, -1)
            fill = self.fills.get(number)
            if number in self.missing and fill is not None and fill.epoch == epoch and fill.fence <= fence:
                self.vectors[number] = Kept(msgspec.Raw(embedding), tokens)
                self.missing.remove(number)
                self.collapsed.add(number)
                self.model = found.model

    def _asked_for(self) -> Iterator[tuple[int, Kept]]:
        return ((number, self.vectors[number]) for number in self.missing)

    def answer(self) -> bytes:
        """The body as upstream would have given it for all inputs."""
        tokens = sum(self.vectors[number].tokens for number in self.order)
        data = b",".join(
            b'{"object":"embedding","index":%d,"embedding":%b}' % (at, bytes(self.vectors[number].embedding))
            for at, number in enumerate(self.order)
        )
        model = msgspec.json.encode(self.model)
        usage = b'{"prompt_tokens":%d,"total_tokens":%d}' % (tokens, tokens)
        return b'{"object":"list","data":[%b],"model":%b,"usage":%b}' % (data, model, usage)


def _read_kept(response: bytes) -> Kept | None:
    try:
        kept = _kept.decode(response)
    except msgspec.DecodeError:
        return None
    return kept if _is_vector(kept.embedding) and kept.tokens >= 0 else None


def read(raw: bytes) -> tuple[dict[str, Any], list[Any]] | None:
    """The body and its inputs; None for what is no embeddings request."""
    body = unambiguous(raw)
    if body is None or not isinstance(body.get("model"), str) or not body["model"]:
        return None
    if any(name in body for name in RESERVED):
        return None
    given = body.get("input")
    if isinstance(given, str):
        return body, [given]
    if not isinstance(given, list) or not given:
        return None
    if all(isinstance(one, str) for one in given):
        return body, given
    if all(type(one) is int for one in given):
        return body, [given]
    if all(isinstance(one, list) and one and all(type(token) is int for token in one) for one in given):
        return body, given
    return None


def understood(raw: bytes, count: int) -> Vectors | None:
    """Upstream's answer, if it has a vector for each input that was asked for."""
    try:
        found = _answers.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    whole = sorted(vector.index for vector in found.data) == list(range(count))
    return found if whole and all(map(_is_vector, (vector.embedding for vector in found.data))) else None


def _is_vector(embedding: msgspec.Raw) -> bool:
    """Numbers or base64, and some of it."""
    text = bytes(embedding)
    return (text[:1] == b"[" and text[1:-1].strip() != b"") or (text[:1] == b'"' and text != b'""')


def shared_out(total: int, lengths: Sequence[int]) -> list[int]:
    """Whole numbers in the ratio of `lengths` that add up to `total`."""
    whole = sum(lengths)
    shares, given, passed = [], 0, 0
    for length in lengths:
        passed += length
        upto = total * passed // whole
        shares.append(upto - given)
        given = upto
    return shares
