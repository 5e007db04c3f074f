"""What a gateway caches and what it does not, reason by reason, from end to end. See the table of docs/gateway.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from semcache.models import BypassReason
from tests.gateway.conftest import Gateway, Open, Seen, many
from tests.gateway.provider import Reply

CHAT: dict[str, Any] = {"model": "gpt-4o-mini"}
KEY = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0" * 3
SEARCH = {"type": "web_search"}
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def chat(prompt: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/chat/completions", {**CHAT, "messages": [{"role": "user", "content": prompt}], **more}


def responses(prompt: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "/v1/responses", {**CHAT, "input": prompt, **more}


def messages(prompt: str, **more: Any) -> tuple[str, dict[str, Any]]:
    body = {"model": "claude-test", "max_tokens": 9, "messages": [{"role": "user", "content": prompt}]}
    return "/v1/messages", {**body, **more}


BYPASSES: list[tuple[str, tuple[str, dict[str, Any]]]] = [
    ("temperature", chat("warm", temperature=0.7)),
    ("temperature", responses("warm", temperature=0.7)),
    ("temperature", messages("warm", temperature=1)),
    ("several_answers", chat("several", n=2)),
    ("logprobs", chat("logs", logprobs=True)),
    ("logprobs", responses("logs", top_logprobs=3)),
    ("provider_state", responses("and then?", previous_response_id="resp_1")),
    ("provider_state", responses("and then?", conversation="conv_1")),
    ("provider_state", responses("later", background=True)),
    ("hosted_tools", responses("search", tools=[SEARCH])),
    ("hosted_tools", responses("files", tools=[{"type": "file_search", "vector_store_ids": ["vs"]}])),
    ("hosted_tools", chat("search", web_search_options={})),
    ("hosted_tools", chat("search", model="gpt-4o-search-preview")),
    ("hosted_tools", messages("search", tools=[{"type": "web_search_20250305", "name": "web_search"}])),
    ("media_output", chat("speak", modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})),
    ("denied_pattern", chat("about project Nightingale, please")),
    ("denied_pattern", messages("about project Nightingale, please")),
    ("sensitive", chat(f"what is wrong with my key {KEY}?")),
    ("sensitive", responses(f"what is wrong with my key {KEY}?")),
    ("personal_without_principal", chat("What is my account balance?")),
    ("prompt_too_large", chat("long " * 400)),
    ("not_understood", ("/v1/chat/completions", {**CHAT, "messages": "none"})),
]


@pytest.fixture(scope="module")
def shared_gateway(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The module's gateway has a deny pattern and a bound on prompts."""
    with many(standalone_server, tmp_path_factory.mktemp("policy")) as opened:
        yield opened(gateway={"deny": [r"(?i)project nightingale"]}, limits={"prompt_chars": 1000})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("reason", "asked"), BYPASSES, ids=[f"{reason}-{path}" for reason, (path, _) in BYPASSES])
def test_a_bypass_is_passed_on_and_named(
    gateway: Gateway, reason: str, asked: tuple[str, dict[str, Any]], stream: bool
) -> None:
    path, body = asked
    for _ in range(2):
        seen = Seen(gateway.client.post(path, json={**body, "stream": True} if stream else body))
        assert seen.code == 200, seen.raw
        assert (seen.status, seen.reason) == ("BYPASS", reason)
        assert seen.headers["cache-status"] == f"semcache; fwd=bypass; fwd-status=200; detail={reason}"
        if not stream and reason != "not_understood":
            evidence = seen.evidence
            assert (evidence["cache_hit"], evidence["status"], evidence["reason"]) == (False, "BYPASS", reason)
            assert evidence["saved_usd"] == 0
    assert len(gateway.provider.calls) == 2


def test_every_reason_is_shown_here_or_beside() -> None:
    """`no_store`, `not_cached` and `store_unavailable` are shown elsewhere; `never` is a class of rules."""
    shown = {reason for reason, _ in BYPASSES}
    elsewhere = {"no_store", "store_unavailable", "not_cached", "never_cached_class"}
    assert shown | elsewhere == {reason.value for reason in BypassReason}


