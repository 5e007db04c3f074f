"""Verified mode: serve a semantic candidate, or ask upstream and learn, so that a stated bound on wrong answers holds.

The bound is on the share of wrong answers among all requests of a namespace. What is unknown is how wrongness depends
on the confidence of a candidate, here and now. The parts, each in `docs/verified.md` with its assumptions and sources:

1. `adapted`: confidence, corrected by what the namespace's labels taught of it (`policy.adaptation`).
2. `Evidence`: what is known of one entry shifts the confidence of its candidates (a logistic random effect).
3. `Outlook`: how probable a wrong answer is at each shifted confidence: a Gaussian process over the confidence that
   starts from the calibration, on a level that drifts from epoch to epoch (logistic likelihood, Laplace approximation).
4. `plan`: the lowest confidence that may be served such that, with what was served already, the bound holds with high
   probability soon and later. Of what may be served a known share is explored all the same: these tests correct the
   account of what was served, whatever the model believes.
5. `certified` and `alarm`: betting bounds. The first rests on the coin alone, not on the model.

How to use it: `decide(plan, adapted(plan, p, contrast), evidence, draw)` for each candidate; `asked(decision)` is what
to add to the counters of the namespace for each request, `labelled(decision, right)` and `taught(plan, p, contrast,
right)` for each label, `witnessed(decision.wrong, right)` to those of the entries. About every second `plan(state,
bound)` anew from the counters.

All shared state is counters that are only ever added to, so replicas write at the same time without a lock. Pure: the
coin (`draw`) is an argument, and there is no clock: epochs are counted in requests.
"""

from __future__ import annotations

from semcache.policy.risk.bound import Bound
from semcache.policy.risk.certificate import certified
from semcache.policy.risk.counters import EPOCHS, LEVELS, State, epoch_of
from semcache.policy.risk.decision import Action, Decision, Plan, adapted, asked, decide, labelled, taught
from semcache.policy.risk.drift import alarm
from semcache.policy.risk.evidence import Evidence, shifted, witnessed
from semcache.policy.risk.outlook import Outlook
from semcache.policy.risk.planning import plan
from semcache.policy.risk.reporting import Report, labels_needed, report
from semcache.policy.risk.scale import BINS, bin_of, logit

__all__ = [
    "BINS",
    "EPOCHS",
    "LEVELS",
    "Action",
    "Bound",
    "Decision",
    "Evidence",
    "Outlook",
    "Plan",
    "Report",
    "State",
    "adapted",
    "alarm",
    "asked",
    "bin_of",
    "certified",
    "decide",
    "epoch_of",
    "labelled",
    "labels_needed",
    "logit",
    "plan",
    "report",
    "shifted",
    "taught",
    "witnessed",
]
