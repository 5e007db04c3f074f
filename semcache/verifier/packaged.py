"""The packaged verifier: what it is, where its prepared form lies, and whether that is sound.

Made once by a child process (`prepare`) from the packaged model and the shipped weights; served from then on by
openvino and tokenizers alone.
"""

from __future__ import annotations

import functools
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from semcache.engines import package, prepared
from semcache.errors import Unavailable, VerifierUnavailable
from semcache.verifier import inputs, packing, weights

MOST_OFF: Final = 0.25
"""Largest difference of a logit to torch's, over the check set, that is served: it moves a probability of .95 by .012
at most. What trained weights really show is in the manifest."""

_FORMAT: Final = 1
_INPUTS: Final = 4
"""Counts up whenever `policy.plain.plainly`, `inputs.pair_input` and `both_ways` make another score of the same two
prompts and weights."""

Form = Literal["w8", "whole"]
"""w8: 8-bit weights (which is how they are shipped, so exact) and 8-bit activations where the CPU has the instructions;
whole: both in the precision of everything else."""


class Manifest(prepared.Manifest, frozen=True, kw_only=True):
    """What the folder of a prepared verifier says of itself."""

    format: int
    fingerprint: str
    form: Form
    precision: package.Precision
    most_off: float
    """Largest difference of a logit to torch's over the check set, on the machine that prepared it."""


KIND: Final = prepared.Kind(
    title="verifier",
    module="semcache.verifier.prepare",
    manifest=Manifest,
    fits=lambda manifest: manifest.format == _FORMAT and manifest.most_off <= MOST_OFF,
    unavailable=VerifierUnavailable,
)


@functools.lru_cache(maxsize=4)
def fingerprint(file: Path = weights.FILE) -> str:
    """Of the verifier with the weights in `file`: what its scores mean. Raises VerifierUnavailable where they are not.

    Read once: a service must be restarted for new weights.
    """
    try:
        digest = prepared.sha256_of(file)
    except Unavailable as error:
        raise VerifierUnavailable(f"the verifier has no weights: {error}") from error
    shape = (inputs.LIMIT, inputs.TRIM_FROM, inputs.HEAD, inputs.NEAR, inputs.TAIL, inputs.TYPES)
    return package.fingerprint("cross", digest, package.WEIGHTS_SHA256, package.TOKENIZER_SHA256, _INPUTS, *shape)


def prepared_dir(cache_dir: Path, file: Path = weights.FILE) -> Path:
    """Where the prepared verifier of this machine and these library versions belongs."""
    version = importlib.metadata.version("openvino")
    machine = (version, package.wanted_precision(), packing.PAIRS)
    return cache_dir / package.fingerprint("verifier", _FORMAT, fingerprint(file), *machine)


def manifest(folder: Path, *, made_of: str, form: Form, precision: package.Precision, most_off: float) -> Manifest:
    """Describe what lies in `folder`. `made_of`: the fingerprint."""
    return Manifest(
        format=_FORMAT,
        fingerprint=made_of,
        form=form,
        precision=precision,
        most_off=most_off,
        files=prepared.digests(folder),
    )


def runtime_config(form: Form, precision: package.Precision, threads: int) -> Mapping[str, object]:
    """OpenVINO's settings, at preparation and in service."""
    groups = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": _GROUP} if form == "w8" else {}
    return {**package.runtime_config(precision, threads), **groups}


_GROUP: Final = 64
"""Activations that share a scale. Measured on the check set: 64 is off by .06, 384 by .22, both equally fast."""
