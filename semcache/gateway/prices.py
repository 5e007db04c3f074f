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

from semcache.policy.generation import Answered
from semcache.settings import PriceSettings

log = logging.getLogger(__name__)

_REMEMBERED: Final = 1024
"""Model names whose place in the list, or absence from it, is remembered."""
_LONGEST_NAME: Final = 256
"""Characters: no model has a longer name."""


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

        `provider` (`openai`, `anthropic`) is whose protocol it was: where the list has the model there, that price counts.
        """
        usage = answered.usage
        if usage is None:
            return None
        own = self._table.get(model)
        if own is not None:
            return (usage.input_tokens * own.input_per_million + usage.output_tokens * own.output_per_million) / 1e6
        for name in (answered.model, model):  # the first tells the version that an alias stood for
            listed = self._find(name, provider) if name and len(name) <= _LONGEST_NAME else None
            if listed is not None:
                return self._listed(listed, answered)
        return None

    def _listed(self, listed: tuple[Any, Any], answered: Answered) -> float | None:
        from genai_prices import Usage

        found_provider, found_model = listed
        usage = answered.usage
        assert usage is not None
        read = min(max(0, answered.cache_read_tokens), usage.input_tokens)
        written = min(max(0, answered.cache_write_tokens), usage.input_tokens - read)
        counted = Usage(
            input_tokens=usage.input_tokens,
            cache_read_tokens=read,
            cache_write_tokens=written,
            output_tokens=usage.output_tokens,
        )
        try:
            price = found_model.calc_price(counted, found_provider, genai_request_timestamp=self._now())
        except (ValueError, LookupError) as error:
            log.debug("no price for an answer of %s: %s", found_model.id, error)
            return None
        return float(price.total_price)


def _find(name: str, provider_id: str | None) -> tuple[Any, Any] | None:
    """(provider, model) of the list: the given provider's, else that of whoever such a name belongs to.

    Not by `genai_prices.calc_price`: that remembers every name for ever.
    """
    from genai_prices import data_snapshot

    providers = data_snapshot.get_snapshot().providers
    name = name.lower()
    given = None if provider_id is None else data_snapshot.find_provider_by_id(providers, provider_id)
    makers = [each for each in providers if each.model_match is not None and each.model_match.is_match(name)]
    for provider in [given, *makers] if given is not None else makers:
        model = provider.find_model(name, all_providers=providers)
        if model is not None:
            return provider, model
    return None


def _utc() -> datetime:
    return datetime.now(UTC)
