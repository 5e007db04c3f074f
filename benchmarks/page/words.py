"""How sets, policies and figures are written."""

from __future__ import annotations

from typing import Any, Final

NAMES: Final = {
    "qqp_pairs": "Quora questions",
    "msmarco_typo_class": "search queries with typos",
    "banking77_class": "banking intents",
    "clinc150_class": "assistant intents",
    "bitext_class": "customer service",
    "text2sql_class": "questions on databases",
    "spider_class": "questions on databases, by database",
    "hwu64_class": "home assistant intents",
    "snips_class": "voice commands, by slot values",
    "atis_class": "flights, by slot values",
    "nlupp_class": "banking and hotels, by slot values",
    "wands_query_class": "product searches",
    "open_questions": "questions that nobody asked twice",
}
COLOURS: Final = {"static": "#c0392b", "guarded": "#1b6ca8", "verified": "#6c3a9c", "vcache": "#7d8a2e"}
LABELS: Final = {
    "static": "cosine threshold",
    "guarded": "guarded",
    "verified": "verified",
    "vcache": "vCache's policy",
}


def interval(share: dict[str, Any]) -> str:
    """A share with its interval; "-" of nothing."""
    if not share["of"]:
        return "-"
    return f"{share['served'] / share['of']:.1%} ({share['low']:.1%} to {share['high']:.1%})"


def percent(value: float | None) -> str:
    """A share; "-" where there is none."""
    return "-" if value is None else f"{value:.1%}"


def plain(value: float | None) -> str:
    """A figure below 1; "-" where there is none."""
    return "-" if value is None else f"{value:.3f}"
