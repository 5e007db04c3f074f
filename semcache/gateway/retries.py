"""Whether a request is sent to its provider once more, and after how long. Pure: clock and chance are arguments.

The rules are those of the official SDKs (openai and anthropic, `_base_client.py`), so that a client behaves behind the
gateway as it does before the provider; in their order:

1. No more than the operator's `retries`.
2. A connection that was never made has sent nothing: any request may try again.
3. Whatever else may have been acted upon. Calls of models are repeated all the same, as the SDKs do; what this gateway
   does not know is repeated only where its method promises to change nothing.
4. `Retry-After` beyond LONGEST_WAIT_S is for the caller to wait, not for a connection held open: the answer goes back.
5. `x-should-retry` decides.
6. 408, 409, 429 and 5xx are repeated, and so is a connection that broke or fell silent before an answer began.
"""

from __future__ import annotations

import email.utils
import math
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0
JITTER: Final = 0.25
"""A pause is shorter by up to this share, so that callers who failed together do not come back together."""
LONGEST_WAIT_S: Final = 20.0
AGAIN: Final = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
MODEL_PATHS: Final = frozenset(
    {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/embeddings",
    }
)


class Failure(StrEnum):
    """How a request ended without an answer."""

    REFUSED = "refused"
    """No connection came about."""
    BROKEN = "broken"
    """The connection ended before the answer began."""
    SILENT = "silent"
    """Nothing came for too long."""
    BUSY = "busy"
    """No connection was free; another try would only stand in the same queue."""


def repeatable(method: str, path: str) -> bool:
    """Whether a request may be sent again though the provider may have acted upon it. `path` begins with /v1/."""
    return method in ("GET", "HEAD") or (method == "POST" and path in MODEL_PATHS)


def verdict(
    ended: int | Failure,
    *,
    attempt: int,
    retries: int,
    again: bool,
    headers: Iterable[tuple[bytes, bytes]] = (),
    now_s: float,
    chance: float,
) -> float | None:
    """Seconds to wait before the next try, None to let it be.

    `ended`: HTTP status or Failure of try number `attempt` (from 0); `again`: see `repeatable`; `headers`: the
    answer's, names lower-case; `now_s`: Unix time, for a `Retry-After` that is a date; `chance`: from [0, 1).
    """
    if attempt >= retries or ended is Failure.BUSY or not (again or ended is Failure.REFUSED):
        return None
    fields = dict(headers)
    asked = retry_after(fields, now_s)
    if asked is not None and asked > LONGEST_WAIT_S:
        return None
    if not _worth_it(ended, fields.get(b"x-should-retry")):
        return None
    if asked is not None and asked > 0:
        return asked
    return min(FIRST_PAUSE_S * 2.0**attempt, LONGEST_PAUSE_S) * (1 - JITTER * chance)


def retry_after(fields: dict[bytes, bytes], now_s: float) -> float | None:
    """Seconds that an answer asks to wait: `retry-after-ms`, else `retry-after` (seconds, or a date of RFC 9110,
    section 5.6.7); None where neither makes sense.
    """
    for name, unit_s in ((b"retry-after-ms", 1e-3), (b"retry-after", 1.0)):
        try:
            seconds = float(fields[name]) * unit_s
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return seconds
    try:
        date = email.utils.parsedate_to_datetime(fields[b"retry-after"].decode("latin-1"))
        return date.timestamp() - now_s
    except (KeyError, ValueError, OverflowError, OSError):
        return None


def _worth_it(ended: int | Failure, says: bytes | None) -> bool:
    if says in (b"true", b"false"):
        return says == b"true"
    return isinstance(ended, Failure) or ended in AGAIN
