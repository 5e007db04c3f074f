"""`@cached`: a function that calls a model, answered from the cache where that has its answer.

One script says what happens (`_Cached.script`); two drivers carry it out, one that waits and one that awaits.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import Callable, Generator, Sequence
from enum import Enum
from typing import Any, ParamSpec, TypeVar, cast

import msgspec

from semcache.client import calls
from semcache.client.asynchronous import AsyncClient
from semcache.client.blocking import Client
from semcache.client.core import Call
from semcache.client.flights import Flight, Flights, Landed, Landing
from semcache.client.items import Context, LookupItem, StoreItem, Strategy
from semcache.client.keying import Keying, Params, flaw_of
from semcache.client.local import LocalCache

P = ParamSpec("P")
R = TypeVar("R")


class _Invoke(Enum):
    FUNCTION = "function"
    """The step of a script that calls the function itself."""


Step = Call[Any] | Flight | _Invoke
Script = Generator[Step, Any, Any]


def cached(
    *,
    model: str,
    client: Client | AsyncClient | LocalCache | None = None,
    namespace: str | None = None,
    prompt: str | None = None,
    strategy: Strategy | None = None,
    context: Context | None = None,
    params: Params | None = None,
    version: str = "",
    ttl_s: float | None = None,
    tags: Sequence[str] = (),
    skip_if: Callable[[Any], bool] | None = None,
    encode: Callable[[Any], Any] | None = None,
    decode: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Cache what a function (or coroutine function) returns, by its arguments.

    `client`: `Client` for functions, `AsyncClient` for coroutine functions, `LocalCache` for both; without one, the
    service that SEMCACHE_URL names. `prompt`: the argument whose meaning counts, text or chat messages; default the
    first annotated `str`. All other arguments must be the same; `params` takes all arguments and gives the JSON
    that must be, in their place. `version`: change it when the function changes. `strategy`: how far a lookup may go.
    `context`: of chat messages, whether what precedes the last must be the same (`exact`) or may be reworded
    (`semantic`), as in `lookup` and `store`. `ttl_s`, `tags`: as in `store`. What `skip_if` is true for is returned and
    not kept. The function returns JSON, or `encode` makes JSON of what it returns and `decode` the reverse.

    Identical calls at the same time in this process make one call. If the cache is down, the function is called.
    Raises TypeError, when decorating, for a function that yields, has no prompt, or does not fit the client; when
    called, for arguments or results that are no JSON.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        asynchronous = _is_asynchronous(function)
        chosen = _fitting(client, asynchronous, function)
        keying = Keying(
            function,
            model=model,
            prompt=prompt,
            namespace=namespace,
            strategy=strategy,
            context=context,
            params=params,
            version=version,
        )
        terms = _Terms(ttl_s=ttl_s, tags=tags, skip_if=skip_if, encode=encode, decode=decode)
        script = _Cached(keying, terms).script

        if asynchronous:

            @functools.wraps(function)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                user = chosen or _async_client()
                assert isinstance(user, AsyncClient)
                called = cast(Callable[..., Any], function)
                return await _play_awaiting(script(args, kwargs), user, lambda: called(*args, **kwargs))

            return cast(Callable[P, R], awaited)

        @functools.wraps(function)
        def waited(*args: P.args, **kwargs: P.kwargs) -> Any:
            user = chosen or _client()
            assert isinstance(user, Client)
            return _play_waiting(script(args, kwargs), user, lambda: function(*args, **kwargs))

        return cast(Callable[P, R], waited)

    return decorate


class _Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How answers are kept."""

    ttl_s: float | None
    tags: Sequence[str]
    skip_if: Callable[[Any], bool] | None
    encode: Callable[[Any], Any] | None
    decode: Callable[[Any], Any] | None

    def json_of(self, value: Any) -> Any:
        """What is kept of a result. Raises TypeError for what is no JSON."""
        response = self.encode(value) if self.encode is not None else value
        flaw = flaw_of(response)
        if flaw is not None:
            raise TypeError(
                f"a cached function returned what cannot be kept: {flaw}; return JSON, or give `encode=` and "
                "`decode=`, or `skip_if=` for what need not be kept"
            )
        return response

    def value_of(self, response: Any) -> Any:
        """The result that was kept."""
        return self.decode(response) if self.decode is not None else response


