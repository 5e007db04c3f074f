"""Whose answers are whose, and whose key goes where, on the provider routes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.gateway.conftest import Gateway, Seen, many
from tests.gateway.provider import Reply
from tests.http.conftest import KeyRing
from tests.serving import until

PERSONAL = "What is my account balance?"
BOTH = ("read", "write")


class Standing:
    """Two gateways that know the same keys: one passes the caller's provider key on, one has the operator's."""

    def __init__(self, passing: Gateway, operated: Gateway, ring: KeyRing) -> None:
        self.passing = passing
        self.operated = operated
        self.ring = ring
        self.red = ring.add("red", namespaces=("shared", "red"), roles=BOTH)
        self.blue = ring.add("blue", namespaces=("shared", "blue"), roles=BOTH)
        self.reader = ring.add("reader", namespaces=("shared",), roles=("read",))
        self.admin = ring.add("admin", roles=("read", "write", "admin"))


@pytest.fixture(scope="module")
def keyed(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("keyed")
    ring = KeyRing(folder / "keys.toml")
    ring.add("first")
    with many(standalone_server, folder) as opened:
        passing = opened(api_keys_file=ring.path, upstream={"api_key": None})
        yield Standing(passing, opened(api_keys_file=ring.path), ring)


@pytest.fixture
def standing(keyed: Standing) -> Standing:
    """The same, with a clean provider, once both know all keys."""
    for gateway in (keyed.passing, keyed.operated):
        gateway.settled()
        for key in (keyed.red, keyed.blue, keyed.reader, keyed.admin):
            known(gateway, key)
    keyed.passing.provider.forget()
    return keyed


def known(gateway: Gateway, key: str) -> None:
    """Wait until a gateway has read a key from the file."""

    def asked() -> bool:
        return gateway.client.get("/v1/stats", headers={"x-api-key": key}).status_code == 200

    until(asked, what="the key is known")


@pytest.fixture
def open_to_all(open_gateway: Any) -> Gateway:
    """A gateway without keys of its own or of the operator."""
    gateway: Gateway = open_gateway(upstream={"api_key": None})
    return gateway


@pytest.fixture(scope="module")
def open_for_all(standalone_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The same for a module: a prompt for each test."""
    with many(standalone_server, tmp_path_factory.mktemp("open")) as opened:
        yield opened(upstream={"api_key": None})


def bearer(key: str, **more: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}", **more}


def headers_of(gateway: Gateway) -> list[dict[bytes, bytes]]:
    """Of all calls of the provider."""
    return [dict(call.headers) for call in gateway.provider.calls]


def message(gateway: Gateway, prompt: str, headers: dict[str, str]) -> httpx.Response:
    body = {"model": "claude-test", "max_tokens": 9, "messages": [{"role": "user", "content": prompt}]}
    return gateway.client.post("/v1/messages", json=body, headers=headers)


# -- without keys of our own: the provider's key is the tenant -----------------------------------------------------


def test_two_provider_keys_never_share(open_to_all: Gateway) -> None:
    seen = [open_to_all.chat("whose is it?", headers=bearer(key)) for key in ("sk-a", "sk-b", "sk-a", "sk-b")]
    assert [one.status for one in seen] == ["MISS", "MISS", "HIT", "HIT"]
    assert [headers[b"authorization"] for headers in headers_of(open_to_all)] == [b"Bearer sk-a", b"Bearer sk-b"]
    assert seen[0].evidence["entry_id"] != seen[1].evidence["entry_id"]
    streamed = [open_to_all.chat("whose is it?", stream=True, headers=bearer(key)) for key in ("sk-c", "sk-a")]
    assert [one.status for one in streamed] == ["MISS", "HIT"]


def test_two_provider_keys_never_share_embeddings_or_messages(open_to_all: Gateway) -> None:
    body = {"model": "text-embedding-3-small", "input": "whose is it?"}
    seen = [open_to_all.post("/v1/embeddings", body, authorization=f"Bearer {key}") for key in ("a", "b", "a")]
    assert [one.headers["x-cache-status"] for one in seen] == ["MISS", "MISS", "HIT"]
    told = [message(open_to_all, "whose is it?", {"x-api-key": key}) for key in ("a", "b", "a")]
    assert [one.headers["x-cache-status"] for one in told] == ["MISS", "MISS", "HIT"]
    assert [headers.get(b"x-api-key") for headers in headers_of(open_to_all)][-2:] == [b"a", b"b"]


