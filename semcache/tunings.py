"""What was tuned: cuts by namespace beside the settings, kept in the store, honoured by all replicas within POLL_S.

The operator's settings bound them. A cut that the settings leave to calibration may be tuned either way; one that they
name may only be tightened, unless the operator overrides his own word, which is kept as such. Who set what, when and on
what grounds is a lasting history.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import msgspec

from semcache.errors import RequestError, SemcacheError
from semcache.models import base_namespace
from semcache.policy.tuning import UNTUNED, Tuning
from semcache.ports import Control
from semcache.settings import Settings

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
HISTORY_CAP: Final = 5000
_HASH: Final = "tuning"
_HISTORY: Final = "tunings"


class PastTuning(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history. `at_ms` is the store's clock."""

    at_ms: int
    who: str
    namespace: str
    tuning: Tuning | None
    """What was set; None where it was taken back."""
    grounds: dict[str, Any] = {}
    """What the proposal rested on, as its maker told it."""


_decode: Final = msgspec.json.Decoder(Tuning).decode
_line: Final = msgspec.json.Decoder(PastTuning).decode


def named(settings: Settings, namespace: str) -> tuple[float | None, float | None]:
    """The threshold and the confidence that the operator's settings name for a namespace; None where they do not."""
    own = settings.namespace(namespace)
    threshold = settings.threshold if own.threshold is None else own.threshold
    confidence = settings.confidence if own.confidence is None else own.confidence
    return threshold, confidence


def bounded(tuning: Tuning, settings: Settings, namespace: str) -> Tuning:
    """The tuned cuts within what the settings name: what would be looser gives way, unless it overrides."""
    if tuning.override:
        return tuning
    threshold, confidence = named(settings, namespace)
    return msgspec.structs.replace(
        tuning, threshold=_tighter(tuning.threshold, threshold), confidence=_tighter(tuning.confidence, confidence)
    )


def _tighter(tuned: float | None, bound: float | None) -> float | None:
    return tuned if tuned is None or bound is None else max(tuned, bound)


class Tunings:
    """The tuned cuts as this replica knows them. Belongs to one event loop."""

    def __init__(self, control: Control, settings: Settings) -> None:
        self._control = control
        self._settings = settings
        self._known: dict[str, Tuning] = {}

    def of(self, namespace: str) -> Tuning:
        """What is tuned in a namespace, within the settings' bounds; no I/O."""
        if not self._known:
            return UNTUNED
        base = base_namespace(namespace)
        tuning = self._known.get(base)
        return UNTUNED if tuning is None else bounded(tuning, self._settings, base)

    def all(self) -> dict[str, Tuning]:
        """What was set, by namespace."""
        return dict(self._known)

    async def set(
        self, namespace: str, tuning: Tuning | None, *, who: str, grounds: dict[str, Any] | None = None
    ) -> None:
        """Set the cuts of a namespace, or with None take back what was set.

        Raises RequestError for what would loosen a setting without `override`; StoreUnavailable.
        """
        if tuning is not None:
            self._check(namespace, tuning)
        past = PastTuning(at_ms=0, who=who, namespace=namespace, tuning=tuning, grounds=grounds or {})
        await self._control.append(_HISTORY, {"line": msgspec.json.encode(past).decode()}, cap=HISTORY_CAP)
        value = "" if tuning is None else msgspec.json.encode(tuning).decode()
        await self._control.hset(_HASH, {namespace: value})
        await self.follow()

    def _check(self, namespace: str, tuning: Tuning) -> None:
        held = bounded(tuning, self._settings, namespace)
        for field in ("threshold", "confidence"):
            given, allowed = getattr(tuning, field), getattr(held, field)
            if given is not None and not 0.0 <= given <= 1.0:
                raise RequestError(f"a {field} is from 0 to 1", field=field)
            if given != allowed:
                raise RequestError(
                    f"the settings name {allowed:g} for `{namespace}`, and {given:g} is looser: "
                    "tighten it, change the setting, or say `override`",
                    field=field,
                )

    async def history(self, count: int = 100) -> list[PastTuning]:
        """The newest lines, newest first. Raises StoreUnavailable."""
        found = []
        for stream_id, fields in await self._control.tail(_HISTORY, count=count, newest=True):
            at_ms = int(stream_id.partition("-")[0])
            found.append(msgspec.structs.replace(_line(fields["line"]), at_ms=at_ms))
        return found

    async def run(self) -> None:
        """Follow what any replica sets until cancelled."""
        failing = False
        while True:
            try:
                await self.follow()
                failing = False
            except SemcacheError as error:
                if not failing:
                    log.warning("tuned cuts stay as they were until the store answers: %s", error)
                failing = True
            await asyncio.sleep(POLL_S)

    async def follow(self) -> None:
        """Read what is set now. Raises StoreUnavailable."""
        known = {}
        for namespace, value in (await self._control.hget_all(_HASH)).items():
            try:
                if value:
                    known[namespace] = _decode(value)
            except msgspec.DecodeError:
                log.warning("what is tuned in %s cannot be read and does not count", namespace)
        self._known = known
