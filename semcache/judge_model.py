"""The judge model: asks a model of the operator's, through its upstream, whether two answers say the same.

Only with the operator's own key, never with a caller's; off the path of any request; within a budget an hour that all
replicas share. Whatever goes wrong costs the caller nothing but the judge's word: None, a count, and a reason.
How it is asked and what its word counts for is `policy.judging`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec

from semcache.errors import ConfigError, NoUpstream, SemcacheError, UnknownModel, UpstreamTimeout
from semcache.gateway.headers import Headers, Provider
from semcache.gateway.http_upstream import HttpUpstream
from semcache.gateway.prices import Prices
from semcache.gateway.routing import Upstreams
from semcache.models import Usage
from semcache.policy.agreement import Agreement
from semcache.policy.generation import Answered, Finish
from semcache.policy.judging import INSTRUCTION, material, verdict
from semcache.ports import CallEvent, Control, Observer, UpstreamRequest
from semcache.settings import VerificationSettings

log = logging.getLogger(__name__)

MOST_BYTES: Final = 64 * 1024
"""Of a reply's body: one word and what providers put around it."""
_TOKENS: Final = 16
"""That the judge may write: the word, and what some models begin with."""
_HOUR_S: Final = 3600
_COUNTS: Final = "judge:"
_SPENT: Final = "judge-hour:"
_BUDGET: Final = "over_budget"
_LENGTH: Final = "too_long"


class Unjudged(SemcacheError):
    """The judge gave no verdict. `code` is the reason that is counted."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class JudgeModel:
    """One model, asked through one upstream. Belongs to one event loop."""

    def __init__(
        self,
        model: str,
        settings: VerificationSettings,
        *,
        upstreams: Upstreams,
        prices: Prices,
        control: Control,
        observer: Observer,
        mark: Callable[[], str] = lambda: secrets.token_hex(8),
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`mark`: no text can know it beforehand; `clock`: Unix seconds, for the hours of the budget.

        Raises ConfigError where no upstream serves the model.
        """
        self._model = model
        self._settings = settings
        self._upstream, self._provider = routed(model, upstreams)
        self._prices = prices
        self._control = control
        self._observer = observer
        self._mark = mark
        self._clock = clock
        self._monotonic = monotonic
        self._told_over = -1

    @property
    def concurrency(self) -> int:
        """How many questions whoever asks may have under way at a time."""
        return self._settings.judge_concurrency

    async def __call__(self, namespace: str, question: str, kept: str, fresh: str) -> Agreement | None:
        """Whether two answers to a question say the same; None where the judge gave no verdict. Never raises."""
        started = self._monotonic()
        shown = material(question, kept, fresh, self._mark())
        found: Agreement | None = None
        try:
            if shown is None:
                raise Unjudged(_LENGTH, "")
            await self._spend()
            async with asyncio.timeout(self._settings.judge_timeout_s):
                found = await self._ask(namespace, shown)
            outcome = found.value
        except TimeoutError:
            outcome = self._failed(UpstreamTimeout.code, f"no verdict within {self._settings.judge_timeout_s:g} s")
        except SemcacheError as error:
            outcome = error.code if error.code in (_BUDGET, _LENGTH) else self._failed(error.code, str(error))
        log.info(
            "judge outcome=%s model=%s namespace=%s ms=%.0f",
            *(outcome, self._model, namespace, (self._monotonic() - started) * 1000),
        )
        await self._count(namespace, outcome)
        return found

    async def counts(self) -> dict[str, dict[str, int]]:
        """By namespace: verdicts (`same`, `other`, `unsure`), and why there was none. Raises StoreUnavailable."""
        found = {}
        for name in await self._control.names(_COUNTS):
            told = await self._control.hget_all(name)
            found[unquote(name.removeprefix(_COUNTS))] = {key: int(float(count)) for key, count in told.items()}
        return found

    # -- budget and counters --------------------------------------------------------------------------------------

    async def _spend(self) -> None:
        """Take one question from this hour's budget. Raises Unjudged where it is used up; StoreUnavailable.

        Counted first and looked at afterwards, so that replicas together never ask more than it allows.
        """
        hour = int(self._clock()) // _HOUR_S
        name = f"{_SPENT}{hour}"
        await self._control.add(name, {"asked": 1})
        asked = int(float((await self._control.hget_all(name)).get("asked", "1")))
        if asked == 1:
            await self._control.hset(name, {"most": str(self._settings.judge_per_hour)}, ttl_s=2 * _HOUR_S)
        if asked > self._settings.judge_per_hour:
            if self._told_over != hour:
                log.warning("the judge's budget of %d this hour is used up", self._settings.judge_per_hour)
            self._told_over = hour
            raise Unjudged(_BUDGET, "")

    async def _count(self, namespace: str, outcome: str) -> None:
        with contextlib.suppress(SemcacheError):  # a figure for people, and the store's trouble is told elsewhere
            await self._control.add(_COUNTS + quote(namespace, safe=""), {outcome: 1})

    def _failed(self, code: str, detail: str) -> str:
        self._observer.degraded("judge", code, detail)
        return code

    # -- the question ---------------------------------------------------------------------------------------------

    async def _ask(self, namespace: str, shown: str) -> Agreement:
        """Raises UpstreamUnavailable and its kinds, Unjudged."""
        started = self._monotonic()
        status: int | None = None
        reply = None
        try:
            answer = await self._upstream.send(self._request(shown))
            try:
                raw = await _whole(answer.chunks())
                status = answer.status
            finally:
                await answer.aclose()
            if status != 200:
                raise Unjudged("judge_refused", f"upstream {self._upstream.name} answered {status} for {self._model}")
            reply = _read(raw, self._provider)
        finally:
            self._observer.called(self._call(namespace, status, self._monotonic() - started, reply))
        found = verdict(reply.text)
        if found is None:
            raise Unjudged("judge_unreadable", f"{self._model} did not reply with one of the words it was given")
        return found

    def _request(self, shown: str) -> UpstreamRequest:
        system = {"role": "system", "content": INSTRUCTION}
        user = {"role": "user", "content": shown}
        body: dict[str, Any] = {"model": self._model, "temperature": 0, "max_tokens": _TOKENS}
        headers: Headers = [(b"content-type", b"application/json"), (b"accept-encoding", b"identity")]
        if self._provider == "anthropic":
            path = "/v1/messages"
            headers.append((b"anthropic-version", b"2023-06-01"))
            body |= {"system": INSTRUCTION, "messages": [user]}
        else:
            path = "/v1/chat/completions"
            body["messages"] = [system, user]
        return UpstreamRequest(
            method="POST",
            path=path,
            headers=self._upstream.authorize(headers, self._provider),
            body=msgspec.json.encode(body),
        )

    def _call(self, namespace: str, status: int | None, seconds: float, reply: _Reply | None) -> CallEvent:
        usage = reply.usage if reply is not None else None
        cost = self._prices.cost(self._model, Answered(finish=Finish.NATURAL, usage=usage), provider=self._provider)
        return CallEvent(
            namespace=namespace,
            model=self._model,
            upstream=self._upstream.name,
            status=status,
            seconds=seconds,
            usage=usage,
            cost_usd=cost,
        )


