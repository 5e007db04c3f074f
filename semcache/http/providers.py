"""The provider routes: OpenAI's and Anthropic's, in front of the cache; what else a provider offers is passed on.

Only the edge is here: who calls, what the headers say, how errors look. The answering is the gateway's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from semcache.errors import NotFound, NoUpstream
from semcache.gateway import evidence
from semcache.gateway.account import costs
from semcache.gateway.ask import Ask, Reply
from semcache.gateway.dialect import Dialect
from semcache.gateway.dialects import DIALECTS
from semcache.gateway.embeddings import PATH as EMBEDDINGS_PATH
from semcache.gateway.front import Front
from semcache.gateway.gateway import Gateway
from semcache.gateway.headers import Provider, provider_of
from semcache.gateway.prepared import Known
from semcache.gateway.routing import NOT_CONFIGURED
from semcache.http import problems, rates, repeats
from semcache.http.access import Role
from semcache.http.exchange import Answer, Call, Header, StreamAnswer
from semcache.http.problems import Problem
from semcache.http.routes import Route
from semcache.http.shortcut import CHUNK
from semcache.policy import directives
from semcache.policy.directives import Directives

CHAT: Final = DIALECTS["openai.chat"]
RESPONSES: Final = DIALECTS["openai.responses"]
MESSAGES: Final = DIALECTS["anthropic.messages"]
REST: Final = "/v1/{rest:path}"


async def chat_completions(call: Call) -> Answer | StreamAnswer:
    """POST /v1/chat/completions."""
    return await _generate(call, CHAT)


async def responses(call: Call) -> Answer | StreamAnswer:
    """POST /v1/responses."""
    return await _generate(call, RESPONSES)


async def messages(call: Call) -> Answer | StreamAnswer:
    """POST /v1/messages."""
    return await _generate(call, MESSAGES)


async def embeddings(call: Call) -> Answer | StreamAnswer:
    """POST /v1/embeddings."""
    _refuse_other_spelling(call, EMBEDDINGS_PATH)
    front = _front(call)
    ask = await _ask(call, rates.EMBEDDINGS)
    return _answer(await front.embeddings.answer(ask))


async def models(call: Call) -> Answer | StreamAnswer:
    """GET /v1/models."""
    ask = await _ask(call, None, heeded=False)
    return _answer(await _front(call).models(ask, _provider(call)))


async def pass_on(call: Call) -> Answer | StreamAnswer:
    """Any other route of a provider."""
    paid = costs(call.method, call.scope["raw_path"].decode("latin-1"))
    ask = await _ask(call, rates.GENERATION if paid else None, heeded=False)
    return _answer(await _front(call).pass_on(ask, _provider(call)))


def rest() -> list[Route]:
    """The routes of everything else below `/v1/`: not documented here, but by the provider."""
    return [
        Route(
            method=method,
            path=REST,
            handler=pass_on,
            role=Role.READ if method in ("GET", "OPTIONS") else Role.WRITE,
            beside_provider=True,
            problem=OPENAI_PROBLEM,
            tag="Provider protocols",
            summary="Passed on",
        )
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    ]


def refusal(dialect: Dialect) -> Callable[[Problem], Answer]:
    """How problems look on the routes of a protocol."""

    def answer(found: Problem) -> Answer:
        plain = problems.answer(found)
        body = dialect.error(found.status, found.code, found.detail)
        if found.retry_after is not None:
            body["retry_after"] = found.retry_after
        return Answer(found.status, msgspec.json.encode(body), plain.headers)

    return answer


OPENAI_PROBLEM: Final = refusal(CHAT)
ANTHROPIC_PROBLEM: Final = refusal(MESSAGES)


def _front(call: Call) -> Front:
    front = call.site.service.front
    if front is None:
        raise NoUpstream(NOT_CONFIGURED)
    return front


async def _generate(call: Call, dialect: Dialect) -> Answer | StreamAnswer:
    _refuse_other_spelling(call, dialect.path)
    front = _front(call)
    started = time.monotonic()
    # What is known again had header fields that could be read, and a namespace that this very credential opens.
    ask = await _ask(call, rates.GENERATION) if call.site.settings.rate.enabled else None
    body = await call.body() if ask is None else ask.body
    cache, key = call.site.service.cache, repeats.of_provider(call, body)
    known = cache.again(key, call.credential)
    if known is not None:
        hit, again = known
        shown = evidence.told_of_hit(hit, latency_ms=1000 * (time.monotonic() - started))
        headers = evidence.headers(evidence.status_of(hit), hit)
        if call.site.shortcut is not None:
            call.site.shortcut.remember(call.scope, again, headers)
        return Answer(200, evidence.between(again.before, shown, again.after), headers)
    reply = await _generated(call, dialect, front.generation, Known(key, call.credential), ask, body)
    answer = _answer(reply)
    shortcut = call.site.shortcut
    if shortcut is not None and CHUNK in call.scope:
        question = reply.question()
        if question is not None:
            shortcut.learn(call.scope, question)
    if reply.again is not None:
        cache.remember(key, reply.again, call.credential)
        if call.site.shortcut is not None:
            call.site.shortcut.remember(call.scope, reply.again, answer.headers)
    return answer


async def _generated(
    call: Call, dialect: Dialect, gateway: Gateway, known: Known, ask: Ask | None, body: bytes
) -> Reply:
    """The gateway's answer. `ask`: where rates are counted; else there is nothing to count."""
    prepared = gateway.prepared(known, call.ours)
    if prepared is not None:
        if ask is None:
            lasting = prepared.errand.ask
            ask = msgspec.structs.replace(lasting, headers=list(call.scope["headers"]), body=body)
        return await gateway.again(ask, dialect, prepared)
    if ask is None:
        ask = await _ask(call, rates.GENERATION, body=body)
    return await gateway.answer(ask, dialect, known)


