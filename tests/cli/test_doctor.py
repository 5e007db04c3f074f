"""`doctor` on what it tells of the verifier."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semcache.cli import main


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith("SEMCACHE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEMCACHE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEMCACHE_INDEX_DIR", str(tmp_path / "indexes"))


def test_the_verifier_is_told_of_where_a_mode_needs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEMCACHE_MODE", "guarded")
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "note   verifier_unprepared (1): " in shown
    assert "needed by default (guarded); not prepared" in shown
    monkeypatch.setattr("semcache.verifier.packaged.fingerprint", lambda file: "cross-0")
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert "fault  verifier_calibration (1): " in shown
    assert "--repair" not in shown, "it does not mend a verifier"
