"""The learned half of the decision behind a semantic hit: do these two prompts deserve the same answer?

A small cross-encoder over the packaged model. Its libraries are imported when they are needed, torch in child processes
alone (and in `train`, which no service imports).
"""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semcache.ports import Verifier
    from semcache.settings import Settings

MOST_THREADS = 4
"""Where the operator does not say: a few short pairs gain nothing from more."""


def make_verifier(settings: Settings) -> Verifier | None:
    """The verifier that the settings name, not started; None where it is 'off'.

    Raises ConfigError where they name files of which none can be made.
    """
    if settings.verifier == "off":
        return None
    from semcache.verifier import calibrations, files
    from semcache.verifier.judge import PackagedJudge
    from semcache.verifier.serving import OwnedVerifier

    wants = settings.verification
    made_of = files.checked(settings)
    threads = wants.threads or min(MOST_THREADS, os.cpu_count() or 1)
    judge = PackagedJudge(settings.data_dir / "models", threads=threads, file=made_of.weights)
    return OwnedVerifier(
        judge,
        queue=wants.queue,
        deadline_s=wants.deadline_s,
        calibrations=functools.partial(calibrations.load, file=made_of.calibration),
    )


def check_files(settings: Settings) -> None:
    """Raise ConfigError where the settings name files of which no verifier can be made, wanted or not."""
    if settings.verifier != "off" and settings.verification.weights_file is not None:
        from semcache.verifier import files

        files.checked(settings)


def is_prepared(settings: Settings) -> bool:
    """Whether what `make_verifier` made has been prepared for this machine: it then loads in a second or two."""
    from semcache.engines import prepared
    from semcache.errors import VerifierUnavailable
    from semcache.verifier import files, packaged

    weights = files.named(settings).weights
    try:
        return (packaged.prepared_dir(settings.data_dir / "models", weights) / prepared.MANIFEST).is_file()
    except VerifierUnavailable:  # there are no weights; the verifier itself says so
        return False
