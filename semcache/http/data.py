"""The data plane: lookup, store, batches, entries, feedback, statistics."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from semcache import tokens
from semcache.admin.feedback import Said
from semcache.direct import Question, lean
from semcache.errors import NotFound, RequestError, SemcacheError, StoreTimeout, TooLarge, Unavailable
from semcache.gateway.headers import provider_key
from semcache.http import answers, problems, rates, repeats
from semcache.http.answers import encode
from semcache.http.bodies import BatchBody, FeedbackBody, LookupBody, StoreBody
from semcache.http.decoding import BodyDecoder, check_json
from semcache.http.exchange import Answer, Call
from semcache.http.quality import quality
from semcache.http.shortcut import CHUNK
from semcache.models import CacheRequest, Entry, Hit, Outcome, Stored, StoreOutcome, Tier, base_namespace
from semcache.near import Again
from semcache.policy.cacheability import oversized
from semcache.policy.labels import Met

log = logging.getLogger(__name__)

_AT_ONCE: Final = 32
"""Items of a batch that are worked on together: enough to fill the embedder's batches, too few to starve others."""
_COUNT_S: Final = 1.0
"""Seconds that statistics wait for the number of entries: the other figures are worth more than this one."""
_ENTRY_ID = re.compile(r"[0-9a-f]{32}")

_lookups = BodyDecoder(LookupBody)
_stores = BodyDecoder(StoreBody)
_batches = BodyDecoder(BatchBody)
_feedbacks = BodyDecoder(FeedbackBody)


async def lookup(call: Call) -> Answer:
    """POST /v1/lookup."""
    raw = await call.body()
    cache, key = call.site.service.cache, repeats.of_lookup(call, raw)
    known = cache.again(key, call.credential)
    if known is not None:
        return _again(call, *known)
    body = _lookups.decode(raw)
    request = body.request(call.credential, call.header(b"x-cache-namespace"))
    outcome = await _lookup(call, body, request)
    if isinstance(outcome, Hit) and outcome.tier is Tier.EXACT:
        _learn(call, request, outcome, body)
        if cache.keeps(outcome.entry):
            again = _repeatable(outcome, body)
            cache.remember(key, again, call.credential)
            return _again(call, outcome, again)
    return Answer(200, encode(answers.of_lookup(outcome, body.strategy)), answers.lookup_headers(outcome))


def _again(call: Call, hit: Hit, again: Again) -> Answer:
    headers = answers.lookup_headers(hit)
    if call.site.shortcut is not None:
        call.site.shortcut.remember(call.scope, again, headers)
    return Answer(200, answers.between(again.before, hit, again.after), headers)


def _learn(call: Call, request: CacheRequest, hit: Hit, body: LookupBody) -> None:
    shortcut = call.site.shortcut
    if shortcut is None or CHUNK not in call.scope:
        return
    identity = lean(call.site.service.cache.whose(request), hit)
    if identity is None:
        return
    question = Question(
        identity=identity,
        namespace=base_namespace(hit.entry.namespace),
        model=sys.intern(hit.entry.model),
        max_age_s=body.max_age_s,
        telling=answers.TELLING[body.strategy],
    )
    shortcut.learn(call.scope, question)


def _repeatable(hit: Hit, body: LookupBody) -> Again:
    entry = hit.entry
    before, after = answers.around(hit, body.strategy)
    namespace = base_namespace(entry.namespace)
    return Again(
        entry=entry, before=before, after=after, namespace=namespace, model=entry.model, max_age_s=body.max_age_s
    )


async def store(call: Call) -> Answer:
    """POST /v1/store."""
    outcome = await _store(call, _stores.decode(await call.body()))
    return Answer(201 if isinstance(outcome, Stored) else 200, encode(answers.of_store(outcome)))


