"""`semcache new-key`: make an API key. The key is shown once; the file gets only its hash."""

from __future__ import annotations

import argparse
import sys

from semcache.http.keys import new_key


def run(chosen: argparse.Namespace) -> int:
    """Print the block for the keys file on stdout, the key itself on stderr. Raises ConfigError."""
    made = new_key(chosen.id, namespaces=chosen.namespace or ["*"], roles=chosen.role or ["read", "write"])
    print(made.toml, end="")
    print(f"key (shown this once): {made.key}", file=sys.stderr)
    return 0
