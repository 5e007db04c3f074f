"""Does verified mode keep its bound, and what does that cost? Simulated on labelled streams, many seeds.

    python benchmarks/verified.py --data ../shared/evaldata --cache .cache/verified
    python benchmarks/verified.py --data ../shared/evaldata --cache .cache/verified --cosine --seeds 5
    python benchmarks/verified.py --data . --cache .cache/known --orders file --streams known:calibrated known:bursts

Each class set becomes a stream of requests: in file order, shuffled, and with popularity that changes (Zipf). A request
whose text is stored is an exact hit. Else its candidates are the four nearest stored texts, by the packaged embedder,
that no guard vetoes, and their score is the shipped decision's probability, or with --cosine the bare cosine of all. A
candidate's answer is wrong if its class is another.
What is not served is stored, and its class is the label. Streams `known:calibrated`, `known:overconfident`,
`known:drifting` and `known:bursts` are made up, of known truth. Side by side:

* `verified`: `semcache.policy.risk`, planned anew every 32 requests;
* `oracle`: the static threshold on the same score that served most within the bound, known only afterwards;
* `frozen`: the static threshold that met the bound on the first 500 requests, of which it serves none;
* `vcache`: the policy of Schroeder et al. 2025 (arXiv:2502.03771), re-implemented in `benchmarks.vcache`.

A finished cell is kept in --cache, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from benchmarks.evidence import Evidence
from benchmarks.vcache import Entry
from semcache.embedders.packaged import DIMENSION
from semcache.policy import risk
from semcache.policy.adaptation import ALIKE, Contrast, contrast
from semcache.settings import load

STREAMS: Final = ("text2sql_class", "spider_class", "nlupp_class", "atis_class")
ORDERS: Final = ("file", "shuffled", "popular")
BOUNDS: Final = (0.005, 0.01, 0.02, 0.05)
POLICIES: Final = ("verified", "oracle", "frozen", "vcache")
NEIGHBOURS: Final = 32
"""Nearest texts of the whole stream that are looked through for stored ones."""
LEAST: Final = 0.6
"""Least cosine of a candidate where the cosine is the score; else the shipped decision's floor."""
CANDIDATES: Final = 4
SCORED: Final = 10
"""Nearest texts that the verifier judges; the others are no candidates then."""
EVERY: Final = 32
"""Requests between two plans."""
AFTER: Final = 500
"""Requests after which the bound is looked at all the time."""
LABELS: Final = 200
"""Labels after which `verified` should serve nearly what it will, ..."""
EASY: Final = 0.02
"""... where the bound is at least this."""
WINDOW: Final = 400
"""Requests after these labels that are looked at."""


class Early(NamedTuple):
    """How `verified` began: of the WINDOW requests that followed its first LABELS labels."""

    before: int
    """Requests up to then."""
    hits: int
    steady: float
    """Hits that the run's last plan would have had of the same requests, with the same candidates and evidence."""
    late: int
    """Hits of the last half of the run, when more is stored."""


class Source(NamedTuple):
    """A class set, each text once: classes, and for each text its nearest others with their scores, best cosine first.

    A score is a confidence in (0, 1); `differing` says how the two texts differ.
    """

    classes: list[int]
    near: list[list[int]]
    scores: list[list[float]]
    differing: list[list[Contrast]]
    given: int
    """Texts that arrive; those after them are stored from the start."""


class Outcome(NamedTuple):
    """What a policy did with a stream."""

    requests: int
    hits: int
    wrong: int
    worst: float
    """Highest share of wrong answers at any time after AFTER requests."""
    explored: int
    """Candidates that might have been served but were explored."""
    early: Early | None = None
    """None: another policy, or too few labels."""


Step = Callable[[int, list[tuple[float, int]]], "int | None"]
"""Request, candidates (score, text) -> the text whose answer is served, or None: ask upstream and store."""


