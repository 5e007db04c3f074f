"""What a client really sends: a transport that passes requests on to the service, and keeps their bodies."""

from __future__ import annotations

from typing import Any

import httpx2
import msgspec


class Listening(httpx2.HTTPTransport):
    """Sends as ever; `bodies` has the JSON of each request, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[dict[str, Any]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Keep the body, and pass the request on."""
        self.bodies.append(msgspec.json.decode(request.read()))
        return super().handle_request(request)