@pytest.mark.parametrize("more", [{"temperature": 0}, {}, {"n": 1}, {"tools": [FUNCTION]}, {"top_p": 0.1}, {"seed": 7}])
def test_what_is_not_forbidden_is_cached(gateway: Gateway, more: dict[str, Any]) -> None:
    statuses = [gateway.chat(f"allowed {sorted(more)}", **more).status for _ in range(2)]
    assert statuses == ["MISS", "HIT"]


def test_the_operator_may_allow_warmer_answers(open_gateway: Open) -> None:
    gateway = open_gateway(gateway={"max_temperature": 1.0})
    assert [gateway.chat("warm", temperature=0.7).status for _ in range(2)] == ["MISS", "HIT"]
    assert gateway.chat("warm", temperature=1.2).reason == "temperature"


def test_the_operator_may_have_personal_data_bypass(open_gateway: Open) -> None:
    gateway = open_gateway(gateway={"sensitive": "all"})
    assert gateway.chat("who is behind +44 20 7946 0958?").reason == "sensitive"
    assert gateway.chat("what is a mail?").status == "MISS"


@pytest.mark.parametrize("name", ["refusal", "words"])
def test_the_operator_may_have_refusals_kept(open_gateway: Open, name: str) -> None:
    gateway = open_gateway(gateway={"refusals": True})
    reply = Reply(refusal="I will not.") if name == "refusal" else Reply(text="I'm sorry, but I can't help with that.")
    gateway.provider.always(reply)
    assert [gateway.chat(f"do wrong {name}").status for _ in range(2)] == ["MISS", "HIT"]


def test_a_conversation_is_its_whole_self(gateway: Gateway) -> None:
    def asked(first: str) -> Seen:
        turns = [
            {"role": "user", "content": first},
            {"role": "assistant", "content": "Yes."},
            {"role": "user", "content": "go on"},
        ]
        return gateway.chat("", messages=turns)

    assert [asked(first).status for first in ("a", "b", "a")] == ["MISS", "MISS", "HIT"]


def test_models_parameters_and_protocols_are_kept_apart(gateway: Gateway) -> None:
    gateway.chat("apart")
    for more in ({"model": "gpt-4o"}, {"max_tokens": 5}, {"response_format": {"type": "json_object"}}):
        assert gateway.chat("apart", **more).status == "MISS"
    path, body = responses("apart")
    assert gateway.post(path, body).headers["x-cache-status"] == "MISS"


def test_headers_and_evidence_of_a_hit(gateway: Gateway) -> None:
    miss, hit = gateway.chat("evidence"), gateway.chat("evidence")
    entry_id = miss.evidence["entry_id"]
    assert hit.headers["x-cache-key"] == entry_id
    assert (hit.headers["x-cache-tier"], hit.headers["x-cache-similarity"], hit.headers["age"]) == (
        "exact",
        "1.0000",
        "0",
    )
    assert f'key="{entry_id}"' in hit.headers["cache-status"]
    assert hit.headers["cache-status"].startswith("semcache; hit; ttl=")
    wanted = {"cache_hit", "tier", "similarity", "confidence", "entry_id", "age_s", "cost_usd", "saved_usd"}
    assert set(hit.evidence) >= wanted | {"latency_ms"}
    streamed = gateway.chat("evidence", stream=True)
    assert streamed.headers["x-cache-key"] == entry_id
    assert streamed.evidence["entry_id"] == entry_id


def test_a_new_version_of_a_model_leaves_older_answers_behind(gateway: Gateway) -> None:
    model = "gpt-alias"
    gateway.provider.always(Reply(model="gpt-alias-2025"))
    assert [gateway.chat("version", model=model).status for _ in range(2)] == ["MISS", "HIT"]
    gateway.provider.always(Reply(model="gpt-alias-2026"))
    assert gateway.chat("another prompt", model=model).status == "MISS"
    gateway.settled()
    seen = gateway.chat("version", model=model)
    assert (seen.status, seen.json["model"]) == ("MISS", "gpt-alias-2026")
    assert gateway.chat("version", model=model).json["model"] == "gpt-alias-2026"


def test_what_was_paid_and_saved_is_counted(open_gateway: Open) -> None:
    gateway = open_gateway()
    gateway.chat("counted")
    gateway.chat("counted")
    gateway.chat("counted", temperature=1)
    gateway.settled()
    stats = gateway.client.get("/v1/stats").json()
    assert stats["upstream_calls"] == 2
    assert stats["cost_saved_usd"] > 0
    assert stats["tokens_saved"] > 0
