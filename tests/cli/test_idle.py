"""Which settings are told to do nothing, and which are not."""

from __future__ import annotations

from typing import Any

import pytest

from semcache.cli.idle import idle
from semcache.policy.calibration import may_reword
from semcache.settings import Settings
from semcache.settings.kinds import Mode

MODES: tuple[Mode, ...] = ("threshold", "guarded", "verified", "shadow")
FIELDS: dict[str, Any] = {"threshold": 0.9, "confidence": 0.9, "error_bound": 0.01, "context": "semantic"}


def told(**given: Any) -> list[str]:
    """The fields of which something is told."""
    return [line.split(" ")[0] for line in idle(Settings(**given))]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"mode": "threshold"}, ["confidence", "error_bound", "context"]),
        ({"mode": "guarded"}, ["error_bound"]),
        ({"mode": "shadow"}, ["error_bound"]),
        ({"mode": "verified"}, ["confidence"]),
        ({"mode": "guarded", "verifier": "off"}, ["confidence", "error_bound", "context"]),
        ({"mode": "verified", "embedder": "off"}, list(FIELDS)),
        ({"mode": "verified", "strategy": "normalized"}, list(FIELDS)),
    ],
)
def test_what_decides_nothing_is_told_by_default_and_of_a_namespace(given: dict[str, Any], fields: list[str]) -> None:
    assert told(**given, **FIELDS) == fields
    assert told(**given, namespaces={"a": FIELDS}) == [f"namespaces.a.{field}" for field in fields]


def test_what_nobody_set_is_not_told_of() -> None:
    for mode in MODES:
        assert told(mode=mode, namespaces={"a": {"ttl_s": 60}}) == []
    assert told(mode="threshold", context="exact", namespaces={"a": {"context": "exact"}}) == []


def test_a_default_that_counts_in_some_namespace_is_not_told_of() -> None:
    assert told(mode="threshold", confidence=0.9, context="semantic", namespaces={"a": {"mode": "guarded"}}) == []
    assert told(embedder="off", mode="verified", threshold=0.9, namespaces={"a": {"strategy": "semantic"}}) == [
        "threshold"
    ]
    own = {"mode": "guarded", "confidence": 0.8}
    assert told(mode="threshold", confidence=0.9, namespaces={"a": own}) == ["confidence"]


def test_a_namespace_is_judged_by_its_own_mode_and_strategy() -> None:
    own = {"mode": "threshold", "confidence": 0.9, "context": "semantic"}
    assert told(mode="guarded", context="semantic", namespaces={"a": own, "b": {"context": "semantic"}}) == [
        "namespaces.a.confidence",
        "namespaces.a.context",
    ]
    narrow = {"strategy": "exact", "threshold": 0.9}
    assert told(namespaces={"a": narrow}) == ["namespaces.a.threshold"]
    assert told(strategy="exact", namespaces={"a": {**narrow, "strategy": "semantic"}}) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("verifier", ["packaged", "off"])
def test_of_a_context_it_is_told_just_where_no_turn_may_be_reworded(mode: Mode, verifier: str) -> None:
    if (mode, verifier) == ("verified", "off"):
        return  # refused at start
    settings = Settings(mode=mode, verifier=verifier, context="semantic")
    assert bool(list(idle(settings))) != may_reword(settings, "default")


@pytest.mark.parametrize(
    ("given", "remedy"),
    [
        ({"mode": "threshold", "confidence": 0.9}, "set threshold in its place, or mode to guarded"),
        ({"mode": "verified", "confidence": 0.9}, "set error_bound in its place, or mode to guarded"),
        ({"verifier": "off", "confidence": 0.9}, "set SEMCACHE_VERIFIER=packaged, or threshold in its place"),
        ({"mode": "shadow", "error_bound": 0.1}, "set mode to verified, or leave this out"),
        ({"mode": "threshold", "context": "semantic"}, "set mode to guarded, or context to exact"),
        ({"verifier": "off", "context": "semantic"}, "set SEMCACHE_VERIFIER=packaged, or context to exact"),
        ({"embedder": "off", "threshold": 0.9}, "set SEMCACHE_EMBEDDER=minilm, or leave this out"),
        ({"strategy": "exact", "threshold": 0.9}, "set strategy to semantic, or leave this out"),
    ],
)
def test_it_says_what_to_set(given: dict[str, Any], remedy: str) -> None:
    [line] = idle(Settings(**given))
    assert line.endswith(f"; {remedy}")
