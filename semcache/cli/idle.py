"""Settings that were given and do nothing, for `semcache check-config`: which, why, and what to set in their place.

A default is told of where it counts in no place: neither where it stands, nor in a namespace that names none itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from semcache.models import Strategy
from semcache.policy.calibration import mode_of
from semcache.settings import Mode, Settings


def idle(settings: Settings) -> Iterator[str]:
    """A line for each field that was set and decides nothing."""
    rest, *named = (_place(settings, name) for name in (_REST, *sorted(settings.namespaces)))
    for field, why in _WHY.items():
        heirs = [one for one in named if _own(settings, one, field) is None]
        given = field in settings.model_fields_set and _may_matter(field, getattr(settings, field))
        if given and all(why(one) for one in (rest, *heirs)):
            yield f"{field} does nothing: {why(rest)}"
    for one in named:
        for field, why in _WHY.items():
            if _may_matter(field, _own(settings, one, field)) and (said := why(one)):
                yield f"namespaces.{one.name}.{field} does nothing: {said}"


_REST: Final = ""
"""All that no table of a namespace is about."""


class _Place(msgspec.Struct, frozen=True):
    """What counts in a namespace, or in all that are not named."""

    name: str
    mode: Mode
    embedded: bool
    strategy: Strategy
    verifier: bool

    @property
    def unsearched(self) -> str | None:
        """Why nothing is found by meaning; None where it is."""
        if not self.embedded:
            return (
                "the embedder is off, so nothing is found by meaning; set SEMCACHE_EMBEDDER=minilm, or leave this out"
            )
        if self.strategy is not Strategy.SEMANTIC:
            return (
                f"the strategy is {self.strategy.value}, so nothing is found by meaning; set strategy to semantic, or "
                "leave this out"
            )
        return None


def _place(settings: Settings, name: str) -> _Place:
    return _Place(
        name,
        mode=mode_of(settings, name),
        embedded=settings.embedder != "off",
        strategy=settings.namespace(name).strategy or settings.strategy,
        verifier=settings.verifier != "off",
    )


def _own(settings: Settings, place: _Place, field: str) -> object:
    return getattr(settings.namespaces[place.name], field)


def _may_matter(field: str, value: object) -> bool:
    """Whether a value asks for something: an exact context is what counts where nothing judges, too."""
    return value is not None and (field != "context" or value == "semantic")


def _threshold(place: _Place) -> str | None:
    return place.unsearched


def _confidence(place: _Place) -> str | None:
    if place.unsearched:
        return place.unsearched
    if place.mode == "threshold":
        return "in mode threshold the cosine decides alone; set threshold in its place, or mode to guarded"
    if place.mode == "verified":
        return "in mode verified the bound on errors decides; set error_bound in its place, or mode to guarded"
    return None if place.verifier else f"{_UNVERIFIED}; set SEMCACHE_VERIFIER=packaged, or threshold in its place"


def _error_bound(place: _Place) -> str | None:
    if place.unsearched:
        return place.unsearched
    if place.mode != "verified":
        return f"mode {place.mode} keeps no bound; set mode to verified, or leave this out"
    return None


def _context(place: _Place) -> str | None:
    if place.unsearched:
        return place.unsearched
    if place.mode == "threshold":
        return (
            "in mode threshold nothing judges earlier turns, so they must be identical; set mode to guarded, or "
            "context to exact"
        )
    if not place.verifier:
        return f"{_UNVERIFIED}, so earlier turns must be identical; set SEMCACHE_VERIFIER=packaged, or context to exact"
    return None


_UNVERIFIED: Final = "the verifier is off"
_WHY: Final[dict[str, Callable[[_Place], str | None]]] = {
    "threshold": _threshold,
    "confidence": _confidence,
    "error_bound": _error_bound,
    "context": _context,
}
"""By field, why it decides nothing in a place; None where it does."""
