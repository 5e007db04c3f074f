"""Verified mode's mathematics: the bound, the account, the certificate, drift; on streams whose truth is known."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from semcache.policy import risk
from semcache.policy.risk import Action, Bound, Decision, Evidence, Plan, State
from semcache.policy.risk.belief import Belief
from semcache.policy.risk.evidence import FARTHEST
from semcache.policy.risk.outlook import outlook_of
from semcache.policy.risk.scale import CENTRES

Fields = dict[str, float]


def add(place: Fields, deltas: Fields) -> None:
    for name, delta in deltas.items():
        place[name] = place.get(name, 0.0) + delta


class World:
    """Counters as the store keeps them, and what was truly served."""

    def __init__(self, alpha: float, seed: int = 0) -> None:
        self.bound = Bound(alpha=alpha)
        self.rng = random.Random(seed)
        self.total: Fields = {}
        self.epochs: dict[int, Fields] = {}
        self.plan = risk.plan(State(), self.bound)
        self.requests = self.served = self.wrong = 0
        self.alarmed = False

    @property
    def state(self) -> State:
        newest = risk.epoch_of(self.requests)
        recent = range(max(0, newest - risk.EPOCHS + 1), newest + 1)
        return State(total=self.total, epochs=[self.epochs.get(one, {}) for one in recent])

    def add(self, deltas: Fields) -> None:
        add(self.total, deltas)
        add(self.epochs.setdefault(risk.epoch_of(self.requests), {}), deltas)

    def ask(self, p: float | None, right: bool) -> bool:
        """One request with a candidate of confidence `p` (None: without); whether it was served."""
        if self.requests % 32 == 0:
            self.plan = risk.plan(self.state, self.bound)
            self.alarmed = self.alarmed or self.plan.alarm
        decision = None if p is None else risk.decide(self.plan, p, None, self.rng.random())
        self.add(risk.asked(decision))
        served = decision is not None and decision.action is Action.SERVE
        if decision is not None and not served:
            self.add(risk.labelled(decision, right))
        self.requests += 1
        self.served += served
        self.wrong += served and not right
        return served


def confidence(rng: random.Random) -> float:
    """Of a candidate as a decent verifier sees it: most are surely right or surely not."""
    z = rng.choice((rng.gauss(5.0, 1.5), rng.gauss(-1.0, 2.0)))
    return 1.0 / (1.0 + math.exp(-z))


def run(world: World, requests: int, truth: Callable[[float], float], rng: random.Random) -> None:
    """Requests, four of five with a candidate, that is right with probability `truth(confidence)`."""
    for _ in range(requests):
        p = confidence(rng) if rng.random() < 0.8 else None
        world.ask(p, p is not None and rng.random() < truth(p))


def off(shift: float) -> Callable[[float], float]:
    """A truth that differs from the confidence by `shift` logits."""
    return lambda p: 1.0 / (1.0 + math.exp(-(risk.logit(p) + shift)))


# --- the door --------------------------------------------------------------------------------------------------------


def plan_of(level: int | None) -> Plan:
    return Plan((level,) * risk.BINS, (0.1,) * risk.BINS)


def test_a_candidate_that_is_not_servable_is_explored_whatever_the_coin_says() -> None:
    decision = risk.decide(plan_of(None), 0.999, None, 0.999999)
    assert decision.action is Action.EXPLORE
    assert decision.chance == 1.0


@pytest.mark.parametrize("level", range(len(risk.LEVELS)))
def test_a_servable_candidate_is_explored_with_its_level_s_probability(level: int) -> None:
    chance = risk.LEVELS[level]
    plan = plan_of(level)
    assert risk.decide(plan, 0.9, None, chance - 1e-9).action is Action.EXPLORE
    assert risk.decide(plan, 0.9, None, chance).action is Action.SERVE
    assert risk.decide(plan, 0.9, None, 0.0).chance == chance


def test_what_is_counted_of_a_request() -> None:
    served = risk.decide(plan_of(2), 0.5, None, 0.9)
    tested = risk.decide(plan_of(2), 0.5, None, 0.0)
    free = risk.decide(plan_of(None), 0.5, None, 0.0)
    at = risk.bin_of(0.0)
    assert risk.asked(None) == {"n": 1.0}
    assert risk.asked(served) == {"n": 1.0, f"c{at}": 1.0, f"s{at}": 1.0, "S2": 1.0}
    assert risk.asked(tested) == {"n": 1.0, f"c{at}": 1.0, "A2": 1.0}
    assert risk.asked(free) == {"n": 1.0, f"c{at}": 1.0}
    assert risk.labelled(tested, True) == {f"r{at}": 1.0, "T2": 1.0, f"q{at}": 1.0}
    assert risk.labelled(tested, False) == {f"x{at}": 1.0, "T2": 1.0, f"q{at}": 1.0, "V2": 1.0, f"v{at}": 1.0}
    assert risk.labelled(free, False) == {f"x{at}": 1.0}


def test_a_decision_survives_the_wire() -> None:
    decision = risk.decide(plan_of(1), 0.93, Evidence(right=2.0, surprise=0.4, information=0.2), 0.0)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(decision), type=Decision) == decision


def test_the_order_in_which_replicas_add_does_not_matter_and_strings_are_read() -> None:
    one, other = World(0.02, seed=1), World(0.02, seed=2)
    run(one, 150, off(0.0), random.Random(1))
    run(other, 150, off(0.0), random.Random(2))
    there: Fields = {}
    back: Fields = {}
    for place, parts in ((there, (one.total, other.total)), (back, (other.total, one.total))):
        for part in parts:
            add(place, part)
    as_stored = {name: repr(value) for name, value in back.items()}
    first = risk.plan(State(total=there, epochs=[there]), Bound(alpha=0.02))
    assert first.levels == risk.plan(State(total=as_stored, epochs=[as_stored]), Bound(alpha=0.02)).levels
    assert State(total=as_stored).requests == 300


def test_unknown_fields_are_passed_over() -> None:
    """A newer replica may count more."""
    plain = {"n": 10.0, "c5": 3.0}
    odd = {**plain, "": 1.0, "zz": 1.0, "r999": 1.0, "S77": 1.0, "later": 2.0}
    assert risk.plan(State(total=odd, epochs=[odd]), Bound(alpha=0.1)) == risk.plan(
        State(total=plain, epochs=[plain]), Bound(alpha=0.1)
    )


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, 2.0])
def test_a_bound_is_a_share(alpha: float) -> None:
    with pytest.raises(ValueError, match="share between 0 and 1"):
        Bound(alpha=alpha)


def test_epochs_follow_each_other_and_grow_to_4096_requests() -> None:
    numbers = [risk.epoch_of(count) for count in range(60_000)]
    assert numbers[0] == 0
    assert {b - a for a, b in itertools.pairwise(numbers)} == {0, 1}
    lengths = np.bincount(numbers)
    assert lengths[0] == 64
    assert max(lengths) == 4096
    assert risk.epoch_of(1_000_000) - risk.epoch_of(1_000_000 - 4096) == 1


def test_bins_cover_every_confidence() -> None:
    assert risk.bin_of(-1e9) == 0
    assert risk.bin_of(1e9) == risk.BINS - 1
    assert risk.bin_of(risk.logit(0.0)) == 0
    assert risk.bin_of(risk.logit(1.0)) == risk.BINS - 1
    for at in range(1, risk.BINS - 1):
        assert risk.bin_of(float(CENTRES[at])) == at


# --- evidence of an entry --------------------------------------------------------------------------------------------


def told(labels: str, wrong: float) -> Evidence:
    fields: Fields = {}
    for label in labels:
        add(fields, risk.witnessed(wrong, label == "r"))
    return Evidence(**fields)


def test_a_wrong_label_where_right_was_expected_lowers_more_than_a_right_one_raises() -> None:
    assert told("x", 0.05).shift < -1.0
    assert 0.0 < told("r", 0.05).shift < 0.2
    assert told("rrrr", 0.4).shift > told("r", 0.4).shift > 0.0
    assert told("xr", 0.05).shift < -0.5


def test_evidence_is_bounded() -> None:
    assert told("x" * 1000, 0.001).shift >= -FARTHEST
    assert told("r" * 1000, 0.9).shift <= FARTHEST
    assert risk.shifted(0.9, None) == risk.shifted(0.9, Evidence()) == risk.logit(0.9)


# --- the model -------------------------------------------------------------------------------------------------------


def counted(truth: Callable[[float], float], each: int, epochs: int = 1) -> tuple[np.ndarray, np.ndarray]:
    chance = np.array([truth(1.0 / (1.0 + math.exp(-z))) for z in CENTRES])
    right = np.round(each * chance)
    return np.tile(right, (epochs, 1)), np.tile(each - right, (epochs, 1))


def test_without_labels_the_calibration_is_believed_but_not_blindly() -> None:
    empty = np.zeros((1, risk.BINS))
    wrong = outlook_of(empty, empty).wrong
    at = risk.bin_of(risk.logit(0.98))
    assert 0.02 < wrong[at] < 0.12
    assert (np.diff(wrong) <= 1e-12).all()


def test_labels_teach_how_wrong_the_calibration_is() -> None:
    now = outlook_of(*counted(off(-2.0), 400))
    for p in (0.8, 0.95, 0.99):
        at = risk.bin_of(risk.logit(p))
        truth = 1.0 - off(-2.0)(1.0 / (1.0 + math.exp(-float(CENTRES[at]))))
        assert now.wrong[at] == pytest.approx(truth, rel=0.2)


def test_a_level_that_moves_is_followed_and_its_step_is_learned() -> None:
    rights, wrongs = counted(off(0.0), 40, epochs=6)
    worse_right, worse_wrong = counted(off(-2.5), 40, epochs=6)
    still = outlook_of(np.vstack([rights, rights]), np.vstack([wrongs, wrongs]))
    moved = outlook_of(np.vstack([rights, worse_right]), np.vstack([wrongs, worse_wrong]))
    at = risk.bin_of(3.0)
    assert moved.drift > 2 * still.drift
    assert moved.wrong[at] > 3 * still.wrong[at]
    assert moved.wrong_then[0][at] == pytest.approx(still.wrong[at], rel=0.5)


# --- the plan --------------------------------------------------------------------------------------------------------


def servable(plan: Plan) -> int:
    return sum(level is not None for level in plan.levels)


def test_nothing_is_served_before_anything_is_known() -> None:
    assert servable(risk.plan(State(), Bound(alpha=0.05))) == 0


def test_a_tighter_bound_serves_less_and_never_a_lower_confidence_only() -> None:
    world = World(0.001)
    run(world, 1500, off(-1.0), random.Random(3))
    served = []
    for alpha in (0.002, 0.01, 0.05, 0.2):
        plan = risk.plan(world.state, Bound(alpha=alpha))
        served.append(servable(plan))
        open_ = [level is not None for level in plan.levels]
        assert open_ == sorted(open_)
    assert served == sorted(served)
    assert served[0] < served[-1]


def test_wrong_labels_stop_serving() -> None:
    world = World(0.02)
    run(world, 600, off(0.0), random.Random(4))
    assert servable(risk.plan(world.state, world.bound)) > 0
    bad = Decision(action=Action.EXPLORE, bin=risk.BINS - 5, level=2, wrong=0.001)
    for _ in range(60):
        world.add(risk.asked(bad))
        world.add(risk.labelled(bad, False))
    before, after = servable(world.plan), servable(risk.plan(world.state, world.bound))
    assert after < before


def test_what_hardly_adds_is_served_where_only_the_margin_is_used_up_and_nothing_where_more_is() -> None:
    """1,000 requests at 2 %: 20 wrong answers are allowed, and so many were expected of what was served."""
    top, poor = risk.bin_of(6.0), risk.bin_of(1.0)
    plans = []
    for served in (5.0, 45.0, 80.0):
        fields = {"n": 1000.0, f"c{top}": 500.0, f"r{top}": 500.0, f"c{poor}": 400.0, f"r{poor}": 200.0}
        fields |= {f"x{poor}": 130.0, f"s{poor}": served}
        plans.append(risk.plan(State(total=fields, epochs=[fields]), Bound(alpha=0.02)))
    easy, spent, over = plans
    assert servable(easy) >= servable(spent) > servable(over) == 0
    assert spent.levels[top] is not None
    assert spent.levels[poor] is None


def test_savings_of_long_ago_are_not_spent_but_debts_are_paid() -> None:
    """All served lately was as wrong as the bound allows; what was long before differs."""
    at = risk.bin_of(4.0)
    lately = {"n": 4000.0, f"c{at}": 2000.0, f"s{at}": 1900.0, f"r{at}": 1990.0, f"x{at}": 10.0}
    good = {"n": 100_000.0}
    bad = {"n": 100_000.0, f"c{at}": 90_000.0, f"s{at}": 90_000.0, f"x{at}": 4000.0, f"r{at}": 4000.0}
    plans = []
    for older in ({}, good, bad):
        total = dict(lately)
        add(total, older)
        epochs = [{}] * (risk.EPOCHS - 1) + [lately]
        plans.append(servable(risk.plan(State(total=total, epochs=epochs), Bound(alpha=0.02))))
    assert plans[1] == plans[0] > 0
    assert plans[2] == 0


def test_after_a_drift_what_was_learned_before_counts_a_fifth() -> None:
    """Bets that paid say that something changed; what the epochs since teach outweighs what those before did."""
    lessons = [Fields(), Fields()]
    for right, lesson in zip((True, False), lessons, strict=True):
        for _ in range(40):
            add(lesson, risk.taught(plan_of(None), 0.9, (0.0, 0.0, 2.0), right))
    add(lessons[0], {"d": -5.0, "e": -5.0, "f": -5.0})
    add(lessons[1], {"d": 30.0, "e": 30.0, "f": 30.0})
    total = Fields()
    for lesson in lessons:
        add(total, {"n": 64.0})
        add(total, lesson)
    unpaid = [lessons[0], {**lessons[1], "d": 0.0, "e": 0.0, "f": 0.0}]
    steady, drifted = (risk.plan(State(total=total, epochs=epochs), Bound(alpha=0.02)) for epochs in (unpaid, lessons))
    assert (steady.alarm, drifted.alarm) == (False, True)
    sure = [risk.adapted(plan, 0.9, (0.0, 0.0, 2.0)) for plan in (steady, drifted)]
    assert sure[1] < sure[0] < 0.9


# --- whole streams of which the truth is known -----------------------------------------------------------------------


@pytest.mark.parametrize(("shift", "kept"), [(0.0, 0.7), (-1.5, 0.6)], ids=["calibrated", "overconfident"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_bound_holds_and_most_of_the_hits_are_kept(seed: int, shift: float, kept: float) -> None:
    alpha = 0.02
    world = World(alpha, seed)
    run(world, 2000, off(shift), random.Random(100 + seed))
    assert world.wrong <= alpha * world.requests
    # What a threshold that knows the truth serves: candidates of the highest confidence until the bound is used up.
    rng = random.Random(5)
    drawn = sorted((confidence(rng) for _ in range(20_000)), reverse=True)
    spent, best = 0.0, 0
    for p in drawn:
        spent += 1.0 - off(shift)(p)
        if spent > alpha * len(drawn) / 0.8:
            break
        best += 1
    assert world.served >= kept * 0.8 * best / len(drawn) * world.requests


def test_two_hundred_labels_are_enough_to_begin_with_at_two_percent() -> None:
    world, rng = World(0.02, 7), random.Random(8)
    while sum(value for name, value in world.total.items() if name[0] in "rx" and name != "n") < 200:
        run(world, 1, off(0.0), rng)
    before, at = world.served, world.requests
    run(world, 300, off(0.0), rng)
    soon = (world.served - before) / (world.requests - at)
    run(world, 1500, off(0.0), rng)
    before, at = world.served, world.requests
    run(world, 600, off(0.0), rng)
    assert soon >= 0.8 * (world.served - before) / (world.requests - at)


def test_drift_raises_an_alarm_tightens_and_the_bound_still_holds() -> None:
    world, rng = World(0.05, 9), random.Random(10)
    run(world, 1200, off(1.0), rng)
    assert not world.alarmed
    before = servable(world.plan)
    run(world, 500, off(-4.0), rng)
    assert world.alarmed
    assert servable(world.plan) < before
    run(world, 800, off(-4.0), rng)
    assert world.wrong <= 0.05 * world.requests


def test_no_alarm_where_nothing_drifts() -> None:
    for seed in range(3):
        world = World(0.02, seed)
        run(world, 1500, off(-1.0), random.Random(seed))
        assert not world.alarmed


def test_the_account_of_what_was_served_is_near_the_truth() -> None:
    ratios = []
    for seed in range(4):
        world = World(0.05, seed)
        run(world, 1500, off(-1.0), random.Random(50 + seed))
        told_ = risk.report(world.state, world.bound)
        assert told_.served == world.served
        assert told_.requests == 1500
        ratios.append(told_.wrong * world.requests / max(world.wrong, 1))
        assert told_.wrong_upper * world.requests >= world.wrong
        assert told_.wrong_of_served == pytest.approx(told_.wrong * world.requests / world.served)
    assert 0.6 < float(np.mean(ratios)) < 1.6


def test_a_bound_is_told_to_hold_where_no_label_was_ever_wrong() -> None:
    for alpha, requests in itertools.product((0.02, 0.05), (300, 1500)):
        world, rng = World(alpha, 1), random.Random(2)
        for _ in range(requests):
            world.ask(1.0 / (1.0 + math.exp(-rng.gauss(7.0, 1.0))) if rng.random() < 0.5 else None, True)
        told_ = risk.report(world.state, world.bound)
        assert world.served > 0
        assert told_.holds
        assert told_.wrong < told_.wrong_upper <= alpha


def test_a_bound_is_told_not_to_hold_where_tests_find_much_wrong() -> None:
    served = {"n": 500.0, "c36": 300.0, "s36": 200.0, "r36": 60.0, "x36": 40.0, "q36": 100.0, "v36": 40.0}
    told_ = risk.report(State(total=served, epochs=[served]), Bound(alpha=0.05))
    assert told_.wrong > 0.05
    assert not told_.holds


def test_the_upper_share_is_kept_where_the_truth_is_drawn_from_the_prior() -> None:
    above = untold = 0
    for seed in range(24):
        world, rng = World(0.05, seed), random.Random(1000 + seed)
        level, slope = rng.gauss(0.0, 1.5), 1.0 + rng.gauss(0.0, 0.5)
        for _ in range(400):
            z = rng.gauss(6.0, 1.0)
            right = rng.random() < 1.0 / (1.0 + math.exp(-(3.0 + slope * (z - 3.0) + level)))
            world.ask(1.0 / (1.0 + math.exp(-z)) if rng.random() < 0.6 else None, right)
        told_ = risk.report(world.state, world.bound)
        above += world.wrong > told_.wrong_upper * world.requests + 1e-9
        untold += not told_.holds
    assert above <= 2  # one in twenty may be
    assert untold <= 4


@pytest.mark.parametrize(("mean", "most"), [(0.01, 0), (1.0, 3), (3.0, 6), (10.0, 15), (100.0, 117)])
def test_the_upper_quantile_of_a_known_rate_is_poissons(mean: float, most: int) -> None:
    assert Belief(mean, 0.0, 0.95).upper() == most


@pytest.mark.parametrize("spread", [0.1, 1.0, 2.7])
def test_the_upper_quantile_of_an_uncertain_rate_is_the_lognormals(spread: float) -> None:
    deviation = math.sqrt(spread)
    assert Belief(10_000.0, spread, 0.95).upper() == pytest.approx(
        10_000.0 * math.exp(1.6449 * deviation - spread / 2.0), rel=0.03
    )
    assert Belief(2.0, spread, 0.95).upper() <= 2.0 * 3.9 + 6.0


# --- the certificate -------------------------------------------------------------------------------------------------


def coins(seed: int, level: int, requests: int, wrong: Callable[[int, int], bool]) -> tuple[float, bool]:
    """Servable candidates of one level, wrong as an adversary who sees past coins likes it: (certified share at the
    end, whether the certificate ever failed)."""
    rng = random.Random(seed)
    fields: Fields = {}
    served_wrong = caught = 0
    failed = False
    for number in range(requests):
        bad = wrong(number, caught)
        tested = rng.random() < risk.LEVELS[level]
        add(fields, {f"{'A' if tested else 'S'}{level}": 1.0})
        if tested:
            add(fields, {f"T{level}": 1.0, f"V{level}": float(bad)})
            caught += bad
        else:
            served_wrong += bad
        if number % 20 == 0:
            failed = failed or served_wrong > risk.certified(State(total=fields))
    return risk.certified(State(total=fields)) / requests, failed


@pytest.mark.parametrize(
    "wrong",
    [
        lambda number, caught: number % 20 == 0,
        lambda number, caught: number > 500,
        lambda number, caught: caught < 3,  # until it is caught three times
    ],
    ids=["steady", "all at once", "until caught"],
)
def test_the_certificate_holds_at_all_times_against_an_adversary(wrong: Callable[[int, int], bool]) -> None:
    failures = sum(coins(seed, 2, 800, wrong)[1] for seed in range(60))
    assert failures <= 3  # 5 % of 60


def test_the_certificate_is_not_empty() -> None:
    share, _ = coins(1, 2, 6000, lambda number, caught: number % 100 == 0)
    assert share < 0.03  # 0.0084 were served


def test_a_test_whose_label_is_lost_counts_as_wrong() -> None:
    known = {"S3": 5000.0, "A3": 400.0, "T3": 400.0}
    lost = {**known, "T3": 350.0}
    assert risk.certified(State(total=lost)) > 2 * risk.certified(State(total=known))
    assert risk.certified(State(total={"S3": 3.0})) == 3.0
    assert risk.certified(State()) == 0.0


# --- how many labels are still needed --------------------------------------------------------------------------------


@pytest.mark.parametrize("requests", [0.0, 1.0, 5000.0])
def test_labels_needed_before_the_first_label_follow_the_rule_of_three(requests: float) -> None:
    state = State(total={"n": requests}, epochs=[{"n": requests}])
    assert risk.labels_needed(State(), Bound(alpha=0.01)) == 300
    assert risk.labels_needed(state, Bound(alpha=0.01)) == 300
    assert risk.labels_needed(state, Bound(alpha=0.005)) == 600


def test_labels_needed_fall_as_labels_come_and_a_tighter_bound_needs_more() -> None:
    world, rng = World(0.005, 3), random.Random(4)
    run(world, 80, off(0.0), rng)
    early = risk.labels_needed(world.state, world.bound)
    loose = risk.labels_needed(world.state, Bound(alpha=0.1))
    run(world, 3000, off(0.0), rng)
    late = risk.labels_needed(world.state, world.bound)
    assert early is not None
    assert loose is not None
    assert late is not None
    assert early > late
    assert early >= loose
    assert early > 0