def main() -> int:
    """Parse, simulate what is missing, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the labelled sets")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="vectors, scores, finished cells")
    parser.add_argument("--cosine", action="store_true", help="score by cosine, not by the shipped decision")
    parser.add_argument("--streams", nargs="+", default=STREAMS)
    parser.add_argument("--orders", nargs="+", default=ORDERS, choices=ORDERS)
    parser.add_argument("--bounds", nargs="+", type=float, default=BOUNDS)
    parser.add_argument("--policies", nargs="+", default=POLICIES, choices=POLICIES)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--limit", type=int, default=4000, help="most texts of a stream (default 4000)")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    evidence = Evidence(arguments.cache, load())
    evidence.calibrate(arguments.data, count=20_000, seed=0)
    kept = arguments.cache / f"cells-{'cosine' if arguments.cosine else evidence.fingerprint}.jsonl"
    done = _done(kept)
    sources: dict[str, Source] = {}
    statics: dict[tuple[str, str, int], list[Outcome]] = {}
    # Seed by seed, so that a run that is stopped has some of everything.
    for seed in range(arguments.seeds):
        for stream in arguments.streams:
            for order in arguments.orders:
                missing = [
                    (bound, policy)
                    for bound in arguments.bounds
                    for policy in arguments.policies
                    if (stream, order, bound, policy, seed) not in done
                ]
                if not missing:
                    continue
                if stream.startswith("known:"):
                    sources[stream] = known(stream.removeprefix("known:"), seed, min(arguments.limit, 3000))
                elif stream not in sources:
                    sources[stream] = source(stream, arguments.data, evidence, arguments.limit, cosine=arguments.cosine)
                    evidence.save()
                same = (stream, order, seed if order != "file" or stream.startswith("known:") else 0)
                cells = simulate(sources[stream], order, seed, missing, statics.setdefault(same, []))
                with kept.open("a") as file:
                    for (bound, policy), outcome in cells.items():
                        done[stream, order, bound, policy, seed] = outcome
                        file.write(json.dumps([stream, order, bound, policy, seed, *outcome]) + "\n")
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    print(table(done))
    return 0


Key = tuple[str, str, float, str, int]


def _done(path: Path) -> dict[Key, Outcome]:
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (row[0], row[1], row[2], row[3], row[4]): Outcome(*row[5:10])._replace(
            early=Early(*row[10]) if row[10:] and row[10] else None
        )
        for row in rows
    }


# --- streams ---------------------------------------------------------------------------------------------------------


def source(name: str, data: Path, evidence: Evidence, limit: int, *, cosine: bool) -> Source:
    """Read a class set, find nearest neighbours, score them."""
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    once: dict[str, dict[str, Any]] = {}
    for row in rows:
        once.setdefault(" ".join(row["text"].lower().split()), row)
    rows = list(once.values())[:limit]
    texts = [row["text"] for row in rows]
    classes = _numbers([row.get("answer_key") or row["label"] for row in rows])
    places = np.array(_numbers([row.get("db", "") for row in rows]))  # another database is another partition
    evidence.embed(texts)
    found = [evidence.embedding(text) for text in texts]
    vectors = np.array([np.zeros(DIMENSION, np.float32) if one is None else one.pooled for one in found])
    alike = vectors @ vectors.T
    alike[places[:, None] != places[None, :]] = -1.0
    np.fill_diagonal(alike, -1.0)
    near = np.argsort(-alike, axis=1, kind="stable")[:, : min(NEIGHBOURS if cosine else SCORED, len(texts) - 1)]
    scores = np.take_along_axis(alike, near, 1).astype(np.float64)
    enough = scores >= (LEAST if cosine else evidence.floor)
    if not cosine:
        scores = _judged(texts, near, scores, enough, evidence)
        enough &= np.isfinite(scores)
    return Source(
        classes,
        [line[some].tolist() for line, some in zip(near, enough, strict=True)],
        [line[some].tolist() for line, some in zip(scores, enough, strict=True)],
        [
            [contrast(text, texts[other], float(alike[at, other])) for other in line[some]]
            for at, (text, line, some) in enumerate(zip(texts, near, enough, strict=True))
        ],
        len(texts),
    )


def _judged(
    texts: Sequence[str], near: NDArray[Any], cosines: NDArray[Any], enough: NDArray[Any], evidence: Evidence
) -> NDArray[np.float64]:
    """float64 (texts, near): the probability that the two have one answer; NaN where a guard vetoes it."""
    result = np.full(near.shape, np.nan)
    open_ = [
        (row, column)
        for row, column in zip(*(axis.tolist() for axis in np.nonzero(enough)), strict=True)
        if not evidence.refused(texts[row], texts[near[row, column]])
    ]
    evidence.score([(texts[row], texts[near[row, column]]) for row, column in open_])
    for row, column in open_:
        result[row, column] = evidence.chance(texts[row], texts[near[row, column]], float(cosines[row, column]))
    return result


def known(kind: str, seed: int, count: int) -> Source:
    """A stream of which the truth is known: one candidate for four of five requests, scored as a decent verifier would.

    Half of the confidences are N(5, 1.5) in logits and half N(-1, 2). Log odds of right are the confidence's
    (`calibrated`), 1.5 less (`overconfident`), 3 less in the middle third (`drifting`), 4 less in 80 of each 500
    requests (`bursts`).
    """
    rng = random.Random(f"{kind} {seed}")
    classes, near, scores, further = list(range(count)), [], [], []
    for number in range(count):
        z = rng.choice((rng.gauss(5.0, 1.5), rng.gauss(-1.0, 2.0)))
        off = {
            "calibrated": 0.0,
            "overconfident": 1.5,
            "drifting": 3.0 if count <= 3 * number < 2 * count else 0.0,
            "bursts": 4.0 if number % 500 >= 420 else 0.0,
        }[kind]
        right = rng.random() < 1.0 / (1.0 + math.exp(off - z))
        there = rng.random() < 0.8
        near.append([count + number] if there else [])
        scores.append([1.0 / (1.0 + math.exp(-z))] if there else [])
        further.append(number if right else -1)
    return Source(classes + further, near, scores, [[ALIKE] * len(line) for line in near], count)


def _numbers(values: Sequence[str]) -> list[int]:
    known: dict[str, int] = {}
    return [known.setdefault(value, len(known)) for value in values]


def arrivals(count: int, classes: Sequence[int], order: str, seed: int) -> list[int]:
    """The texts in the order in which they arrive."""
    if order == "file":
        return list(range(count))
    rng = random.Random(seed)
    if order == "shuffled":
        shuffled = list(range(count))
        rng.shuffle(shuffled)
        return shuffled
    members: dict[int, list[int]] = {}
    for text, number in enumerate(classes):
        members.setdefault(number, []).append(text)
    ranked = list(members)
    rng.shuffle(ranked)
    found: list[int] = []
    for _phase in range(4):
        # Half of the classes swap ranks: what was popular is not any more.
        moving = rng.sample(range(len(ranked)), len(ranked) // 2)
        values = [ranked[at] for at in moving]
        rng.shuffle(values)
        for at, value in zip(moving, values, strict=True):
            ranked[at] = value
        weights = [1.0 / (10.0 + rank) for rank in range(len(ranked))]
        found += [rng.choice(members[one]) for one in rng.choices(ranked, weights, k=count // 4)]
    return found


# --- policies --------------------------------------------------------------------------------------------------------


def simulate(
    stream: Source, order: str, seed: int, wanted: Sequence[tuple[float, str]], static: list[Outcome]
) -> dict[tuple[float, str], Outcome]:
    """Run policies over one order of a stream, by (bound, policy). `static` keeps the static thresholds' outcomes."""
    arrived = arrivals(stream.given, stream.classes[: stream.given], order, seed)
    results: dict[tuple[float, str], Outcome] = {}
    for bound, policy in wanted:
        if policy == "verified":
            results[bound, policy] = verified(stream, arrived, bound, seed)
        elif policy == "vcache":
            results[bound, policy] = vcache(stream, arrived, bound, seed)
        elif policy == "frozen":
            results[bound, policy] = frozen(stream, arrived, bound)
        elif stream.given < len(stream.classes):
            results[bound, policy] = _hindsight(stream, arrived, bound)
        else:
            if not static:
                static += [_static(stream, arrived, threshold) for threshold in _thresholds(stream)]
            within = [one for one in static if one.wrong <= bound * one.requests]
            results[bound, policy] = max(within, key=lambda one: one.hits)
    return results


