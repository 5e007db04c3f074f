"""The list of models over several upstreams."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.conftest import Gateway, Open
from tests.gateway.provider import Provider, Reply, provider


@pytest.fixture
def second() -> Iterator[Provider]:
    """Another provider."""
    with provider() as other:
        yield other


@pytest.fixture
def main() -> Iterator[Provider]:
    """The provider of everything else."""
    with provider() as one:
        yield one


@pytest.fixture
def both(open_gateway: Open, second: Provider, main: Provider) -> Gateway:
    """A gateway with two upstreams, the second of a model that the first does not know."""
    second.always(Reply(raw=b'{"object": "list", "data": [{"id": "llama", "object": "model"}]}'))
    own = {"base_url": second.url, "api_key": "k", "models": ["llama*"], "retries": 0}
    return open_gateway(upstreams={"second": own}, upstream_base_url=main.url, upstream_api_key="k")


def test_the_models_of_all_upstreams_are_one_list(both: Gateway) -> None:
    answer = both.client.get("/v1/models")
    assert [model["id"] for model in answer.json()["data"]] == ["llama", "gpt-test", "claude-test"]
    assert answer.headers["x-cache-status"] == "BYPASS"
    head = both.client.head("/v1/models")
    assert (head.status_code, head.content) == (200, b"")


def test_an_upstream_that_is_down_hides_no_other(both: Gateway, second: Provider, main: Provider) -> None:
    second.stop()
    answer = both.client.get("/v1/models").json()
    assert [model["id"] for model in answer["data"]] == ["gpt-test", "claude-test"]
    assert "second" in answer["x_semcache_unavailable"][0]
    main.stop()
    assert both.client.get("/v1/models").status_code == 502
