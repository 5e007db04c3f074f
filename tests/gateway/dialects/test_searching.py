"""What the provider looks up unasked, or by a field: in every protocol."""

from __future__ import annotations

from typing import Any

import pytest

from semcache.gateway.dialects import DIALECTS, searching

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "a"}], "input": "a", "max_tokens": 9}


@pytest.mark.parametrize("protocol", sorted(DIALECTS))
@pytest.mark.parametrize(
    ("model", "searches"),
    [
        ("sonar", True),
        ("sonar-pro", True),
        ("perplexity/sonar-reasoning-pro", True),
        ("sonar-deep-research", True),
        ("llama-3.1-sonar-small-128k-online", True),
        ("compound-beta", True),
        ("compound-beta-mini", True),
        ("groq/compound", True),
        ("groq/compound-mini", True),
        ("o4-mini-deep-research-2025-06-26", True),
        ("deep-research-pro-preview-12-2025", True),
        ("jina-deepsearch-v1", True),
        ("gpt-4o-mini-search-preview-2025-03-11", True),
        ("gpt-5-search-api", True),
        ("openai/gpt-4o:online", True),
        ("openai/gpt-4o:online:nitro", True),
        ("exa", True),
        ("gpt-4o", False),
        ("deepseek-reasoner", False),
        ("alibaba/tongyi-deepresearch-30b-a3b", False),
        ("compound-interest-7b", False),
        ("ft:gpt-4o-mini:acme:online-shop:1", False),
        ("sonarqube-helper", False),
        ("exaone-3.5", False),
        ("r1-1776", False),
    ],
)
def test_models_that_search_unasked(protocol: str, model: str, searches: bool) -> None:
    found = DIALECTS[protocol].read(BODY | {"model": model}).traits.hosted_tools
    assert found == (("web_search",) if searches else ())


@pytest.mark.parametrize("protocol", sorted(DIALECTS))
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("web_search", True),
        ("web_search", {"enable": True}),
        ("web_search_options", {}),
        ("enable_search", True),
        ("search_parameters", {"mode": "auto"}),
        ("enable_enhancement", True),
        ("force_search_enhancement", True),
        ("plugins", [{"id": "web"}]),
        ("connectors", [{"id": "web-search"}]),
        ("data_sources", [{"type": "azure_search"}]),
    ],
)
def test_fields_that_ask_for_a_search(protocol: str, field: str, value: Any) -> None:
    assert DIALECTS[protocol].read(BODY | {"model": "m", field: value}).traits.hosted_tools == (field,)
    nested = BODY | {"model": "m", "extra_body": {field: value}}
    assert DIALECTS[protocol].read(nested).traits.hosted_tools == (field,)


@pytest.mark.parametrize("value", [None, False, 0, [], "", "off"])
def test_a_search_that_is_off_is_none(value: Any) -> None:
    assert searching.asked({"web_search": value, "enable_search": value, "plugins": value}, "gpt-4o") == []


@pytest.mark.parametrize("tool", [{"type": "web_search"}, {"type": "web_search_preview"}, {"google_search": {}}])
def test_a_tool_that_searches_is_the_provider_s(tool: dict[str, Any]) -> None:
    assert DIALECTS["openai.chat"].read(BODY | {"model": "gemini-2.5-pro", "tools": [tool]}).traits.hosted_tools
