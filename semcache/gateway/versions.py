"""Which version of a model is in force: the label that separates answers of one version from those of the next.

The operator's `model_versions` decides where it names the model. Else the label is "" until the model that upstream
reports for an alias (`gpt-x` -> `gpt-x-2026-01-01`) changes; from then on it is the reported name, and "" again if the
first comes back. What was reported lies in the store, one hash an upstream, so that all replicas and the next start
agree; each looks again every second.

An upstream that answers one alias with several models in turn changes its version all the time, and nearly nothing of
it is kept: name its version in `model_versions`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec

from semcache.errors import StoreUnavailable
from semcache.ports import Control
from semcache.settings import UpstreamSettings

log = logging.getLogger(__name__)

MOST_ALIASES: Final = 1000
"""Of one upstream: names come from callers, and an upstream may echo any."""
LONGEST_NAME: Final = 256
_LOCK_S: Final = 5.0
_LOCK_TRIES: Final = 50
_LOCK_PAUSE_S: Final = 0.02


class Reported(msgspec.Struct, frozen=True, array_like=True):
    """What an upstream said it is, when it was asked for one alias: at first, and last."""

    first: str
    current: str

    @property
    def label(self) -> str:
        """The version in force."""
        return self.version(self.current)

    def version(self, reported: str) -> str:
        """The version of an answer that names its model so."""
        return "" if reported == self.first else reported


class Versions:
    """The versions of all upstreams' models. Belongs to one event loop."""

    def __init__(
        self,
        control: Control,
        upstreams: Mapping[str, UpstreamSettings],
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """`upstreams`: their settings by name."""
        self._control = control
        self._named = {name: settings.model_versions for name, settings in upstreams.items()}
        self._sleep = sleep
        self._owner = secrets.token_hex(8)
        self._known: dict[str, dict[str, Reported]] = {}
        self._changing = asyncio.Lock()
        self._full: set[str] = set()

    def label(self, upstream: str, model: str) -> str:
        """The version in force, from memory.

        Raises StoreUnavailable before the first `refresh`: "" could mean a version that is long gone.
        """
        named = self._named[upstream].get(model)
        if named is not None:
            return named
        known = self._known.get(upstream)
        if known is None:
            raise StoreUnavailable("which version of the model is in force is not known yet")
        reported = known.get(model)
        return "" if reported is None else reported.label

    async def observe(self, upstream: str, model: str, reported: str | None, label: str) -> bool:
        """Take note of the model that an answer names; whether the answer is of version `label`, its request's.

        False: it must not be stored under that label. So it is too where the names of an upstream are too many or too
        long to be followed. An answer to a request that was made before the latest change changes nothing. Raises
        StoreUnavailable where news could not be recorded.
        """
        if reported is None or model in self._named[upstream]:
            return True
        if max(len(model), len(reported)) > LONGEST_NAME:
            return False
        told = self._told(upstream, model, reported, label)
        if told is not None:
            return told
        async with self._changing:
            told = self._told(upstream, model, reported, label)  # as of the one that went before
            return told if told is not None else await self._record(upstream, model, reported, label)

    async def refresh(self) -> None:
        """Read what is known in the store. Raises StoreUnavailable."""
        await asyncio.gather(*(self._read(upstream) for upstream in self._named))

    async def run(self, interval_s: float = 1.0) -> None:
        """Refresh for ever; while the store is away, what was known stays in force."""
        broken = False
        while True:
            try:
                await self.refresh()
                broken = False
            except StoreUnavailable as error:
                if not broken:
                    log.warning("model versions cannot be read: %s", error)
                broken = True
            await self._sleep(interval_s)

    def _told(self, upstream: str, model: str, reported: str, label: str) -> bool | None:
        """The outcome where there is no news for the store; None where there may be."""
        known = self._known.get(upstream, {}).get(model)
        if known is None or (known.current != reported and known.label == label):
            return None
        return known.version(reported) == label

    async def _record(self, upstream: str, model: str, reported: str, label: str) -> bool:
        """Write what is news. One writer at a time: `first` is whatever was first, and no change is lost."""
        name = _hash_of(upstream)
        await self._lock(name)
        try:
            known = await self._read(upstream)
            told = self._told(upstream, model, reported, label)
            if told is not None:  # another replica wrote it meanwhile
                return told
            before = known.get(model)
            if before is None and len(known) >= MOST_ALIASES:
                if upstream not in self._full:
                    log.warning("upstream %s has %d names of models: no more are followed", upstream, len(known))
                self._full.add(upstream)
                return False
            after = Reported(reported if before is None else before.first, reported)
            await self._control.hset(name, {model: msgspec.json.encode(after).decode()})
            self._known[upstream][model] = after
        finally:
            await self._control.release(name, self._owner)
        if before is not None:
            log.warning("upstream %s answers %s as %s now, before as %s", upstream, model, reported, before.current)
        return after.version(reported) == label

    async def _lock(self, name: str) -> None:
        for _ in range(_LOCK_TRIES):
            if await self._control.acquire(name, self._owner, _LOCK_S):
                return
            await self._sleep(_LOCK_PAUSE_S)
        raise StoreUnavailable("another replica is recording a model's version")

    async def _read(self, upstream: str) -> dict[str, Reported]:
        found = await self._control.hget_all(_hash_of(upstream))
        try:
            known = {alias: msgspec.json.decode(value, type=Reported) for alias, value in found.items()}
        except msgspec.DecodeError as error:
            raise StoreUnavailable(f"the versions of upstream {upstream} cannot be read: {error}") from error
        self._known[upstream] = known
        return known


def _hash_of(upstream: str) -> str:
    return f"versions:{upstream}"
