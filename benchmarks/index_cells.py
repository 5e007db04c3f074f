"""Cells against an exact scan of one group, by its size: time of a search, recall, how fast they are laid out.

    python benchmarks/index_cells.py [--vectors FILE.npy] [--sizes 20000,50000,...] [--queries 300] [--json FILE]

`--vectors`: float32 (n, dim) embeddings of distinct texts (they are shuffled, seeded). Without it, clustered unit
vectors stand in: components with the falling spectrum of real text embeddings, cluster sizes by Zipf, members at a
cosine of about 0.7 to their centre. Half of the queries are noisy copies of rows (cosine about 0.93), as paraphrases
are; half are vectors kept out of the index, as new questions are. Both ways run the index's own code on one thread.
Recall@1 is told for either half: `semcache.vectors.engine.SCAN_ROWS` should find 99 of 100 of the first.
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

from semcache.ports import Row
from semcache.vectors import SegmentedIndex, engine

Single = NDArray[np.float32]
K = 4
SEED = 20261121
SPECTRUM = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=Path, help="float32 (n, dim) .npy; default: generated clusters")
    parser.add_argument("--sizes", default="20000,50000,100000", help="rows of the group (%(default)s)")
    parser.add_argument("--dimension", type=int, default=384, help="of generated vectors")
    parser.add_argument("--queries", type=int, default=300, help="searches at each size (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    given = parser.parse_args()
    sizes = [int(size) for size in given.sizes.split(",")]
    random = np.random.default_rng(SEED)
    source, rows, outside = load(given.vectors, max(sizes), given.dimension, given.queries, random)
    print(f"{source}; k={K}; one thread; {given.queries} queries a size; {engine.SCAN_ROWS:,} rows scanned")
    print(f"{'rows':>8} {'all p50':>9} {'cells p50':>10} {'cells p99':>10} {'near@1':>7} {'new@1':>7} {'laid out':>11}")
    figures = []
    for size in (size for size in sizes if size <= len(rows)):
        figure = measure(rows[:size], queries(rows[:size], outside, given.queries, random))
        figures.append(figure)
        print(
            f"{size:>8} {figure['all_p50_us']:>6.0f} us {figure['cells_p50_us']:>7.0f} us"
            f" {figure['cells_p99_us']:>7.0f} us {figure['recall_near']:>7.3f} {figure['recall_new']:>7.3f}"
            f" {figure['laid_out_per_s']:>9.0f}/s",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps({"source": source, "figures": figures}, indent=1) + "\n")


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
    """Both ways over the same rows and queries; the first half of these is near to a row."""
    name = bytes(16)
    index = SegmentedIndex("s", rows.shape[1])
    index.filling()
    index.upsert([Row(f"{at:032x}", name, name, row) for at, row in enumerate(rows)])
    began = time.perf_counter()
    index.merge_now()
    laid_out_s = time.perf_counter() - began
    half = rows.astype(np.float16)
    scans, searches, right = [], [], []
    for query in asked:
        began = time.perf_counter()
        exact = np.array([near for near, _ in engine.scan(half, query, K)])
        scanned = time.perf_counter()
        found = index.search(name, name, query, K)
        searches.append(time.perf_counter() - scanned)
        scans.append(scanned - began)
        right.append(found[0].similarity >= exact[0] - 1e-4)
    near = len(asked) // 2
    return {
        "rows": len(rows),
        "all_p50_us": float(np.median(scans)) * 1e6,
        "cells_p50_us": float(np.median(searches)) * 1e6,
        "cells_p99_us": float(np.quantile(searches, 0.99)) * 1e6,
        "recall_near": float(np.mean(right[:near])),
        "recall_new": float(np.mean(right[near:])),
        "laid_out_per_s": len(rows) / laid_out_s,
    }


if __name__ == "__main__":
    main()
