"""The gateway's page says what is so: its code runs, its settings load, its tables name what there is."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from semcache.gateway.evidence import Evidence
from semcache.gateway.routing import serves
from semcache.models import BypassReason, CacheStatus, RefusedReason
from semcache.settings import Settings
from tests.gateway.conftest import Gateway

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "gateway.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The page's blocks of code."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def table(head: str) -> Iterator[list[str]]:
    """The rows of the table with that first line, cell by cell."""
    lines = PAGE.split(head + "\n", 1)[1].splitlines()[1:]
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


@functools.cache
def named_tests(pattern: str) -> set[str]:
    """The names of all tests in this folder's modules of such names."""
    return {
        node.name
        for path in HERE.glob(pattern)
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


TROUBLES = list(table("| trouble | nothing stale | a stale answer in the window | shown by |"))


@pytest.mark.parametrize("row", TROUBLES, ids=[row[0] for row in TROUBLES])
def test_each_trouble_is_shown_by_a_test(row: list[str]) -> None:
    assert len(row) == 4
    assert row[3].strip("`") in named_tests("test_*.py")


def test_each_test_of_a_trouble_has_its_row() -> None:
    told = {row[3].strip("`") for row in TROUBLES}
    shown = {name for name in named_tests("test_faults*.py") if name.startswith(("test_upstream_", "test_the_store_"))}
    assert shown <= told


def test_the_reasons_of_a_bypass_are_all_told() -> None:
    assert {row[0].strip("`") for row in table("| reason | when |")} == {reason.value for reason in BypassReason}


def test_the_names_of_what_is_not_kept_exist() -> None:
    named = PAGE.split("Not kept at all are", 1)[1].split("[Statistics]", 1)[0]
    reasons = set(re.findall(r"`([a-z_]+)`", named))
    assert reasons == {
        RefusedReason.UNFINISHED,
        RefusedReason.FILTERED,
        RefusedReason.REFUSAL,
        RefusedReason.EMPTY_RESPONSE,
        RefusedReason.UNREADABLE,
    }


def test_the_statuses_and_the_evidence_are_all_told() -> None:
    [row] = [row for row in table("| answer | |") if row[0] == "`X-Cache-Status`"]
    assert set(re.findall(r"`([A-Z-]+)`", row[1])) == {status.value for status in CacheStatus} - {"SHADOW"}
    told = PAGE.split("JSON answers end in the member `x_semcache`", 1)[1].split(".", 1)[0]
    assert set(re.findall(r"`([a-z_]+)`", told)) == set(Evidence.__struct_fields__)


def test_the_settings_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [text] = blocks("toml")
    assert tomllib.loads(text)
    file = tmp_path / "semcache.toml"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SEMCACHE_CONFIG", str(file))
    upstreams = Settings().all_upstreams()
    assert list(upstreams) == ["local", "anthropic", "openai"]
    assert serves(upstreams["local"], "llama3")
    assert not serves(upstreams["local"], "gpt-4o")


@pytest.mark.parametrize("code", blocks("python"), ids=["openai", "anthropic"])
def test_the_one_line_works(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-caller")
    found: dict[str, object] = {}
    exec(code.replace("http://localhost:8080", gateway.url), found)
    client = found["client"]
    try:
        messages = [{"role": "user", "content": "does it work?"}]
        if "openai" in code:
            answer = client.chat.completions.create(model="gpt-4o-mini", messages=messages)  # type: ignore[attr-defined]
        else:
            answer = client.messages.create(model="claude-test", max_tokens=9, messages=messages)  # type: ignore[attr-defined]
        assert answer.model_extra["x_semcache"]["status"] == "MISS"
    finally:
        client.close()  # type: ignore[attr-defined]


def test_settings_named_in_the_text_exist() -> None:
    named = set(re.findall(r"`(gateway|ttl|limits)\.([a-z_]+)`", PAGE))
    assert len(named) > 8
    for group, name in named:
        assert name in type(getattr(Settings(), group)).model_fields, f"{group}.{name}"
