"""Weights and a calibration as an operator has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from semcache.verifier import packaged


def calibrated(file: Path, weights: Path, *, bias: float, fingerprint: str = "", **more: Any) -> Path:
    """Write to `file` that everything these weights look at is right by the same log odds; returns it."""
    made_of = fingerprint or packaged.fingerprint(weights)
    one = {"fingerprint": made_of, "bias": bias, "weights": {}, **more}
    file.write_text(json.dumps({"spaces": {"*": one}}), encoding="utf-8")
    return file


def settings_of(weights: Path, calibration: Path) -> dict[str, Any]:
    """The group `verification` that names both."""
    return {"weights_file": weights, "calibration_file": calibration}