@pytest.mark.parametrize(
    "name",
    [
        "api-key",
        "apikey",
        "x-api-key",
        "x-auth-token",
        "x-litellm-api-key",
        "x-litellm-key",
        "x-goog-api-key",
        "x-amz-security-token",
        "ocp-apim-subscription-key",
        "x-portkey-api-key",
        "helicone-auth",
        "cf-aig-authorization",
        "cf-access-client-secret",
        "x_api_key",
    ],
)
def test_a_key_in_whatever_field_is_a_tenant_of_its_own(open_for_all: Gateway, name: str) -> None:
    prompt = f"whose is it, by {name}?"
    seen = []
    shown: tuple[dict[str, str], ...] = ({name: "a"}, {}, {name: "b"}, {name: "a"})
    for headers in shown:
        seen.append(open_for_all.chat(prompt, headers=headers))
        open_for_all.settled()
    assert [one.status for one in seen] == ["MISS", "MISS", "MISS", "HIT"]
    path = f"/v1/entries/{seen[0].evidence['entry_id']}"
    codes = [open_for_all.client.get(path, headers=headers).status_code for headers in shown[:3]]
    assert codes == [200, 404, 404]


def test_what_is_only_called_a_key_is_no_tenant(open_for_all: Gateway) -> None:
    """Nor is what a proxy in front says of the caller, which goes no further."""
    for name in ("sec-websocket-key", "x-csrf-token", "x-auth-request-access-token", "x-forwarded-access-token"):
        open_for_all.chat("Is this a tenant?", headers={name: "a"})
        open_for_all.settled()
        assert open_for_all.chat("Is this a tenant?", headers={name: "b"}).status == "HIT", name


def test_no_key_of_a_caller_goes_up_beside_the_operator_s(standing: Standing) -> None:
    """Its holder would have the answers of another account shared by all."""
    standing.operated.chat("beside?", headers={"x-api-key": standing.red, "x-litellm-api-key": "theirs"})
    (headers,) = headers_of(standing.operated)
    assert b"x-litellm-api-key" not in headers
    assert headers[b"authorization"] == b"Bearer sk-operator"


def test_only_who_shows_the_key_may_read_the_entry(open_to_all: Gateway) -> None:
    entry_id = open_to_all.chat("an entry of mine", headers=bearer("sk-a")).evidence["entry_id"]
    open_to_all.settled()
    path = f"/v1/entries/{entry_id}"
    for headers in ({}, bearer("sk-b"), {"x-cache-namespace": "default"}):
        assert open_to_all.client.get(path, headers=headers).status_code == 404
        assert open_to_all.client.delete(path, headers=headers).status_code == 404
    mine = open_to_all.client.get(path, headers=bearer("sk-a"))
    assert mine.status_code == 200
    assert b"sk-a" not in mine.content
    hit = {"entry_id": entry_id, "prompt": "x", "correct": False}
    assert open_to_all.post("/v1/feedback", hit).status_code == 404


def test_nobody_can_name_a_namespace_of_a_provider_key(open_to_all: Gateway) -> None:
    open_to_all.chat("derived", headers=bearer("sk-a"))
    namespace = open_to_all.do(open_to_all.service.front.tenancy.namespace("default", b"authorization:bearer sk-a"))  # type: ignore[union-attr]
    assert "~" in namespace
    answer = open_to_all.chat("derived", headers=bearer("sk-b", **{"x-cache-namespace": namespace}))
    assert answer.code == 422
    lookup = {"prompt": "derived", "model": "m", "namespace": namespace}
    assert open_to_all.post("/v1/lookup", lookup).status_code == 422


def test_a_caller_without_any_key_is_a_tenant_of_its_own(open_to_all: Gateway) -> None:
    open_to_all.chat("no key at all", headers=bearer("sk-a"))
    seen = [open_to_all.chat("no key at all") for _ in range(2)]
    assert [one.status for one in seen] == ["MISS", "HIT"]
    assert b"authorization" not in headers_of(open_to_all)[1]


