"""The name of a namespace."""

from __future__ import annotations

from typing import Final

DERIVED: Final = "~"
"""Stands between a namespace and the keyed hash of the provider's key that pays for what is in it. No caller can write
it into a namespace; whoever names the namespace as an operator means these with it."""


def base_namespace(namespace: str) -> str:
    """The namespace that callers, operators and statistics know."""
    return namespace.partition(DERIVED)[0]
