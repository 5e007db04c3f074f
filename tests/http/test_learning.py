"""Labels and tuned cuts over HTTP: streamed, within the key's namespaces, and never looser than the settings."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
import pytest

from semcache.policy.labels import Label, Source
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem


def label(namespace: str = "default", **more: Any) -> Label:
    fixed = {"entry_id": "0b" + "1" * 30, "asked": "a?", "cached": "b?", "same": True, "source": Source.SHADOW}
    return Label(namespace=namespace, **{**fixed, **more})


async def record(client: httpx.AsyncClient, *labels: Label) -> None:
    for one in labels:
        await client.service.labels.record(one)  # type: ignore[attr-defined]


async def read(client: httpx.AsyncClient, query: str = "", **more: Any) -> list[Label]:
    answer = await client.get(f"/admin/labels{query}", **more)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [msgspec.json.decode(line, type=Label) for line in answer.content.splitlines()]


async def test_labels_are_streamed_by_namespace_and_source(client: httpx.AsyncClient) -> None:
    said = label(source=Source.FEEDBACK, principal="p", same=False)
    await record(client, label(), said, label("other"))
    assert len(await read(client)) == 3
    assert {one.source for one in await read(client, "?namespace=default")} == {Source.SHADOW, Source.FEEDBACK}
    [one] = await read(client, "?source=feedback,explored")
    assert (one.same, one.principal) == (False, "p")
    assert await read(client, "?namespace=none") == []
    assert_problem(await client.get("/admin/labels?source=guess"), 422, "invalid_request", "source")

    assert (await client.delete("/admin/labels?namespace=default")).status_code == 204
    assert [one.namespace for one in await read(client)] == ["other"]
    assert_problem(await client.delete("/admin/labels"), 422, "invalid_request", "namespace")


async def test_an_admin_of_one_namespace_learns_nothing_of_another(open_app: Open, keyring: KeyRing) -> None:
    headers = {"authorization": f"Bearer {keyring.add('a', namespaces=('a',), roles=('admin',))}"}
    async with open_app(api_keys_file=keyring.path, admin_key="the-admin") as client:
        await record(client, label("a"), label("b"))
        assert [one.namespace for one in await read(client, headers=headers)] == ["a"]
        for method, path in (("GET", "/admin/labels?namespace=b"), ("DELETE", "/admin/labels?namespace=b")):
            assert_problem(await client.request(method, path, headers=headers), 403, "forbidden")
        cut = {"namespace": "b", "threshold": 0.9}
        assert_problem(await client.post("/admin/tuning", json=cut, headers=headers), 403, "forbidden")
        everything = {"authorization": "Bearer the-admin"}
        assert (await client.post("/admin/tuning", json=cut, headers=everything)).status_code == 200
        seen = (await client.get("/admin/tuning", headers=headers)).json()
        assert (seen["tuned"], seen["history"]) == ([], [])


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "labels"), ("DELETE", "labels"), ("GET", "tuning"), ("POST", "tuning")]
)
async def test_a_key_that_is_no_admins_gets_nothing(open_app: Open, keyring: KeyRing, method: str, path: str) -> None:
    key = keyring.add("reader", roles=("read", "write"))
    async with open_app(api_keys_file=keyring.path, admin_key="the-admin") as client:
        answer = await client.request(method, f"/admin/{path}", headers={"authorization": f"Bearer {key}"})
        assert_problem(answer, 403, "forbidden")


async def test_cuts_are_set_told_and_taken_back(client: httpx.AsyncClient) -> None:
    body = {"namespace": "default", "threshold": 0.93, "grounds": {"labels": 500}}
    answer = await client.post("/admin/tuning", json=body)
    [cuts] = answer.json()["tuned"]
    assert (cuts["threshold"], cuts["confidence"], cuts["set"]) == (0.93, None, {"threshold": 0.93})
    await client.post("/admin/tuning", json={"namespace": "default", "confidence": 0.9})
    config = (await client.get("/admin/config")).json()
    assert config["tuned"]["default"]["set"] == {"threshold": 0.93, "confidence": 0.9}
    assert client.service.tunings.of("default").threshold == 0.93  # type: ignore[attr-defined]

    assert (await client.post("/admin/tuning", json={"namespace": "default", "reset": True})).json()["tuned"] == []
    shown = (await client.get("/admin/tuning")).json()
    assert [one["set"] for one in shown["history"]] == [
        None,
        {"threshold": 0.93, "confidence": 0.9},
        {"threshold": 0.93},
    ]
    assert shown["history"][2]["grounds"] == {"labels": 500}
    assert shown["history"][0]["who"] == "local"
    assert "tuned" not in (await client.get("/admin/config")).json()


async def test_what_the_settings_name_is_not_loosened_by_accident(open_app: Open) -> None:
    async with open_app(threshold=0.95) as client:
        looser = {"namespace": "default", "threshold": 0.9}
        assert_problem(await client.post("/admin/tuning", json=looser), 422, "invalid_request", "threshold")
        answer = await client.post("/admin/tuning", json={**looser, "override": True})
        assert answer.json()["tuned"][0]["threshold"] == 0.9


@pytest.mark.parametrize("body", [{}, {"threshold": 0.9, "reset": True}, {"threshold": 2}, {"treshold": 0.9}])
async def test_a_tuning_that_says_nothing_or_too_much_is_refused(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    answer = await client.post("/admin/tuning", json={"namespace": "default", **body})
    assert answer.status_code == 422
