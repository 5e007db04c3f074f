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
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.evidence import Evidence
from benchmarks.simulation.arrivals import ORDERS, arrivals
from benchmarks.simulation.cells import Cells
from benchmarks.simulation.known import known
from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.source import Source, source
from benchmarks.simulation.static import frozen, oracle
from benchmarks.simulation.table import table
from benchmarks.simulation.vcache import vcache
from benchmarks.simulation.verified import verified
from semcache.settings import load

STREAMS: Final = ("text2sql_class", "spider_class", "nlupp_class", "atis_class")
BOUNDS: Final = (0.005, 0.01, 0.02, 0.05)
POLICIES: Final = ("verified", "oracle", "frozen", "vcache")


def main() -> int:
    """Parse, simulate what is missing, print the table."""
    arguments = _arguments()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    evidence = Evidence(arguments.cache, load())
    evidence.calibrate(arguments.data, count=20_000, seed=0)
    done = Cells(arguments.cache / f"cells-{'cosine' if arguments.cosine else evidence.fingerprint}.jsonl")
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
                found = simulate(sources[stream], order, seed, missing, statics.setdefault(same, []))
                done.keep({(stream, order, bound, policy, seed): one for (bound, policy), one in found.items()})
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    print(table(done))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the labelled sets")
    parser.add_argument("--cache", type=Path, required=True, metavar="DIR", help="vectors, scores, finished cells")
    parser.add_argument("--cosine", action="store_true", help="score by cosine, not by the shipped decision")
    parser.add_argument(
        "--streams",
        nargs="+",
        default=STREAMS,
        metavar="NAME",
        help=f"class sets, or `known:...` ({' '.join(STREAMS)})",
    )
    parser.add_argument("--orders", nargs="+", default=ORDERS, choices=ORDERS, help="of each stream (all)")
    parser.add_argument(
        "--bounds",
        nargs="+",
        type=float,
        default=BOUNDS,
        metavar="SHARE",
        help=f"wrong answers among all requests ({' '.join(map(str, BOUNDS))})",
    )
    parser.add_argument("--policies", nargs="+", default=POLICIES, choices=POLICIES, help="side by side (all)")
    parser.add_argument(
        "--seeds", type=int, default=20, metavar="N", help="of orders and coins, from 0 on (%(default)s)"
    )
    parser.add_argument("--limit", type=int, default=4000, help="most texts of a stream (default 4000)")
    return parser.parse_args()


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
        else:
            results[bound, policy] = oracle(stream, arrived, bound, static)
    return results


if __name__ == "__main__":
    raise SystemExit(main())
