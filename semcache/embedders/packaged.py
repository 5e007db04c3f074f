"""The packaged all-MiniLM-L6-v2: what it is, where its prepared form lies, and whether that is sound.

Prepared once by a child process (`prepare`), which needs torch; served from then on by openvino and tokenizers alone.
"""

from __future__ import annotations

import importlib.metadata
from pathlib import Path
from typing import Final

from semcache.embedders.windows import WINDOWING
from semcache.engines import prepared
from semcache.engines.package import TOKENIZER_SHA256, WEIGHTS_SHA256, Precision, fingerprint, wanted_precision
from semcache.errors import EmbedderUnavailable

DIMENSION: Final = 384
MAX_TOKENS: Final = 254
"""Word pieces in one window; with [CLS] and [SEP] the 256 that sentence-transformers gives this model."""

REFERENCE: Final = "reference"
"""Equivalence class of all runtimes whose vectors agree with torch's to LEAST_COSINE on the check set."""
LEAST_COSINE: Final = 0.999

_FORMAT: Final = 1


class Manifest(prepared.Manifest, frozen=True, kw_only=True):
    """What the folder of a prepared model says of itself."""

    format: int
    weights_sha256: str
    tokenizer_sha256: str
    precision: Precision
    least_cosine: float
    """Least cosine to torch over the check set, in this precision on the machine that prepared it."""
    equivalence: str


def _fits(manifest: Manifest) -> bool:
    found = (manifest.format, manifest.weights_sha256, manifest.tokenizer_sha256)
    return found == (_FORMAT, WEIGHTS_SHA256, TOKENIZER_SHA256)


KIND: Final = prepared.Kind(
    title="packaged model",
    module="semcache.embedders.prepare",
    manifest=Manifest,
    fits=_fits,
    unavailable=EmbedderUnavailable,
)


def prepared_dir(cache_dir: Path) -> Path:
    """Where the prepared model of this machine and these library versions belongs."""
    version = importlib.metadata.version("openvino")
    return cache_dir / fingerprint("minilm", _FORMAT, WEIGHTS_SHA256, TOKENIZER_SHA256, version, wanted_precision())


def vector_space(equivalence: str) -> str:
    """Fingerprint of the packaged model's vectors in an equivalence class."""
    return fingerprint(
        "minilm", WEIGHTS_SHA256, TOKENIZER_SHA256, "mean", DIMENSION, "l2", f"{MAX_TOKENS}/{WINDOWING}", equivalence
    )


def announced_space(cache_dir: Path) -> str:
    """The space of the model prepared here; the reference space while there is none."""
    try:
        return vector_space(prepared.read(KIND, prepared_dir(cache_dir)).equivalence)
    except EmbedderUnavailable:
        return vector_space(REFERENCE)


def write_manifest(folder: Path, precision: Precision, least_cosine: float) -> None:
    """Describe the files that lie in `folder`; the last act before it is published."""
    lossy = f"{precision}-{least_cosine:.4f}"
    manifest = Manifest(
        format=_FORMAT,
        weights_sha256=WEIGHTS_SHA256,
        tokenizer_sha256=TOKENIZER_SHA256,
        precision=precision,
        least_cosine=least_cosine,
        equivalence=REFERENCE if least_cosine >= LEAST_COSINE else lossy,
        files=prepared.digests(folder),
    )
    prepared.write(folder, manifest)