def routed(model: str, upstreams: Upstreams) -> tuple[HttpUpstream, Provider]:
    """The upstream of a model, as the gateway would choose it, and in whose protocol it is asked.

    Raises ConfigError where there is none.
    """
    known: tuple[Provider, ...] = ("openai", "anthropic")
    problem: SemcacheError | None = None
    for provider in known:
        try:
            return upstreams.choose(model, provider), provider
        except (NoUpstream, UnknownModel) as error:
            problem = problem or error
    raise ConfigError(
        f"verification.judge_model: {problem}; name the model in `models` of an upstream of yours, or leave it empty"
    )


class _Reply(msgspec.Struct, frozen=True):
    """What of a provider's answer matters here."""

    text: str
    usage: Usage | None


async def _whole(chunks: Any) -> bytes:
    raw = b""
    async for chunk in chunks:
        raw += chunk
        if len(raw) > MOST_BYTES:
            raise Unjudged("judge_unreadable", f"a reply of more than {MOST_BYTES} bytes")
    return raw


class _Tokens(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message


class _Chat(msgspec.Struct):
    choices: list[_Choice]
    usage: _Tokens | None = None


class _Part(msgspec.Struct):
    type: str
    text: str = ""


class _Messages(msgspec.Struct):
    content: list[_Part]
    usage: _Tokens | None = None


_chat: Final = msgspec.json.Decoder(_Chat)
_messages: Final = msgspec.json.Decoder(_Messages)


def _read(raw: bytes, provider: Provider) -> _Reply:
    """Raises Unjudged for what is no answer of the protocol."""
    try:
        if provider == "anthropic":
            said = _messages.decode(raw)
            text = "".join(part.text for part in said.content if part.type == "text")
            return _Reply(text, _usage(said.usage))
        chat = _chat.decode(raw)
        return _Reply(chat.choices[0].message.content or "", _usage(chat.usage))
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
        raise Unjudged("judge_unreadable", f"no answer of the protocol: {error}") from error


def _usage(told: _Tokens | None) -> Usage | None:
    if told is None:
        return None
    return Usage(
        input_tokens=told.prompt_tokens or told.input_tokens, output_tokens=told.completion_tokens or told.output_tokens
    )
