"""What became known of pairs of prompts, kept in the store: labels to learn from, and each entry's evidence.

Three things lie in the control plane, shared by the replicas, there after a restart:

* labels, in two capped streams a namespace (feedback apart, so that no caller can push the measured ones out), and
  their counts;
* evidence: the last vote of each witness about each prompt of an entry, a field of a hash that ends KEPT_S after its
  day. It holds hashes, no text. Setting a field twice counts once, whichever replicas did it;
* a short stream of votes, by which every replica's table follows within POLL_S.

`standing` and `evidence` read that table: no I/O, so a lookup may ask. Feedback counts for the record that it was said
of (a fresh answer starts anew); a comparison is about the prompts and counts on.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from typing import Final
from urllib.parse import quote, unquote

import msgspec

from semcache.errors import SemcacheError, StoreUnavailable
from semcache.policy import trust
from semcache.policy.labels import Label, Source, kept
from semcache.policy.trust import Standing, Vote
from semcache.ports import Control

log = logging.getLogger(__name__)

MOST_LABELS: Final = 10_000
"""Labels kept of one namespace: of feedback, and as many of comparisons."""
MOST_OF_ONE: Final = 16
"""Prompts for which one principal's votes on an entry are kept: more of them would weigh nothing more."""
MOST_COMPARED: Final = 64
"""The same for comparisons."""
MOST_VOTES: Final = 1024
"""Votes weighed of one entry, the newest."""
MOST_ENTRIES: Final = 100_000
"""Entries with evidence that a replica remembers; those that were voted on last."""
KEPT_S: Final = 30 * 86_400.0
POLL_S: Final = 0.5
RELOAD_S: Final = 300.0
"""Everything is read anew so often, and whenever the stream of votes may have gone past: what was missed is mended."""

_LABELS: Final = "labels:"
_FEEDBACK: Final = "feedback:"
_VOTES: Final = "votes"
_VOTES_CAP: Final = 10_000
_EVIDENCE: Final = "evidence:"
_DAY_MS: Final = 86_400_000
_PAGE: Final = 500
_AT_ONCE: Final = 8
_SECRET: Final = "labels-secret"
_CLEARED: Final = "cleared"

_decode: Final = msgspec.json.Decoder(Label).decode


