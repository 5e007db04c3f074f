"""How good is the decision behind a semantic hit, on labelled data that no training saw?

    python benchmarks/quality.py --data FOLDER --out results/
    python benchmarks/quality.py --data FOLDER --out results/ --quick

Every mode on every set: labelled pairs (what separates paraphrases from traps, and what is served as shipped, by class
of trap), and streams of requests in both insert protocols and several orders (hits at 0.5, 1, 2 and 5 % wrong answers
over all requests; where nobody asked the same twice, all that is served), beside the best static cosine threshold,
vCache's policy and GPTCache's default. Vectors and scores are kept in --cache, so that a second run is faster. Writes
quality.json, quality.md, plots, and fifty wrong hits and fifty refusals drawn at random (which hold texts of the sets,
so they belong into no repository).
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from benchmarks import bounded, judged, page, sweep, unseen, vcache
from benchmarks.evidence import Evidence
from semcache.errors import SemcacheError
from semcache.policy import calibration
from semcache.settings import load

STREAMS = (
    "qqp_pairs", "msmarco_typo_class", "banking77_class", "clinc150_class", "bitext_class", "text2sql_class",
    "spider_class", "hwu64_class", "snips_class", "atis_class", "nlupp_class", "wands_query_class", unseen.FLOOR,
)  # fmt: skip
ERRORS = (0.005, 0.01, 0.02, 0.05)
"""Wrong answers over all requests that hits are told at."""
STATIC = [round(0.50 + 0.005 * step, 4) for step in range(101)]
GPTCACHE = 0.60
"""GPTCache as `init_similar_cache()` sets it up (zilliztech/GPTCache, adapter/api.py): `similarity_threshold` 0.8 of
the range of `SearchDistanceEvaluation`, which is 4 less the distance, and FAISS's distance of unit vectors is
2 - 2 cosine: a hit from 4 - (2 - 2 cosine) >= 3.2 on, which is cosine 0.6. Its own embedder is another."""
DELTAS = [0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2]
BOUNDS = [0.005, 0.01, 0.02, 0.05]
"""Of verified mode."""


def main() -> int:
    """Parse, measure, write."""
    arguments = _arguments()
    started = time.perf_counter()
    settings = load()
    try:
        evidence = Evidence(arguments.cache, settings, arguments.weights)
        try:
            result = _measure(evidence, arguments)
        finally:
            evidence.save()
    except SemcacheError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    result["seconds"] = round(time.perf_counter() - started)
    result["pairs_judged"] = evidence.judged
    result["machine"] = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    page.write(result, arguments.out)
    print((arguments.out / "quality.md").read_text())
    print(f"written: {arguments.out}/quality.md, .json, .png, streams.png, errors.jsonl", file=sys.stderr)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="quality.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the labelled sets")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--cache", type=Path, default=Path(".cache/quality"), metavar="DIR", help="where vectors and scores are kept"
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="another verifier than the package's")
    parser.add_argument("--confidence", type=float, metavar="P", help="least confidence, if not the shipped one")
    parser.add_argument("--seed", type=int, default=1, help="of samples and orders (default 1)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the pairs, three short streams, two orders")
    parser.add_argument("--parts", default="pairs,streams", help="which of pairs,streams (default both)")
    parser.add_argument("--streams", default=None, metavar="NAMES", help=f"default {','.join(STREAMS)}")
    parser.add_argument("--limit", type=int, metavar="N", help="requests of each stream")
    return parser.parse_args()


def _measure(evidence: Evidence, arguments: argparse.Namespace) -> dict[str, Any]:
    evidence.calibrate(arguments.data, count=1000 if arguments.quick else 6000, seed=arguments.seed)
    confidence = arguments.confidence or calibration.confidence_of(load(), "default", evidence.fingerprint)
    result: dict[str, Any] = {
        "verifier": evidence.fingerprint,
        "space": evidence.space,
        "calibration": evidence.calibrated,
        "floor": evidence.floor,
        "threshold": calibration.default_threshold(evidence.space, "threshold"),
        "confidence": confidence,
        "seed": arguments.seed,
        "quick": arguments.quick,
        "pairs": {},
        "streams": {},
    }
    wrong: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    parts = arguments.parts.split(",")
    if "pairs" in parts:
        _pairs(evidence, arguments, result, wrong, refused)
    if "streams" in parts:
        _streams(evidence, arguments, result, wrong)
    drawn = {"wrong": judged.sample(wrong, 50, arguments.seed), "refused": judged.sample(refused, 50, arguments.seed)}
    result["errors"] = {
        "wrong": len(wrong),
        "refused": len(refused),
        "drawn": {side: Counter(f"{row['set']}, {row['kind']}" for row in rows) for side, rows in drawn.items()},
        "causes": Counter(row["cause"] for row in refused),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "errors.jsonl").open("w", encoding="utf-8") as file:
        for side, rows in drawn.items():
            for row in rows:
                file.write(json.dumps({"error": side, **row}, ensure_ascii=False) + "\n")
    return result


# -- pairs ------------------------------------------------------------------------------------------------------------


def _pairs(
    evidence: Evidence,
    arguments: argparse.Namespace,
    result: dict[str, Any],
    wrong: list[dict[str, Any]],
    refused: list[dict[str, Any]],
) -> None:
    most = 250 if arguments.quick else 2500
    for name, pairs in unseen.pair_sets(arguments.data, seed=arguments.seed, most=most):
        found = evidence.columns(pairs, by_turn=name.startswith("conversations"))
        result["pairs"][name] = judged.measured(
            pairs,
            found,
            floor=evidence.floor,
            threshold=result["threshold"],
            confidence=result["confidence"],
            gptcache=GPTCACHE,
        )
        served, missed = judged.errors(name, pairs, found, evidence, result["confidence"])
        if name not in unseen.LENIENT:
            wrong += served
            refused += missed
        evidence.save()
        _say(f"{name}: {len(pairs)} pairs")


# -- streams ----------------------------------------------------------------------------------------------------------


def _streams(
    evidence: Evidence, arguments: argparse.Namespace, result: dict[str, Any], wrong: list[dict[str, Any]]
) -> None:
    quick = arguments.quick
    names = (arguments.streams or ",".join(STREAMS[:3] if quick else STREAMS)).split(",")
    limit = arguments.limit or (600 if quick else 20_000)
    for name, requests in unseen.streams(arguments.data, names):
        chosen = unseen.shortened(requests, limit, arguments.seed, by_label=name != "qqp_pairs")
        evidence.embed(one.text for one in chosen)
        first = sweep.line(chosen, lambda text: _pooled(evidence, text), evidence.spelling)
        orders = {"file": first}
        for number in range(1 if quick else 3):
            orders[f"shuffle {number}"] = first.shuffled(arguments.seed + number)
        runs: dict[str, Any] = {}
        for order, line in orders.items():
            for protocol in ("miss", "all"):
                row, watched = _run(evidence, line, result, insert_all=protocol == "all", seed=arguments.seed)
                runs[f"{order}, {protocol}"] = row
                if order == "file" and protocol == "miss" and name != unseen.FLOOR:
                    for one in watched:
                        told = judged.error(name, "stream", first.texts[one.asked], first.texts[one.cached], evidence)
                        wrong.append(told | {"chance": one.value})
                evidence.save()
        result["streams"][name] = {"requests": len(chosen), "possible": first.possible, "runs": runs}
        _say(f"{name}: {len(chosen)} requests in {len(orders)} orders")


def _run(
    evidence: Evidence, line: sweep.Line, result: dict[str, Any], *, insert_all: bool, seed: int
) -> tuple[dict[str, Any], list[sweep.Wrong]]:
    """All policies on one order."""
    texts = line.texts
    confidence = result["confidence"]
    logits = np.arange(-1.0, 9.01, 0.125)
    confidences = sorted({confidence, *(round(float(one), 6) for one in 1 / (1 + np.exp(-logits)))})
    watch = confidences.index(confidence)
    thresholds = sorted({*STATIC, result["threshold"]})
    static = sweep.Replay(line, thresholds, insert_all=insert_all).run()

    def chance(asked: int, cached: int, cosine: float) -> float:
        return evidence.chance(texts[asked], texts[cached], cosine)

    def refused(asked: int, cached: int, cosine: float) -> bool:
        return evidence.refused(texts[asked], texts[cached])

    guarded = sweep.Replay(
        line,
        confidences,
        insert_all=insert_all,
        floor=evidence.floor,
        watch=watch,
        chance=chance,
        refused=refused,
        prepare=lambda pairs: evidence.score([(texts[asked], texts[cached]) for asked, cached in pairs]),
    ).run()
    learned = vcache.replay(line, DELTAS, insert_all=insert_all, seed=seed)
    curves = {"static": static, "guarded": guarded, "vcache": learned}
    shipped = {
        "threshold": _point(static, thresholds.index(result["threshold"])),
        "guarded": _point(guarded, watch),
        "gptcache": _point(static, thresholds.index(GPTCACHE)),
        **{f"vcache {bound:g}": _point(learned, DELTAS.index(bound)) for bound in BOUNDS},
    }
    if not insert_all:  # what it does not serve it explores, and so stores
        verified = bounded.replay(line, BOUNDS, seed=seed, chance=chance, refused=refused, floor=evidence.floor)
        curves["verified"] = verified
        shipped |= {f"verified {bound:g}": _point(verified, at) for at, bound in enumerate(BOUNDS)}
    row: dict[str, Any] = {
        "at": {
            f"{error:g}": {mode: _point(curve, curve.best(error)) for mode, curve in curves.items()} for error in ERRORS
        },
        "shipped": shipped,
        "curves": {
            mode: {"error": curve.error.tolist(), "hits": curve.hits.tolist(), "semantic": curve.semantic.tolist()}
            for mode, curve in curves.items()
        },
    }
    return row, guarded.watched


def _point(curve: sweep.Curve, at: int | None) -> dict[str, Any] | None:
    if at is None:
        return None
    semantic, wrong = int(curve.semantic[at]), int(curve.wrong_semantic[at])
    low, high = judged.wilson(wrong, semantic)
    return {
        "threshold": float(curve.thresholds[at]),
        "hits": int(curve.hits[at]),
        "semantic": semantic,
        "wrong": int(curve.wrong[at]),
        "error": float(curve.error[at]),
        "false": {"served": wrong, "of": semantic, "low": low, "high": high},
    }


def _pooled(evidence: Evidence, text: str) -> Any:
    embedding = evidence.embedding(text)
    return None if embedding is None else embedding.pooled


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
