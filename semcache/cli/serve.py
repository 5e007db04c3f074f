"""`semcache serve`: read the settings, hand them to the HTTP room."""

from __future__ import annotations

import argparse

from semcache.cli import flags
from semcache.settings import load


def run(chosen: argparse.Namespace) -> int:
    """Serve until a signal ends it. Raises ConfigError where the settings are wrong."""
    flags.apply(chosen)
    settings = load()
    from semcache.http import server

    return server.run(settings)
