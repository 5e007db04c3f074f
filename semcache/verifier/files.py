"""What the verifier is made of: the package's weights and calibration, or the operator's own (`semcache train`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from semcache.errors import ConfigError, VerifierUnavailable
from semcache.settings import Settings
from semcache.verifier import calibrations, packaged, weights

_OR: Final = "or leave weights_file and calibration_file empty for the package's own"


class Files(NamedTuple):
    """Weights, and what their scores are worth."""

    weights: Path
    calibration: Path


PACKAGED: Final = Files(weights.FILE, calibrations.FILE)


def named(settings: Settings) -> Files:
    """Those that count. Neither is looked at."""
    wants = settings.verification
    if wants.weights_file is None or wants.calibration_file is None:  # the settings have both or none
        return PACKAGED
    return Files(wants.weights_file, wants.calibration_file)


def checked(settings: Settings) -> Files:
    """Those that count, the operator's read and found to go together: a few hundredths of a second.

    Raises ConfigError that names the setting, the file and the remedy. The package's are left to whoever loads them, as
    a service does its other work without them.
    """
    found = named(settings)
    if found != PACKAGED:
        _check_weights(found.weights)
        try:
            calibrations.load(packaged.fingerprint(found.weights), found.calibration)
        except VerifierUnavailable as error:
            raise ConfigError(
                f"verification.calibration_file: {error}; name what semcache train --calibration wrote with the "
                f"weights {str(found.weights)!r}, {_OR}"
            ) from error
    return found


def _check_weights(file: Path) -> None:
    where, remedy = f"verification.weights_file {str(file)!r}", f"name what semcache train --out wrote, {_OR}"
    try:
        shapes = weights.shapes(file)
    except OSError as error:
        raise ConfigError(f"{where} cannot be read: {error.strerror or error}; {remedy}") from error
    except ValueError as error:
        raise ConfigError(f"{where} is damaged, or no file of weights: {error.__cause__ or error}; {remedy}") from error
    if weights.FILE.is_file() and shapes != weights.shapes(weights.FILE):
        raise ConfigError(f"{where} is of another network than this version's; {remedy}")
