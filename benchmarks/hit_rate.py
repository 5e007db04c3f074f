"""Hit rate against threshold, offline: what would this cache have done with these requests?

    python benchmarks/hit_rate.py --data pairs.jsonl.gz --out results/
    python benchmarks/hit_rate.py --data requests.jsonl --thresholds 0.80:0.99:0.01 --out results/

Replays labelled pairs, classed prompts or an unlabelled request log (hit rate only) as a stream through the service's
own normalisation, index and hit decision, for every threshold at once, and names the threshold that meets a target
error. Writes hit_rate.csv, hit_rate.json and hit_rate.png into --out and prints the table.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from tqdm import tqdm

from benchmarks.replay import Replay, Tally, plain
from benchmarks.streams import Stream, read, shuffled
from semcache.embedders import make_embedder
from semcache.errors import EmbedderUnavailable, SemcacheError
from semcache.models import CacheIdentity, Embedding
from semcache.policy.freshness import TtlRules
from semcache.policy.normalize import Normalizer
from semcache.ports import Embedder
from semcache.settings import Settings, load
from semcache.vectors import SegmentedIndex

_BATCH = 256


def main() -> int:
    """Parse, replay, report."""
    arguments = _arguments()
    try:
        stream = read(arguments.data, limit=arguments.limit)
    except (OSError, ValueError) as error:
        print(f"--data: {error}", file=sys.stderr)
        return 2
    if arguments.order == "shuffle":
        stream = shuffled(stream, arguments.seed)
    overrides = {"embedder": arguments.embedder} if arguments.embedder else {}
    try:
        result = asyncio.run(_run(stream, arguments, load(**overrides)))
    except SemcacheError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 1
    _write(result, arguments.out)
    print(_table(result))
    print(f"\nwritten: {arguments.out / 'hit_rate.csv'}, .json, .png")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hit_rate.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, metavar="FILE", help="JSON lines, .gz or plain")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument(
        "--thresholds",
        type=_thresholds,
        default="0.70:0.99:0.01",
        metavar="FROM:TO:STEP",
        help="cosine thresholds, both ends included (default 0.70:0.99:0.01)",
    )
    parser.add_argument("--embedder", metavar="NAME", help="as SEMCACHE_EMBEDDER: minilm, st:..., openai:...")
    parser.add_argument(
        "--insert",
        choices=("miss", "all"),
        default="miss",
        help="store what missed, as a service does (default), or every request",
    )
    parser.add_argument("--order", choices=("stream", "shuffle"), default="stream", help="file order, or a random one")
    parser.add_argument("--seed", type=int, default=0, help="of --order shuffle")
    parser.add_argument(
        "--target-error", type=float, default=0.01, metavar="E", help="wrong answers over all requests (default 0.01)"
    )
    parser.add_argument("--limit", type=int, metavar="ROWS", help="read only so many rows")
    arguments = parser.parse_args()
    if not 0 < arguments.target_error < 1:
        parser.error("--target-error is a fraction between 0 and 1, such as 0.01")
    return arguments


def _thresholds(text: str) -> list[float]:
    try:
        low, high, step = (float(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not FROM:TO:STEP, such as 0.70:0.99:0.01") from None
    if not (0 <= low <= high <= 1 and step > 0):
        raise argparse.ArgumentTypeError("needs 0 <= FROM <= TO <= 1 and STEP > 0")
    return [round(low + step * number, 6) for number in range(int((high - low) / step + 1e-9) + 1)]


async def _run(stream: Stream, arguments: argparse.Namespace, settings: Settings) -> dict[str, Any]:
    embedder = make_embedder(settings)
    if embedder is None:
        raise EmbedderUnavailable("the embedder is off; name one with --embedder")
    await embedder.start()
    try:
        await _ready(embedder)
        index = SegmentedIndex(embedder.space, embedder.dimension)
        try:
            return await _replay(stream, arguments, settings, embedder, index)
        finally:
            index.close()
    finally:
        await embedder.aclose()


async def _ready(embedder: Embedder) -> None:
    """Wait for the model; the first preparation takes a while."""
    deadline = time.monotonic() + 300
    while True:
        try:
            await embedder.embed(["ready?"])
            return
        except EmbedderUnavailable:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)


async def _replay(
    stream: Stream, arguments: argparse.Namespace, settings: Settings, embedder: Embedder, index: SegmentedIndex
) -> dict[str, Any]:
    replay = Replay(
        thresholds=arguments.thresholds,
        index=index,
        settings=settings,
        normalizer=Normalizer(settings.normalization),
        rules=TtlRules.default(),
        insert_all=arguments.insert == "all",
    )
    started = time.perf_counter()
    with tqdm(total=len(stream.requests), unit="req", desc="replay", file=sys.stderr) as bar:
        for start in range(0, len(stream.requests), _BATCH):
            requests = stream.requests[start : start + _BATCH]
            identities = [replay.identify(request) for request in requests]
            for request, identity, embedding in zip(
                requests, identities, await _embed(embedder, identities), strict=True
            ):
                replay.step(request, identity, embedding)
            bar.update(len(requests))
    embed_ms = _percentiles(await _embed_times(embedder, stream))
    return {
        "data": arguments.data.name,
        "kind": stream.kind,
        "requests": len(stream.requests),
        "insert": arguments.insert,
        "order": arguments.order,
        "seed": arguments.seed if arguments.order == "shuffle" else None,
        "embedder": settings.embedder,
        "space": embedder.space,
        "target_error": arguments.target_error,
        "labelled": stream.labelled,
        "chosen": _choose(replay.tallies, arguments.target_error) if stream.labelled else None,
        "search_ms": _percentiles(replay.search_s),
        "embed_ms": embed_ms,
        "seconds": time.perf_counter() - started,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "rows": [plain(tally, embed_ms["p50"]) for tally in replay.tallies],
    }


async def _embed(embedder: Embedder, identities: list[CacheIdentity]) -> list[Embedding | None]:
    texts = list(dict.fromkeys(identity.prompt for identity in identities if identity.comparable))
    vectors = dict(zip(texts, await embedder.embed(texts, deadline_s=120.0), strict=True)) if texts else {}
    return [vectors.get(identity.prompt) for identity in identities]


async def _embed_times(embedder: Embedder, stream: Stream) -> list[float]:
    """One text at a time, spelled so that no cache knows it."""
    times = []
    for number, request in enumerate(stream.requests[:200]):
        started = time.perf_counter()
        await embedder.embed([f"{request.text} ({number})"], deadline_s=60.0)
        times.append(time.perf_counter() - started)
    return times


def _percentiles(seconds: list[float]) -> dict[str, float]:
    if not seconds:
        return {}
    p50, p99 = np.percentile(np.array(seconds) * 1000, [50, 99])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}


def _choose(tallies: list[Tally], target: float) -> float | None:
    """The lowest threshold that meets the target, and above which every other does; None where none does."""
    chosen = None
    for tally in sorted(tallies, key=lambda one: -one.threshold):
        if tally.error > target:
            break
        chosen = tally.threshold
    return chosen


# -- reports ----------------------------------------------------------------------------------------------------------


def _write(result: dict[str, Any], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "hit_rate.json").write_text(json.dumps(result, indent=1) + "\n")
    with (out / "hit_rate.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(result["rows"][0]))
        writer.writeheader()
        writer.writerows(result["rows"])
    _plot(result, out / "hit_rate.png")


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['data']}: {result['requests']} requests ({result['kind']}), insert={result['insert']}, "
        f"order={result['order']}, embedder={result['embedder']} [{result['space']}]",
        "",
        "threshold  hit rate   exact   norm.  semantic  precision   wrong/all   recall  mean ms",
    ]
    for row in result["rows"]:
        mark = " <- meets the target" if row["threshold"] == result["chosen"] else ""
        judged = (
            f"{row['precision']:9.4f}  {row['error']:10.4%}  {row['recall']:7.4f}"
            if result["labelled"]
            else "        -           -        -"
        )
        lines.append(
            f"{row['threshold']:9.3f}  {row['hit_rate']:8.4f}  {row['exact']:6d}  {row['normalized']:6d}  "
            f"{row['semantic']:8d}  {judged}  {row['latency_ms']:7.3f}{mark}"
        )
    lines += ["", f"search: {_ms(result['search_ms'])}; embedding one text: {_ms(result['embed_ms'])}"]
    if result["labelled"] and result["chosen"] is None:
        lines.append(f"no threshold meets {result['target_error']:.2%} wrong answers over all requests")
    return "\n".join(lines)


def _ms(percentiles: dict[str, float]) -> str:
    return f"p50 {percentiles['p50']} ms, p99 {percentiles['p99']} ms" if percentiles else "not measured"


def _plot(result: dict[str, Any], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import PercentFormatter

    thresholds = [row["threshold"] for row in result["rows"]]
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    axes.plot(thresholds, [row["hit_rate"] for row in result["rows"]], color="#1b6ca8", lw=2, label="hits, all tiers")
    direct = [(row["exact"] + row["normalized"]) / row["requests"] for row in result["rows"]]
    axes.fill_between(thresholds, direct, color="#1b6ca8", alpha=0.15, lw=0, label="of these exact or normalized")
    axes.set(xlabel="cosine threshold", ylabel="hits / requests", ylim=(0, None))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    handles = [*axes.get_lines(), *axes.collections]
    if result["labelled"]:
        right = axes.twinx()
        right.plot(thresholds, [row["error"] for row in result["rows"]], color="#c0392b", lw=2, label="wrong answers")
        right.axhline(result["target_error"], color="#c0392b", lw=1, ls=":", label="target")
        right.set(ylabel="wrong answers / requests", ylim=(0, None))
        right.yaxis.set_major_formatter(PercentFormatter(1, decimals=1))
        handles += right.get_lines()
        if result["chosen"] is not None:
            axes.axvline(result["chosen"], color="#555555", lw=1, ls="--")
            axes.annotate(
                f"{result['chosen']:.2f}", (result["chosen"], axes.get_ylim()[1]), xytext=(4, -12),
                textcoords="offset points", color="#555555",
            )  # fmt: skip
    axes.legend(handles=handles, frameon=False, loc="upper center", bbox_to_anchor=(0.62, 1.0))
    axes.set_title(f"{result['data']}: {result['requests']:,} requests, stored on {result['insert']}", fontsize=10)
    axes.grid(alpha=0.25)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


if __name__ == "__main__":
    raise SystemExit(main())
