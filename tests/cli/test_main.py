"""The command line as a person meets it: help, exit codes, one line for what goes wrong."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from semcache import __version__
from semcache.cli import main, parser
from tests.patience import LONG_S

COMMANDS = (
    "serve", "check-config", "doctor", "rebuild", "stats", "warm", "export", "import", "feedback", "tune", "train",
    "guard-tables", "new-key", "version",
)  # fmt: skip


def semcache(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("SEMCACHE_")}
    return subprocess.run(
        [sys.executable, "-c", "import sys; from semcache.cli import main; sys.exit(main())", *arguments],
        capture_output=True,
        text=True,
        env=bare | environment,
        cwd=Path(__file__).parents[2],
        timeout=LONG_S,
        check=False,
    )


@pytest.mark.parametrize("asked", ["version", "--version"])
def test_version(asked: str) -> None:
    done = semcache(asked)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_version_answers_at_once() -> None:
    code = (
        "import sys; from tests.yardstick import once; "
        "print(once(lambda: __import__('semcache.cli').cli.main(['version'])), file=sys.stderr)"
    )

    def cost() -> float:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            timeout=LONG_S,
            check=True,
        )
        assert done.stdout == f"{__version__}\n"
        return float(done.stderr)

    assert min(cost() for _ in range(3)) < 500


def test_help_names_every_command() -> None:
    text = parser().format_help()
    assert all(re.search(rf"^\s+{command}\b", text, re.MULTILINE) for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS[:-1])
def test_help_of_each_command_gives_an_example_that_parses(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    example = re.search(r"^example: (?:\w+=\S+ )*semcache (.+?)(?: >> .*)?$", capsys.readouterr().out, re.MULTILINE)
    assert example is not None
    assert parser().parse_args(example[1].split()).command == command


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["stats", "--no-such-flag"]])
def test_a_wrong_call_is_2(arguments: list[str]) -> None:
    done = semcache(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: semcache")


@pytest.mark.parametrize("command", ["serve", "doctor"])
def test_wrong_settings_are_1_and_a_line_each(command: str) -> None:
    done = semcache(command, SEMCACHE_PORT="many", SEMCACHE_THRESHOLD="7")
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("semcache: ") for line in lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_weights_that_are_not_there_stop_the_start_with_a_line(tmp_path: Path, workers: str) -> None:
    done = semcache(
        "serve",
        SEMCACHE_PORT="0",
        SEMCACHE_WORKERS=workers,
        SEMCACHE_DATA_DIR=str(tmp_path / "data"),
        SEMCACHE_INDEX_DIR=str(tmp_path / "indexes"),
        SEMCACHE_REDIS_URL="redis://127.0.0.1:1",
        SEMCACHE_VERIFICATION__WEIGHTS_FILE=str(tmp_path / "new.npz"),
        SEMCACHE_VERIFICATION__CALIBRATION_FILE=str(tmp_path / "new.json"),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(
        f"semcache: verification.weights_file '{tmp_path / 'new.npz'}' cannot be read: No such file or directory; "
    )
    assert "Traceback" not in done.stderr


def test_a_service_that_is_not_there_is_1_and_a_line() -> None:
    done = semcache("stats", "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith("semcache: no answer from http://127.0.0.1:1: ")


def test_a_reader_that_leaves_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-c", "import sys; from semcache.cli import main; sys.exit(main())", "check-config"],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=LONG_S,
            check=False,
        )
    assert "Traceback" not in done.stderr


def test_a_new_key_goes_into_the_file_as_a_hash(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new-key", "team-a", "--namespace", "a", "--role", "read"]) == 0
    shown = capsys.readouterr()
    key = shown.err.split()[-1]
    assert key not in shown.out
    assert hashlib.sha256(key.encode()).hexdigest() in shown.out
    assert main(["new-key", "team-a", "--namespace", "no such name"]) == 1
