"""Do these two prompts deserve the same answer?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from semcache.ports.embedder import EmbedderState


class Bend(msgspec.Struct, frozen=True, kw_only=True):
    """One hidden unit of a calibration: evidence that counts together, `gain * tanh(bias + weights . evidence)`."""

    gain: float
    bias: float
    weights: dict[str, float]
    """By feature name; one that is missing weighs nothing."""


class Calibration(msgspec.Struct, frozen=True, kw_only=True):
    """What turns a verifier's score and further evidence into a probability (`policy.confidence`)."""

    fingerprint: str
    """Of the verifier whose scores were calibrated."""
    bias: float
    weights: dict[str, float]
    """By feature name; one that is missing weighs nothing."""
    bends: tuple[Bend, ...] = ()
    """What a weighted sum alone cannot say; none for a logistic regression."""


class Verifier(Protocol):
    """A learned judge of two prompts: do they deserve the same answer?"""

    @property
    def fingerprint(self) -> str:
        """What its scores mean: weights and runtime class. Calibrations hold for one fingerprint only."""

    @property
    def known(self) -> Mapping[str, int]:
        """Words that are spelt as they are meant, lower-case, with how common they are: what is none of them may be a
        slip."""

    def state(self) -> EmbedderState:
        """Whether it can answer now, and if not, why."""

    def calibration(self, space: str) -> Calibration:
        """For decisions on neighbours in a vector space; one without the cosine for a space that was never measured.

        `policy.conversation.TURNS` in place of a space: for single turns of conversations.

        Raises VerifierUnavailable while it is not known.
        """

    async def scores(self, asked: str, cached: Sequence[str], *, deadline_s: float | None = None) -> list[float | None]:
        """A score for each of the cached prompts against the asked one, in order, all judged in one run.

        Higher means surer that one answer serves both; `policy.confidence` makes a probability of it. None where the
        pair is too long to be judged, or differs in what the model cannot read. Raises VerifierUnavailable or one of
        its kinds within `deadline_s` (default: the operator's); at once while the model is not ready.
        """

    async def start(self) -> None:
        """Begin loading in the background; returns at once."""

    async def aclose(self) -> None:
        """Stop the thread."""
