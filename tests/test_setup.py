"""The files that set things up: the lock is whole, the container files name what exists."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from semcache.settings import fields, variable
from tests.patience import LONG_S

ROOT = Path(__file__).parent.parent
PINS = {
    canonicalize_name(name): version
    for name, _, version in (
        line.partition("==") for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
    )
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SETTINGS = {variable(path) for path, _ in fields()}


def wanted(requirement: Requirement, seen: set[str]) -> None:
    """Add to `seen` what a requirement brings on this machine, by the installed packages' own words."""
    name = canonicalize_name(requirement.name)
    if name in seen:
        return
    seen.add(name)
    try:
        brought = importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return  # its absence from the lock is judged by the caller
    for text in brought:
        each = Requirement(text)
        extras = requirement.extras or {""}
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras):
            wanted(each, seen)


def direct() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    return [Requirement(text) for text in [*PROJECT["dependencies"], *extras["dev"], *extras["bench"]]]


def test_the_lock_holds_every_package_that_a_requirement_brings() -> None:
    seen: set[str] = set()
    for requirement in [*direct(), Requirement("hatchling")]:
        wanted(requirement, seen)
    nvidia = {name for name in seen if name.startswith(("nvidia-", "triton"))}  # of CUDA builds of torch only
    assert seen - nvidia - PINS.keys() == set()


def test_the_lock_meets_the_ranges() -> None:
    for requirement in direct():
        assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), requirement


def test_the_lock_names_no_address_and_no_local_build() -> None:
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)


def test_the_dockerfile_copies_what_exists_and_runs_as_nobody_s_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source in kept, f"{source} is kept out by .dockerignore"
    final = text[text.rindex("\nFROM ") :]
    assert re.search(r"^USER (?!root)", final, re.MULTILINE)
    assert "HEALTHCHECK" in final
    assert "/healthz" in final
    assert set(re.findall(r"\bSEMCACHE_\w+", text)) <= SETTINGS


def test_compose_is_whole() -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    cache, redis = compose["services"]["semcache"], compose["services"]["redis"]
    assert set(cache["environment"]) <= SETTINGS
    assert "SEMCACHE_API_KEYS_FILE" in cache["environment"]
    assert cache["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert "volatile-" in redis["command"]
    assert redis["healthcheck"]
    named = {volume.partition(":")[0] for service in (cache, redis) for volume in service["volumes"]}
    assert {name for name in named if not name.startswith(".")} == set(compose["volumes"])


@pytest.mark.parametrize(
    "target", ["help", "serve", "test", "check", "docs", "bench", "bench-check", "replay", "lock", "clean"]
)
def test_make_help_names_every_target(target: str) -> None:
    done = subprocess.run(["make", "-s"], capture_output=True, text=True, cwd=ROOT, timeout=LONG_S, check=True)
    assert re.search(rf"^  make {target} +\S", done.stdout, re.MULTILINE)


def test_make_refuses_an_old_python_in_words(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "serve", f"PYTHON={old}", f"VENV={tmp_path}/venv"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode != 0
    assert "needs Python 3.11 or newer" in done.stderr


def test_ci_is_bash_without_faults() -> None:
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True, timeout=LONG_S)
