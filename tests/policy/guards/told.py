"""What one guard says of two prompts."""

from __future__ import annotations

from semcache.policy.guards import Force, Rules, compare, read

RULES = Rules.default()


def told(guard: str, a: str, b: str, rules: Rules = RULES) -> Force | None:
    """Its force; None where it says nothing."""
    return next((found.force for found in compare(read(a, rules), read(b, rules), rules) if found.guard == guard), None)