def _hindsight(stream: Source, arrived: Sequence[int], bound: float) -> Outcome:
    """The best threshold of all, where what is served changes nothing about later candidates."""
    ranked = sorted(
        ((stream.scores[at][0], stream.classes[stream.near[at][0]] != at) for at in arrived if stream.near[at]),
        reverse=True,
    )
    best = wrong = 0
    errors = 0
    for number, (_, bad) in enumerate(ranked, 1):
        wrong += bad
        if wrong <= bound * len(arrived):
            best, errors = number, wrong
    return Outcome(len(arrived), best, errors, 0.0, 0)


def _thresholds(stream: Source) -> list[float]:
    """28 quantiles of the scores, and one that serves nothing."""
    scores = np.array([score for line in stream.scores for score in line[:CANDIDATES]])
    return [
        *np.quantile(scores, 1.0 - np.append(np.geomspace(0.002, 0.1, 10), np.linspace(0.12, 0.66, 18))).tolist(),
        math.inf,
    ]


def _replay(stream: Source, arrived: Sequence[int], step: Step) -> Iterator[tuple[bool, bool]]:
    """For each request whether it was a semantic hit, and whether that was wrong."""
    stored = [number >= stream.given for number in range(len(stream.classes))]
    for at in arrived:
        if stored[at]:
            step(at, [])
            yield False, False
            continue
        candidates = []
        for text, score in zip(stream.near[at], stream.scores[at], strict=True):
            if stored[text]:
                candidates.append((score, text))
                if len(candidates) == CANDIDATES:
                    break
        served = step(at, candidates)
        if served is None:
            stored[at] = True
            yield False, False
        else:
            yield True, stream.classes[served] != stream.classes[at]


