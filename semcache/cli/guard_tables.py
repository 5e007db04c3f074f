"""`semcache guard-tables`: the guards' own tables as TOML, to be changed and named by `verification.guards_file`."""

from __future__ import annotations

import argparse

from semcache import guard_tables


def run(chosen: argparse.Namespace) -> int:
    """Print them. Raises RequestError for a table that there is not."""
    print(guard_tables.written(chosen.table), end="")
    return 0
