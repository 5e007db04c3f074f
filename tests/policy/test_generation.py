"""What of a provider's traffic may be cached: every reason, their order, and the operator's settings."""

from __future__ import annotations

import msgspec
import pytest

from semcache.errors import ConfigError
from semcache.models import BypassReason, RefusedReason, Strategy
from semcache.policy.deny import DenyList
from semcache.policy.generation import Answered, Finish, Traits, forbidden, may_cache, may_keep, prompts, widest
from semcache.settings import GatewaySettings

PLAIN = Traits()
STRICT = GatewaySettings()
NOTHING_DENIED = DenyList(())
IN_ORDER: list[tuple[dict[str, object], BypassReason]] = [
    ({"temperature": 0.7}, BypassReason.TEMPERATURE),
    ({"answers": 2}, BypassReason.SEVERAL_ANSWERS),
    ({"logprobs": True}, BypassReason.LOGPROBS),
    ({"state": "previous_response_id"}, BypassReason.PROVIDER_STATE),
    ({"hosted_tools": ("web_search",)}, BypassReason.HOSTED_TOOLS),
    ({"media_output": True}, BypassReason.MEDIA_OUTPUT),
]


def test_a_plain_request_is_cached() -> None:
    assert may_cache(PLAIN, STRICT) is None
    assert widest(PLAIN) is Strategy.SEMANTIC


@pytest.mark.parametrize(("trait", "reason"), IN_ORDER)
def test_each_trait_has_its_reason(trait: dict[str, object], reason: BypassReason) -> None:
    assert may_cache(msgspec.convert(trait, Traits), STRICT) is reason


def test_the_first_reason_in_order_is_told() -> None:
    for number in range(len(IN_ORDER)):
        traits = {name: value for trait, _ in IN_ORDER[number:] for name, value in trait.items()}
        assert may_cache(msgspec.convert(traits, Traits), STRICT) is IN_ORDER[number][1]


@pytest.mark.parametrize(
    ("temperature", "ceiling", "cached"),
    [(None, 0.0, True), (0.0, 0.0, True), (0.01, 0.0, False), (0.7, 0.7, True), (0.71, 0.7, False), (1.0, 2.0, True)],
)
def test_the_ceiling_of_temperature_is_the_operator_s(temperature: float | None, ceiling: float, cached: bool) -> None:
    reason = may_cache(Traits(temperature=temperature), GatewaySettings(max_temperature=ceiling))
    assert (reason is None) is cached


def test_media_in_a_request_is_compared_by_its_bytes_alone() -> None:
    seen = Traits(media_input=True)
    assert may_cache(seen, STRICT) is None
    assert widest(seen) is Strategy.EXACT


# --- words ---------------------------------------------------------------------------------------------------


def test_all_that_the_user_said_is_searched_and_nothing_else() -> None:
    messages = [
        {"role": "system", "content": "s"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "a"},
        {"role": "user", "content": [{"type": "text", "text": "second"}, {"type": "image_url"}]},
        {"role": "user", "content": [{"type": "image_url"}]},
        {"role": "tool", "content": "t"},
    ]
    assert list(prompts(messages)) == ["first", "second"]


def test_a_secret_bypasses_and_personal_data_where_asked_for() -> None:
    secret, personal = "my password is hunter2!", "write to anna@acme.io"
    expected = {
        "cache": (None, None),
        "secrets": (BypassReason.SENSITIVE, None),
        "all": (BypassReason.SENSITIVE, BypassReason.SENSITIVE),
    }
    for setting, (of_secret, of_personal) in expected.items():
        gateway = GatewaySettings.model_validate({"sensitive": setting})
        assert forbidden(["hello", secret], gateway, NOTHING_DENIED) is of_secret
        assert forbidden(["hello", personal], gateway, NOTHING_DENIED) is of_personal
        assert forbidden(["hello"], gateway, NOTHING_DENIED) is None


def test_denied_patterns_hold_whatever_else_is_cached() -> None:
    deny = DenyList((r"(?i)project\s+falcon", "café", r"^\d{6}$"))
    gateway = GatewaySettings(sensitive="cache")
    for text in ("What is Project  FALCON?", "un café, s'il vous plaît", "123456", "café \ud800"):
        assert forbidden(["hello", text], gateway, deny) is BypassReason.DENIED_PATTERN
    assert forbidden(["the falcon project", "1234567"], gateway, deny) is None
    assert forbidden([], gateway, deny) is None


def test_what_is_denied_is_told_before_what_is_sensitive() -> None:
    assert forbidden(["my password is hunter2!"], STRICT, DenyList(("hunter",))) is BypassReason.DENIED_PATTERN


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "[z-a]", "", "x*", "a|", "a{5000}"])
def test_a_pattern_that_cannot_serve_stops_the_start(pattern: str) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.deny") as error:
        DenyList(("fine", pattern))
    assert repr(pattern) in str(error.value)


# --- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("finish", "expected"),
    [
        (Finish.NATURAL, Strategy.SEMANTIC),
        (Finish.TOOL_CALL, Strategy.EXACT),
        (Finish.LENGTH, RefusedReason.UNFINISHED),
        (Finish.PAUSED, RefusedReason.UNFINISHED),
        (Finish.FILTERED, RefusedReason.FILTERED),
        (Finish.REFUSAL, RefusedReason.REFUSAL),
        (Finish.ERROR, RefusedReason.UPSTREAM_ERROR),
        (Finish.UNKNOWN, RefusedReason.UNREADABLE),
    ],
)
def test_each_end_has_its_consequence(finish: Finish, expected: RefusedReason | Strategy) -> None:
    assert may_keep(Answered(finish=finish, text="Paris."), STRICT) is expected


def test_every_end_is_judged() -> None:
    for finish in Finish:
        assert isinstance(may_keep(Answered(finish=finish), STRICT), (RefusedReason, Strategy))


def test_what_broke_is_told_before_that_it_is_empty() -> None:
    assert may_keep(Answered(finish=Finish.NATURAL, empty=True), STRICT) is RefusedReason.EMPTY_RESPONSE
    assert may_keep(Answered(finish=Finish.TOOL_CALL, empty=True), STRICT) is RefusedReason.EMPTY_RESPONSE
    assert may_keep(Answered(finish=Finish.LENGTH, empty=True), STRICT) is RefusedReason.UNFINISHED
    assert may_keep(Answered(finish=Finish.ERROR, empty=True), STRICT) is RefusedReason.UPSTREAM_ERROR


def test_tool_answers_are_found_as_widely_as_the_operator_allows() -> None:
    for reach in Strategy:
        assert may_keep(Answered(finish=Finish.TOOL_CALL), GatewaySettings(tool_answers=reach)) is reach


def test_refusals_are_kept_only_by_setting_marked_or_in_prose() -> None:
    prose = Answered(finish=Finish.NATURAL, text="I'm sorry, but I can't assist with that.")
    marked = Answered(finish=Finish.REFUSAL, text="No.")
    for answered in (prose, marked):
        assert may_keep(answered, STRICT) is RefusedReason.REFUSAL
        assert may_keep(answered, GatewaySettings(refusals=True)) is Strategy.SEMANTIC
