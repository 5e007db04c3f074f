"""Fields of a provider's request, read with the error that names them.

What a dialect cannot understand it refuses here, and the request is then passed on as it is: upstream judges it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from semcache.errors import RequestError


def model_of(body: Mapping[str, Any]) -> str:
    """`model`. Raises RequestError unless it is a name."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise RequestError("a model's name is needed", field="model")
    return model


def streamed(body: Mapping[str, Any]) -> bool:
    """`stream`, False by default. Raises RequestError for what is no boolean."""
    return flag(body, "stream")


def flag(body: Mapping[str, Any], name: str) -> bool:
    """A boolean field, False by default. Raises RequestError for anything else."""
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise RequestError("a boolean is expected", field=name)
    return value is True


def number(body: Mapping[str, Any], name: str) -> float | None:
    """A number, or None where it is not set. Raises RequestError for anything else."""
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise RequestError("a number is expected", field=name)
    return value


def objects(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """A list of objects, empty where it is not set. Raises RequestError, with the place, for anything else."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RequestError("a list is expected", field=name)
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise RequestError("an object is expected", field=f"{name}.{place}")
    return value


RESERVED: Final = ("protocol", "api", "extra_headers", "extra_query")
"""Names that mean something here and are no fields of a provider's request. Ours stand in the place of the first two;
the others are not counted, and some proxies make headers of them."""


def params(body: Mapping[str, Any], protocol: str, *without: str) -> dict[str, Any]:
    """Every field but those named, and the protocol. Raises RequestError where the body has a name of `RESERVED`: two
    bodies that differ there would be one."""
    for name in RESERVED:
        if name in body:
            raise RequestError("no field of this protocol", field=name)
    return {name: value for name, value in body.items() if name not in without} | {"protocol": protocol}


def named(value: Any) -> str | None:
    """A name, or None for what is none."""
    return value if isinstance(value, str) and value else None


def parts(*values: Any) -> Iterator[dict[str, Any]]:
    """The objects among content: a list's, or the one that stands alone. Text has none."""
    for value in values:
        if isinstance(value, dict):
            yield value
        elif isinstance(value, list):
            yield from (item for item in value if isinstance(item, dict))
