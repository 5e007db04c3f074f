"""All routes, with what the documentation says of them. Every example works as it stands."""

from __future__ import annotations

from typing import Final

from semcache.http.routes import Route
from semcache.http.table import admin, data, operations, providers

ROUTES: Final[list[Route]] = [*data.ROUTES, *providers.ROUTES, *admin.ROUTES, *operations.ROUTES]
