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
            where = {"namespace": "alpha", "entry_id": f"{number:032x}", "asker": f"{number:016x}"}
            await service.labels.record(Label(**where, same=number > 0, source=Source.SHADOW))
        service.verified._count("alpha", risk.asked(None))
        await service.verified.flush()
        told = (await client.get("/v1/stats", headers=own)).json()["quality"]
        assert (await client.get("/v1/stats", headers=other)).json()["quality"] == {}
    assert told["alpha"]["shadow"]["compared"] == 4
    assert told["alpha"]["shadow"]["wrong"] == 1
    assert told["alpha"]["verified"]["requests"] == 1
    assert told["alpha"]["verified"]["bound"] == 0.01