class _Cached:
    """What happens when a decorated function is called."""

    def __init__(self, keying: Keying, terms: _Terms) -> None:
        self._keying = keying
        self._terms = terms
        self._flights = Flights()

    def script(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Script:
        """Lead a flight, or wait for the one that is under way."""
        item = self._keying.item(args, kwargs)
        key = calls.encode_sorted(item)
        while True:
            leads, flight = self._flights.board(key)
            landed: Landed | Exception = Landing.ABANDONED
            if leads:
                try:
                    value, landed = yield from self._answer(item)
                except Exception as error:
                    landed = error
                    raise
                finally:
                    self._flights.land(key, flight, landed)
                return value
            landed = yield flight
            if isinstance(landed, bytes):
                return self._terms.value_of(msgspec.json.decode(landed))  # each its own: results may be changed
            if landed is Landing.UNSHARED:
                value, _ = yield from self._answer(item)
                return value

    def _answer(self, item: LookupItem) -> Generator[Step, Any, tuple[Any, Landed]]:
        found = yield calls.find(item)
        if found.hit:
            return self._terms.value_of(found.response), calls.encode(found.response)
        begun = time.monotonic()
        value = yield _Invoke.FUNCTION
        took_ms = (time.monotonic() - begun) * 1000
        if self._terms.skip_if is not None and self._terms.skip_if(value):
            return value, Landing.UNSHARED
        response = self._terms.json_of(value)
        yield calls.keep(
            StoreItem(
                model=item.model,
                prompt=item.prompt,
                messages=item.messages,
                params=item.params,
                namespace=item.namespace,
                strategy=item.strategy,
                context=item.context,
                response=response,
                fill_token=found.fill_token,
                ttl_s=self._terms.ttl_s,
                tags=self._terms.tags,
                latency_ms=took_ms,
            )
        )
        return value, calls.encode(response)


def _play_waiting(script: Script, client: Client, function: Callable[[], Any]) -> Any:
    try:
        step = next(script)
        while True:
            try:
                answer: Any
                if isinstance(step, Call):
                    answer = client.run(step)
                else:
                    answer = function() if isinstance(step, _Invoke) else step.result()
            except BaseException as error:  # noqa: BLE001 - raised again, inside the script
                step = script.throw(error)
            else:
                step = script.send(answer)
    except StopIteration as end:
        return end.value


async def _play_awaiting(script: Script, client: AsyncClient, function: Callable[[], Any]) -> Any:
    try:
        step = next(script)
        while True:
            try:
                answer: Any
                if isinstance(step, Call):
                    answer = await client.run(step)
                else:
                    answer = await (function() if isinstance(step, _Invoke) else asyncio.wrap_future(step))
            except BaseException as error:  # noqa: BLE001 - raised again, inside the script
                step = script.throw(error)
            else:
                step = script.send(answer)
    except StopIteration as end:
        return end.value


def _is_asynchronous(function: Callable[..., Any]) -> bool:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{function.__qualname__} yields, and what is yielded is not cached: return the whole answer, "
            "or cache streams with semcache.client.transport"
        )
    return inspect.iscoroutinefunction(function)


def _fitting(
    client: Client | AsyncClient | None, asynchronous: bool, function: Callable[..., Any]
) -> Client | AsyncClient | None:
    if asynchronous and isinstance(client, LocalCache):
        return client.aio
    wanted = AsyncClient if asynchronous else Client
    if client is not None and not isinstance(client, wanted):
        raise TypeError(f"{function.__qualname__} needs a client of type {wanted.__name__}")
    return client


@functools.cache
def _client() -> Client:
    return Client()


@functools.cache
def _async_client() -> AsyncClient:
    return AsyncClient()
