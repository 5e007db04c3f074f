"""A caller is who its credential says, on every route."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem

QUESTION: dict[str, Any] = {"prompt": "How tall is the Eiffel Tower?", "model": "m1"}
PERSONAL: dict[str, Any] = {"prompt": "What is my account balance?", "model": "m1"}
ROUTES = [
    ("POST", "/v1/lookup"),
    ("POST", "/v1/store"),
    ("POST", "/v1/lookup/batch"),
    ("POST", "/v1/store/batch"),
    ("GET", f"/v1/entries/{'00' * 16}"),
    ("DELETE", f"/v1/entries/{'00' * 16}"),
    ("POST", "/v1/feedback"),
    ("GET", "/v1/stats"),
    ("GET", "/metrics"),
]
ADMIN_ROUTES = [
    ("POST", "/admin/index/rebuild"),
    ("GET", "/admin/jobs/x"),
    ("DELETE", "/admin/jobs/x"),
    ("POST", "/admin/invalidate"),
    ("GET", "/admin/invalidations"),
    ("GET", "/admin/config"),
    ("GET", "/admin/labels"),
    ("GET", "/admin/tuning"),
    ("POST", "/admin/tuning"),
]


def as_key(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_asks_for_a_key(open_app: Open, keyring: KeyRing, method: str, path: str) -> None:
    keyring.add("someone")
    async with open_app(api_keys_file=keyring.path) as client:
        answer = await client.request(method, path, json={})
        assert_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert_problem(await client.request(method, path, json={}, headers=as_key("sc_x")), 401, "unauthenticated")


async def test_only_health_is_open(open_app: Open, keyring: KeyRing) -> None:
    async with open_app(api_keys_file=keyring.path) as client:
        for path in ("/healthz", "/readyz", "/openapi.json", "/docs"):
            assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(("method", "path"), ADMIN_ROUTES)
async def test_every_admin_route_needs_the_admin_key(open_app: Open, keyring: KeyRing, method: str, path: str) -> None:
    reader = keyring.add("reader", roles=("read", "write"))
    async with open_app(api_keys_file=keyring.path, admin_key="the-admin") as client:
        assert_problem(await client.request(method, path), 401, "unauthenticated")
        assert_problem(await client.request(method, path, headers=as_key(reader)), 403, "forbidden")
        answer = await client.request(method, path, json={}, headers=as_key("the-admin"))
        assert answer.status_code not in (401, 403)
    async with open_app(peer="203.0.113.5") as client:
        assert_problem(await client.request(method, path), 403, "forbidden")
    async with open_app(headers={"x-forwarded-for": "203.0.113.5"}) as client:
        assert_problem(await client.request(method, path), 403, "forbidden")


async def test_a_key_stays_inside_its_namespaces(open_app: Open, keyring: KeyRing) -> None:
    both = ("read", "write")
    a = as_key(keyring.add("a", namespaces=("a",), roles=both))
    b = as_key(keyring.add("b", namespaces=("b",), roles=both))
    async with open_app(api_keys_file=keyring.path) as client:
        kept = (await client.post("/v1/store", json={**QUESTION, "response": 1}, headers=a)).json()
        path = f"/v1/entries/{kept['entry_id']}"
        assert (await client.get(path, headers=a)).json()["namespace"] == "a"

        assert (await client.post("/v1/lookup", json=QUESTION, headers=b)).json()["hit"] is False
        for foreign in ({"json": {**QUESTION, "namespace": "a"}}, {"json": QUESTION, "ns": "a"}):
            headers = {**b, **({"x-cache-namespace": str(foreign["ns"])} if "ns" in foreign else {})}
            for route, more in (("/v1/lookup", {}), ("/v1/store", {"response": 2})):
                body = {**foreign["json"], **more}  # type: ignore[dict-item]
                assert_problem(await client.post(route, json=body, headers=headers), 403, "forbidden")
        batch = {"items": [QUESTION, {**QUESTION, "namespace": "a"}]}
        outcomes = (await client.post("/v1/lookup/batch", json=batch, headers=b)).json()["items"]
        assert [one.get("code") for one in outcomes] == [None, "forbidden"]

        for method in ("GET", "DELETE"):
            assert_problem(await client.request(method, path, headers=b), 404, "not_found", "entry_id")
        hit = (await client.post("/v1/lookup", json=QUESTION, headers=a)).json()
        for body in (
            {"entry_id": kept["entry_id"], "prompt": QUESTION["prompt"], "correct": False},
            {"request_id": hit["request_id"], "correct": False},
        ):
            assert_problem(await client.post("/v1/feedback", json=body, headers=b), 404, "not_found", "entry_id")
        assert (await client.post("/v1/lookup", json=QUESTION, headers=a)).json()["hit"] is True

        stats = (await client.get("/v1/stats", headers=b)).json()
        assert set(stats["namespaces"]) == {"b"}
        assert stats["entries"] == 0
        assert_problem(await client.get("/v1/stats?namespace=a", headers=b), 403, "forbidden")
        assert_problem(await client.get("/metrics", headers=b), 403, "forbidden")


async def test_roles_are_kept_apart(open_app: Open, keyring: KeyRing) -> None:
    reader = as_key(keyring.add("reader", roles=("read",)))
    writer = as_key(keyring.add("writer", roles=("write",)))
    async with open_app(api_keys_file=keyring.path) as client:
        assert (await client.post("/v1/lookup", json=QUESTION, headers=reader)).status_code == 200
        assert_problem(await client.post("/v1/store", json={}, headers=reader), 403, "forbidden")
        assert (await client.post("/v1/store", json={**QUESTION, "response": 1}, headers=writer)).status_code == 201
        assert_problem(await client.post("/v1/lookup", json={}, headers=writer), 403, "forbidden")
        assert (await client.get("/metrics", headers=reader)).status_code == 200


async def test_an_admin_of_one_namespace_reaches_no_other(open_app: Open, keyring: KeyRing) -> None:
    admin = as_key(keyring.add("a-admin", namespaces=("a",), roles=("admin",)))
    writer = as_key(keyring.add("writer", roles=("read", "write")))
    async with open_app(api_keys_file=keyring.path) as client:
        for namespace in ("a", "b"):
            body = {**QUESTION, "response": 1, "namespace": namespace}
            assert (await client.post("/v1/store", json=body, headers=writer)).status_code == 201
        for refused in ({"namespace": "b"}, {"namespace": "b", "model": "m1"}):
            assert_problem(await client.post("/admin/invalidate", json=refused, headers=admin), 403, "forbidden")
        everything = await client.post("/admin/invalidate", json={"model": "m1"}, headers=admin)
        assert (everything.json()["matched"], everything.json()["deleted"]) == (1, 1)
        found = {}
        for namespace in ("a", "b"):
            answer = await client.post("/v1/lookup", json={**QUESTION, "namespace": namespace}, headers=writer)
            found[namespace] = answer.json()["hit"]
        assert found == {"a": False, "b": True}
        assert_problem(await client.post("/admin/index/rebuild", json={}, headers=admin), 403, "forbidden")
        assert_problem(await client.get("/admin/config", headers=admin), 403, "forbidden")


async def test_personal_answers_belong_to_their_asker(open_app: Open, keyring: KeyRing) -> None:
    one = as_key(keyring.add("one", roles=("read", "write")))
    two = as_key(keyring.add("two", roles=("read", "write")))
    async with open_app(api_keys_file=keyring.path) as client:

        async def hit(headers: dict[str, str], **more: Any) -> bool:
            answer = await client.post("/v1/lookup", json={**PERSONAL, **more}, headers=headers)
            found: bool = answer.json()["hit"]
            return found

        stored = await client.post("/v1/store", json={**PERSONAL, "response": 100}, headers=one)
        assert stored.json()["ttl_class"] == "personal"
        assert await hit(one)
        assert not await hit(two)
        assert not await hit(two, user="one")
        assert not await hit(two, user="key:one")
        assert not await hit(one, user="u1")
    async with open_app() as client:
        refused = await client.post("/v1/store", json={**PERSONAL, "response": 100})
        assert refused.json() == {"stored": False, "reason": "personal_without_principal"}
        bypass = await client.post("/v1/lookup", json=PERSONAL)
        assert bypass.headers["x-cache-status"] == "BYPASS"
        assert bypass.json()["reason"] == "personal_without_principal"


async def test_a_web_page_cannot_reach_the_keyless_service(client: httpx.AsyncClient) -> None:
    rebound = await client.post("/v1/lookup", json=QUESTION, headers={"host": "evil.example"})
    assert_problem(rebound, 403, "forbidden")
    cross = await client.post("/v1/store", json={**QUESTION, "response": 1}, headers={"origin": "https://evil.example"})
    assert_problem(cross, 403, "forbidden")
