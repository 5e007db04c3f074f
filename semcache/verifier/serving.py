"""A judge behind the Verifier port: driven by an owner thread, the pairs of several callers in one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from semcache.engines.owner import Owner, Refusals
from semcache.errors import VerifierOverloaded, VerifierTimeout, VerifierUnavailable
from semcache.ports import Calibration, EmbedderState
from semcache.verifier import calibrations
from semcache.verifier.calibrations import Calibrations
from semcache.verifier.judge import Judge, Pair

BATCH: Final = 16
"""Pairs of short questions in one batch: more would keep the first waiting, and run no faster a pair."""


class OwnedVerifier:
    """Implements `ports.Verifier` over a `Judge`. Its methods belong to event loops, never to the owner thread."""

    def __init__(
        self,
        judge: Judge,
        *,
        queue: int,
        deadline_s: float,
        calibrations: Callable[[str], Calibrations] = calibrations.load,
    ) -> None:
        """`queue`: pairs that may wait; `deadline_s`: default of `scores`; `calibrations`: by fingerprint."""
        self._judge = judge
        self._load_calibrations = calibrations
        self._calibrations: Calibrations | None = None
        self._owner: Owner[Pair, float | None] = Owner(
            judge,
            name="verifier",
            run=judge.run,
            size=judge.size,
            refusals=Refusals(VerifierUnavailable, VerifierTimeout, VerifierOverloaded),
            queue=queue,
            batch=BATCH,
            deadline_s=deadline_s,
            ready=lambda: f", {judge.fingerprint}",
        )

    @property
    def fingerprint(self) -> str:
        """The judge's. Raises VerifierUnavailable where it has no weights."""
        return self._judge.fingerprint

    @property
    def known(self) -> Mapping[str, int]:
        """The judge's."""
        return self._judge.known

    def state(self) -> EmbedderState:
        """Ready, or why not: preparing, failed (and why), hung, stopped."""
        return self._owner.state()

    def calibration(self, space: str) -> Calibration:
        """See `ports.Verifier.calibration`."""
        if self._calibrations is None:
            self._calibrations = self._load_calibrations(self.fingerprint)
        return self._calibrations.of(space)

    async def scores(self, asked: str, cached: Sequence[str], *, deadline_s: float | None = None) -> list[float | None]:
        """See `ports.Verifier.scores`. At most `queue` prompts in one call."""
        return await self._owner.ask([Pair(asked, one) for one in cached], deadline_s=deadline_s)

    async def start(self) -> None:
        """Start the owner thread, which loads the model; returns at once."""
        await self._owner.start()

    async def aclose(self) -> None:
        """Refuse new pairs, fail the waiting ones, stop the thread; returns within a few seconds."""
        await self._owner.aclose()
