"""Tokens survive the way out and back; anything else is refused by field."""

from __future__ import annotations

import base64
import math
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache import tokens
from semcache.errors import RequestError
from semcache.models import SHARDS, Drawn, FillToken, Withheld
from semcache.policy import risk
from semcache.policy.labels import Met

entry_ids = st.builds(
    lambda shard, rest: f"{shard:02x}{rest.hex()}", st.integers(0, SHARDS - 1), st.binary(min_size=15, max_size=15)
)
counts = st.integers(0, 2**53)


@given(st.builds(FillToken, entry_ids, counts, counts, counts))
@settings(max_examples=50)
def test_a_fill_token_comes_back(token: FillToken) -> None:
    text = tokens.encode_fill(token)
    assert text.isascii()
    assert "=" not in text
    assert tokens.decode_fill(text) == token


@pytest.mark.parametrize("level", risk.LEVELS)
def test_a_fill_token_of_a_withheld_hit_comes_back(level: float) -> None:
    token = FillToken("00" * 16, 1, 2, 3, withheld=Withheld("01" * 16, 1.0, None, Drawn(1, 0, 0.1), 1.0 / level))
    assert tokens.decode_fill(tokens.encode_fill(token)) == token


@pytest.mark.parametrize(
    "forged",
    [
        Withheld("01" * 16, 7.0),
        Withheld("01" * 16, math.nan),
        Withheld("01" * 16, 0.9, 1.5),
        Withheld("01" * 16, 0.9, math.nan),
        Withheld("01" * 16, 0.9, 0.9, None, 1e300),
        Withheld("01" * 16, 0.9, 0.9, None, math.inf),
        Withheld("01" * 16, 0.9, 0.9, None, -1.0),
    ],
)
def test_a_fill_token_with_numbers_of_no_hit_is_refused(forged: Withheld) -> None:
    """One comparison of such a weight would be all that a namespace is tuned by."""
    text = tokens.encode_fill(FillToken("00" * 16, 1, 2, 3, withheld=forged))
    with pytest.raises(RequestError) as raised:
        tokens.decode_fill(text)
    assert raised.value.field == "fill_token"


@given(entry_ids, st.binary(min_size=32, max_size=32))
@settings(max_examples=50)
def test_a_request_id_comes_back(entry_id: str, asker: bytes) -> None:
    assert tokens.decode_hit(tokens.encode_request_id(entry_id, asker)) == (entry_id, asker, None)


met = st.builds(Met, st.text(max_size=200), st.floats(-1, 1, width=32), st.none() | st.floats(0, 1, width=32))


@given(entry_ids, st.binary(min_size=32, max_size=32), met)
@settings(max_examples=50)
def test_a_request_id_tells_how_a_hit_by_meaning_came_about(entry_id: str, asker: bytes, told: Met) -> None:
    text = tokens.encode_request_id(entry_id, asker, told)
    assert tokens.decode_hit(text) == (entry_id, asker, told)


def test_a_long_prompt_is_left_out_of_a_request_id_and_a_bomb_is_refused() -> None:
    long = tokens.encode_request_id("00" * 16, b"a" * 32, Met("x" * 2000, 0.5))
    assert len(long) < 120
    assert tokens.decode_hit(long)[2] == Met("", 0.5)
    whole = base64.urlsafe_b64decode(long + "=" * (-len(long) % 4))
    for tail in (zlib.compress(b"x" * 10_000_000), zlib.compress(b"x") + b"more", b"none", b"", b"\xff" * 9):
        forged = base64.urlsafe_b64encode(whole[:58] + tail).decode().rstrip("=")
        with pytest.raises(RequestError):
            tokens.decode_hit(forged)


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda raw: raw.hex()))
@settings(max_examples=100)
@pytest.mark.parametrize(("decode", "field"), [(tokens.decode_fill, "fill_token"), (tokens.decode_hit, "request_id")])
def test_other_text_is_refused_by_field(decode: object, field: str, text: str) -> None:
    with pytest.raises(RequestError) as caught:
        decode(text)  # type: ignore[operator]
    assert caught.value.field == field


def test_a_token_that_names_no_shard_is_refused() -> None:
    forged = tokens.encode_fill(FillToken("ff" * 16, 1, 1, 1))
    with pytest.raises(RequestError):
        tokens.decode_fill(forged)
