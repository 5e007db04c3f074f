"""What turns the verifier's scores into probabilities: `calibration.json`, written by training.

By vector space, as the cosine is evidence too; and one for turns of conversations, without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from semcache.errors import VerifierUnavailable
from semcache.policy.confidence import FEATURES
from semcache.policy.conversation import TURNS
from semcache.ports import Calibration

FILE: Final = Path(__file__).parent / "calibration.json"
"""Where the package carries it."""

ANY: Final = "*"
"""The entry for vector spaces that were never measured: it leaves the cosine out."""


class Calibrations(msgspec.Struct, frozen=True):
    """All of one verifier's."""

    spaces: dict[str, Calibration]

    def of(self, space: str) -> Calibration:
        """For decisions on neighbours in a vector space, or on TURNS."""
        return self.spaces.get(space) or self.spaces[ANY]


def load(fingerprint: str, file: Path = FILE) -> Calibrations:
    """The calibrations of the verifier with this fingerprint.

    Raises VerifierUnavailable where there are none, or what there is cannot be meant for it.
    """
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Calibrations)
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise VerifierUnavailable(f"the verifier has no calibration: {file}: {error}") from error
    if ANY not in found.spaces:
        raise VerifierUnavailable(f"{file} says nothing of vector spaces that were never measured ({ANY!r})")
    for space, calibration in found.spaces.items():
        if calibration.fingerprint != fingerprint:
            raise VerifierUnavailable(
                f"{file} is of the verifier {calibration.fingerprint}, not of {fingerprint}: calibrate anew"
            )
        allowed = set(FEATURES) - ({"similarity"} if space in (ANY, TURNS) else set())
        named = set(calibration.weights).union(*(bend.weights for bend in calibration.bends))
        if strange := named - allowed:
            raise VerifierUnavailable(f"{file}, {space!r}: no evidence is called {', '.join(sorted(strange))} here")
    return found