def test_personal_prompts_are_keyed_by_user_else_bypassed(open_to_all: Gateway) -> None:
    statuses = [
        open_to_all.chat(PERSONAL, headers=bearer("sk-a"), **user).status
        for user in ({"user": "ann"}, {"user": "bob"}, {"user": "ann"})
    ]
    assert statuses == ["MISS", "MISS", "HIT"]
    nobody = open_to_all.chat(PERSONAL, headers=bearer("sk-a"))
    assert (nobody.status, nobody.reason) == ("BYPASS", "personal_without_principal")
    assert nobody.code == 200
    other = open_to_all.chat(PERSONAL, headers=bearer("sk-b"), user="ann")
    assert other.status == "MISS"


# -- with keys of our own --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["bearer", "x-api-key"])
def test_a_key_of_ours_never_reaches_upstream(standing: Standing, way: str) -> None:
    ours = bearer(standing.red) if way == "bearer" else {"x-api-key": standing.red}
    theirs = {"x-api-key": "sk-provider"} if way == "bearer" else bearer("sk-provider")
    for gateway in (standing.operated, standing.passing):
        assert gateway.chat(f"our key as {way}", headers={**ours, **theirs}).code == 200
        assert message(gateway, f"our key as {way}", {**ours, **theirs}).status_code == 200
        assert gateway.client.get("/v1/models/m", headers={**ours, **theirs}).status_code == 200
        assert gateway.client.get("/v1/models", headers={**ours, **theirs}).status_code == 200
        embedded = {"model": "m", "input": f"our key as {way} {gateway.url}"}
        sent = gateway.client.post("/v1/embeddings", json=embedded, headers={**ours, **theirs})
        assert sent.status_code == 200
    calls = standing.passing.provider.calls
    assert len(calls) == 10
    for call in calls:
        assert standing.red.encode() not in b" ".join(value for _, value in call.headers)
        assert standing.red.encode() not in call.body
    for call in calls[:5]:
        assert b"sk-provider" not in b" ".join(value for _, value in call.headers)
        assert b"sk-operator" in b" ".join(value for _, value in call.headers)
    for call in calls[5:]:
        assert b"sk-provider" in b" ".join(value for _, value in call.headers)
        assert b"sk-operator" not in b" ".join(value for _, value in call.headers)


def test_one_operator_key_shares_within_a_namespace(standing: Standing) -> None:
    gateway = standing.operated
    seen = [gateway.chat("shared by all", headers=bearer(key)) for key in (standing.red, standing.blue)]
    assert [one.status for one in seen] == ["MISS", "HIT"]
    apart = [
        gateway.chat("shared by all", headers=bearer(key, **{"x-cache-namespace": name}))
        for key, name in ((standing.red, "red"), (standing.blue, "blue"), (standing.red, "red"))
    ]
    assert [one.status for one in apart] == ["MISS", "MISS", "HIT"]
    refused = gateway.chat("shared by all", headers=bearer(standing.red, **{"x-cache-namespace": "blue"}))
    assert refused.code == 403
    assert refused.json["error"]["code"] == "forbidden"


def test_two_provider_keys_do_not_share_within_a_namespace(standing: Standing) -> None:
    gateway = standing.passing
    asked = [("red", "sk-1"), ("blue", "sk-2"), ("blue", "sk-1"), ("red", "sk-2")]
    seen = [
        gateway.chat("paid for by whom?", headers={"x-api-key": getattr(standing, ours), **bearer(theirs)})
        for ours, theirs in asked
    ]
    assert [one.status for one in seen] == ["MISS", "MISS", "HIT", "HIT"]
    entry_id = seen[0].evidence["entry_id"]
    for key in (standing.red, standing.blue, standing.reader):
        assert gateway.client.get(f"/v1/entries/{entry_id}", headers={"x-api-key": key}).status_code == 404
    shown = {"x-api-key": standing.blue, **bearer("sk-1")}
    assert gateway.client.get(f"/v1/entries/{entry_id}", headers=shown).status_code == 200
    assert gateway.client.get(f"/v1/entries/{entry_id}", headers={"x-api-key": standing.admin}).status_code == 200