async def lookup_batch(call: Call) -> Answer:
    """POST /v1/lookup/batch."""

    async def one(raw: msgspec.Raw) -> bytes:
        body = _lookups.decode(raw)
        request = body.request(call.credential, call.header(b"x-cache-namespace"))
        return encode(answers.of_lookup(await _lookup(call, body, request), body.strategy))

    return await _batch(call, one)


async def store_batch(call: Call) -> Answer:
    """POST /v1/store/batch."""

    async def one(raw: msgspec.Raw) -> bytes:
        return encode(answers.of_store(await _store(call, _stores.decode(raw))))

    return await _batch(call, one)


async def get_entry(call: Call) -> Answer:
    """GET /v1/entries/{entry_id}."""
    entry = await _open_entry(call, call.path("entry_id"))
    return Answer(200, encode(answers.of_entry(entry)))


async def delete_entry(call: Call) -> Answer:
    """DELETE /v1/entries/{entry_id}."""
    entry = await _open_entry(call, call.path("entry_id"))
    if not await call.site.service.cache.delete(entry.entry_id):
        raise _no_entry()
    return Answer(204)


async def feedback(call: Call) -> Answer:
    """POST /v1/feedback."""
    body = _feedbacks.decode(await call.body())
    require_comparable(call, body.prompt, "prompt")
    if body.messages is not None and oversized(
        CacheRequest(messages=body.messages, model=""), call.site.settings.limits
    ):
        raise TooLarge("no conversation as long as this is cached (limits.prompt_chars)", field="messages")
    entry_id, asker, met = _named(body)
    entry = await _open_entry(call, entry_id)
    credential = call.credential
    said = Said(
        correct=body.correct,
        prompt=body.prompt,
        messages=body.messages,
        asker=asker,
        met=met,
        answer=body.answer,
        who=f"{credential.id}\0{credential.principal(body.user)}",
    )
    learned = await call.site.service.feedback.take(entry, said)
    if learned is None:
        raise _no_entry()
    return Answer(202, encode(answers.AcceptedFeedback(entry_id, vetoed=not body.correct, learned=learned)))


async def stats(call: Call) -> Answer:
    """GET /v1/stats."""
    namespace = call.query("namespace").get("namespace", call.header(b"x-cache-namespace"))
    if namespace is not None:
        namespace = call.credential.choose(namespace, None)
    open_to = call.credential.namespaces
    allowed = None if open_to is None else frozenset(open_to)
    service = call.site.service
    body = await service.stats.snapshot(namespace, allowed)
    body["entries"], reason = await _entries(call, namespace)
    if reason:
        body["entries_reason"] = reason
    body["quality"] = await quality(call, namespace)
    body["index"] = (await service.health()).get("index") if allowed is None else None
    return Answer(200, encode(body))


async def _entries(call: Call, namespace: str | None) -> tuple[int | None, str]:
    """Entries in the namespaces asked for; None, and why, while the store cannot tell soon."""
    try:
        async with asyncio.timeout(_COUNT_S):
            groups = await call.site.service.catalog.groups()
    except (Unavailable, TimeoutError) as error:
        reason = error.code if isinstance(error, Unavailable) else StoreTimeout.code
        call.site.service.observers.degraded("store", reason, str(error) or f"no count of entries in {_COUNT_S:g} s")
        return None, reason
    entries = sum(
        group.entries
        for group in groups
        if call.credential.opens(base := base_namespace(group.namespace)) and namespace in (None, base)
    )
    return entries, ""


# -- one item ---------------------------------------------------------------------------------------------------------


async def _lookup(call: Call, body: LookupBody, request: CacheRequest) -> Outcome:
    return await call.site.service.cache.lookup(
        request,
        strategy=body.strategy,
        context=body.context,
        threshold=body.threshold,
        max_age_s=body.max_age_s,
    )


