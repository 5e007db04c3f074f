"""The similarity of two embeddings: its laws, and what long texts with one part replaced come to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.models import Embedding
from semcache.policy.similarity import similarity

DIMENSION = 48


def made(seed: int, windows: int, *, near: Embedding | None = None, spread: float = 1.0) -> Embedding:
    """Random unit rows, or those of `near` moved by about `spread`."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(windows, DIMENSION)) / np.sqrt(DIMENSION)
    if near is not None:
        base = near.vectors[np.round(np.linspace(0, len(near.vectors) - 1, windows)).astype(int)]
        rows = base + spread * rows
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Embedding("s", rows.astype(np.float32), np.full(windows, 60, np.float32))


def rounded(embedding: Embedding) -> Embedding:
    """As a record gives it back: float16, unit again."""
    rows = embedding.vectors.astype(np.float16).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Embedding(embedding.space, rows, embedding.weights)


pairs = st.builds(
    lambda seed, n, m, spread: (made(seed, n), made(seed + 1, m, near=made(seed, n), spread=spread)),
    st.integers(0, 2**31),
    st.integers(1, 9),
    st.integers(1, 9),
    st.floats(0.0, 3.0),
)


@given(pairs)
@settings(max_examples=200, deadline=None)
def test_symmetric_and_bounded(pair: tuple[Embedding, Embedding]) -> None:
    a, b = pair
    value = similarity(a, b)
    assert -1.0 <= value <= 1.0
    assert similarity(b, a) == pytest.approx(value, abs=1e-4)


@given(pairs)
@settings(max_examples=200, deadline=None)
def test_float16_records_change_next_to_nothing(pair: tuple[Embedding, Embedding]) -> None:
    a, b = pair
    near = similarity(a, b)
    # the curve for long texts is steep where nothing is served, and flat from .95 on
    assert similarity(a, rounded(b)) == pytest.approx(near, abs=1e-3 if near > 0.95 else 2e-2)


@given(st.integers(0, 2**31), st.integers(1, 40))
@settings(max_examples=50, deadline=None)
def test_identical_is_one(seed: int, windows: int) -> None:
    a = made(seed, windows)
    assert similarity(a, made(seed, windows)) == 1.0
    assert similarity(a, rounded(a)) == pytest.approx(1.0, abs=1e-3)


@given(st.integers(0, 2**31), st.floats(0.0, 3.0))
@settings(max_examples=50, deadline=None)
def test_one_window_each_is_the_cosine(seed: int, spread: float) -> None:
    a = made(seed, 1)
    b = made(seed + 1, 1, near=a, spread=spread)
    assert similarity(a, b) == pytest.approx(float(a.vectors[0] @ b.vectors[0]), abs=1e-6)


@pytest.mark.parametrize("places", [[0, 1], [4], [8, 9]], ids=["first", "middle", "last"])
def test_one_part_replaced_among_equal_ones_is_no_paraphrase(places: list[int]) -> None:
    """The first and the last window lie over their neighbours: a part at an end changes both."""
    a = made(1, 10)
    vectors = a.vectors.copy()
    vectors[places] = made(2, 1).vectors[0]
    assert similarity(a, Embedding("s", vectors, a.weights)) < 0.6


def test_evenly_reworded_beats_one_part_replaced() -> None:
    a = made(1, 20)
    reworded = made(2, 20, near=a, spread=0.5)
    vectors = a.vectors.copy()
    vectors[-2:] = made(2, 1).vectors[0]
    replaced = Embedding("s", vectors, a.weights)
    on_average = [float((a.vectors * other.vectors).sum(axis=1).mean()) for other in (replaced, reworded)]
    assert on_average[0] > on_average[1]  # what a mean over windows would say
    assert similarity(a, reworded) > 0.8 > similarity(a, replaced)


def test_other_cuts_of_the_same_text_stay_close() -> None:
    """Windows that lie half-way between the other's are blends of neighbours."""
    a = made(3, 9)
    between = a.vectors[:-1] + a.vectors[1:]
    between /= np.linalg.norm(between, axis=1, keepdims=True)
    inner = Embedding("s", between, np.full(8, 60, np.float32))
    direct = float((inner.vectors @ a.vectors.T).max(axis=1).mean())
    assert direct < 0.8
    assert similarity(a, inner) < 1.0
    middle = Embedding("s", a.vectors[1:-1], a.weights[1:-1])
    assert similarity(middle, inner) > direct


def test_a_prompt_is_not_judged_by_its_first_part() -> None:
    whole = made(5, 8)
    head = Embedding("s", whole.vectors[:1], whole.weights[:1])
    assert similarity(head, whole) < 0.3
    first_half = Embedding("s", whole.vectors[:4], whole.weights[:4])
    assert similarity(first_half, whole) < 0.5