class Labels:
    """Labels and evidence of one service. Belongs to one event loop."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._table: dict[str, dict[tuple[str, str], tuple[bool, int]]] = {}
        """Entry id -> (voter, prompt) -> (same, when); the entry voted on last stands last."""
        self._position = ""
        """In the stream of votes; "" before everything was read."""
        self._secret: bytes | None = None

    # -- recording ------------------------------------------------------------------------------------------------

    async def record(self, label: Label, *, pair: bool = True, created_ms: int = 0) -> bool:
        """Keep a label, and count it as a vote on its entry; False where the same was said before.

        Without `pair` it is a vote alone: of an entry's own prompt, say, whose answer was wrong. `created_ms`: the
        birth of the record, since what was said of an earlier answer was not said of this one. Raises
        StoreUnavailable; what was done until then counts, and doing it again does no harm.
        """
        label = kept(label)
        voter = label.principal or ""
        known = self._table.get(label.entry_id, {}).get((voter, label.asker))
        if known is not None and known[0] == label.same and known[1] >= created_ms and voter:
            return False
        at_ms = label.at_ms
        if pair:
            name = quote(label.namespace, safe="")
            stream = (_FEEDBACK if label.source is Source.FEEDBACK else _LABELS) + name
            line = {"label": msgspec.json.encode(label).decode()}
            stream_id = await self._control.append(stream, line, cap=MOST_LABELS)
            at_ms = at_ms or _ms(stream_id)
            await self._control.add(_LABELS + name, {f"{label.source}:{'same' if label.same else 'other'}": 1})
        if known is None and self._spent(label.entry_id, voter):
            return pair
        field = f"{label.entry_id}:{voter}:{label.asker}"
        stream_id = await self._control.append(
            _VOTES, {"of": field, "same": "1" if label.same else "0", "at": str(at_ms)}, cap=_VOTES_CAP
        )
        at_ms = at_ms or _ms(stream_id)
        value = f"{'1' if label.same else '0'}@{at_ms}"
        bucket = f"{_EVIDENCE}{at_ms // _DAY_MS}:{label.entry_id[1:2]}"
        await self._control.hset(bucket, {field: value}, ttl_s=KEPT_S + _DAY_MS / 1000)
        self._apply(field, label.same, at_ms)
        return True

    def _spent(self, entry_id: str, voter: str) -> bool:
        """Whether a witness has as many votes on an entry as are kept of one."""
        cast = sum(one == voter for one, _ in self._table.get(entry_id, {}))
        return cast >= (MOST_OF_ONE if voter else MOST_COMPARED)

    async def principal(self, who: str) -> str:
        """16 hex digits that stand for a principal: keyed, so that they tell nothing to who reads the store's labels.

        Raises StoreUnavailable while the key is not known.
        """
        if self._secret is None:
            self._secret = await self._shared_secret()
        return hmac.digest(self._secret, who.encode(), "sha256").hex()[:16]

    async def _shared_secret(self) -> bytes:
        """The first one in a log: its order decides between replicas that offer one at once."""
        first = await self._control.tail(_SECRET, count=1)
        if not first:
            await self._control.append(_SECRET, {"secret": secrets.token_hex(32)}, cap=1000)
            first = await self._control.tail(_SECRET, count=1)
        try:
            return bytes.fromhex(first[0][1]["secret"])
        except (IndexError, KeyError, ValueError) as error:
            raise StoreUnavailable("the key of principals in the store cannot be read") from error

    # -- labels ---------------------------------------------------------------------------------------------------

    async def namespaces(self) -> dict[str, dict[str, int]]:
        """Namespaces that have labels, with how many were ever recorded, as `<source>:same` and `<source>:other`."""
        found = {}
        for name in await self._control.names(_LABELS):
            counts = await self._control.hget_all(name)
            found[unquote(name.removeprefix(_LABELS))] = {key: int(float(count)) for key, count in counts.items()}
        return found

    async def read(self, namespace: str, *, sources: Collection[Source] = tuple(Source)) -> AsyncIterator[Label]:
        """The labels kept of a namespace, of each stream in the order of their recording. Raises StoreUnavailable."""
        name = quote(namespace, safe="")
        streams = [_FEEDBACK] if Source.FEEDBACK in sources else []
        streams += [_LABELS] if any(source is not Source.FEEDBACK for source in sources) else []
        for stream in streams:
            after = "0-0"
            while page := await self._control.tail(stream + name, after=after, count=_PAGE):
                for stream_id, fields in page:
                    label = _label(stream_id, fields)
                    if label is not None and label.source in sources:
                        yield label
                after = page[-1][0]

    async def clear(self, namespace: str) -> None:
        """Drop the labels of a namespace, texts and all; votes, which hold no text, stay. Raises StoreUnavailable."""
        name = quote(namespace, safe="")
        for stream in (_FEEDBACK, _LABELS):
            await self._control.append(stream + name, {_CLEARED: "1"}, cap=1)

    # -- evidence -------------------------------------------------------------------------------------------------

    def standing(self, entry_id: str, created_ms: int = 0) -> Standing | None:
        """How an entry stands, of whose record `created_ms` is the birth; None where nothing is known."""
        votes = self._table.get(entry_id)
        if votes is None:
            return None
        return trust.standing(
            Vote(voter, about, same)
            for (voter, about), (same, at_ms) in votes.items()
            if not voter or at_ms >= created_ms
        )

    def evidence(self, entry_ids: Iterable[str]) -> dict[str, tuple[float, float]]:
        """Units of right and wrong (`policy.trust`) of those entries that have any."""
        found = {entry_id: self.standing(entry_id) for entry_id in entry_ids}
        return {entry_id: (one.right, one.wrong) for entry_id, one in found.items() if one is not None}

    async def run(self) -> None:
        """Follow the votes of all replicas until cancelled."""
        failing = False
        loop = asyncio.get_running_loop()
        loaded_at = loop.time()
        while True:
            try:
                if loop.time() - loaded_at > RELOAD_S:
                    self._position = ""
                if not self._position:
                    loaded_at = loop.time()
                await self.follow()
                failing = False
            except SemcacheError as error:
                if not failing:
                    log.warning("evidence of other replicas is not followed until the store answers: %s", error)
                failing = True
                self._position = ""
            await asyncio.sleep(POLL_S)

    async def follow(self) -> None:
        """Bring the table up to the store's; the first time, and after a gap, by reading everything."""
        if not self._position:
            await self._load()
        while True:
            page = await self._control.tail(_VOTES, after=self._position, count=_PAGE)
            if len(page) == _PAGE:  # fewer are only left where nothing was trimmed behind our back
                oldest = await self._control.tail(_VOTES, count=1)
                if _order(oldest[0][0]) > _order(self._position):
                    await self._load()
                    continue
            for stream_id, fields in page:
                self._take(stream_id, fields)
            if page:
                self._position = page[-1][0]
            if len(page) < _PAGE:
                return

    async def _load(self) -> None:
        newest = await self._control.tail(_VOTES, count=1, newest=True)
        names = await self._control.names(_EVIDENCE)
        fields: dict[str, str] = {}
        for start in range(0, len(names), _AT_ONCE):
            for part in await asyncio.gather(*map(self._control.hget_all, names[start : start + _AT_ONCE])):
                for field, value in part.items():
                    if _at(value) >= _at(fields.get(field, "")):  # one that was said again on another day
                        fields[field] = value
        self._table = {}
        for field, value in sorted(fields.items(), key=lambda item: _at(item[1])):
            self._apply(field, value.startswith("1"), _at(value))
        self._position = newest[0][0] if newest else "0-0"

    def _take(self, stream_id: str, fields: Mapping[str, str]) -> None:
        try:
            self._apply(fields["of"], fields["same"] == "1", int(fields["at"]) or _ms(stream_id))
        except (KeyError, ValueError):
            log.warning("a vote in the store cannot be read and is left out")

    def _apply(self, field: str, same: bool, at_ms: int) -> None:
        entry_id, _, rest = field.partition(":")
        voter, _, about = rest.partition(":")
        votes = self._table.pop(entry_id, {})
        known = votes.pop((voter, about), None)
        votes[voter, about] = (same, at_ms) if known is None or at_ms >= known[1] else known
        if len(votes) > MOST_VOTES:
            votes.pop(next(iter(votes)))
        self._table[entry_id] = votes
        if len(self._table) > MOST_ENTRIES:
            self._table.pop(next(iter(self._table)))


def _label(stream_id: str, fields: Mapping[str, str]) -> Label | None:
    if _CLEARED in fields:
        return None
    try:
        label = _decode(fields["label"])
    except (KeyError, msgspec.DecodeError):
        log.warning("label %s cannot be read and is left out", stream_id)
        return None
    return label if label.at_ms else msgspec.structs.replace(label, at_ms=_ms(stream_id))


def _ms(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])


def _order(stream_id: str) -> tuple[int, int]:
    milliseconds, _, sequence = stream_id.partition("-")
    return int(milliseconds), int(sequence)


def _at(value: str) -> int:
    text = value.partition("@")[2]
    return int(text) if text.isdigit() else 0