def _tally(stream: Source, arrived: Sequence[int], step: Step) -> Outcome:
    hits = wrong = count = 0
    worst = 0.0
    for hit, bad in _replay(stream, arrived, step):
        count += 1
        hits += hit
        wrong += bad
        if count >= AFTER:
            worst = max(worst, wrong / count)
    return Outcome(count, hits, wrong, worst, 0)


def _static(stream: Source, arrived: Sequence[int], threshold: float) -> Outcome:
    def step(_at: int, candidates: list[tuple[float, int]]) -> int | None:
        score, text = max(candidates, default=(-1.0, -1))
        return text if score >= threshold else None

    return _tally(stream, arrived, step)


def frozen(stream: Source, arrived: Sequence[int], bound: float) -> Outcome:
    """The lowest threshold that met the bound on the first 500 requests, from then on."""
    labels: list[tuple[float, bool]] = []
    seen = 0
    threshold = math.inf

    def step(at: int, candidates: list[tuple[float, int]]) -> int | None:
        nonlocal seen, threshold
        seen += 1
        if seen == AFTER:
            wrong = 0
            for score, bad in sorted(labels, reverse=True):
                wrong += bad
                if wrong > bound * AFTER:
                    break
                threshold = score
        if not candidates:
            return None
        score, text = max(candidates)
        if seen < AFTER:
            labels.append((score, stream.classes[text] != stream.classes[at]))
            return None
        return text if score >= threshold else None

    return _tally(stream, arrived, step)