async def _store(call: Call, body: StoreBody) -> StoreOutcome:
    request = body.request(call.credential, call.header(b"x-cache-namespace"))
    response = bytes(body.response)
    check_json(response, field="response")
    return await call.site.service.cache.store(
        request,
        response,
        ttl_s=body.ttl_s,
        tags=body.tags,
        usage=body.usage.usage() if body.usage is not None else None,
        cost_usd=body.cost_usd,
        latency_ms=body.latency_ms,
        metadata=body.metadata,
        fill=tokens.decode_fill(body.fill_token) if body.fill_token is not None else None,
        reach=body.strategy,
        pinned=body.context == "exact",
    )


async def _batch(call: Call, one: Callable[[msgspec.Raw], Awaitable[bytes]]) -> Answer:
    """Work on the items together, some at a time; what goes wrong with one is that item's outcome."""
    items = _batches.decode(await call.body()).items
    most = call.site.settings.limits.batch_items
    if len(items) > most:
        raise TooLarge(f"a batch has at most {most} items; this one has {len(items)}", field="items")
    await rates.take(call, rates.DATA, cost=max(1, len(items)))
    outcomes: list[bytes] = [b""] * len(items)
    numbered = iter(enumerate(items))

    async def work() -> None:
        for number, raw in numbered:
            outcomes[number] = await _guarded(call, number, raw, one)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(items))):
            group.create_task(work())
    return Answer(200, b'{"items":[' + b",".join(outcomes) + b"]}")


async def _guarded(call: Call, number: int, raw: msgspec.Raw, one: Callable[[msgspec.Raw], Awaitable[bytes]]) -> bytes:
    try:
        return await one(raw)
    except SemcacheError as error:
        return encode(problems.of_error(error, call.request_id, within=f"items[{number}]"))
    except Exception:
        log.exception("unexpected error request_id=%s item=%d", call.request_id, number)
        return encode(problems.unexpected(call.request_id))


# -- entries ----------------------------------------------------------------------------------------------------------


async def _open_entry(call: Call, entry_id: str) -> Entry:
    """An entry that is open to the caller; one elsewhere, or another key's personal one, does not exist for them."""
    if not _ENTRY_ID.fullmatch(entry_id):
        raise RequestError("an entry id has 32 hex digits (lower case)", field="entry_id")
    candidate = await call.site.service.cache.entry(entry_id)
    if candidate is None:
        raise _no_entry()
    entry = candidate.entry
    if not await _opens(call, entry.namespace) or not call.credential.sees(entry.owner):
        raise _no_entry()
    return entry


async def _opens(call: Call, namespace: str) -> bool:
    """Whether a namespace is open to the caller; one that a provider's key paid for, to whoever shows that key."""
    base, front = base_namespace(namespace), call.site.service.front
    if base == namespace or call.credential.opens(namespace) or front is None:
        return call.credential.opens(namespace)
    shown = provider_key(call.scope["headers"], drop=call.site.gate.ours(call.headers))
    return call.credential.opens(base) and namespace == await front.tenancy.namespace(base, shown)


def require_comparable(call: Call, text: str | None, field: str) -> None:
    """Raises TooLarge for a text beyond any prompt that could have been stored."""
    most = call.site.settings.limits.prompt_chars
    if text is not None and len(text) > most:
        raise TooLarge(
            f"a prompt has at most {most} characters (limits.prompt_chars); this has {len(text)}", field=field
        )


def _named(body: FeedbackBody) -> tuple[str, bytes | None, Met | None]:
    if body.prompt is not None and body.messages is not None:
        raise RequestError("give either `prompt` or `messages`, not both", field="messages")
    if body.request_id is not None:
        if body.entry_id is not None:
            raise RequestError("give either `request_id`, or `entry_id` and `prompt`", field="request_id")
        return tokens.decode_hit(body.request_id)
    if body.entry_id is None:
        raise RequestError("give the hit's `request_id`, or `entry_id` and `prompt`", field="entry_id")
    if body.prompt is None and body.messages is None:
        raise RequestError("`prompt`, or `messages`, says what the answer was wrong for", field="prompt")
    return body.entry_id, None, None


def _no_entry() -> NotFound:
    return NotFound("there is no such entry in the namespaces open to you", field="entry_id")
