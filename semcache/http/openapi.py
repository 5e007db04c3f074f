"""The OpenAPI document, made from the routes and the very types that they decode and encode."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from semcache import __version__
from semcache.http.access import Role
from semcache.http.problems import PROBLEM_TYPE, Problem
from semcache.http.routes import Example, Items, Lines, Route

_REF: Final = "#/components/schemas/{name}"
_ERRORS: Final = {
    "401": "No key, or one that is not known.",
    "403": "The key does not open this namespace or role.",
    "404": "No such thing in the namespaces open to the caller.",
    "413": "The body, or a part of it, is too large.",
    "422": "The request cannot be understood; `field` names what is wrong.",
    "429": "The caller's rate is spent (only where limits are enabled); `retry_after` says for how long, in seconds.",
    "503": "The service is starting, or what it depends on does not answer.",
}


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """The whole document."""
    kinds = _kinds(routes)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema_of = dict(zip(kinds, schemas, strict=True))
    for kind in kinds:
        _describe(kind, components[kind.__name__])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "semcache",
            "version": __version__,
            "description": "A cache for LLM responses: exact, normalised and semantic. Errors are RFC 9457 problem "
            "documents; unknown fields are refused by name.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or the admin key."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _kinds(routes: Iterable[Route]) -> list[Any]:
    found: dict[Any, None] = {Problem: None}
    for route in routes:
        for kind in (route.body, *(reply.kind for reply in route.replies.values())):
            for one in kind.kinds if isinstance(kind, Items) else (kind.kind if isinstance(kind, Lines) else kind,):
                if isinstance(one, type) and issubclass(one, msgspec.Struct):
                    found[one] = None
    return list(found)


def _operation(route: Route, schema_of: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "tags": [route.tag],
        "operationId": route.handler.__name__,
        "responses": {},
    }
    if route.description:
        operation["description"] = route.description
    if route.parameters:
        operation["parameters"] = [
            {
                "name": one.name,
                "in": one.where,
                "required": one.required,
                "description": one.description,
                "schema": {"type": "string"},
            }
            for one in route.parameters
        ]
    if isinstance(route.body, Lines):
        operation["requestBody"] = {"required": True, "content": _lines(route.body, schema_of)}
    elif route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": _content(_schema(route.body, schema_of), route.examples)},
        }
    for status, reply in route.replies.items():
        response: dict[str, Any] = {"description": reply.description}
        if reply.kind is str:
            response["content"] = {"text/plain": {"schema": {"type": "string"}}}
        elif isinstance(reply.kind, Lines):
            response["content"] = _lines(reply.kind, schema_of)
        elif reply.kind is not None:
            response["content"] = {"application/json": _content(_schema(reply.kind, schema_of), reply.examples)}
        operation["responses"][str(status)] = response
    for error in _error_statuses(route):
        problem = {"description": _ERRORS[error], "content": {PROBLEM_TYPE: {"schema": schema_of[Problem]}}}
        operation["responses"].setdefault(error, problem)
    if route.role is not None:
        operation["security"] = [{"bearer": []}, {"apiKey": []}, {}]
    return operation


def _schema(kind: Any, schema_of: dict[Any, Any]) -> dict[str, Any]:
    if isinstance(kind, Items):
        schemas = [schema_of[one] for one in kind.kinds]
        items = {"type": "array", "items": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
        return {"type": "object", "required": ["items"], "properties": {"items": items}, "additionalProperties": False}
    found: dict[str, Any] = schema_of.get(kind, {"type": "object"})
    return found


def _lines(lines: Lines, schema_of: dict[Any, Any]) -> dict[str, Any]:
    return {"application/x-ndjson": {"schema": schema_of[lines.kind]}}


def _content(schema: Any, examples: dict[str, Example]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if examples:
        content["examples"] = {name: {"summary": one.summary, "value": one.value} for name, one in examples.items()}
    return content


def _error_statuses(route: Route) -> list[str]:
    statuses = []
    if route.role is not None:
        statuses += ["401", "403", "503"]
    if "{" in route.path:
        statuses.append("404")
    if route.body is not None:
        statuses.append("413")
    if (route.role is not None and route.role is not Role.ADMIN) or route.body is not None:
        statuses.append("422")
    if route.route_class is not None:
        statuses.append("429")
    return sorted(statuses)


def _describe(kind: Any, schema: dict[str, Any]) -> None:
    """Give the fields the docstrings that stand under them in the source."""
    sources = [inspect.getsource(one) for one in kind.__mro__ if one.__module__.startswith("semcache.")]
    lines = [line for source in sources for line in source.splitlines()]
    for number, line in enumerate(lines[:-1]):
        name, colon, _ = line.strip().partition(":")
        said = lines[number + 1].strip()
        if colon and name in schema.get("properties", {}) and said.startswith('"""') and said.endswith('"""'):
            schema["properties"][name].setdefault("description", said.strip('"'))
