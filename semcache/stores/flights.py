"""Flights in Redis: a lease with a fencing token an entry, and the frames of its leader. Implements `ports.Flights`.

The keys lie in the entry's slot (see `keys`), so that `put` refuses the draft of a leader that was replaced. All of
them have a life of their own: whatever its writer dies of, nothing stays. It knows neither what a frame is nor who
waits for one.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Sequence
from typing import Final

from semcache.ports import Beat, Boarding, Feed, Seat
from semcache.settings import Settings
from semcache.stores.gathering import Gathering
from semcache.stores.keys import shard_named
from semcache.stores.lua import Link

MOST_BYTES: Final = 16 * 1024 * 1024
"""Frames of one flight that are kept for other processes, 64 bytes a frame added; past this they are lost to these."""

_FEED_BYTES: Final = 1024 * 1024
"""After so much one answer of `follow` ends: the server does nothing else meanwhile."""
_REMEMBERED_S: Final = 600.0
"""How long a token is remembered while its leader, or one that it replaced, could still store: the longest answer."""
_WATCHED_S: Final = 2.0
"""For how long one look at a flight counts as listening."""
_SPARE_S: Final = 60.0
"""How much longer than the lease frames are kept."""


class RedisFlights:
    """`ports.Flights` on a `Link`."""

    def __init__(self, link: Link, settings: Settings) -> None:
        self._link = link
        self._write_s = settings.store.write_deadline_s
        self._boards = Gathering(link, "flight_board")
        self._lands = Gathering(link, "flight_land", beside=self._boards, deadline_s=self._write_s)
        self._who = secrets.token_hex(8)
        self._calls = itertools.count()

    def close(self) -> None:
        """End the connection of its own that boarding may have."""
        self._boards.close()

    async def board(self, entry_id: str, *, since_ms: int, ttl_s: float) -> Seat:
        """See `Flights.board`."""
        call = f"{self._who}:{next(self._calls)}"
        args = (entry_id, since_ms, _ms(ttl_s), _ms(_REMEMBERED_S), _ms(_WATCHED_S), _ms(_SPARE_S), call)
        boarding, token = await self._boards.run(self._base(entry_id), args)  # a caller waits: as a read
        return Seat(Boarding(boarding.decode()), token)

    async def beat(
        self, entry_id: str, token: int, frames: Sequence[bytes], *, at: int, ttl_s: float, last: bool = False
    ) -> Beat:
        """See `Flights.beat`."""
        head = (entry_id, token, _ms(ttl_s), _ms(_REMEMBERED_S), _ms(_SPARE_S), MOST_BYTES, at, "1" if last else "")
        answer = await self._link.run("flight_beat", self._base(entry_id), (*head, *frames), deadline_s=self._write_s)
        alive, watched, published = answer
        return Beat(alive=bool(alive), watched=bool(watched), published=published)

    async def land(self, entry_id: str, token: int, *, linger_s: float, whole: bool = True) -> bool:
        """See `Flights.land`."""
        args = (entry_id, token, "1" if whole else "", _ms(linger_s), _ms(_REMEMBERED_S))
        return bool(await self._lands.run(self._base(entry_id), args))  # twice is as once

    async def follow(self, entry_id: str, token: int, position: int) -> Feed:
        """See `Flights.follow`."""
        args = (entry_id, token, position, _FEED_BYTES, _ms(_WATCHED_S), _ms(_SPARE_S))
        answer = await self._link.run("flight_follow", self._base(entry_id), args, deadline_s=self._write_s)
        alive, landed, settled, *frames = answer
        return Feed(frames, position + len(frames), bool(alive), bool(landed), bool(settled))

    def _base(self, entry_id: str) -> bytes:
        return self._link.keys.bases[shard_named(entry_id)]


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