def _refuse_other_spelling(call: Call, path: str) -> None:
    """`%2F` is no `/`, and upstream may see it so: what it says of another path is not said of this one."""
    if call.scope["raw_path"] != path.encode():
        raise NotFound(f"there is nothing under this path; is it {path} that you mean?")


async def _ask(call: Call, route_class: str | None, *, heeded: bool = True, body: bytes | None = None) -> Ask:
    """The call as the gateway takes it. Counts it against the caller's rate, or leaves that to a miss.

    `heeded`: what the caller asks of the cache counts. `body`: where it was read already.
    """
    credential = call.credential
    wishes = directives.read(call.headers) if heeded else Directives()
    namespace = credential.choose(None, call.header(b"x-cache-namespace"))
    misses_only = False
    if route_class is not None:
        misses_only = not call.site.settings.rate.count_hits
        await (rates.look if misses_only else rates.take)(call, route_class)

    async def spend() -> None:
        if misses_only and route_class is not None:
            await rates.take(call, route_class)

    return Ask(
        method=call.method,
        path=call.scope["raw_path"].decode("latin-1"),  # as it was encoded: a `%2F` is no `/`
        query=call.scope["query_string"],
        headers=list(call.scope["headers"]),
        ours=call.ours,
        body=await call.body() if body is None else body,
        namespace=namespace,
        principal=credential.principal,
        bound=credential.namespaces is not None,
        directives=wishes,
        may_store=Role.WRITE in credential.roles,
        spend=spend,
    )


def _provider(call: Call) -> Provider:
    return provider_of(call.scope["path"], call.scope["headers"])


def _answer(reply: Reply) -> Answer | StreamAnswer:
    content_type = b""
    sent: list[Header] = []
    for name, value in reply.headers:
        if name == b"content-type":
            content_type = value
        elif name != b"content-length" or reply.chunks is not None:
            sent.append((name, value))
    if reply.chunks is not None:
        return StreamAnswer(reply.status, sent, reply.chunks, content_type)
    return Answer(reply.status, reply.body, sent, content_type=content_type or b"application/json")
