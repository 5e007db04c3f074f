"""All guards, asked about two prompts."""

from __future__ import annotations

from semcache.policy.guards.findings import Finding
from semcache.policy.guards.reading import Reading
from semcache.policy.guards.rules import Rules


def compare(a: Reading, b: Reading, rules: Rules) -> tuple[Finding, ...]:
    """What sets two prompts apart, at most one finding a guard, in the order of `GUARDS`. Symmetric but for details."""
    return ()
