"""Settings: environment over file over default; what is wrong is named, what is secret is not shown."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from semcache.errors import ConfigError
from semcache.models import Strategy, TtlClass
from semcache.settings import NamespaceSettings, Settings, fields, is_loopback, load, unknown_variables, variable

SECRET = "hunter2-and-more"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("SEMCACHE_"):
            monkeypatch.delenv(name)


def config(monkeypatch: pytest.MonkeyPatch, folder: Path, text: str) -> Path:
    path = folder / "semcache.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("SEMCACHE_CONFIG", str(path))
    return path


def test_defaults_are_those_that_others_rely_on() -> None:
    settings = load()
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.index_dir, settings.default_ttl_s) == (Path("indexes"), 3600.0)
    assert settings.redis_url is None
    assert settings.threshold is None
    assert settings.strategy is Strategy.SEMANTIC
    assert (settings.mode, settings.context, settings.confidence) == ("guarded", None, None)


def test_environment_wins_over_file_and_file_over_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, "port = 9001\nthreshold = 0.8\n[store]\ndeadline_s = 0.5\npool_size = 7\n")
    monkeypatch.setenv("SEMCACHE_PORT", "9002")
    monkeypatch.setenv("SEMCACHE_STORE__DEADLINE_S", "0.75")
    settings = load()
    assert settings.port == 9002
    assert settings.threshold == 0.8
    assert (settings.store.deadline_s, settings.store.pool_size) == (0.75, 7)
    assert settings.store.connect_timeout_s == 1.0


def test_arguments_win_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_PORT", "9002")
    assert load(port=9003).port == 9003


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_THRESHOLD", "")
    monkeypatch.setenv("SEMCACHE_REDIS_URL", "")
    assert load().threshold is None
    assert load().redis_url is None


def test_namespaces_by_variable_and_by_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, "[namespaces.support]\nttl_s = 600\n")
    monkeypatch.setenv("SEMCACHE_NAMESPACES__FOO__THRESHOLD", "0.9")
    settings = load()
    assert settings.namespace("support").ttl_s == 600
    assert settings.namespace("foo").threshold == 0.9
    assert settings.namespace("other") == NamespaceSettings()


def test_settings_and_groups_are_frozen() -> None:
    settings = load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        settings.store.pool_size = 1  # type: ignore[misc]


def test_every_wrong_field_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_PORT", "many")
    monkeypatch.setenv("SEMCACHE_THRESHOLD", "3")
    monkeypatch.setenv("SEMCACHE_STORE__POOL_SIZE", "0")
    with pytest.raises(ConfigError) as caught:
        load()
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("port [SEMCACHE_PORT]: ")
    assert "'many'" in lines[0]
    assert any(line.startswith("threshold [SEMCACHE_THRESHOLD]: ") for line in lines)
    assert any(line.startswith("store.pool_size [SEMCACHE_STORE__POOL_SIZE]: ") for line in lines)


def test_a_wrong_name_in_a_group_or_the_file_is_refused_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config(monkeypatch, tmp_path, "treshold = 0.8\n")
    monkeypatch.setenv("SEMCACHE_STORE__PASSWROD", SECRET)
    with pytest.raises(ConfigError) as caught:
        load()
    text = str(caught.value)
    assert "treshold [SEMCACHE_TRESHOLD]: there is no such setting; did you mean SEMCACHE_THRESHOLD?" in text
    assert "did you mean SEMCACHE_STORE__PASSWORD?" in text
    assert SECRET not in text


def test_a_wrong_table_of_the_file_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, "[stor]\ndeadline_s = 1\n")
    with pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value) == "[stor]: there is no such table; did you mean [store]?"


@pytest.mark.parametrize(
    ("table", "wrong", "right"),
    [
        ("upstreams.house", 'base_urll = "http://127.0.0.1:1/v1"', "base_url"),
        ("namespaces.faq", "treshold = 0.9", "threshold"),
        ("prices.gpt", "cached_prompt = 1.0", ""),
    ],
)
def test_a_wrong_field_of_a_named_table_is_refused_with_the_nearest_of_that_table(
    table: str, wrong: str, right: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config(monkeypatch, tmp_path, f"[{table}]\n{wrong}\n")
    with pytest.raises(ConfigError) as caught:
        load()
    said = next(line for line in str(caught.value).splitlines() if "no such setting" in line)
    assert said.partition("there is no such setting")[2] == (f"; did you mean {right}?" if right else "")


def test_an_upstream_without_a_name_is_told_that_it_needs_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config(monkeypatch, tmp_path, '[upstreams]\nbase_url = "http://127.0.0.1:1/v1"\n')
    with pytest.raises(ConfigError, match=r"upstreams\.base_url .*: each is a table of its own, \[upstreams\.<name>\]"):
        load()


def test_an_address_of_another_form_is_told_the_form_and_not_a_pattern(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config(monkeypatch, tmp_path, f'[upstreams.a]\nbase_url = "nowhere"\napi_key = ["{SECRET}"]\n')
    with pytest.raises(ConfigError) as caught:
        load()
    assert "(https://api.openai.com/v1)" in str(caught.value)
    assert "(given: 'nowhere')" in str(caught.value)
    assert "^http" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SEMCACHE_STORE", f'{{"password": ["{SECRET}"]}}'),
        ("SEMCACHE_STORE", f'{{"password": {SECRET}}}'),
        ("SEMCACHE_STORE", f'{{"pasword": "{SECRET}"}}'),
        ("SEMCACHE_STORE__PASSWORD__X", SECRET),
        ("SEMCACHE_EMBEDDING__OPENAI_KEY", SECRET),
    ],
)
def test_no_error_shows_a_secret(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        load()
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.__cause__)


def test_secrets_are_asterisks_wherever_settings_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_REDIS_URL", f"redis://:{SECRET}@cache:6379/0")
    monkeypatch.setenv("SEMCACHE_ADMIN_KEY", SECRET)
    monkeypatch.setenv("SEMCACHE_STORE__PASSWORD", SECRET)
    monkeypatch.setenv("SEMCACHE_EMBEDDING__OPENAI_API_KEY", SECRET)
    settings = load()
    assert settings.admin_key is not None
    assert settings.admin_key.get_secret_value() == SECRET
    assert SECRET not in str(settings.redacted())
    assert SECRET not in repr(settings)
    assert settings.redacted()["store"]["password"] == "**********"


def test_every_field_whose_name_speaks_of_a_secret_is_one() -> None:
    words = ("password", "api_key", "admin_key", "secret", "url")
    plain = {"embedding.openai_base_url", "upstream_base_url", "upstreams.<name>.base_url", "api_keys_file"}
    for path, info in fields():
        if any(word in path for word in words) and path not in plain:
            assert "SecretStr" in str(info.annotation), path


def test_every_setting_is_described() -> None:
    assert [path for path, info in fields() if not info.description] == []


def test_a_variable_that_is_no_setting_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SEMCACHE_STORE_DEADLINE_S", SECRET)
    monkeypatch.setenv("SEMCACHE_EVALDATA", "somewhere")
    with caplog.at_level(logging.WARNING):
        load()
    assert caplog.messages == ["SEMCACHE_STORE_DEADLINE_S is no setting; did you mean SEMCACHE_STORE__DEADLINE_S?"]


def test_unknown_variables_knows_every_setting() -> None:
    assert unknown_variables({variable(path).replace("<NAME>", "X"): "" for path, _ in fields()}) == []
    assert unknown_variables({"SEMCACHE_TRESHOLD": "", "HOME": ""}) == [
        "SEMCACHE_TRESHOLD is no setting; did you mean SEMCACHE_THRESHOLD?"
    ]
    assert unknown_variables({"SEMCACHE_ZZZZZZ": ""}) == ["SEMCACHE_ZZZZZZ is no setting"]


def test_a_public_bind_needs_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_HOST", "0.0.0.0")
    with pytest.raises(ConfigError, match="SEMCACHE_API_KEYS_FILE") as caught:
        load()
    assert len(str(caught.value).splitlines()) == 1
    monkeypatch.setenv("SEMCACHE_API_KEYS_FILE", "keys.toml")
    assert load().host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.0.1", "localhost", "::1", "[::1]")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.1", "cache.example", "")),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_modes_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for mode in ("threshold", "guarded", "verified", "shadow"):
        monkeypatch.setenv("SEMCACHE_MODE", mode)
        assert load().mode == mode
    monkeypatch.setenv("SEMCACHE_MODE", "cosine")
    with pytest.raises(ConfigError, match=r"mode \[SEMCACHE_MODE\]: .*'threshold', 'guarded'"):
        load()


def test_a_bound_is_not_promised_without_the_verifier(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The cosine alone would be served from, within no bound at all."""
    monkeypatch.setenv("SEMCACHE_VERIFIER", "off")
    config(monkeypatch, tmp_path, '[namespaces.faq]\nmode = "verified"\n')
    with pytest.raises(ConfigError, match=r"verified \(namespaces\.faq\) .*SEMCACHE_VERIFIER=packaged"):
        load()
    with pytest.raises(ConfigError, match=r"verified \(the default, namespaces\.faq\)"):
        load(mode="verified")
    assert load(embedder="off").mode == "guarded"


