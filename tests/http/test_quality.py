"""Statistics tell how often semantic hits are wrong, each tenant of its own namespaces."""

from __future__ import annotations

from semcache.http.quality import shadow
from semcache.policy import risk
from semcache.policy.labels import Label, Source
from tests.http.conftest import KeyRing, Open


def test_the_rate_has_an_interval_around_it() -> None:
    told = shadow({"shadow:same": 97, "shadow:other": 3, "feedback:other": 50})
    assert told is not None
    assert (told["compared"], told["wrong"], told["false_hit_rate"]) == (100, 3, 0.03)
    assert 0.006 < told["low"] < 0.007
    assert 0.085 < told["high"] < 0.086
    assert shadow({"feedback:other": 50}) is None


async def test_what_comparisons_told_is_in_the_statistics(open_app: Open, keyring: KeyRing) -> None:
    own, other = ({"authorization": f"Bearer {keyring.add(name, namespaces=(name,))}"} for name in ("alpha", "beta"))
    async with open_app(api_keys_file=keyring.path) as client:
        service = client.service  # type: ignore[attr-defined]
        for number in range(4):
            entry_id, asker, same = f"{number:032x}", f"{number:016x}", number > 0
            told = Label(namespace="alpha", entry_id=entry_id, asker=asker, same=same, source=Source.SHADOW)
            await service.labels.record(told)
        service.verified._count("alpha", risk.asked(None))
        await service.verified.flush()
        seen = (await client.get("/v1/stats", headers=own)).json()["quality"]
        assert (await client.get("/v1/stats", headers=other)).json()["quality"] == {}
    assert seen["alpha"]["shadow"]["compared"] == 4
    assert seen["alpha"]["shadow"]["wrong"] == 1
    assert seen["alpha"]["verified"]["requests"] == 1
    assert seen["alpha"]["verified"]["bound"] == 0.01


async def test_what_a_judge_said_is_told_by_namespace(open_app: Open) -> None:
    upstreams = {"a": {"base_url": "http://127.0.0.1:9", "api_key": "k"}}
    async with open_app(verification={"judge_model": "judge-1"}, upstreams=upstreams) as client:
        await client.service.judge._count("gamma", "unsure")  # type: ignore[attr-defined]
        told = (await client.get("/v1/stats")).json()["quality"]
    assert told["gamma"] == {"judge": {"unsure": 1}}
