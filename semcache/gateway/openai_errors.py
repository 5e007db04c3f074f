"""Errors of our own in the shape that OpenAI's API gives them, on all of its routes.

`type` follows what the API itself sends: `invalid_request_error` also for a missing key, `request_forbidden` for 403,
`requests` for a rate limit on requests, `server_error` from 500 on. Clients choose their exception by the status.
"""

from __future__ import annotations

from typing import Any, Final

_TYPES: Final = {403: "request_forbidden", 429: "requests"}


def error(status: int, code: str, message: str) -> dict[str, Any]:
    """The body of an error response."""
    kind = "server_error" if status >= 500 else _TYPES.get(status, "invalid_request_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
