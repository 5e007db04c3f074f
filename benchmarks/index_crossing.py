"""When does a graph pay? Exact scan against graph over one group, by its size; p50 of a search, recall, build rate.

    python benchmarks/index_crossing.py [--vectors FILE.npy] [--sizes 1000,5000,...] [--queries 300] [--json FILE]

`--vectors`: float32 (n, dim) embeddings of distinct texts (they are shuffled, seeded). Without it, clustered unit
vectors stand in: components with the falling spectrum of real text embeddings, cluster sizes by Zipf, members at a
cosine of about 0.7 to their centre. Half of the queries are noisy copies of rows (cosine about 0.93), half are vectors
kept out of the index. Both ways run the index's own code on one thread. The smallest size from which the graph is
faster, at a recall@1 of about 0.99 or better, is where `semcache.vectors.engine.CROSSING` should stand.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from semcache.vectors import engine

Single = NDArray[np.float32]
K = 4
SEED = 20261121
SPECTRUM = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, help="float32 (n, dim) .npy; default: generated clusters")
    parser.add_argument("--sizes", default="1000,2000,5000,10000,20000,50000,100000")
    parser.add_argument("--dimension", type=int, default=384, help="of generated vectors")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    random = np.random.default_rng(SEED)
    source, rows, outside = load(given.vectors, max(sizes), given.dimension, given.queries, random)
    print(f"{source}; k={K}; one thread; {given.queries} queries a size")
    print(f"{'rows':>8} {'scan p50':>9} {'graph p50':>10} {'graph p99':>10} {'recall@1':>9} {'built':>9}")
    figures = []
    for size in (size for size in sizes if size <= len(rows)):
        figure = measure(rows[:size], queries(rows[:size], outside, given.queries, random))
        figures.append(figure)
        print(
            f"{size:>8} {figure['scan_p50_us']:>6.0f} us {figure['graph_p50_us']:>7.0f} us"
            f" {figure['graph_p99_us']:>7.0f} us {figure['recall_at_1']:>9.3f} {figure['build_rows_per_s']:>6.0f}/s",
            flush=True,
        )
    crossing = next((f["rows"] for f in figures if f["graph_p50_us"] < f["scan_p50_us"]), None)
    print(f"first size at which the graph is faster: {crossing} (CROSSING is {engine.CROSSING})")
    if given.json:
        given.json.write_text(json.dumps({"source": source, "crossing": crossing, "figures": figures}, indent=1) + "\n")


def load(
    path: Path | None, most: int, dimension: int, held_out: int, random: np.random.Generator
) -> tuple[str, Single, Single]:
    """(description, rows, vectors kept out of every index)."""
    if path is None:
        made = clusters(most + held_out, dimension, random)
        return f"generated clusters, {dimension}-d, seed {SEED}", made[held_out:], made[:held_out]
    read = unit(np.load(path).astype(np.float32))
    read = read[random.permutation(len(read))]
    return f"{path.name}, {read.shape[1]}-d", read[held_out:], read[:held_out]


def clusters(count: int, dimension: int, random: np.random.Generator) -> Single:
    """Unit vectors in clusters whose sizes follow Zipf's law.

    Components shrink as (1 + i / 16) ** -0.5, which about matches the spectrum of MiniLM's embeddings of questions;
    without that all distances are alike and no graph does as well as it does on text.
    """
    scale = (1 + np.arange(dimension) / SPECTRUM) ** -0.5
    centres = unit(random.standard_normal((max(1, count // 50), dimension)) * scale)
    weights = 1.0 / np.arange(1, len(centres) + 1)
    which = random.choice(len(centres), count, p=weights / weights.sum())
    return unit(centres[which] + unit(random.standard_normal((count, dimension)) * scale))


def queries(rows: Single, outside: Single, count: int, random: np.random.Generator) -> Single:
    """Half close to a row, as a paraphrase is; half to none in particular, as a new question is."""
    near = rows[random.integers(0, len(rows), count // 2)]
    near = unit(near + 0.4 * unit(random.standard_normal(near.shape)))
    return np.concatenate([near, outside[: count - len(near)]])


def unit(vectors: NDArray[Any]) -> Single:
    scaled: Single = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return scaled


def measure(rows: Single, asked: Single) -> dict[str, float]:
    """Both ways over the same rows and queries."""
    half = rows.astype(np.float16)
    began = time.perf_counter()
    index = engine.build_graph(half, None, lambda: None)
    built = time.perf_counter() - began
    graph = engine.Graph(0, index, np.ones(len(half), np.bool_))
    scans, walks, right = [], [], 0
    for query in asked:
        began = time.perf_counter()
        exact, _ = engine.scan(half, query, K)
        scanned = time.perf_counter()
        found = graph.search(query, K)
        best = float((half[found].astype(np.float32) @ query).max())
        walks.append(time.perf_counter() - scanned)
        scans.append(scanned - began)
        right += best >= exact[0] - 1e-4
    return {
        "rows": len(rows),
        "scan_p50_us": float(np.median(scans)) * 1e6,
        "graph_p50_us": float(np.median(walks)) * 1e6,
        "graph_p99_us": float(np.quantile(walks, 0.99)) * 1e6,
        "recall_at_1": right / len(asked),
        "build_rows_per_s": len(rows) / built,
        "graph_bytes_per_row": len(engine.faiss().serialize_index(index)) / len(rows),
    }


if __name__ == "__main__":
    main()