def test_personal_prompts_are_keyed_by_the_credential(standing: Standing) -> None:
    keys = (standing.red, standing.blue, standing.red)
    seen = [standing.operated.chat(PERSONAL, headers=bearer(key)) for key in keys]
    assert [one.status for one in seen] == ["MISS", "MISS", "HIT"]
    entry_id = seen[0].evidence["entry_id"]
    path = f"/v1/entries/{entry_id}"
    assert standing.operated.client.get(path, headers=bearer(standing.blue)).status_code == 404
    assert standing.operated.client.get(path, headers=bearer(standing.red)).status_code == 200


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"])
def test_without_a_key_of_ours_nothing_is_asked(standing: Standing, path: str) -> None:
    for headers in ({}, bearer("sk-provider"), {"x-api-key": "sc_unknown"}):
        answer = standing.passing.client.post(path, json={}, headers=headers)
        assert answer.status_code == 401
        error = answer.json()["error"]
        if path == "/v1/messages":
            assert (answer.json()["type"], error["type"]) == ("error", "authentication_error")
        else:
            assert error["code"] == "unauthenticated"
    assert standing.passing.client.get("/v1/files").status_code == 401
    assert standing.passing.provider.calls == []


def test_who_may_only_read_gets_answers_and_stores_none(standing: Standing) -> None:
    gateway = standing.operated
    seen = [gateway.chat("read only", headers=bearer(standing.reader)) for _ in range(2)]
    assert [(one.code, one.status) for one in seen] == [(200, "MISS"), (200, "MISS")]
    gateway.chat("read only", headers=bearer(standing.red))
    assert gateway.chat("read only", headers=bearer(standing.reader)).status == "HIT"


def test_a_providers_refusal_of_its_key_is_passed_on(standing: Standing) -> None:
    standing.passing.provider.then(Reply(status=401))
    answer = standing.passing.chat("bad key", headers={"x-api-key": standing.red, **bearer("sk-bad")})
    assert answer.code == 401
    assert answer.json["error"]["message"] == "scripted 401"


def test_the_two_gateways_keep_paid_and_operated_answers_apart(standing: Standing) -> None:
    """They stand on one store: what a caller's own key paid for is not what the operator's paid for."""
    headers = {"x-api-key": standing.red, **bearer("sk-1")}
    seen: list[Seen] = [gateway.chat("who paid?", headers=headers) for gateway in (standing.passing, standing.operated)]
    assert [one.status for one in seen] == ["MISS", "MISS"]


# -- the operator's account -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/responses/resp_1"),
        ("GET", "/v1/files"),
        ("GET", "/v1/files/file-1/content"),
        ("GET", "/v1/organization/admin_api_keys"),
        ("GET", "/v1/messages/batches"),
        ("POST", "/v1/batches"),
        ("DELETE", "/v1/models/ft:gpt:mine"),
        ("GET", "/v1/models%2F..%2Ffiles"),
    ],
)
def test_a_key_of_some_namespaces_does_not_reach_what_lies_in_the_operator_s_account(
    standing: Standing, method: str, path: str
) -> None:
    """Stored answers, files and batches there are everybody's whose requests the operator's key paid for."""
    operated = standing.operated
    refused = operated.client.request(method, path, headers=bearer(standing.red))
    assert refused.status_code in (400, 403, 404), refused.text
    assert operated.provider.calls == []
    if "%" not in path:
        assert operated.client.request(method, path, headers=bearer(standing.admin)).status_code == 200
        own = {"authorization": "Bearer sk-mine", "x-api-key": standing.red}
        assert standing.passing.client.request(method, path, headers=own).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/models"), ("POST", "/v1/moderations"), ("POST", "/v1/messages/count_tokens")],
)
def test_what_leaves_nothing_behind_is_passed_on_for_every_key(standing: Standing, method: str, path: str) -> None:
    assert standing.operated.client.request(method, path, headers=bearer(standing.red)).status_code == 200


@pytest.mark.parametrize("name", ["x-goog-api-key", "ocp-apim-subscription-key", "api-key"])
def test_a_provider_s_key_counts_wherever_it_comes(standing: Standing, name: str) -> None:
    passing, prompt = standing.passing, f"Whose is it by {name}?"
    mine, yours = (bearer(standing.red, **{name: key}) for key in ("key-of-mine", "key-of-yours"))
    assert passing.chat(prompt, headers=mine).status == "MISS"
    passing.settled()
    assert passing.chat(prompt, headers=mine).status == "HIT"
    assert passing.chat(prompt, headers=yours).status == "MISS"
