"""Records and vectors survive the round trip; damaged ones count as absent and are logged."""

from __future__ import annotations

import logging

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.errors import RequestError
from semcache.models import CacheIdentity, Embedding, Strategy, TtlClass, Usage
from semcache.ports import Draft
from semcache.stores.codec import (
    decode_embedding,
    decode_entry,
    encode_embedding,
    encode_meta,
    stamped,
)


def _draft(**parts: object) -> Draft:
    who = {
        "namespace": "n",
        "model": "m",
        "model_version": "",
        "digest": bytes(32),
        "norm_digest": bytes(range(32)),
        "partition": bytes(16),
        "context": bytes(16),
        "prompt": "p",
        "history": b"",
        "transcript": "",
        "ttl_class": TtlClass.CODE,
        "ttl_rule": "",
    }
    who |= {name: parts.pop(name) for name in list(parts) if name in who}
    what: dict[str, object] = {"response": b"{}", "ttl_s": 1.5, "retain_s": 0.0} | parts
    return Draft(identity=CacheIdentity(**who), **what)  # type: ignore[arg-type]


_text = st.text(st.characters(exclude_categories=("Cs",)), max_size=50)


@settings(max_examples=60, deadline=None)
@given(
    prompt=_text,
    model=_text,
    namespace=_text,
    tags=st.lists(_text, max_size=4).map(tuple),
    response=st.binary(max_size=100),
    usage=st.none() | st.builds(Usage, input_tokens=st.integers(0, 2**40), output_tokens=st.integers(0, 2**40)),
    cost_usd=st.none() | st.floats(0, 1e6),
    latency_ms=st.none() | st.floats(0, 1e9),
    sliding=st.booleans(),
    metadata=st.none() | st.dictionaries(_text, st.integers(-(2**63), 2**63 - 1) | _text | st.booleans(), max_size=3),
    reach=st.sampled_from(Strategy),
    history=st.sampled_from([b"", bytes(range(16))]),
    transcript=_text,
    pinned=st.booleans(),
)
def test_every_field_survives(**parts: object) -> None:
    made = _draft(**parts)
    entry = stamped(made, created_ms=1_800_000_000_123, expires_ms=1_800_000_001_623, epoch=1_700_000_000_000)
    fields = [encode_meta(made), made.response, b"1800000000123", b"1800000001623", b"1700000000000", b"0"]
    assert decode_entry(entry.entry_id, fields) == entry


def test_a_record_of_before_reaches_as_far_as_any() -> None:
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(encode_meta(_draft()))[:17])
    entry = decode_entry("00" * 16, [older, b"{}", b"1", b"2", b"3", b"0"])
    assert entry is not None
    assert entry.reach is Strategy.SEMANTIC


def test_a_record_from_before_conversations_is_compared_by_its_prompt_in_its_exact_context() -> None:
    made = _draft(reach=Strategy.NORMALIZED, context=b"c" * 16)
    older = msgspec.msgpack.encode(msgspec.msgpack.decode(encode_meta(made))[:18])
    entry = decode_entry("00" * 16, [older, b"{}", b"1", b"2", b"3", b"0"])
    assert entry is not None
    assert (entry.reach, entry.compared, entry.exact_context) == (Strategy.NORMALIZED, "p", b"c" * 16)
    assert not entry.pinned


def test_absent_is_none_without_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    assert decode_entry("00" * 16, [None] * 6) is None
    assert not caplog.records


@pytest.mark.parametrize(
    "damage",
    [
        {0: b""},
        {0: b"\xc1garbage"},
        {0: None},
        {1: None},
        {2: None},
        {3: b"soon"},
        {4: None},
        {5: b"many"},
    ],
)
def test_damaged_record_counts_as_absent(damage: dict[int, bytes | None], caplog: pytest.LogCaptureFixture) -> None:
    fields: list[bytes | None] = [encode_meta(_draft()), b"{}", b"1", b"2", b"3", b"0"]
    for at, value in damage.items():
        fields[at] = value
    with caplog.at_level(logging.WARNING):
        assert decode_entry("3f" + "ab" * 15, fields) is None
    assert "3f" + "ab" * 15 in caplog.text


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 200), flip=st.integers(0, 200), value=st.integers(0, 255))
def test_damaged_meta_never_raises(cut: int, flip: int, value: int) -> None:
    data = bytearray(encode_meta(_draft(metadata={"k": [1, 2.5, None]}, tags=("a", "b"))))
    data[flip % len(data)] = value
    decode_entry("00" * 16, [bytes(data[: len(data) - cut % 40]), b"{}", b"1", b"2", b"3", b"0"])


@pytest.mark.parametrize("bad", [{"metadata": {"k": 2**70}}, {"metadata": {"k": object()}}, {"prompt": "\ud800"}])
def test_what_has_no_form_is_the_callers_error(bad: dict[str, object]) -> None:
    with pytest.raises(RequestError):
        encode_meta(_draft(**bad))


@settings(max_examples=40, deadline=None)
@given(windows=st.integers(1, 40), dimension=st.integers(1, 64), seed=st.integers(0, 2**32 - 1))
def test_vectors_survive_within_float16(windows: int, dimension: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((windows, dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    weights = rng.random(windows).astype(np.float32) * 256
    found = decode_embedding("s", encode_embedding(Embedding("s", vectors, weights)))
    assert found is not None
    assert found.space == "s"
    assert found.vectors.dtype == found.weights.dtype == np.float32
    np.testing.assert_array_equal(found.weights, weights)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1.0, atol=1e-6)
    assert np.einsum("ij,ij->i", found.vectors, vectors).min() > 0.9999


def test_damaged_vectors_count_as_absent(caplog: pytest.LogCaptureFixture) -> None:
    whole = encode_embedding(Embedding("s", np.eye(3, dtype=np.float32)[:1], np.ones(1, np.float32)))
    nan = whole[:-2] + np.array([np.nan], "<f2").tobytes()
    zero = whole[:6] + bytes(len(whole) - 6)
    for data in (b"", b"\x01", whole[:5], whole[:6], whole[:-1], b"\x00\x00", b"\xff\xff" + whole[2:], nan, zero):
        caplog.clear()
        assert decode_embedding("s", data, entry_id="e7") is None, data
        assert "e7" in caplog.text
