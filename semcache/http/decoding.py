"""Bytes to typed bodies, decoded once; what is wrong with them is told by JSON path, or by line and column."""

from __future__ import annotations

import re
from typing import Any, Final, Generic, TypeVar

import msgspec
import msgspec.inspect

from semcache.errors import RequestError

T = TypeVar("T", bound=msgspec.Struct)

_AT = re.compile(r" - at `(?:key in )?\$(.*)`$", re.DOTALL)
_NAMED = re.compile(r"^Object (contains unknown|missing required) field `(.*?)`")
_CHOICE = re.compile(r"^Invalid enum value|matching regex")
_BYTE = re.compile(r" \(byte (\d+)\)$")
_LONGEST_FIELD: Final = 200


class BodyDecoder(Generic[T]):
    """Decodes the JSON of one kind of body."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        fields = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]
        self._known = {field.encode_name: _remedy(field.type) for field in fields}

    def decode(self, raw: bytes | msgspec.Raw) -> T:
        """The body; raises RequestError that names the field and the remedy."""
        try:
            return self._decoder.decode(raw)
        except msgspec.ValidationError as error:
            raise self._invalid(str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise malformed(bytes(raw), error) from error

    def _invalid(self, message: str) -> RequestError:
        at = _AT.search(message)
        path = at.group(1).lstrip(".")[:_LONGEST_FIELD] if at else ""
        said = _AT.sub("", message)
        named = _NAMED.match(said)
        if named is None:
            where = f"`{path}`" if path else "the body"
            remedy = self._known.get(path.partition("[")[0]) if _CHOICE.search(said) else None
            return RequestError(f"{where}: {remedy or said[:1].lower() + said[1:500]}", field=path)
        name = named.group(2)[:_LONGEST_FIELD]
        field = f"{path}.{name}" if path else name
        if named.group(1) == "missing required":
            return RequestError(f"`{field}` is required", field=field)
        known = "" if path else "; known here: " + ", ".join(f"`{one}`" for one in sorted(self._known))
        return RequestError(f"`{field}` is not a field of this call{known}", field=field)


def _remedy(kind: msgspec.inspect.Type) -> str:
    """What a field of few values, or of a pattern, takes; "" for others, which msgspec explains well enough."""
    if isinstance(kind, msgspec.inspect.Metadata):
        described = (kind.extra_json_schema or {}).get("description")
        return f"expected {described}" if described else _remedy(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return next(filter(None, map(_remedy, kind.types)), "")
    if isinstance(kind, msgspec.inspect.ListType):
        return _remedy(kind.item_type)
    values: list[Any] = []
    if isinstance(kind, msgspec.inspect.EnumType):
        values = [member.value for member in kind.cls]
    elif isinstance(kind, msgspec.inspect.LiteralType):
        values = list(kind.values)
    return "expected one of " + ", ".join(f"`{value}`" for value in values) if values else ""


def malformed(raw: bytes, error: Exception, *, field: str = "") -> RequestError:
    """What to say of text that is no JSON: where it stops being some."""
    if isinstance(error, RecursionError):
        return RequestError("the JSON is nested too deeply", field=field)
    if isinstance(error, UnicodeDecodeError):
        return RequestError("the body is not valid UTF-8; send JSON in UTF-8", field=field)
    if not raw.strip():
        return RequestError("the body is empty; send a JSON object", field=field)
    message = str(error)
    found = _BYTE.search(message)
    where = int(found.group(1)) if found else len(raw)
    before = raw[:where]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    said = _BYTE.sub("", message).removeprefix("JSON is malformed: ")
    return RequestError(f"the body is not valid JSON: {said}, at line {line}, column {column}", field=field)


def check_json(raw: bytes, *, field: str) -> None:
    """Make sure that a raw value may be spliced into an answer later; raises RequestError."""
    try:
        msgspec.json.decode(raw, type=Any)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(raw, error, field=field) from error