def test_the_verifier_is_needed_where_a_mode_asks_it() -> None:
    assert load().anywhere_judged()
    assert not load(mode="threshold").anywhere_judged()
    assert load(mode="threshold", namespaces={"faq": {"mode": "guarded"}}).anywhere_judged()
    assert load(namespaces={"faq": {"mode": "threshold"}}).anywhere_judged()


@pytest.mark.parametrize("path", ["confidence", "namespaces.faq.confidence"])
def test_a_confidence_is_a_probability(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv(variable(path), "0.97")
    settings = load()
    assert 0.97 in (settings.confidence, settings.namespace("faq").confidence)
    monkeypatch.setenv(variable(path), "97")
    with pytest.raises(ConfigError, match="less than or equal to 1"):
        load()


def test_ttl_bounds_must_be_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_TTL__MIN_S", "100")
    monkeypatch.setenv("SEMCACHE_TTL__MAX_S", "10")
    with pytest.raises(ConfigError, match=r"ttl\.min_s"):
        load()


def test_every_ttl_class_has_a_life() -> None:
    ttl = Settings().ttl
    assert ttl.of(TtlClass.NEVER) == 0
    assert ttl.of(TtlClass.STATIC) == 7 * 86400
    assert all(ttl.of(each) > 0 for each in TtlClass if each is not TtlClass.NEVER)


@pytest.mark.parametrize("text", ["port = [", "port = 1\nport = 2\n"])
def test_a_broken_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    path = config(monkeypatch, tmp_path, text)
    with pytest.raises(ConfigError, match=str(path)):
        load()


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEMCACHE_CONFIG", "not/there.toml")
    with pytest.raises(ConfigError, match=r"not/there\.toml"):
        load()
