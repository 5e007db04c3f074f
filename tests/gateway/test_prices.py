"""What answers cost: the operator's table, the public list, and names that nobody knows."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from genai_prices import Usage as Counted
from genai_prices import calc_price, data_snapshot

from semcache.gateway import prices as prices_module
from semcache.gateway.prices import Prices
from semcache.models import Usage
from semcache.policy.generation import Answered, Finish
from semcache.settings import PriceSettings
from tests.yardstick import units


def answered(input_tokens: int = 1000, output_tokens: int = 500, *, model: str | None = None, **more: int) -> Answered:
    usage = Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    return Answered(finish=Finish.NATURAL, usage=usage, model=model, **more)  # type: ignore[arg-type]


def test_the_operator_s_price_comes_first() -> None:
    prices = Prices({"gpt-4o": PriceSettings(input_per_million=1.0, output_per_million=2.0)})
    assert prices.cost("gpt-4o", answered(), provider="openai") == 0.002
    assert prices.cost("gpt-4o", answered(model="gpt-4o-2024-08-06"), provider="openai") == 0.002
    free = Prices({"local": PriceSettings(input_per_million=0.0, output_per_million=0.0)})
    assert free.cost("local", answered(), provider="openai") == 0.0


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("gpt-4o", "openai"),
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("claude-sonnet-4-5", "anthropic"),
        ("claude-3-5-haiku-20241022", "anthropic"),
        ("text-embedding-3-small", "openai"),
        ("gpt-4o", None),
        ("GPT-4o", "openai"),
    ],
)
@pytest.mark.parametrize("tokens", [(1000, 500, 0, 0), (1000, 500, 400, 0), (1000, 500, 400, 300), (250_000, 9, 7, 5)])
def test_the_list_s_price(model: str, provider: str | None, tokens: tuple[int, int, int, int]) -> None:
    input_tokens, output_tokens, read, written = tokens
    cost = Prices({}).cost(
        model,
        answered(input_tokens, output_tokens, cache_read_tokens=read, cache_write_tokens=written),
        provider=provider,
    )
    counted = Counted(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
    listed = calc_price(counted, model, provider_id=provider or "openai")
    assert cost == pytest.approx(float(listed.total_price), rel=1e-9)
    assert cost is not None
    assert cost > 0


def test_rates_say_what_the_list_says_of_every_model() -> None:
    """The short way of reckoning, for each model that has one, also beyond a tier's border."""
    checked = 0
    for provider in data_snapshot.get_snapshot().providers:
        for model in provider.models:
            rates = prices_module._rates(provider, model)
            if rates is None:
                continue
            listed = prices_module._Listed(provider, model, rates)
            for tokens in ((1234, 234, 34, 567), (300_000, 1000, 0, 99)):
                counts = prices_module._Tokens(*tokens)
                expected = prices_module._calculated(provider, model, counts, datetime.now(UTC))
                assert Prices({})._listed(listed, counts) == pytest.approx(expected, abs=1e-9), model.id
            checked += 1
    assert checked > 1000


def test_what_the_provider_says_it_ran_is_priced_before_its_alias() -> None:
    prices = Prices({})
    mini = prices.cost("gpt-4o-mini", answered(), provider="openai")
    assert prices.cost("my-deployment", answered(model="gpt-4o-mini"), provider="openai") == mini
    assert prices.cost("gpt-4o-mini", answered(model="my-model"), provider="openai") == mini


def test_a_model_of_another_maker_behind_the_protocol_is_found() -> None:
    cost = Prices({}).cost("claude-3-5-haiku-20241022", answered(), provider="openai")
    assert cost == Prices({}).cost("claude-3-5-haiku-20241022", answered(), provider="anthropic")


def test_what_nobody_knows_has_no_price() -> None:
    prices = Prices({})
    assert prices.cost("my-own-model", answered(), provider="openai") is None
    assert prices.cost("", answered(), provider="openai") is None
    assert prices.cost("gpt-4o" * 1000, answered(), provider="openai") is None
    assert prices.cost("gpt-4o", answered(), provider="no such provider") is not None
    assert prices.cost("gpt-4o", Answered(finish=Finish.NATURAL), provider="openai") is None


def test_counts_that_contradict_each_other_are_made_consistent() -> None:
    prices = Prices({})
    most = prices.cost("claude-sonnet-4-5", answered(100, 0, cache_read_tokens=100), provider="anthropic")
    given = answered(100, 0, cache_read_tokens=500, cache_write_tokens=500)
    assert prices.cost("claude-sonnet-4-5", given, provider="anthropic") == most
    assert prices.cost("claude-sonnet-4-5", answered(100, 0, cache_read_tokens=-5), provider="anthropic") is not None


def test_names_that_callers_make_up_are_forgotten() -> None:
    prices = Prices({})
    before = len(data_snapshot.get_snapshot()._provider_misses)
    for number in range(1200):
        prices.cost(f"no-such-{number}", answered(), provider="openai")
    assert prices._find.cache_info().currsize <= 1024
    assert len(data_snapshot.get_snapshot()._provider_misses) == before


@pytest.mark.parametrize("model", ["gpt-4o", "claude-sonnet-4-5", "my-own-model"])
def test_a_price_is_cheap_to_tell(model: str) -> None:
    prices, what = Prices({}), answered(cache_read_tokens=10)
    prices.cost(model, what, provider="openai")
    assert units(lambda: prices.cost(model, what, provider="openai"), times=200) < 0.25


def test_the_list_is_read_by_load_and_not_by_the_import() -> None:
    code = (
        "import sys; from semcache.gateway.prices import Prices; p = Prices({}); "
        "assert 'genai_prices' not in sys.modules; p.load(); assert 'genai_prices.data' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
