"""Two conversations of one shape (`policy.shape`), compared turn by turn.

Guards read each pair of the user's turns by itself, and the last message as it was sent: in a long text a changed
number drowns, and what is vetoed in one turn is vetoed in all.

Pure: no clock, no randomness, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from semcache.models import CacheIdentity, Entry
from semcache.policy import guards
from semcache.policy.guards import GUARDS, Finding, Force, Reading, Rules

_USER: Final = "user: "


def reworded(one: str, other: str) -> list[tuple[str, str]] | None:
    """The user's turns before the last that differ between two transcripts of one shape, in order.

    None where the transcripts are not of one shape.
    """
    lines, others = one.split("\n"), other.split("\n")  # a turn has no line breaks of its own
    if len(lines) != len(others):
        return None
    pairs = []
    for line, its in zip(lines[:-1], others[:-1], strict=True):
        if line == its:
            continue
        if not (line.startswith(_USER) and its.startswith(_USER)):
            return None
        pairs.append((line.removeprefix(_USER), its.removeprefix(_USER)))
    return pairs


class Guard:
    """All guards, asked about one request and each of its candidates; the request is read once."""

    def __init__(self, identity: CacheIdentity, rules: Rules | None) -> None:
        """Without `rules` only the guard for long texts is asked."""
        self._identity = identity
        self._rules = rules
        self._read: dict[str, Reading] = {}

    def findings(self, entry: Entry, *, long: bool) -> tuple[Finding, ...] | None:
        """What sets the two apart, at most one finding a guard; None where a guard vetoes.

        `long`: they are long enough for the guard of long texts, which is not for short ones.
        """
        earlier = reworded(self._identity.transcript, entry.transcript)
        if earlier is None:
            return None
        pairs = [(self._identity.prompt, entry.prompt), *earlier]
        if long and any(guards.edited_inside(one, other) for one, other in pairs):
            return None
        if self._rules is None:
            return ()
        found = _each_once(finding for one, other in pairs for finding in self._compare(one, other, self._rules))
        return None if any(finding.force is Force.VETO for finding in found) else found

    def _compare(self, asked: str, cached: str, rules: Rules) -> tuple[Finding, ...]:
        read = self._read.get(asked)
        if read is None:
            read = self._read[asked] = guards.read(asked, rules)
        return guards.compare(read, guards.read(cached, rules), rules)


def _each_once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """One finding a guard, the gravest, in the order of `GUARDS`."""
    kept: dict[str, Finding] = {}
    for finding in findings:
        if finding.guard not in kept or finding.force is Force.VETO:
            kept[finding.guard] = finding
    return tuple(kept[guard] for guard in GUARDS if guard in kept) if len(kept) > 1 else tuple(kept.values())
