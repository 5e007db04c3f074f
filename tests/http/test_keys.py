"""The key file: what it takes, what it refuses, and that it is read again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from semcache.errors import ConfigError
from semcache.http.access import Role
from semcache.http.keys import KeyFile, new_key, parse


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_new_key_opens_what_its_block_says(tmp_path: Path) -> None:
    made = new_key('team "a"', namespaces=["a", "b"], roles=["read", "write"])
    assert made.key not in made.toml
    path = tmp_path / "keys.toml"
    path.write_text(made.toml)
    keys = KeyFile(path)
    found = keys.find(made.key)
    assert found is not None
    assert (found.id, found.namespaces, found.roles) == ('team "a"', ("a", "b"), {Role.READ, Role.WRITE})
    assert found.keyed
    assert keys.find(made.key + "x") is None
    assert not keys.any_admin


def test_no_two_keys_are_alike() -> None:
    assert len({new_key("k").key for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("keys = 3", "array"),
        ("[[keys]]\nid = 'x'", "missing required field `sha256`"),
        ("[[keys]\n", "keys.toml"),
        ("[[keys]]\nid='x'\nsha256='zz'\nnamespaces=['a']\nroles=['read']", "64 hex digits"),
        (f"[[keys]]\nid='x'\nsha256='{'0' * 64}'\nnamespaces=['a']\nroles=['root']", "root"),
        (f"[[keys]]\nid='x'\nsha256='{'0' * 64}'\nnamespaces=['a b']\nroles=['read']", "'a b'"),
        (f"[[keys]]\nid='x'\nsha256='{'0' * 64}'\nnamespaces=[]\nroles=['read']", "at least one"),
        (f"[[keys]]\nid='x'\nkey='secret'\nsha256='{'0' * 64}'\nnamespaces=['a']\nroles=['read']", "key"),
    ],
)
def test_a_wrong_file_is_explained(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "keys.toml")
    assert said in str(caught.value)


def test_the_same_key_or_id_twice_is_refused() -> None:
    one, two = new_key("a"), new_key("b")
    with pytest.raises(ConfigError, match="twice"):
        parse(one.toml + new_key("a").toml, "f")
    with pytest.raises(ConfigError, match="the same key as a"):
        parse(one.toml + one.toml.replace('"a"', '"c"') + two.toml, "f")


def test_a_missing_file_ends_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        KeyFile(tmp_path / "nowhere.toml")


def test_a_changed_file_is_read_again_within_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "keys.toml", Clock()
    old, new = new_key("old"), new_key("new", roles=["admin"])
    path.write_text(old.toml)
    keys = KeyFile(path, monotonic=clock)
    _replace(path, new.toml)
    clock.now = 1.5
    assert keys.any_admin
    assert keys.find(old.key) is None
    assert keys.find(new.key) is not None


def test_a_broken_change_leaves_the_old_keys_in_force(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, clock = tmp_path / "keys.toml", Clock()
    made = new_key("old")
    path.write_text(made.toml)
    keys = KeyFile(path, monotonic=clock)
    _replace(path, "[[keys")
    clock.now = 1.5
    assert keys.find(made.key) is not None
    assert "stay in force" in caplog.text
    path.unlink()
    clock.now = 3.0
    assert keys.find(made.key) is not None


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    os.replace(fresh, path)
