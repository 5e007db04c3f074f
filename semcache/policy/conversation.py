"""Two conversations of one shape (`policy.shape`), compared turn by turn.

Guards read each pair of the user's turns by itself, and the last message as it was sent: in a long text a changed
number drowns, and what is vetoed in one turn is vetoed in all. The verifier judges each turn that differs as a `Step`:
both wordings amid what surrounds them in the conversation that asks, so that it knows who "he" is, whatever the length
of the whole. What is true of every step is true of the whole: the weakest decides.

Pure: no clock, no randomness, no I/O.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from semcache.models import CacheIdentity, Entry
from semcache.policy import guards
from semcache.policy.confidence import features, probability
from semcache.policy.guards import GUARDS, Finding, Force, Reading, Rules
from semcache.policy.indentation import indented_otherwise
from semcache.ports import Calibration

_USER: Final = "user: "
_ANSWER: Final = "assistant: "

BEFORE: Final = 2
"""Turns ahead of a step's own that are shown with it: the answer that it follows on, and that answer's question."""
SHOWN_CHARS: Final = 96
"""Of each turn around a step's own."""
MOST_STEPS: Final = 32
"""Of all candidates of a lookup together: the verifier has other callers, too."""
TURNS: Final = "turns"
"""The calibration for steps, of whatever vector space: the cosine of two conversations says little of one turn."""


class Step(NamedTuple):
    """One turn of the user in two wordings, both amid the same turns."""

    asked: str
    cached: str


def to_judge(identity: CacheIdentity, entries: Sequence[Entry]) -> list[list[Step]]:
    """What the verifier judges of a request and each of its candidates: the two prompts, or the steps.

    Nothing of a candidate that would bring the steps to more than MOST_STEPS, those shared with others counted once,
    nor of one with a program whose lines are set in otherwise, which the verifier does not see.
    """
    if not identity.transcript:
        return [
            [] if indented_otherwise(identity.prompt, entry.prompt) else [Step(identity.prompt, entry.prompt)]
            for entry in entries
        ]
    planned: list[list[Step]] = []
    together: frozenset[Step] = frozenset()
    for entry in entries:
        found = steps(identity.transcript, entry.transcript)
        if len(together.union(found)) > MOST_STEPS or indented_otherwise(identity.prompt, entry.prompt):
            found = []
        together = together.union(found)
        planned.append(found)
    return planned


def weakest(
    judged: Sequence[Step],
    scores: Mapping[Step, float | None],
    calibration: Calibration,
    *,
    similarity: float,
    findings: Collection[Finding],
    known: Collection[str] = frozenset(),
) -> float | None:
    """The probability of the step that is least probable to deserve one answer; None unless all of them were judged.

    `similarity` and `findings` are of the whole; `known`: see `repeats.repeat`.
    """
    chances: list[float] = []
    for step in judged:
        score = scores[step]
        if score is None:
            return None
        evidence = features(*step, score=score, similarity=similarity, findings=findings, known=known)
        chances.append(probability(evidence, calibration))
    return min(chances, default=None)


def steps(asked: str, cached: str) -> list[Step]:
    """What must be judged for one answer to serve both transcripts: a step for each of the user's turns that differs.

    Where none does, the last turn alone. Nothing where the transcripts are not of one shape.
    """
    if reworded(asked, cached) is None:
        return []
    lines, others = asked.split("\n"), cached.split("\n")
    differ = [at for at, (line, its) in enumerate(zip(lines, others, strict=True)) if line != its]
    return [_step(lines, others[at], at) for at in differ or [len(lines) - 1]]


def _step(lines: list[str], other: str, at: int) -> Step:
    before = [line[:SHOWN_CHARS] for line in lines[max(0, at - BEFORE) : at]]
    after = [line[:SHOWN_CHARS] for line in lines[at + 1 : at + 2] if line.startswith(_ANSWER)]
    asked, cached = ("\n".join([*before, line, *after]) for line in (lines[at], other))
    return Step(asked, cached)


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
