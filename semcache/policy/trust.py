"""How far an entry's answer is trusted for prompts other than its own, by what became known of it. Pure.

The evidence of an entry is its *votes*: for each witness and asking prompt one, the last. A witness is a principal who
gave feedback, or the service itself where it compared answers (voter ""). Whoever says it again, says nothing new; who
says `correct` later takes the earlier back.

*Bounded influence.* A principal weighs one unit in all, split between right and wrong as its prompts are, so that a
thousand complaints of one caller weigh as much as one. All comparisons together weigh at most COMPARED units.

*Trust* is the mean of a Beta posterior (Jøsang & Ismail 2002, "The Beta Reputation System"):

    trust = (RIGHT + r) / (RIGHT + WRONG + r + w)

with r and w the units of right and wrong. The prior is worth five units, so one principal is never more than a sixth of
what is weighed.

*What follows.* By Bayes' rule evidence about the entry multiplies the odds that a pair is the same, whatever the pair's
own evidence is, by `ratio` = odds(trust) / odds(prior). Asking as much of the product as was asked of the pair alone:

    odds(needed confidence) = odds(confidence) / min(1, ratio)

One wrong principal turns .90 into .947, two into .964. It is never lowered: an entry that was right often earns no
leniency for a doubtful pair. A bare cosine is no probability; there the distance that is left to 1 shrinks alike:

    1 - needed cosine = (1 - cosine) * min(1, ratio)

An entry whose trust is below one half is *suspended*: found by its own prompt alone. That takes WITNESSES, distinct.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from semcache.models import Entry, Miss, MissReason
from semcache.policy.matching import Open, Shortlist, Terms, telling

RIGHT: Final = 4.0
WRONG: Final = 1.0
"""The prior: as if four of five had been right."""
COMPARED: Final = 8.0
"""Most units of all comparisons together."""
WITNESSES: Final = 4
"""Least number of distinct principals, or prompts compared, that found it wrong before it is suspended for all."""


class Vote(msgspec.Struct, frozen=True):
    """What one witness last said of an entry for one prompt."""

    voter: str
    """Keyed hash of the principal; "" for the service's own comparisons."""
    about: str
    """Stands for the asking prompt."""
    same: bool


class Standing(msgspec.Struct, frozen=True):
    """What an entry's evidence comes to."""

    right: float = 0.0
    wrong: float = 0.0
    """Units, bounded."""
    against: int = 0
    """Distinct principals who found it more often wrong than right, and prompts for which comparison did."""

    @property
    def trust(self) -> float:
        """Posterior mean in (0, 1) that its answer is right for another prompt that reached it."""
        return (RIGHT + self.right) / (RIGHT + WRONG + self.right + self.wrong)

    @property
    def ratio(self) -> float:
        """By how much the odds have changed since there was no evidence; below 1 for the worse."""
        return ((RIGHT + self.right) / (WRONG + self.wrong)) / (RIGHT / WRONG)

    @property
    def suspended(self) -> bool:
        """Whether the semantic tier may not serve it to anybody."""
        return self.trust < 0.5 and self.against >= WITNESSES

    def confidence(self, least: float) -> float:
        """The probability in [0, 1] that a hit on this entry needs where `least` is asked of others."""
        if not 0.0 < least < 1.0 or self.ratio >= 1.0:
            return least
        odds = least / (1.0 - least) / self.ratio
        return odds / (1.0 + odds)

    def threshold(self, least: float) -> float:
        """The cosine that a hit on this entry needs where `least` is asked of others."""
        return 1.0 - (1.0 - least) * min(1.0, self.ratio)

    def discounted(self, chance: float) -> float:
        """A pair's probability with the entry's evidence: it reaches `least` where `chance` reaches what is needed."""
        if not 0.0 < chance < 1.0 or self.ratio >= 1.0:
            return chance
        odds = chance / (1.0 - chance) * self.ratio
        return odds / (1.0 + odds)


NEW: Final = Standing()
"""Of an entry that nothing is known of."""


def heed(listed: Shortlist, standing_of: Callable[[Entry], Standing | None], terms: Terms) -> Shortlist:
    """The shortlist without the entries that may not be served, by what became known of them.

    Where the cosine decides alone, also without those that are not near enough for how they stand; the verifier's
    probability is discounted instead.
    """
    left: list[Open] = []
    reason = listed.missed.reason
    least = terms.threshold if terms.confidence is None else None
    for one in listed.open:
        held = standing_of(one.entry)
        if held is not None and held.suspended:
            reason = telling(reason, MissReason.VETOED)
        elif held is None or least is None or one.similarity >= held.threshold(least):
            left.append(one)
    if len(left) == len(listed.open):
        return listed
    missed = Miss(reason=reason, nearest=listed.missed.nearest)
    return Shortlist(tuple(left), missed, more=listed.more or not left)


def standing(votes: Iterable[Vote]) -> Standing:
    """Weigh votes; of several of one voter about one prompt the last counts."""
    last = {(vote.voter, vote.about): vote.same for vote in votes}
    counts: dict[str, list[int]] = {}
    for (voter, _), same in last.items():
        counts.setdefault(voter, [0, 0])[same] += 1
    right = wrong = 0.0
    against = 0
    for voter, (said_wrong, said_right) in counts.items():
        said = said_wrong + said_right
        share = 1.0 / said if voter else min(1.0, COMPARED / said)
        right += share * said_right
        wrong += share * said_wrong
        against += said_wrong if not voter else said_wrong > said_right
    return Standing(right, wrong, against)
