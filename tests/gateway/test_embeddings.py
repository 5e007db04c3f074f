"""The embeddings cache: each input on its own, number for number, and only what is missing is asked for."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semcache.gateway.embedding_batch import read, shared_out
from tests import servers
from tests.gateway import provider_answers
from tests.gateway.conftest import Gateway, many, sent
from tests.gateway.provider import Provider, Reply

MODEL = "text-embedding-3-small"


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-caller", max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="sk-caller", max_retries=0) as client:
        yield client


@pytest.fixture
def plain(direct: Provider) -> Iterator[openai.OpenAI]:
    """A client of the provider itself."""
    with openai.OpenAI(base_url=direct.url, api_key="sk-caller", max_retries=0) as client:
        yield client


class Seen:
    """An answer to an embeddings request."""

    def __init__(self, gateway: Gateway, given: Any, headers: dict[str, str] | None = None, **more: Any) -> None:
        body = {"model": MODEL, "input": given, **more}
        self.response = gateway.client.post("/v1/embeddings", json=body, headers=headers)
        self.status = self.response.headers.get("x-cache-status")
        self.json = self.response.json()

    @property
    def vectors(self) -> list[Any]:
        """In the order of the inputs."""
        data = self.json["data"]
        assert [one["index"] for one in data] == list(range(len(data)))
        return [one["embedding"] for one in data]

    @property
    def evidence(self) -> Any:
        return self.json["x_semcache"]


def asked(gateway: Gateway) -> list[Any]:
    """The inputs of all calls of the provider."""
    return [call.json["input"] for call in gateway.provider.calls]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_the_official_client_gets_the_providers_numbers(
    gateway: Gateway, client: openai.OpenAI, plain: openai.OpenAI, encoding: Any
) -> None:
    wanted: dict[str, Any] = {"model": MODEL, "input": ["numbers", "of", "numbers"], "encoding_format": encoding}
    expected = plain.embeddings.create(**wanted)
    for status in ("MISS", "HIT"):
        raw = client.embeddings.with_raw_response.create(**wanted)
        given = raw.parse()
        assert raw.headers["x-cache-status"] == status
        assert [one.embedding for one in given.data] == [one.embedding for one in expected.data]
        assert given.model == expected.model
    assert len(gateway.provider.calls) == 1


def test_a_client_that_names_no_encoding(gateway: Gateway, client: openai.OpenAI, plain: openai.OpenAI) -> None:
    expected = plain.embeddings.create(model=MODEL, input="by itself").data[0].embedding
    for _ in range(2):
        assert client.embeddings.create(model=MODEL, input="by itself").data[0].embedding == expected
    assert len(gateway.provider.calls) == 1


async def test_the_async_client(gateway: Gateway, async_client: openai.AsyncOpenAI) -> None:
    answers = [await async_client.embeddings.create(model=MODEL, input=["asynchronous"]) for _ in range(2)]
    assert answers[0].data == answers[1].data
    assert len(gateway.provider.calls) == 1


def test_a_mixed_batch_asks_for_the_missing_ones_alone(gateway: Gateway) -> None:
    first = Seen(gateway, ["mixed a", "mixed b"])
    second = Seen(gateway, ["mixed c", "mixed b", "mixed d", "mixed a", "mixed c"])
    assert asked(gateway) == [["mixed a", "mixed b"], ["mixed c", "mixed d"]]
    assert (first.status, second.status) == ("MISS", "MISS")
    c, b, d, a, again = second.vectors
    assert [a, b] == first.vectors
    assert c == again != d
    assert (second.evidence["cached_inputs"], second.evidence["inputs"]) == (2, 5)
    third = Seen(gateway, ["mixed d", "mixed c"])
    assert (third.status, third.vectors) == ("HIT", [d, c])
    assert len(gateway.provider.calls) == 2


def test_one_text_and_a_list_of_it_are_the_same(gateway: Gateway) -> None:
    one, listed = Seen(gateway, "one text"), Seen(gateway, ["one text"])
    assert (one.status, listed.status) == ("MISS", "HIT")
    assert one.vectors == listed.vectors


def test_tokens_are_inputs_too(gateway: Gateway) -> None:
    one = Seen(gateway, [1, 2, 3])
    several = Seen(gateway, [[1, 2, 3], [4, 5]])
    assert asked(gateway) == [[1, 2, 3], [[4, 5]]]
    assert several.vectors[0] == one.vectors[0]
    assert Seen(gateway, [[4, 5], [1, 2, 3]]).status == "HIT"


@pytest.mark.parametrize("more", [{"dimensions": 4}, {"encoding_format": "base64"}, {"model": "another"}])
def test_what_changes_the_numbers_is_another_entry(gateway: Gateway, more: dict[str, Any]) -> None:
    Seen(gateway, "parameters")
    assert Seen(gateway, "parameters", **more).status == "MISS"
    assert Seen(gateway, "parameters", **more).status == "HIT"
    assert Seen(gateway, "parameters").status == "HIT"


@pytest.mark.parametrize("text", ["  spaced ", "Spaced", "spaced!", "spaced"])
def test_texts_are_told_apart_to_the_letter(gateway: Gateway, text: str) -> None:
    assert Seen(gateway, text).status == "MISS"


@pytest.mark.parametrize("text", ["What is my account balance?", "What time is it now?", ""])
def test_no_rule_of_prompts_holds_for_them(gateway: Gateway, text: str) -> None:
    """A vector is a function of its text, whoever asks and whenever."""
    assert [Seen(gateway, text).status for _ in range(2)] == ["MISS", "HIT"]


def test_the_users_name_makes_no_other_vector(gateway: Gateway) -> None:
    Seen(gateway, "for a user", user="ann")
    assert Seen(gateway, "for a user", user="bob").status == "HIT"


def test_tokens_and_money_are_shared_out_by_input(gateway: Gateway) -> None:
    first = Seen(gateway, ["three small words", "one"])
    assert first.json["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    hit = Seen(gateway, ["one", "three small words"])
    assert hit.json["usage"] == first.json["usage"]
    assert hit.evidence["cost_usd"] == 0
    assert hit.evidence["saved_usd"] == pytest.approx(first.evidence["cost_usd"])
    assert first.evidence["cost_usd"] > 0


def test_a_first_batch_goes_up_byte_for_byte(gateway: Gateway) -> None:
    given = json.dumps({"model": MODEL, "input": ["as it", "is"], "x_new": 1}, indent=2).encode()
    answer = gateway.client.post("/v1/embeddings", content=given, headers={"content-type": "application/json"})
    assert gateway.provider.calls[0].body == given
    told = json.loads(sent(gateway.provider.calls[0]))
    assert {name: value for name, value in answer.json().items() if name != "x_semcache"} == told


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_errors_are_passed_on_and_not_kept(gateway: Gateway, client: openai.OpenAI, status: int) -> None:
    gateway.provider.then(Reply(status=status))
    with pytest.raises(openai.APIStatusError) as caught:
        client.embeddings.create(model=MODEL, input=[f"error {status}", "mixed a"])
    assert (caught.value.status_code, caught.value.response.json()["error"]["message"]) == (
        status,
        f"scripted {status}",
    )
    assert Seen(gateway, [f"error {status}"]).status == "MISS"


@pytest.mark.parametrize(
    "raw",
    [
        b"no JSON",
        b'{"data": []}',
        b'{"object": "list", "model": "m", "data": [{"index": 0, "embedding": [1]}]}',
        b'{"object": "list", "model": "m", "data": [{"index": 0, "embedding": [1]}, {"index": 0, "embedding": [2]}]}',
    ],
    ids=["no JSON", "no vectors", "one too few", "one twice"],
)
def test_garbage_is_passed_on_and_not_kept(gateway: Gateway, raw: bytes) -> None:
    gateway.provider.then(Reply(raw=raw))
    body = {"model": MODEL, "input": ["garbage 1", "garbage 2"]}
    answer = gateway.client.post("/v1/embeddings", json=body)
    assert (answer.status_code, answer.content) == (200, raw)
    assert Seen(gateway, ["garbage 1"], {"cache-control": "only-if-cached"}).response.status_code == 504


def test_vectors_in_another_order_are_put_in_place(gateway: Gateway) -> None:
    data = [{"object": "embedding", "index": index, "embedding": [float(index)]} for index in (2, 0, 1)]
    usage = {"prompt_tokens": 3, "total_tokens": 3}
    raw = json.dumps({"object": "list", "model": MODEL, "data": data, "usage": usage}).encode()
    gateway.provider.then(Reply(raw=raw))
    assert Seen(gateway, ["order x", "order y", "order z"]).vectors == [[0.0], [1.0], [2.0]]
    assert Seen(gateway, "order z").vectors == [[2.0]]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"input": "x"}', b'{"model": "m"}', b'{"model": "m", "input": []}'])
def test_what_is_not_understood_is_passed_on(gateway: Gateway, body: bytes) -> None:
    gateway.provider.then(Reply(status=400))
    answer = gateway.client.post("/v1/embeddings", content=body)
    assert (answer.status_code, answer.headers["x-cache-reason"]) == (400, "not_understood")
    assert gateway.provider.calls[0].body == body


def test_directives(gateway: Gateway) -> None:
    Seen(gateway, "directed")
    gateway.provider.forget()
    fresh = Seen(gateway, "directed", {"cache-control": "no-cache"})
    assert (fresh.status, fresh.response.headers["x-cache-reason"]) == ("MISS", "no_cache")
    passed = Seen(gateway, "directed", {"cache-control": "no-store"})
    assert (passed.status, passed.response.headers["x-cache-reason"]) == ("BYPASS", "no_store")
    partly = Seen(gateway, ["directed", "not yet"], {"cache-control": "only-if-cached"})
    assert partly.response.status_code == 504
    assert len(gateway.provider.calls) == 2


def test_upstream_down_what_is_kept_goes_on(gateway: Gateway) -> None:
    kept = Seen(gateway, "kept vector")
    gateway.provider.stop()
    try:
        assert Seen(gateway, "kept vector").vectors == kept.vectors
        lost = Seen(gateway, ["kept vector", "new vector"])
        assert (lost.response.status_code, lost.json["error"]["code"]) == (502, "upstream_unavailable")
    finally:
        gateway.provider.start()


def test_a_new_version_of_the_model_is_never_mixed_with_the_old(gateway: Gateway) -> None:
    """A batch whose vectors would come of two models is asked for as a whole."""
    alias = {"model": "embedder-alias"}
    gateway.provider.always(Reply(model="embedder-1"))
    Seen(gateway, "old vector", **alias)
    gateway.provider.always(Reply(model="embedder-2"))
    mixed = Seen(gateway, ["old vector", "new vector"], **alias)
    assert mixed.json["model"] == "embedder-2"
    assert asked(gateway)[-1] == ["old vector", "new vector"]
    gateway.settled()
    assert Seen(gateway, "new vector", **alias).json["model"] == "embedder-2"


def test_a_hundred_inputs_at_once(gateway: Gateway) -> None:
    texts = [f"text {number}" for number in range(100)]
    Seen(gateway, texts[::2])
    mixed = Seen(gateway, texts)
    assert asked(gateway)[-1] == texts[1::2]
    assert mixed.vectors == [vector_of(text) for text in texts]


def vector_of(text: str) -> list[float]:
    """As the provider makes it."""
    return provider_answers.vector(text, provider_answers.DIMENSIONS)


def test_base64_is_given_back_letter_by_letter(gateway: Gateway) -> None:
    for _ in range(2):
        [spelled] = Seen(gateway, "letters", encoding_format="base64").vectors
        assert list(struct.unpack("<8f", base64.b64decode(spelled))) == vector_of("letters")


def test_the_store_down_is_passed_through(tmp_path: Path) -> None:
    with servers.server() as server, many(server.url, tmp_path) as opened:
        gateway = opened(store={"deadline_s": 1.0, "write_deadline_s": 1.0, "connect_timeout_s": 1.0})
        Seen(gateway, "before")
        server.kill()
        seen = Seen(gateway, ["before", "in it"])
        assert seen.response.status_code == 200
        assert seen.vectors == [vector_of("before"), vector_of("in it")]


# -- pure parts ------------------------------------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(total=st.integers(0, 10**6), lengths=st.lists(st.integers(1, 10**5), min_size=1, max_size=50))
def test_shares_add_up_and_follow_the_lengths(total: int, lengths: list[int]) -> None:
    shares = shared_out(total, lengths)
    assert sum(shares) == total
    whole = sum(lengths)
    assert all(abs(share - total * length / whole) <= 1 for share, length in zip(shares, lengths, strict=True))


@pytest.mark.parametrize("given", [None, 3, [], ["a", 3], [[1], "a"], [[]], [True], {"a": 1}])
def test_other_inputs_are_not_understood(given: Any) -> None:
    assert read(json.dumps({"model": "m", "input": given}).encode()) is None
