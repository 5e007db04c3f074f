"""Models as OpenVINO compiled them, kept beside a prepared model for the next start: to read one back takes half the
time of compiling it anew, and a service has a dozen, one for each width.

What is kept is the graph as it was optimised for this processor, these threads and this version, without its weights,
and computes the same to the bit. It is named by all that it depends on and carries its digest; what is missing, of
another machine or damaged is compiled and kept anew. Knows nothing of what the models are for.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import logging
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from semcache.engines import package

log = logging.getLogger(__name__)

_DEVICE: Final = "CPU"
_WEIGHTLESS: Final = {"CACHE_MODE": "OPTIMIZE_SIZE"}
"""What is kept names the weights by their places in the file; 2025.3 does not know of that yet."""
_DIGEST: Final = hashlib.sha256().digest_size
_CPU: Final = Path("/proc/cpuinfo")
_MAPS: Final = Path("/proc/self/maps")


class Compiler:
    """Compiles the model of one folder, any number of times. Its methods may be called from several threads."""

    def __init__(self, folder: Path, *, files: Mapping[str, str] | None = None) -> None:
        """`folder`: of `model.xml` and `model.bin`; `files`: their digests, checked; without, nothing is kept."""
        self._core = package.runtime().Core()
        self._folder = folder
        self._kept = folder.with_name(f"{folder.name}.compiled")
        self._of = None if files is None else (sorted(files.items()), package.runtime().get_version(), self._machine())

    def compile(self, config: Mapping[str, object], shapes: Mapping[str, Sequence[int]] | None = None) -> Any:
        """The compiled model; `shapes`: of its inputs, fixed, where it is to be of these alone."""
        if self._of is None:
            return self._core.compile_model(self._shaped(shapes), _DEVICE, config)
        fixed = sorted((name, tuple(shape)) for name, shape in (shapes or {}).items())
        file = self._kept / package.fingerprint("model", *self._of, sorted(config.items()), fixed)
        blob = _read(file)
        if blob is not None:
            weights = {"WEIGHTS_PATH": str(self._folder / "model.bin")}
            try:
                return self._core.import_model(blob, _DEVICE, {**config, **_WEIGHTLESS, **weights})
            except RuntimeError as error:
                log.info("%s is not taken, and made anew: %s", file, error)
        try:
            made = self._core.compile_model(self._shaped(shapes), _DEVICE, {**config, **_WEIGHTLESS})
            _write(file, made.export_model().getvalue())
        except RuntimeError as error:
            log.debug("this version of openvino keeps no compiled model: %s", error)
            made = self._core.compile_model(self._shaped(shapes), _DEVICE, config)
        return made

    def release(self) -> None:
        """Give the pages of the weights back: each model that was read has mapped the file for itself, and what it
        computes with is a copy in an order of its own. What is still wanted of them is there again when it is read."""
        forget(self._folder / "model.bin")

    def _shaped(self, shapes: Mapping[str, Sequence[int]] | None) -> Any:
        model = self._model.clone()  # which shares the weights
        if shapes is not None:
            model.reshape({name: list(shape) for name, shape in shapes.items()})
        return model

    @functools.cached_property
    def _model(self) -> Any:
        return self._core.read_model(self._folder / "model.xml")

    def _machine(self) -> object:
        """The processor, by its name and by what it can do: another may want another graph."""
        named = [self._core.get_property(_DEVICE, one) for one in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
        flags = ""
        with contextlib.suppress(OSError):
            lines = _CPU.read_text(encoding="utf-8", errors="replace").splitlines()
            flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
        return named, flags


def forget(file: Path) -> None:
    """Drop this process's pages of a file that is mapped to be read only; nothing where that cannot be done."""
    with contextlib.suppress(OSError, AttributeError):
        advise = ctypes.CDLL(None, use_errno=True).madvise
        for line in _MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
            place, rights, *_, name = line.split(maxsplit=5)
            if name == str(file.resolve()) and "w" not in rights:
                begin, end = (int(address, 16) for address in place.split("-"))
                advise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def _read(file: Path) -> bytes | None:
    """What is kept in the file; None where there is nothing sound."""
    try:
        found = file.read_bytes()
    except OSError:
        return None
    digest, blob = found[:_DIGEST], found[_DIGEST:]
    return blob if hashlib.sha256(blob).digest() == digest else None


def _write(file: Path, blob: bytes) -> None:
    """Keep it for the next start, which can do without."""
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent) as made:  # whole or not at all, whoever else writes it
            new = Path(made) / file.name
            new.write_bytes(hashlib.sha256(blob).digest() + blob)
            new.replace(file)
    except OSError as error:
        log.info("a compiled model is not kept for the next start: %s", error)
