"""Names of places, languages and makers: one thing under two names, a part and its whole, and what is another one."""

from __future__ import annotations

import pytest

from semcache.errors import ConfigError
from semcache.policy.guards import Force, Rules
from tests.policy.guards.told import told


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("shops open on Sunday in Wien", "shops open on Sunday in Vienna"),
        ("flight from Heathrow", "flight from LHR"),
        ("why did Turkey rename itself", "why did Türkiye rename itself"),
        ("is snorkelling good in Hawaii", "is snorkelling good in Hawaiian waters"),
        ("which R-value for -10 degrees Celsius", "which value for -10 °C"),
        ("when do Americans eat their Thanksgiving turkey", "when is Thanksgiving among Americans"),
        ("may non-Muslims enter", "may those enter who are not of the faith"),
        ("how do I round down in C sharp", "how do I round down in C#"),
        ("NI in the UK: yes or no", "is Northern Ireland in the United Kingdom"),
    ],
)
def test_one_name_in_another_form_is_not_mentioned(a: str, b: str) -> None:
    assert told("entity", a, b) is None
    assert told("entity", b, a) is None


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("which plug fits in England", "which plug fits in the UK"),
        ("best video editor for Ubuntu", "best video editor for Linux"),
        ("unzip a folder on an iPad", "unzip a folder on iOS"),
        ("stop Alexa from recording", "stop my Amazon speaker from recording"),
        ("may a Catholic drink water in Lent", "may a Christian drink water in Lent"),
        ("a farmer in Germany has a heap of Mist", "Mist in English"),
        ("what is Verboten in English", "what did the sign Verboten say in Germany"),
        ("remind me to call Mum", "remind me to call Mom"),
        ("why did the Irish go to America", "why did so many leave Ireland"),
        ("does my Yankee charger work in England", "American plug in Britain"),
    ],
)
def test_what_may_be_meant_by_the_other_name_is_at_most_doubted(a: str, b: str) -> None:
    assert told("entity", a, b) is not Force.VETO
    assert told("entity", b, a) is not Force.VETO


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("which plug fits in England", "which plug fits in Scotland"),
        ("which plug fits in the UK", "which plug fits in the US"),
        ("spell centre in American English", "spell centre in British English"),
        ("flight from Heathrow", "flight from LGW"),
        ("shops open on Sunday in Wien", "shops open on Sunday in Köln"),
        ("best video editor for Ubuntu", "best video editor for Windows"),
        ("best video editor for Ubuntu", "best video editor for Rocky Linux"),
        ("the German for umbrella", "the French for umbrella"),
        ("a polite German phrase for leaving", "polite words for leaving an Italian host"),
        ("hide my story on Facebook", "hide my story on Instagram"),
        ("is Turkey an old country", "is Greece an old country"),
        ("is turkey an old country", "is greece an old country"),
    ],
)
def test_another_one_is_vetoed(a: str, b: str) -> None:
    assert told("entity", a, b) is Force.VETO
    assert told("entity", b, a) is Force.VETO


def test_parts_are_a_table() -> None:
    rules = Rules.from_table({"parts": {"japan": "china"}})
    assert told("entity", "trains in Japan", "trains in China", rules) is Force.DOUBT
    assert told("entity", "plugs in England", "plugs in the UK", rules) is Force.VETO
    with pytest.raises(ConfigError, match="parts"):
        Rules.from_table({"parts": {"japan": 1}})
