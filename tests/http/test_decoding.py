"""What is wrong with a body is told by JSON path, or by line and column."""

from __future__ import annotations

import pytest

from semcache.errors import RequestError
from semcache.http.bodies import LookupBody, StoreBody
from semcache.http.decoding import BodyDecoder, check_json

lookups = BodyDecoder(LookupBody)
stores = BodyDecoder(StoreBody)


@pytest.mark.parametrize(
    ("raw", "field", "said"),
    [
        (b'{"prompt":"p"}', "model", "required"),
        (b'{"model":"m","prompt":1}', "prompt", "expected `str"),
        (b'{"model":"","prompt":"p"}', "model", "length >= 1"),
        (b'{"model":"m","prompt":"p","temprature":1}', "temprature", "known here: `context`"),
        (b'{"model":"m","messages":[{"role":"user"},3]}', "messages[1]", "expected `object`"),
        (b'{"model":"m","prompt":"p","threshold":1.5}', "threshold", "<= 1.0"),
        (b'{"model":"m","prompt":"p","strategy":"fuzzy"}', "strategy", "one of `exact`"),
        (b'{"model":"m","prompt":"p","namespace":"a b"}', "namespace", "1 to 128 letters"),
        (b'{"model":"m","prompt":"p","namespace":"a\\n"}', "namespace", "1 to 128 letters"),
        (b"[]", "", "the body: expected `object`"),
        (b'{"model":"m",\n "prompt": "p" x}', "", "line 2, column 16"),
        (b'{"model":"m"', "", "line 1, column 13"),
        (b"  ", "", "empty"),
        (b'{"model":"\xff"}', "", "UTF-8"),
        (b'{"model":"m","params":' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "", "nested too deeply"),
    ],
)
def test_a_lookup_that_cannot_be_read(raw: bytes, field: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        lookups.decode(raw)
    assert caught.value.field == field
    assert said in str(caught.value)


def test_a_field_inside_a_field_is_named_by_its_path() -> None:
    with pytest.raises(RequestError) as caught:
        stores.decode(b'{"model":"m","prompt":"p","response":1,"usage":{"tokens":1}}')
    assert caught.value.field == "usage.tokens"


def test_columns_are_characters_not_bytes() -> None:
    with pytest.raises(RequestError, match="line 1, column 13"):
        lookups.decode('{"model":"é"x'.encode())


@pytest.mark.parametrize("raw", [b'{"a":"\xff"}', b'"\\ud800"', b"[" * 5000 + b"]" * 5000])
def test_what_could_not_be_given_back_is_not_taken(raw: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        check_json(raw, field="response")
    assert caught.value.field == "response"
