"""Prices: what an answer cost, by the operator's table, else by the public price list of `genai-prices`.

The list comes with the package and is read once, which takes a moment: `load` does it in a thread at the start. It is
never fetched from anywhere. Callers write model names, so what is remembered of them is bounded.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from semcache.models import Usage
from semcache.policy.generation import Answered
from semcache.settings import PriceSettings

log = logging.getLogger(__name__)

_REMEMBERED: Final = 1024
"""Model names whose place in the list, or absence from it, is remembered."""
_LONGEST_NAME: Final = 256
"""Characters: no model has a longer name."""
_MILLION: Final = 1_000_000
_PROBE: Final = 1000
"""Tokens by which a model's rates are found out."""


class _Rates(msgspec.Struct, frozen=True):
    """USD a token, and a call: of the models, by far the most, whose price is the same at any hour."""

    input: float
    cache_read: float
    cache_write: float
    output: float
    call: float
    up_to: float
    """Tokens of input up to which they hold: some models cost more beyond."""


class _Listed(msgspec.Struct, frozen=True):
    """A model of the list. `rates` is None where its price depends on more than tokens."""

    provider: Any
    model: Any
    rates: _Rates | None


class _Tokens(msgspec.Struct, frozen=True):
    """Tokens of one call; what came from the provider's cache, or went into it, is part of `input`."""

    input: int
    cache_read: int
    cache_write: int
    output: int


class Prices:
    """Tells what answers cost. Thread-safe."""

    def __init__(self, table: Mapping[str, PriceSettings], *, now: Callable[[], datetime] | None = None) -> None:
        """`table`: the operator's prices by the name of the model as it is requested. `now`: some prices have hours."""
        self._table = dict(table)
        self._now = now or _utc
        self._find = functools.lru_cache(maxsize=_REMEMBERED)(_find)

    def load(self) -> None:
        """Read the list. Takes some tenths of a second, the first time; call it in a thread."""
        self._find("gpt-4o", None)

    def cost(self, model: str, answered: Answered, *, provider: str | None) -> float | None:
        """USD for an answer to a request for `model`; None where its tokens or its price are not known.

        `provider` (`openai`, `anthropic`) is whose protocol it was: where the list has the model there, that price
        counts.
        """
        usage = answered.usage
        if usage is None:
            return None
        own = self._table.get(model)
        if own is not None:
            total = usage.input_tokens * own.input_per_million + usage.output_tokens * own.output_per_million
            return round(total / _MILLION, 12)
        for name in (answered.model, model):  # the first tells the version that an alias stood for
            listed = self._find(name, provider) if name and len(name) <= _LONGEST_NAME else None
            if listed is not None:
                return self._listed(listed, _tokens(usage, answered))
        return None

    def _listed(self, listed: _Listed, tokens: _Tokens) -> float | None:
        rates = listed.rates
        if rates is not None and tokens.input <= rates.up_to:
            plain = tokens.input - tokens.cache_read - tokens.cache_write
            cost = plain * rates.input + tokens.output * rates.output + rates.call
            cost += tokens.cache_read * rates.cache_read + tokens.cache_write * rates.cache_write
            return round(cost, 12)
        try:
            return _calculated(listed.provider, listed.model, tokens, self._now())
        except (ValueError, LookupError) as error:
            log.debug("no price for an answer of %s: %s", listed.model.id, error)
            return None


def _tokens(usage: Usage, answered: Answered) -> _Tokens:
    """The counts, made consistent: a provider's own may not be."""
    read = min(max(0, answered.cache_read_tokens), usage.input_tokens)
    written = min(max(0, answered.cache_write_tokens), usage.input_tokens - read)
    return _Tokens(usage.input_tokens, read, written, usage.output_tokens)


def _find(name: str, provider_id: str | None) -> _Listed | None:
    """The given provider's model of that name, else that of whoever such a name belongs to.

    Not by `genai_prices.calc_price`: that remembers every name for ever.
    """
    from genai_prices import data_snapshot

    providers = data_snapshot.get_snapshot().providers
    name = name.lower()
    given = None if provider_id is None else data_snapshot.find_provider_by_id(providers, provider_id)
    makers = [each for each in providers if each.model_match is not None and each.model_match.is_match(name)]
    for provider in makers if given is None else [given, *makers]:
        model = provider.find_model(name, all_providers=providers)
        if model is not None:
            return _Listed(provider, model, _rates(provider, model))
    return None


def _rates(provider: Any, model: Any) -> _Rates | None:
    """The model's rates, by asking for some of each; None where its price has hours, or tiers for short input."""
    from genai_prices.types import ModelPrice, TieredPrices

    if not isinstance(model.prices, ModelPrice):
        return None
    tiered = [price for price in vars(model.prices).values() if isinstance(price, TieredPrices)]
    up_to = min((tier.start for price in tiered for tier in price.tiers), default=float("inf"))
    if up_to < _PROBE:
        return None
    try:
        call, *totals = (
            _calculated(provider, model, tokens, _utc())
            for tokens in (
                _Tokens(0, 0, 0, 0),
                _Tokens(_PROBE, 0, 0, 0),
                _Tokens(_PROBE, _PROBE, 0, 0),
                _Tokens(_PROBE, 0, _PROBE, 0),
                _Tokens(0, 0, 0, _PROBE),
            )
        )
    except (ValueError, LookupError):
        return None
    of_input, of_read, of_write, of_output = ((total - call) / _PROBE for total in totals)
    return _Rates(of_input, of_read, of_write, of_output, call, up_to)


def _calculated(provider: Any, model: Any, tokens: _Tokens, at: datetime) -> float:
    from genai_prices import Usage as Counted

    counted = Counted(
        input_tokens=tokens.input,
        cache_read_tokens=tokens.cache_read,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.output,
    )
    return float(model.calc_price(counted, provider, genai_request_timestamp=at).total_price)


def _utc() -> datetime:
    return datetime.now(UTC)