def verified(stream: Source, arrived: Sequence[int], alpha: float, seed: int) -> Outcome:
    """The policy of this package. Labels of all candidates are evidence on entries, that of the best on the pool."""
    rng = random.Random(seed)
    bound = risk.Bound(alpha=alpha)
    total: dict[str, float | str] = {}
    epochs: dict[int, dict[str, float | str]] = {}
    entries: dict[int, dict[str, float]] = {}
    evidence: dict[int, risk.Evidence] = {}
    plan = risk.plan(risk.State(), bound)
    count = explored = labels = 0
    hits: list[bool] = []
    watched: list[Watched] = []
    before = 0

    def add(deltas: dict[str, float]) -> None:
        for place in (total, epochs.setdefault(risk.epoch_of(count), {})):
            for name, delta in deltas.items():
                place[name] = float(place.get(name, 0.0)) + delta

    def step(at: int, candidates: list[tuple[float, int]]) -> int | None:
        nonlocal before
        if labels >= LABELS and len(watched) < WINDOW:
            before = before or count
            differing = dict(zip(stream.near[at], stream.differing[at], strict=True))
            watched.append([(score, differing[text], evidence.get(text)) for score, text in candidates])
        served = decided(at, candidates)
        hits.append(served is not None)
        return served

    def decided(at: int, candidates: list[tuple[float, int]]) -> int | None:
        nonlocal plan, count, explored, labels
        if count % EVERY == 0 and count:
            newest = risk.epoch_of(count)
            recent = [epochs.get(one, {}) for one in range(max(0, newest - risk.EPOCHS + 1), newest + 1)]
            plan = risk.plan(risk.State(total=total, epochs=recent), bound)
        if not candidates:
            add(risk.asked(None))
            count += 1
            return None
        differing = dict(zip(stream.near[at], stream.differing[at], strict=True))
        ranked = []
        for score, text in candidates:
            learned = risk.adapted(plan, score, differing[text])
            ranked.append((risk.shifted(learned, evidence.get(text)), learned, text, score))
        _, learned, text, score = max(ranked)
        decision = risk.decide(plan, learned, evidence.get(text), rng.random())
        add(risk.asked(decision))
        served = decision.action is risk.Action.SERVE
        if not served:
            explored += decision.level is not None
            labels += 1
            right = stream.classes[text] == stream.classes[at]
            add(risk.labelled(decision, right))
            add(risk.taught(plan, score, differing[text], right))
            for z, _, other, _ in ranked:
                deltas = risk.witnessed(plan.wrong[risk.bin_of(z)], stream.classes[other] == stream.classes[at])
                for who in (other, at):
                    fields = entries.setdefault(who, {})
                    for name, delta in deltas.items():
                        fields[name] = fields.get(name, 0.0) + delta
                    evidence[who] = risk.Evidence(**fields)
        count += 1
        return text if served else None

    outcome = _tally(stream, arrived, step)._replace(explored=explored)
    if len(watched) < WINDOW:
        return outcome
    steady = sum(_expected(plan, one) for one in watched)
    return outcome._replace(
        early=Early(before, sum(hits[before : before + WINDOW]), steady, sum(hits[len(hits) // 2 :]))
    )


Watched = list[tuple[float, Contrast, risk.Evidence | None]]
"""The candidates of a request: score, how the texts differ, and what was known of the entry."""


def _expected(plan: risk.Plan, candidates: Watched) -> float:
    """The probability that a plan serves one of these."""
    if not candidates:
        return 0.0
    best = max(risk.shifted(risk.adapted(plan, score, differing), known) for score, differing, known in candidates)
    level = plan.levels[risk.bin_of(best)]
    return 0.0 if level is None else 1.0 - risk.LEVELS[level]


def vcache(stream: Source, arrived: Sequence[int], delta: float, seed: int) -> Outcome:
    """`benchmarks.vcache` on the same scores: the nearest entry alone is asked, and an explored answer is stored only
    where it differs.
    """
    rng = random.Random(seed)
    entries: dict[int, Entry] = {}
    inserted = [number >= stream.given for number in range(len(stream.classes))]
    explored = 0

    def step(at: int, candidates: list[tuple[float, int]]) -> int | None:
        nonlocal explored
        nearest = next(((score, text) for score, text in candidates if inserted[text]), None)
        if nearest is None:
            inserted[at] = True
            return None
        score, text = nearest
        entry = entries.setdefault(text, Entry())
        asked = entry.explore(score, delta)
        if rng.random() >= asked:
            return text
        explored += asked < 1.0
        right = stream.classes[text] == stream.classes[at]
        entry.learn(score, right)
        inserted[at] = not right
        return None

    return _tally(stream, arrived, step)._replace(explored=explored)


# --- the table -------------------------------------------------------------------------------------------------------


def table(done: dict[Key, Outcome]) -> str:
    """Means over seeds, a line for each stream, order and bound; and all of a policy together."""
    lines = [
        "| stream | order | bound | seeds | hits of oracle | verified: hits, of oracle's | wrong / bound (most) | "
        "violated: end, ever | explored | frozen: hits, of oracle's, violated | vCache: hits, of oracle's, violated |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    cells = sorted({key[:3] for key in done})
    sums: dict[str, list[tuple[float, float, float]]] = {}
    for cell in cells:
        by = {
            policy: {key[4]: value for key, value in done.items() if key[:3] == cell and key[3] == policy}
            for policy in POLICIES
        }
        seeds = sorted(by["oracle"].keys() & by["verified"].keys())
        if not seeds:
            continue
        stream, order, bound = cell
        best = float(np.mean([by["oracle"][seed].hits for seed in seeds]))
        texts = []
        for policy in ("verified", "frozen", "vcache"):
            runs = [by[policy][seed] for seed in seeds if seed in by[policy]]
            if not runs:
                texts.append("")
                continue
            hits = float(np.mean([run.hits for run in runs]))
            shares = [run.wrong / run.requests / bound for run in runs]
            ended = float(np.mean([share > 1.0 for share in shares]))
            ever = float(np.mean([run.worst > bound for run in runs]))
            sums.setdefault(f"{policy} {order} {bound:.1%}", []).append((hits, best, ended))
            sums.setdefault(policy, []).append((hits, best, ended))
            of = f"{hits / best:.0%}" if best else "-"
            if policy == "verified":
                explored = float(np.mean([run.explored for run in runs]))
                texts.append(
                    f"{hits:.0f}, {of} | {np.mean(shares):.2f} ({max(shares):.2f}) | {ended:.0%}, {ever:.0%} | "
                    f"{explored:.0f}"
                )
            else:
                texts.append(f"{hits:.0f}, {of}, {ended:.0%}")
        lines.append(
            f"| {stream.removesuffix('_class')} | {order} | {bound:.1%} | {len(seeds)} | {best:.0f} | "
            + " | ".join(texts)
            + " |"
        )
    lines += ["", "| all | hits of oracle's | runs that violated |", "|---|---|---|"]
    for name, values in sums.items():
        hits, best, ended = (float(np.sum([one[at] for one in values])) for at in range(3))
        lines.append(f"| {name} | {hits / max(best, 1.0):.0%} | {ended / len(values):.1%} |")
    return "\n".join([*lines, "", *beginnings(done)])


def beginnings(done: dict[Key, Outcome]) -> list[str]:
    """A table of how much `verified` serves after LABELS labels, a line for each bound and order."""
    lines = [
        f"| after {LABELS} labels | runs | requests until then | hit rate of the next {WINDOW} | of the last plan's on "
        "the same | of the last half's |",
        "|---|---|---|---|---|---|",
    ]
    runs: dict[tuple[float, str], list[tuple[Outcome, Early]]] = {}
    for (_, order, bound, _, _), outcome in sorted(done.items(), key=lambda one: one[0]):
        if outcome.early is not None and bound >= EASY:
            runs.setdefault((bound, order), []).append((outcome, outcome.early))
    for (bound, order), found in sorted(runs.items()):
        rate = float(np.mean([early.hits / WINDOW for _, early in found]))
        steady = float(np.mean([early.steady / WINDOW for _, early in found]))
        late = float(np.mean([early.late / (one.requests - one.requests // 2) for one, early in found]))
        lines.append(
            f"| {bound:.1%}, {order} | {len(found)} | {float(np.mean([early.before for _, early in found])):.0f} | "
            f"{rate:.1%} | {rate / max(steady, 1e-9):.0%} | {rate / max(late, 1e-9):.0%} |"
        )
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
