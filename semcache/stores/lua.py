"""Scripts and how they are run: by their hash, by their text where the server does not know them yet.

`Link` is what the adapters of this room share: the client (absent until the store was started), the guard, the key
names. A script touches one hash tag; work over several shards is one call a shard, sent together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import NoScriptError, RedisError

from semcache.errors import StoreUnavailable
from semcache.stores.guard import translate

if TYPE_CHECKING:
    from semcache.stores.connect import Client
    from semcache.stores.guard import Guard
    from semcache.stores.keys import Keys

BULK_S: Final = 5.0
"""Deadline of work that no lookup waits for: enumeration, invalidation, health."""

Argument = str | bytes | int | float
Call = tuple[bytes, Sequence[Argument]]
"""A script's base and arguments."""


class Script:
    """One script, the common part before it."""

    __slots__ = ("sha", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = sha1(text.encode()).hexdigest()  # names the script to the server; no secret


@cache
def script(name: str) -> Script:
    """The script of `scripts/<name>.lua`."""
    folder = files(__package__).joinpath("scripts")
    return Script("\n".join(folder.joinpath(f"{part}.lua").read_text("utf-8") for part in ("_prelude", name)))


class Link:
    """The store as the adapters see it. Every call is one round trip to each node concerned."""

    def __init__(self, keys: Keys, guard: Guard) -> None:
        self.keys = keys
        self.guard = guard
        self._client: Client | None = None
        self.clustered = False
        self.laneless = False
        """The client is of a version that has no lane to offer."""

    def attach(self, client: Client, *, clustered: bool) -> None:
        """Use this client from now on."""
        self._client = client
        self.clustered = clustered

    def detach(self) -> Client | None:
        """Use no client any more; returns the one that was in use."""
        client, self._client = self._client, None
        return client

    @property
    def attached(self) -> bool:
        """Whether there is a client."""
        return self._client is not None

    @property
    def client(self) -> Client:
        """Raises StoreUnavailable before the store was started and after it was closed."""
        if self._client is None:
            raise StoreUnavailable("store: not connected")
        return self._client

    async def run(self, name: str, base: bytes, args: Sequence[Argument], *, deadline_s: float | None = None) -> Any:
        """Run a script in one slot; `base` is its only key."""
        client, code = self.client, script(name)
        return await self.guard.run(lambda: _eval(client, code, base, args), deadline_s=deadline_s)

    async def run_each(self, name: str, calls: Sequence[Call], *, deadline_s: float | None = None) -> list[Any]:
        """Run a script once for each (base, args), all at the same time; answers in order.

        Raises the first failure; the other calls may have had their effect.
        """
        if len(calls) == 1:
            return [await self.run(name, *calls[0], deadline_s=deadline_s)]
        client, code = self.client, script(name)
        return await self.guard.run(lambda: _eval_each(client, code, calls), deadline_s=deadline_s)

    async def run_apart(self, name: str, calls: Sequence[Call]) -> list[Any]:
        """As `run_each`; a call that the store answered with an error has its StoreUnavailable in place of an answer.

        Raises what concerns all of them: no connection, no answer in time, a server that is loading or a replica.
        """
        client, code = self.client, script(name)
        answers = await self.guard.run(lambda: _without_death(client, code, calls))
        return [translate(answer)[0] if isinstance(answer, Exception) else answer for answer in answers]

    async def command(self, *parts: Argument, deadline_s: float | None = None, **options: Any) -> Any:
        """Run one command."""
        client = self.client
        return await self.guard.run(lambda: client.execute_command(*parts, **options), deadline_s=deadline_s)

    async def commands(self, commands: Sequence[Sequence[Argument]], *, deadline_s: float | None = None) -> list[Any]:
        """Run commands together; answers in order. Raises the first failure."""
        if not commands:
            return []
        client = self.client
        return await self.guard.run(lambda: _pipelined(client, commands), deadline_s=deadline_s)


async def _eval(client: Client, code: Script, base: bytes, args: Sequence[Argument]) -> Any:
    try:
        return await client.execute_command("EVALSHA", code.sha, 1, base, *args)
    except NoScriptError:
        return await client.execute_command("EVAL", code.text, 1, base, *args)


async def _eval_each(client: Client, code: Script, calls: Sequence[Call]) -> list[Any]:
    return _without_errors(await _eval_apart(client, code, calls))


async def _eval_apart(client: Client, code: Script, calls: Sequence[Call]) -> list[Any]:
    answers = await _send(client, [("EVALSHA", code.sha, 1, base, *args) for base, args in calls])
    unknown = [at for at, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
    if unknown:
        again = await _send(
            client, [("EVAL", code.text, 1, base, *args) for base, args in (calls[at] for at in unknown)]
        )
        for at, answer in zip(unknown, again, strict=True):
            answers[at] = answer
    return answers


async def _without_death(client: Client, code: Script, calls: Sequence[Call]) -> list[Any]:
    """As `_eval_apart`; raises an answer that speaks of the store, not of a key: the guard counts those."""
    answers = await _eval_apart(client, code, calls)
    for answer in answers:
        if isinstance(answer, Exception) and translate(answer)[1]:
            raise answer
    return answers


async def _pipelined(client: Client, commands: Sequence[Sequence[Argument]]) -> list[Any]:
    return _without_errors(await _send(client, commands))


async def _send(client: Client, commands: Sequence[Sequence[Argument]]) -> list[Any]:
    pipe: Any = client.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    answers: list[Any] = await pipe.execute(raise_on_error=False)
    return answers


def _without_errors(answers: list[Any]) -> list[Any]:
    for answer in answers:
        if isinstance(answer, (RedisError, OSError, TimeoutError)):
            raise answer
        if isinstance(answer, BaseException):  # a bug of ours, not an outage
            raise answer
    return answers
