"""`semcache check-config`: values with their sources, errors by name, no secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semcache.cli import main

SECRET = "hunter2-and-more"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith("SEMCACHE_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SEMCACHE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SEMCACHE_INDEX_DIR", str(tmp_path / "indexes"))
    monkeypatch.setenv("SEMCACHE_MODE", "threshold")  # a mode that needs no verifier, which warns until it is prepared


def table(capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    return {row[0]: row[1:] for row in rows}


def test_each_value_has_its_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "semcache.toml"
    file.write_text("threshold = 0.8\nport = 9001\n[store]\npool_size = 7\n[namespaces.a]\nttl_s = 60\n")
    monkeypatch.setenv("SEMCACHE_PORT", "9002")
    monkeypatch.setenv("SEMCACHE_STORE__DEADLINE_S", "0.5")
    monkeypatch.setenv("SEMCACHE_TTL", '{"min_s": 2}')
    monkeypatch.setenv("SEMCACHE_CONFIG", "")  # undone with the rest: the flag below sets it
    assert main(["check-config", "--config", str(file)]) == 0
    rows = table(capsys)
    assert rows["port"] == ["9002", "SEMCACHE_PORT"]
    assert rows["threshold"] == ["0.8", str(file)]
    assert rows["store.pool_size"] == ["7", str(file)]
    assert rows["store.deadline_s"] == ["0.5", "SEMCACHE_STORE__DEADLINE_S"]
    assert rows["ttl.min_s"] == ["2.0", "SEMCACHE_TTL"]
    assert rows["namespaces.a.ttl_s"] == ["60.0", str(file)]
    assert rows["host"] == ["127.0.0.1", "default"]
    assert rows["redis_url"] == ["-", "default"]


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SEMCACHE_REDIS_URL", f"redis://:{SECRET}@127.0.0.1:6379/0")
    monkeypatch.setenv("SEMCACHE_ADMIN_KEY", SECRET)
    assert main(["check-config"]) == 0
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err
    assert "SEMCACHE_ADMIN_KEY" in shown.out


def test_every_error_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("SEMCACHE_PORT", "many")
    monkeypatch.setenv("SEMCACHE_THRESHOLD", "7")
    monkeypatch.setenv("SEMCACHE_TRESHOLD", "0.7")
    assert main(["check-config"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["warning", "error", "error"]
    assert "did you mean SEMCACHE_THRESHOLD?" in lines[0]
    assert "SEMCACHE_PORT" in lines[1]
    assert "SEMCACHE_THRESHOLD" in lines[2]


def test_folders_that_cannot_be_made_are_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("SEMCACHE_DATA_DIR", str(blocked / "data"))
    monkeypatch.setenv("SEMCACHE_INDEX_DIR", str(blocked))
    assert main(["check-config"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[1] for line in lines] == ["data_dir", "index_dir"]
    assert not (tmp_path / "data").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_leave_to_write_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "locked").mkdir(mode=0o555)
    monkeypatch.setenv("SEMCACHE_DATA_DIR", str(tmp_path / "locked" / "data"))
    assert main(["check-config"]) == 1
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["http://somewhere", "redis://h:6379?no_such_option=1"])
def test_a_store_url_that_cannot_be_understood_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("SEMCACHE_REDIS_URL", url)
    assert main(["check-config"]) == 1
    assert "SEMCACHE_REDIS_URL" in capsys.readouterr().err


def test_a_public_bind_without_keys_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEMCACHE_HOST", "0.0.0.0")
    assert main(["check-config"]) == 1
    assert "SEMCACHE_API_KEYS_FILE" in capsys.readouterr().err


def test_a_keys_file_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = tmp_path / "keys.toml"
    monkeypatch.setenv("SEMCACHE_API_KEYS_FILE", str(keys))
    assert main(["check-config"]) == 1
    assert str(keys) in capsys.readouterr().err
    assert main(["new-key", "team-a"]) == 0
    keys.write_text(capsys.readouterr().out)
    assert main(["check-config"]) == 0
    keys.write_text("[[keys]]\nid = 'x'\nsha256 = 'zz'\nnamespaces = ['*']\nroles = ['read']\n")
    assert main(["check-config"]) == 1
    assert "sha256" in capsys.readouterr().err


def test_what_only_a_part_can_judge_is_an_error_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text("[[rule]]\nname = 'x'\nno_such_field = 1\n")
    monkeypatch.setenv("SEMCACHE_TTL__RULES_FILE", str(rules))
    assert main(["check-config"]) == 1
    assert "error: " in capsys.readouterr().err
    rules.unlink()
    assert main(["check-config"]) == 1
    assert "rules_file" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()
    assert not (tmp_path / "indexes").exists()


def test_a_judge_that_nobody_would_ask_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEMCACHE_VERIFICATION__JUDGE_MODEL", "judge-1")
    assert main(["check-config"]) == 1
    assert "verification.judge_model" in capsys.readouterr().err
    monkeypatch.setenv("SEMCACHE_UPSTREAM_BASE_URL", "http://127.0.0.1:9/v1")
    assert main(["check-config"]) == 0
    told = capsys.readouterr().err
    assert "never asked" in told
    assert "no api_key" in told
    monkeypatch.setenv("SEMCACHE_UPSTREAM_API_KEY", SECRET)
    monkeypatch.setenv("SEMCACHE_MODE", "shadow")
    assert main(["check-config"]) == 0
    told = capsys.readouterr().err
    assert "never asked" not in told
    assert "no api_key" not in told


def test_settings_that_do_nothing_are_told_of(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "semcache.toml"
    file.write_text("[namespaces.a]\nerror_bound = 0.02\n")
    monkeypatch.setenv("SEMCACHE_CONTEXT", "semantic")
    monkeypatch.setenv("SEMCACHE_CONFIG", "")
    assert main(["check-config", "--config", str(file)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["warning", "warning"]
    assert lines[0].startswith("warning: context does nothing: in mode threshold ")
    assert lines[1].startswith("warning: namespaces.a.error_bound does nothing: mode threshold ")


def test_guard_tables_are_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "guards.toml"
    monkeypatch.setenv("SEMCACHE_VERIFICATION__GUARDS_FILE", str(file))
    file.write_text("opposites = [['big']]\n")
    assert main(["check-config"]) == 1
    assert "guards.opposites[0]" in capsys.readouterr().err
    assert main(["guard-tables", "opposites", "units"]) == 0
    file.write_text(capsys.readouterr().out)
    assert main(["check-config"]) == 0
    assert main(["guard-tables", "oposites"]) == 1
    assert "'oposites'" in capsys.readouterr().err


def test_files_of_a_verifier_of_ones_own_are_checked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "new.npz"
    monkeypatch.setenv("SEMCACHE_VERIFICATION__WEIGHTS_FILE", str(absent))
    assert main(["check-config"]) == 1
    told = capsys.readouterr().err
    assert "SEMCACHE_VERIFICATION__CALIBRATION_FILE is not set" in told
    assert "Value error" not in told
    monkeypatch.setenv("SEMCACHE_VERIFICATION__CALIBRATION_FILE", str(tmp_path / "new.json"))
    for mode in ("threshold", "guarded"):
        monkeypatch.setenv("SEMCACHE_MODE", mode)
        assert main(["check-config"]) == 1
        [told] = capsys.readouterr().err.splitlines()
        assert told.startswith(
            f"error: verification.weights_file '{absent}' cannot be read: No such file or directory; "
        )


def test_the_verifier_is_told_of(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config"]) == 0
    assert "verifier: not needed" in capsys.readouterr().out
    monkeypatch.setenv("SEMCACHE_MODE", "guarded")
    assert main(["check-config"]) == 0
    shown = capsys.readouterr()
    assert "needed by default (guarded); not prepared" in shown.out
    assert "warning: verifier_unprepared: " in shown.err
    monkeypatch.setattr("semcache.verifier.packaged.fingerprint", lambda file: "cross-0")
    assert main(["check-config"]) == 1
    assert "error: verifier_calibration: " in capsys.readouterr().err
