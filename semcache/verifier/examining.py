"""Is the verifier fit to decide? What `semcache doctor` and `check-config` say of it. Prepares and mends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from semcache.engines import prepared
from semcache.errors import ConfigError, VerifierUnavailable
from semcache.policy.calibration import CONFIDENCE_CAUTIOUS, MEASURED_CONFIDENCE
from semcache.ports import Finding
from semcache.settings import Settings
from semcache.verifier import calibrations, files, packaged, selfcheck, weights
from semcache.verifier.judge import PackagedJudge

_REINSTALL: Final = "install the package again, or set SEMCACHE_VERIFIER=off and let the guards decide alone"
_TRAIN: Final = (
    "train it anew, or leave SEMCACHE_VERIFICATION__WEIGHTS_FILE and SEMCACHE_VERIFICATION__CALIBRATION_FILE empty for "
    "the package's own"
)
_CALIBRATE: Final = (
    "put back the package's own weights and calibration, or calibrate: python -m semcache.verifier.train "
    "--start WEIGHTS --out WEIGHTS --pairs 0 --calibration FILE"
)


class Examined(msgspec.Struct, frozen=True):
    """What an examination came to."""

    summary: str
    """A line for people."""
    findings: list[Finding]
    needed: bool = True


def needs(settings: Settings) -> list[str]:
    """Which places decide by more than the cosine: `by default (guarded)`, `in support (shadow)`."""
    if settings.embedder == "off":
        return []
    found = [f"by default ({settings.mode})"] if settings.mode != "threshold" else []
    own = ((name, one.mode) for name, one in sorted(settings.namespaces.items()))
    return found + [f"in {name} ({mode})" for name, mode in own if mode not in (None, "threshold")]


def examine(settings: Settings, space: str | None, *, file: Path = weights.FILE) -> Examined:
    """Look at the verifier that the settings name. Takes about a second where it is prepared, as it is loaded then.

    `space`: the embedder's vector space, None where it is not known; `file`: the package's weights, which count where
    the settings name no others. Never raises.
    """
    needed = needs(settings)
    if not needed:
        return Examined("not needed: no mode but threshold decides by meaning", [], needed=False)
    where = f"needed {', '.join(needed)}"
    if settings.verifier == "off":
        detail = f"{where}, and it is off: the guards alone temper the cosine; set SEMCACHE_VERIFIER=packaged"
        return Examined(f"off; {where}", [Finding(code="verifier_off", detail=detail, fault=False)])
    try:
        made_of = files.checked(settings)
    except ConfigError as error:
        return Examined(f"of no use; {where}", [Finding(code="verifier_weights", detail=str(error))])
    if made_of != files.PACKAGED:
        file = made_of.weights
    try:
        fingerprint = packaged.fingerprint(file)
    except VerifierUnavailable as error:
        detail = f"{where}, and {error}; {_REINSTALL}"
        return Examined(f"without weights; {where}", [Finding(code="verifier_weights", detail=detail)])
    findings = [*_calibration(fingerprint, made_of.calibration, space), *_confidence(settings, fingerprint)]
    state, scoring = _prepared(settings.data_dir / "models", file, fingerprint)
    findings += scoring
    calibrated = "no calibration" if any(one.code == "verifier_calibration" for one in findings) else "calibrated"
    return Examined(f"{fingerprint}; {where}; {state}; {calibrated}", findings)


def _calibration(fingerprint: str, file: Path, space: str | None) -> Iterator[Finding]:
    try:
        found = calibrations.load(fingerprint, file)
    except VerifierUnavailable as error:
        yield Finding(code="verifier_calibration", detail=f"{error}; {_CALIBRATE}")
        return
    if space is not None and space not in found.spaces:
        yield Finding(
            code="verifier_space",
            detail=f"the vector space {space} was never calibrated, so the cosine is left out of the probability and "
            "fewer hits are sure enough; the packaged embedder is calibrated (SEMCACHE_EMBEDDER=minilm)",
            fault=False,
        )


def _confidence(settings: Settings, fingerprint: str) -> Iterator[Finding]:
    named = [settings.confidence, *(one.confidence for one in settings.namespaces.values())]
    if fingerprint not in MEASURED_CONFIDENCE and None in named:
        yield Finding(
            code="verifier_confidence",
            detail=f"no confidence was measured for these weights, so {CONFIDENCE_CAUTIOUS} counts where none is "
            "named; semcache tune proposes one",
            fault=False,
        )


def _prepared(models: Path, file: Path, fingerprint: str) -> tuple[str, Sequence[Finding]]:
    """Whether it lies prepared on this machine and scores as it should: in words, and as findings."""
    folder = packaged.prepared_dir(models, file)
    own = file != weights.FILE
    try:
        manifest = prepared.verify(packaged.KIND, folder)
    except VerifierUnavailable as error:
        if prepared.under_way(folder):
            state, hint = "being prepared", "one is being prepared just now, which takes half a minute"
        else:
            state, hint = "not prepared", "the next start prepares it, which takes half a minute and needs torch"
        detail = f"{error}; {hint}"
        return state, [Finding(code="verifier_unprepared", detail=detail, fault=False)]
    state = f"prepared ({manifest.form}, {manifest.precision})"
    anew = f"delete {folder} and start the service, which prepares it anew; if that does not help, "
    anew += _TRAIN if own else _REINSTALL
    judge = PackagedJudge(models, threads=1, file=file)
    try:
        judge.load()
        scores = judge.run(selfcheck.pairs())
    except VerifierUnavailable as error:
        return f"{state}, unloadable", [Finding(code="verifier_unloadable", detail=f"{error}; {anew}")]
    finally:
        judge.unload()
    if wrong := selfcheck.order(scores):
        return f"{state}, self-check failed", [Finding(code="verifier_order", detail=f"{wrong}; {anew}")]
    expected = selfcheck.shipped(selfcheck.beside(file))
    if expected is None or expected.fingerprint != fingerprint:
        detail = "what these weights scored when they were made is not known, so only the order was checked; "
        detail += f"python -m semcache.verifier.selfcheck{f' --weights {file}' if own else ''} writes it down"
        return f"{state}, self-check in order", [Finding(code="verifier_unknown", detail=detail, fault=False)]
    off = selfcheck.off(scores, expected)
    if off > selfcheck.MOST_OFF:
        detail = f"scores are off by {off:.2f} of a logit from what was shipped, {selfcheck.MOST_OFF} at most; {anew}"
        return f"{state}, self-check failed", [Finding(code="verifier_scores", detail=detail)]
    return f"{state}, self-check passed (off by {off:.2f} of a logit at most)", []
