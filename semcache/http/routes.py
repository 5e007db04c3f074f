"""Routes as data: method, path, role, handler, documentation. One boundary turns every error into a problem."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.types import Receive, Scope, Send

from semcache.errors import Forbidden, SemcacheError
from semcache.http import problems, rates
from semcache.http.access import Credential, Role
from semcache.http.exchange import Answer, Call, Disconnected, StreamAnswer
from semcache.http.site import Site

log = logging.getLogger(__name__)

_STARTING: Final = "the service is still starting; try again soon"

Handler = Callable[[Call], Awaitable[Answer | StreamAnswer]]


class Example(msgspec.Struct, frozen=True):
    """A body that works as it stands: shown in the documentation, and tried by a test."""

    summary: str
    value: Any


class Items(msgspec.Struct, frozen=True):
    """The body `{"items": [...]}` of a batch, each item of one of these types."""

    kinds: tuple[Any, ...]


class Lines(msgspec.Struct, frozen=True):
    """JSON lines, streamed; most of them of this type."""

    kind: Any


class Reply(msgspec.Struct, frozen=True):
    """One status that a route answers with. `kind`: a Struct type, Items, Lines, None for no body, str for text."""

    description: str
    kind: Any = None
    examples: dict[str, Example] = {}


class Parameter(msgspec.Struct, frozen=True):
    """A parameter of the path, the query or a header."""

    name: str
    where: str
    description: str
    required: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `role` None: open to all."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    role: Role | None = None
    all_namespaces: bool = False
    """Only for those to whom all namespaces are open."""
    description: str = ""
    body: Any = None
    examples: dict[str, Example] = {}
    replies: dict[int, Reply] = {}
    parameters: tuple[Parameter, ...] = ()
    before_start: bool = False
    """Answers even while the service is starting."""
    route_class: str | None = None
    """The rate that its requests are counted against (`http.rates`); None: none."""
    problem: Callable[[problems.Problem], Answer] = problems.answer
    """How a problem looks: on the routes of a provider's protocol, like the provider's own errors."""
    beside_provider: bool = False
    """A provider's key may come in the place of ours, or beside it."""
    counts_itself: bool = False
    """The handler counts the request, once it knows by how much."""


class Endpoint:
    """The routes of one path, as an ASGI app."""

    def __init__(self, site: Site, routes: list[Route]) -> None:
        self._site = site
        self._routes = {route.method: route for route in routes}
        if "GET" in self._routes:
            self._routes.setdefault("HEAD", self._routes["GET"])

    @property
    def methods(self) -> list[str]:
        """What may be asked of this path."""
        return sorted(self._routes)

    def serves(self, method: str) -> bool:
        """Whether there is a route of this method."""
        return method in self._routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing but the loss of the caller or a cancellation ends otherwise."""
        answer: Answer | StreamAnswer
        call = Call(self._site, scope, receive)
        route = self._routes[call.method]
        try:
            answer = await self._answer(call, route)
        except SemcacheError as error:
            answer = route.problem(problems.of_error(error, scope["request_id"]))
        except Disconnected:
            return
        except Exception:
            log.exception("unexpected error request_id=%s path=%s", scope["request_id"], scope["path"])
            answer = route.problem(problems.unexpected(scope["request_id"]))
        if call.rate_headers:
            answer.headers.extend(call.rate_headers)
        if self._site.draining:  # a connection kept alive would be cut under the caller's next request
            answer.headers.append((b"connection", b"close"))
        if isinstance(answer, StreamAnswer):
            await answer.send(scope, receive, send)
        else:
            await answer.send(scope, send)

    async def _answer(self, call: Call, route: Route) -> Answer | StreamAnswer:
        site = self._site
        if route.role is not None and route.beside_provider:
            call.credential, call.ours = site.gate.admit_beside(route.role, route.method, call.headers)
        elif route.role is not None:
            call.credential = credential = site.gate.admit(route.role, route.method, call.headers, call.peer)
            if route.all_namespaces:
                require_all_namespaces(credential)
        if not site.started and not route.before_start:
            starting = problems.problem(503, "starting", _STARTING, request_id=call.request_id)
            return route.problem(starting)
        if route.route_class is not None and not route.counts_itself:
            await rates.take(call, route.route_class)
        return await route.handler(call)


def require_all_namespaces(credential: Credential) -> None:
    """Raises Forbidden for a key that is bound to some namespaces only."""
    if credential.namespaces is not None:
        raise Forbidden("this concerns all namespaces: use a key that is bound to `*`, or the admin key")
