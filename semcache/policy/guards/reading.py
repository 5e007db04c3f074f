"""One prompt, parsed once: what the guards compare."""

from __future__ import annotations

import msgspec

from semcache.policy.guards.rules import Rules


class Reading(msgspec.Struct, frozen=True):
    """What the guards see in a prompt. Opaque: made by `read`, compared by `compare`."""

    text: str


def read(text: str, rules: Rules) -> Reading:
    """Parse a prompt; linear in its length."""
    return Reading(text)
