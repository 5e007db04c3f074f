"""What the pages say is so: commands exist, links lead somewhere, settings have these names."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from semcache import __version__
from semcache.cli import parser
from semcache.http.table import ROUTES
from semcache.settings import NOT_SETTINGS, fields, unknown_variables, variable

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md"), *ROOT.glob("examples/**/*.md")]
)
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
CAPTURE = re.compile(r"^[A-Z_]+=\$\((?=\w)")
"""What keeps a command's output in a variable: the command itself is what counts."""
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def commands() -> Iterator[tuple[str, list[str]]]:
    """(page, words) of every command in the pages' shell blocks, variables before it left out."""
    for page in PAGES:
        for block in FENCE.findall(page.read_text(encoding="utf-8")):
            for line in _joined(block):
                words = shlex.split(CAPTURE.sub("", line), comments=True)
                while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
                    words.pop(0)
                if words:
                    yield page.name, words[: words.index(">>")] if ">>" in words else words


def _joined(block: str) -> Iterator[str]:
    """Lines of a block; one whose quotes are open goes on in the next."""
    pending = ""
    for line in block.splitlines():
        pending = f"{pending}\n{line}" if pending else line
        if pending.count("'") % 2 == 0:
            yield pending
            pending = ""
    assert not pending, f"a quote is left open: {pending}"


COMMANDS = list(commands())


def test_there_are_commands_of_every_kind() -> None:
    assert {Path(words[0]).name for _, words in COMMANDS} >= {"make", "semcache", "curl", "python"}


@pytest.mark.parametrize("words", [words for _, words in COMMANDS if Path(words[0]).name == "semcache"], ids=" ".join)
def test_semcache_commands_parse(words: list[str]) -> None:
    cut = words.index(">") if ">" in words else len(words)
    parser().parse_args(words[1:cut])


@pytest.mark.parametrize("words", [words for _, words in COMMANDS if words[0] == "make"], ids=" ".join)
def test_make_targets_exist(words: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in (word for word in words[1:] if "=" not in word):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("words", [words for _, words in COMMANDS if words[0] == "curl"], ids=lambda words: words[2])
def test_curl_commands_name_a_route_and_give_it_a_body_that_it_takes(words: list[str]) -> None:
    address = next(word for word in words if word.startswith("localhost:8080/"))
    body = words[words.index("-d") + 1] if "-d" in words else None
    method = "GET" if body is None else "POST"
    [route] = [
        route for route in ROUTES if (route.method, route.path) == (method, address.removeprefix("localhost:8080"))
    ]
    if body is not None:
        msgspec.json.decode(body.replace("$ENTRY", "0" * 32), type=route.body)


@pytest.mark.parametrize("words", [words for _, words in COMMANDS if words[0].endswith("python")], ids=" ".join)
def test_scripts_and_their_flags_exist(words: list[str]) -> None:
    module = ROOT / words[2].replace(".", "/")
    package = module / "__main__.py"
    file = (package if package.exists() else module.with_suffix(".py")) if words[1] == "-m" else ROOT / words[1]
    script = file.read_text(encoding="utf-8")
    for flag in (word for word in words if word.startswith("--")):
        assert f'"{flag}"' in script, flag


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_named_exists(page: Path) -> None:
    named = set(re.findall(r"SEMCACHE_[A-Z0-9_]*[A-Z0-9]", page.read_text(encoding="utf-8").replace("<name>", "X")))
    assert unknown_variables(dict.fromkeys(named, "")) == []
    known = {variable(path).replace("<NAME>", "X") for path, _ in fields()} | NOT_SETTINGS
    inside = {name for name in named if "__" in name}
    assert inside <= known | {name for name in inside if name.endswith("__X")}


def test_the_settings_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    assert generate.PAGE.read_text(encoding="utf-8") == generate.page(), "run: make docs"


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


SETUP = [
    ROOT / name for name in ("Makefile", "Dockerfile", "compose.yaml", "pyproject.toml", "requirements.lock", ".ci/run")
]
HOSTS = {"127.0.0.1", "localhost", "redis", "api.openai.com", "api.anthropic.com"}


@pytest.mark.parametrize("path", [*PAGES, *SETUP], ids=lambda path: path.name)
def test_no_foreign_host_and_no_path_of_one_machine_is_named(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"://(?:[^/@\s]*@)?([\w.-]+)", text)) <= HOSTS
    assert re.findall(r"(?<![\w.~])/(?:work|root|home|Users)/\S*", text) == []
