"""What the service learned of its answers: the labels, and the cuts that were tuned by them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

import msgspec

from semcache.errors import Forbidden, RequestError
from semcache.http.answers import encode, moment
from semcache.http.bodies import Fraction, Namespace
from semcache.http.decoding import BodyDecoder
from semcache.http.exchange import Answer, Call, StreamAnswer
from semcache.http.transfer import LINES_TYPE
from semcache.policy.labels import Source
from semcache.policy.tuning import Tuning
from semcache.settings import Settings
from semcache.tunings import bounded, named

_MOST_HISTORY = 1000


class TuningBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Set the cuts of a namespace beside the settings, or take back what was set (`reset`)."""

    namespace: Namespace
    threshold: Fraction | None = None
    """Least cosine of a semantic hit."""
    confidence: Fraction | None = None
    """Least probability of a semantic hit, where the verifier decides."""
    override: bool = False
    """Even if that is looser than what the settings name."""
    reset: bool = False
    """Nothing is tuned any more: the settings and the calibration count."""
    grounds: dict[str, Any] = {}
    """Kept in the history: what the cuts rest on."""


class Cuts(msgspec.Struct, frozen=True, kw_only=True):
    """What is tuned in a namespace. `threshold` and `confidence` are those in force; null: as calibrated."""

    namespace: str
    threshold: float | None
    confidence: float | None
    set: Tuning
    """What was asked for; the settings may hold it tighter."""


class PastTuningAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the history; `set` is null where the tuning was taken back."""

    at: datetime
    who: str
    namespace: str
    set: Tuning | None
    grounds: dict[str, Any]


class TuningAnswer(msgspec.Struct, frozen=True):
    """What is tuned now, and the newest changes, newest first."""

    tuned: list[Cuts]
    history: list[PastTuningAnswer]


_tunings = BodyDecoder(TuningBody)


async def labels(call: Call) -> StreamAnswer:
    """GET /admin/labels."""
    given = call.query("namespace", "source")
    sources = _sources(given.get("source"))
    namespaces = await _namespaces(call, given.get("namespace"))
    store = call.site.service.labels

    async def lines() -> AsyncGenerator[bytes, None]:
        for namespace in namespaces:
            async for label in store.read(namespace, sources=sources):
                yield encode(label) + b"\n"

    return StreamAnswer(200, [], lines(), LINES_TYPE)


async def clear_labels(call: Call) -> Answer:
    """DELETE /admin/labels."""
    namespace = call.query("namespace").get("namespace")
    if namespace is None:
        raise RequestError("name the `namespace` whose labels are to go", field="namespace")
    await call.site.service.labels.clear(call.credential.choose(namespace, None))
    return Answer(204)


async def tuning(call: Call) -> Answer:
    """GET /admin/tuning."""
    opens = call.credential.opens
    tunings, settings = call.site.service.tunings, call.site.settings
    await tunings.follow()
    history = [
        PastTuningAnswer(
            at=moment(one.at_ms), who=one.who, namespace=one.namespace, set=one.tuning, grounds=one.grounds
        )
        for one in await tunings.history(_MOST_HISTORY)
        if opens(one.namespace)
    ]
    return Answer(200, encode(TuningAnswer(of_tunings(tunings.all(), settings, call), history)))


async def tune(call: Call) -> Answer:
    """POST /admin/tuning."""
    body = _tunings.decode(await call.body())
    namespace = call.credential.choose(body.namespace, None)
    set_now = body.threshold is not None or body.confidence is not None
    if body.reset == set_now:
        raise RequestError("give `threshold` or `confidence`, or `reset` alone", field="threshold")
    tunings = call.site.service.tunings
    await tunings.follow()
    tuned: Tuning | None = None
    if not body.reset:
        before = tunings.all().get(namespace, Tuning())
        tuned = Tuning(  # what is not named stays as it was
            threshold=before.threshold if body.threshold is None else body.threshold,
            confidence=before.confidence if body.confidence is None else body.confidence,
            override=body.override or (before.override and None in (body.threshold, body.confidence)),
        )
    await tunings.set(namespace, tuned, who=call.credential.id, grounds=body.grounds)
    return Answer(200, encode(TuningAnswer(of_tunings(tunings.all(), call.site.settings, call), [])))


def of_tunings(found: dict[str, Tuning], settings: Settings, call: Call) -> list[Cuts]:
    """Tuned namespaces that are open to the caller, with what is in force there."""
    shown = []
    for namespace, one in sorted(found.items()):
        if call.credential.opens(namespace):
            held, (threshold, confidence) = bounded(one, settings, namespace), named(settings, namespace)
            shown.append(
                Cuts(
                    namespace=namespace,
                    threshold=threshold if held.threshold is None else held.threshold,
                    confidence=confidence if held.confidence is None else held.confidence,
                    set=one,
                )
            )
    return shown


async def _namespaces(call: Call, namespace: str | None) -> list[str]:
    """The one that was asked for, or all that have labels and are open to the caller. Raises Forbidden."""
    opens = call.credential.opens
    if namespace is not None:
        if not opens(namespace):
            raise Forbidden(f"this key does not open namespace `{namespace[:200]}`")
        return [namespace]
    return [one for one in await call.site.service.labels.namespaces() if opens(one)]


def _sources(text: str | None) -> tuple[Source, ...]:
    if text is None:
        return tuple(Source)
    try:
        return tuple(Source(one) for one in text.split(","))
    except ValueError as error:
        known = ", ".join(Source)
        raise RequestError(f"`source` is one or more of {known}, between commas", field="source") from error
