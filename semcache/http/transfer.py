"""GET /admin/export and POST /admin/import: entries as JSON lines, streamed both ways in constant memory."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Final

from semcache.errors import Forbidden, RequestError
from semcache.http.access import NAMESPACE_PATTERN
from semcache.http.answers import encode
from semcache.http.exchange import Answer, Call, StreamAnswer
from semcache.models import DERIVED, shard_of

LINES_TYPE: Final = b"application/x-ndjson"
_NAMESPACE = re.compile(NAMESPACE_PATTERN)
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}


async def export(call: Call) -> StreamAnswer:
    """GET /admin/export."""
    given = call.query("namespace", "vectors", "after")
    namespace, after = given.get("namespace"), given.get("after")
    opens = _opens(call)
    if namespace is not None and not opens(namespace):
        raise Forbidden(f"this key does not open namespace `{namespace[:200]}`")
    if given.get("vectors", "true") not in _FLAGS:
        raise RequestError("`vectors` is true or false", field="vectors")
    if after is not None:
        try:
            shard_of(after)
        except ValueError as error:
            raise RequestError(f"`after` is the id of the last entry that arrived: {error}", field="after") from error
    parts = call.site.service.transfer.export(
        opens=opens, namespace=namespace, vectors=_FLAGS[given.get("vectors", "true")], after=after
    )
    first = await anext(parts)  # what fails at once is an error like any other, not a stream that breaks
    return StreamAnswer(200, [], _after(first, parts), LINES_TYPE)


async def import_lines(call: Call) -> Answer:
    """POST /admin/import."""
    limits = call.site.settings.limits
    done = await call.site.service.transfer.take(call.lines(limits.body_bytes), opens=_opens(call))
    return Answer(200, encode(done))


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    async with contextlib.AsyncExitStack() as stack:
        close = getattr(rest, "aclose", None)
        if close is not None:
            stack.push_async_callback(close)
        yield first
        async for part in rest:
            yield part


def _opens(call: Call) -> Callable[[str], bool]:
    credential = call.credential

    def opens(namespace: str) -> bool:
        base, mark, paid_by = namespace.partition(DERIVED)
        named = _NAMESPACE.match(base) and (not mark or _NAMESPACE.match(paid_by))
        return bool(named) and credential.opens(namespace)

    return opens
