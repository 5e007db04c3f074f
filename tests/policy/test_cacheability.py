from __future__ import annotations

import pytest

from semcache.models import BypassReason, CacheIdentity, CacheRequest, RefusedReason
from semcache.policy.cacheability import CONVERSATION_PROMPTS, may_look_up, may_store, oversized
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from semcache.settings import LimitSettings, Settings

SETTINGS = Settings(limits=LimitSettings(prompt_chars=100, response_bytes=50))


def asked(prompt: str, principal: str | None = None) -> tuple[CacheRequest, CacheIdentity]:
    request = CacheRequest(messages=[{"role": "user", "content": prompt}], model="m", principal=principal)
    return request, identify(request, Normalizer(), TtlRules.default())


def test_an_ordinary_prompt_may_be_looked_up_and_stored() -> None:
    request, identity = asked("What is entropy?")
    assert may_look_up(request, identity, SETTINGS) is None
    assert may_store(request, identity, b'"disorder"', SETTINGS) is None


@pytest.mark.parametrize(
    ("prompt", "principal", "reason"),
    [
        ("where is my order", None, "personal_without_principal"),
        ("where is my order", "", "personal_without_principal"),
        ("flip a coin", "ann", "never_cached_class"),
        ("x" * 101, "ann", "prompt_too_large"),
    ],
)
def test_what_bypasses_is_not_stored_either(prompt: str, principal: str | None, reason: str) -> None:
    request, identity = asked(prompt, principal)
    bypass, refused = may_look_up(request, identity, SETTINGS), may_store(request, identity, b"1", SETTINGS)
    assert bypass is not None
    assert bypass.reason is BypassReason(reason)
    assert refused is not None
    assert refused.reason is RefusedReason(reason)


def test_a_personal_prompt_of_somebody_may() -> None:
    request, identity = asked("where is my order", "ann")
    assert may_look_up(request, identity, SETTINGS) is None
    assert may_store(request, identity, b"1", SETTINGS) is None


@pytest.mark.parametrize("response", [b"", b"null", b'""', b"[]", b"{}", b" null\n", b"[ ]", b"{\n}", b'"  "'])
def test_an_empty_answer_is_not_stored(response: bytes) -> None:
    refused = may_store(*asked("What is entropy?"), response, SETTINGS)
    assert refused is not None
    assert refused.reason is RefusedReason.EMPTY_RESPONSE


@pytest.mark.parametrize("response", [b"0", b"false", b"[0]", b'{"a":null}', b'"."'])
def test_a_small_answer_is_one(response: bytes) -> None:
    assert may_store(*asked("What is entropy?"), response, SETTINGS) is None


def test_an_answer_beyond_the_limit_is_not_stored() -> None:
    refused = may_store(*asked("What is entropy?"), b'"' + b"x" * 50 + b'"', SETTINGS)
    assert refused is not None
    assert refused.reason is RefusedReason.RESPONSE_TOO_LARGE


def test_the_limit_holds_for_text_beside_an_image_too() -> None:
    parts = [{"type": "text", "text": "x" * 101}, {"type": "image_url", "image_url": {"url": "u"}}]
    request = CacheRequest(messages=[{"role": "user", "content": parts}], model="m")
    assert oversized(request, SETTINGS.limits)
    assert not oversized(CacheRequest(messages=[], model="m"), SETTINGS.limits)


def test_a_conversation_in_which_the_user_said_too_much_bypasses() -> None:
    def conversation(turns: int, role: str = "user") -> CacheRequest:
        earlier = [{"role": role, "content": "x" * 100}] * turns
        return CacheRequest(messages=[*earlier, {"role": "user", "content": "y"}], model="m")

    assert not oversized(conversation(CONVERSATION_PROMPTS - 1), SETTINGS.limits)
    assert oversized(conversation(CONVERSATION_PROMPTS), SETTINGS.limits)
    assert not oversized(conversation(CONVERSATION_PROMPTS, "assistant"), SETTINGS.limits)  # nobody searches those
    asked = conversation(CONVERSATION_PROMPTS)
    bypass = may_look_up(asked, identify(asked, Normalizer(), TtlRules.default()), SETTINGS)
    assert bypass is not None
    assert bypass.reason is BypassReason.PROMPT_TOO_LARGE
