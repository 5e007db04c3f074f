"""Streams of which the truth is known."""

from __future__ import annotations

import math
import random

from benchmarks.simulation.source import Source
from semcache.policy.adaptation import ALIKE


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
