"""Parameters of several routes."""

from __future__ import annotations

from typing import Final

from semcache.http.routes import Parameter

NAMESPACE: Final = Parameter("X-Cache-Namespace", "header", "The namespace, where the body names none.")
ONLY: Final = Parameter("namespace", "query", "Only this one; otherwise all that are open to the key.")
