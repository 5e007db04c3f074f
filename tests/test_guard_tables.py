"""The guards' tables as a file: read, refused with a remedy, and written as they are read."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from semcache.errors import ConfigError, RequestError
from semcache.guard_tables import load, written
from semcache.policy.guards import Force, Rules, compare, read
from semcache.policy.guards.rules import TABLES
from semcache.service import Service
from semcache.settings import Settings


def vetoes(one: str, other: str, rules: Rules) -> bool:
    return any(found.force is Force.VETO for found in compare(read(one, rules), read(other, rules), rules))


def test_what_is_written_is_read_as_the_house_has_it(tmp_path: Path) -> None:
    assert tomllib.loads(written()).keys() == TABLES.keys()
    file = tmp_path / "all.toml"
    file.write_text(written(), encoding="utf-8")
    assert load(file) == load(None) == Rules.default()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_each_table_can_be_written_alone(name: str, tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text(written([name]), encoding="utf-8")
    assert list(tomllib.loads(file.read_text(encoding="utf-8"))) == [name]
    assert load(file) == Rules.default()


def test_a_table_that_there_is_not_is_told_of() -> None:
    with pytest.raises(RequestError, match=r"'oposites'.*opposites"):
        written(["oposites"])


def test_a_table_of_the_file_replaces_the_houses(tmp_path: Path) -> None:
    file = tmp_path / "guards.toml"
    file.write_text('opposites = [["northline", "southline"]]\n')
    rules = load(file)
    assert vetoes("taxes on northline mail", "taxes on southline mail", rules)
    assert not vetoes("taxes on northline mail", "taxes on southline mail", Rules.default())
    assert vetoes("how do I encrypt it", "how do I decrypt it", rules), "a table that the file does not name stays"


@pytest.mark.parametrize(
    ("one", "other", "common", "force"),
    [
        ("toute", "most", "toute scads", Force.VETO),
        ("toute", "most", "", Force.DOUBT),
        ("scads", "most", "toute scads", Force.DOUBT),
        ("scads", "oodles", "toute scads oodles", Force.DOUBT),
        ("scads", "", "toute scads", None),
        ("toute", "", "toute scads", Force.DOUBT),
    ],
)
def test_a_quantifier_of_the_file_vetoes_by_a_value_of_the_houses_alone(
    one: str, other: str, common: str, force: Force | None
) -> None:
    own = {"toute": "all", "scads": "scads", "oodles": "oodles"}
    rules = Rules.from_table(
        {"quantifiers": {**TABLES["quantifiers"], **own}, "common": f"{TABLES['common']} {common}"}
    )
    found = compare(read(f"delete {one} files", rules), read(f"delete {other} files", rules), rules)
    assert [finding.force for finding in found if finding.guard == "quantifier"] == ([force] if force else [])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"opposites = [", "is no TOML file"),
        (b"\xff", "is no TOML file"),
        (b"oposites = []", "there is no table 'oposites'"),
        (b"opposites = [['big', 'small'], ['big']]", "guards.opposites[1]: two texts are expected"),
        (b"[opposites]\nbig = 'small'", "guards.opposites: a list of pairs"),
        (b"[number_words]\ntwo = 2020-01-01", "guards.number_words.two: a number is expected"),
    ],
)
def test_what_is_wrong_is_told_by_file_table_and_remedy(content: bytes, told: str, tmp_path: Path) -> None:
    file = tmp_path / "guards.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        Service(Settings(verification={"guards_file": file}, data_dir=tmp_path / "data"))
    assert f"verification.guards_file '{file}'" in str(refused.value)
    assert told in str(refused.value)
    if "TOML" not in told:
        assert "semcache guard-tables" in str(refused.value)


def test_a_file_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"verification\.guards_file .*nowhere.*No such file"):
        load(tmp_path / "nowhere")


async def test_every_part_of_a_service_compares_by_the_operators_tables(tmp_path: Path) -> None:
    file = tmp_path / "guards.toml"
    file.write_text('opposites = [["northline", "southline"]]\n')
    service = Service(Settings(verification={"guards_file": file}, data_dir=tmp_path / "data"))
    try:
        assert service.cache._semantic is not None
        for part in (service.cache._semantic, service.comparer):
            assert part._rules == load(file) != Rules.default()
    finally:
        await service.aclose()
