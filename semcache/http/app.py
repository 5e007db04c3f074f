"""The FastAPI app around a service: life, routes, documentation, and the edge that every request comes in by."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import re
import secrets
from collections.abc import AsyncIterator, Callable, Collection
from typing import Any, Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute
from starlette.types import Message, Receive, Scope, Send

from semcache.http import openapi, problems, providers, reference
from semcache.http.routes import Endpoint
from semcache.http.shortcut import Shortcut
from semcache.http.site import Site
from semcache.http.table import ROUTES
from semcache.service import Service

log = logging.getLogger(__name__)

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")


def create_app(service: Service) -> FastAPI:
    """The app of one service, which it starts and closes. `app.state.site` is what the routes share."""
    site = Site(service)
    service.observers.add(site.metrics)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        site.started = True
        try:
            yield
        finally:
            site.draining = True
            await service.aclose()

    app = App(lifespan)
    app.state.site = site
    if (service.near.on or service.cache.direct.on) and not service.settings.rate.enabled:
        app.shortcut = site.shortcut = Shortcut(site, app.new_request_id)
    for path in dict.fromkeys(route.path for route in ROUTES):
        app.mount_endpoint(path, Endpoint(site, [route for route in ROUTES if route.path == path]))
    if service.front is not None:
        ours = {route.path for route in ROUTES if not route.beside_provider}
        app.mount_rest(providers.REST, Endpoint(site, providers.rest()), but=ours)
    return app


class App(FastAPI):
    """FastAPI behind an edge: a request id for every request, a problem document for what nobody else caught.

    The edge hands requests for fixed paths to their endpoint directly. FastAPI's layers would get them there too, at
    several times the cost of an exact hit's own work.
    """

    def __init__(self, lifespan: Callable[[FastAPI], contextlib.AbstractAsyncContextManager[None]]) -> None:
        super().__init__(title="semcache", lifespan=lifespan, docs_url=None, redoc_url=None)
        self.router.routes.append(StarletteRoute("/docs", self._docs, include_in_schema=False))
        self.add_exception_handler(HTTPException, _http_problem)
        self._fixed: dict[str, Endpoint] = {}
        self._head = secrets.token_hex(4)
        self._counter = itertools.count(1)
        self._document: dict[str, Any] = {}
        self.shortcut: Shortcut | None = None
        """Taken by `connection.Connection` before anything else."""

    def mount_endpoint(self, path: str, endpoint: Endpoint) -> None:
        """Serve a path by an endpoint of our own."""
        self.router.routes.append(
            StarletteRoute(path, endpoint, methods=endpoint.methods, name=path, include_in_schema=False)
        )
        if "{" not in path:
            self._fixed[path] = endpoint

    def mount_rest(self, path: str, endpoint: Endpoint, *, but: Collection[str]) -> None:
        """Serve by an endpoint what nothing else here takes. A wrong method on a path of `but` stays a 405; a provider
        may know methods of its own paths that we do not (`GET /v1/chat/completions` lists what it has kept).
        """
        self.router.routes.extend(StarletteRoute(each, _WrongMethod(), include_in_schema=False) for each in but)
        self.router.routes.append(StarletteRoute(path, endpoint, methods=endpoint.methods, include_in_schema=False))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if not self._document:
            self._document = openapi.document(ROUTES)
        return self._document

    async def _docs(self, request: Request) -> Response:
        return reference.page(self.openapi())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["request_id"] = self._request_id(scope)
        endpoint = self._fixed.get(scope["path"])
        try:
            if endpoint is not None and endpoint.serves(scope["method"]):
                await endpoint(scope, receive, send)
            else:
                await self._elsewhere(scope, receive, send)
        except asyncio.CancelledError:
            # The server ends what outlives its grace, and nobody else cancels a request. It closes the connection
            # without the mark of a whole body, and would log the cancellation as an error of ours.
            log.warning("cut off at shutdown request_id=%s path=%s", scope["request_id"], scope["path"])

    def _request_id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
                given: str = value.decode("ascii")
                return given
        return self.new_request_id()

    def new_request_id(self) -> str:
        """An id for a request that brings none."""
        return f"{self._head}-{next(self._counter):x}"

    async def _elsewhere(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def marked(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = message.setdefault("headers", [])
                if not any(name == b"x-request-id" for name, _ in headers):
                    message["headers"] = [*headers, (b"x-request-id", scope["request_id"].encode("ascii"))]
            await send(message)

        try:
            await super().__call__(scope, receive, marked)
        except Exception:
            log.exception("unexpected error request_id=%s path=%s", scope["request_id"], scope["path"])
            if begun:
                raise
            await problems.answer(problems.unexpected(scope["request_id"])).send(scope, send)


class _WrongMethod:
    """What a path of ours says to a method that it does not have."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise HTTPException(405)


async def _http_problem(request: Request, error: Exception) -> Response:
    """What the router itself refuses: an unknown path, a method that a path does not have."""
    assert isinstance(error, HTTPException)
    detail = {
        404: f"there is no {request.url.path}; GET /docs shows what there is",
        405: f"{request.url.path} does not take {request.method}",
    }.get(error.status_code, str(error.detail))
    codes = {404: "not_found", 405: "method_not_allowed"}
    found = problems.problem(
        error.status_code, codes.get(error.status_code, "http_error"), detail, request_id=request.scope["request_id"]
    )
    answer = problems.answer(found)
    return Response(answer.body, error.status_code, headers=dict(error.headers or {}), media_type=problems.PROBLEM_TYPE)
