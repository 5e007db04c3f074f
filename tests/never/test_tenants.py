"""No wrong tenant's answer, and no other user's personal one, however the caller names itself or what it holds."""

from __future__ import annotations

import itertools
from typing import Any

import httpx
import pytest

from semcache import tokens
from semcache.models import CacheRequest, FillToken
from semcache.policy.freshness import TtlRules
from semcache.policy.identity import identify
from semcache.policy.normalize import Normalizer
from tests.http.conftest import KeyRing, Open
from tests.http.expect import assert_problem

QUESTION: dict[str, Any] = {"prompt": "How tall is the Eiffel Tower?", "model": "m"}
PERSONAL: dict[str, Any] = {"prompt": "What is my account balance?", "model": "m"}
ALL = ("read", "write", "admin")


def as_key(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def store(client: httpx.AsyncClient, body: dict[str, Any], answer: Any, **options: Any) -> str:
    got = await client.post("/v1/store", json={**body, "response": answer}, **options)
    assert got.status_code == 201, got.text
    entry_id: str = got.json()["entry_id"]
    return entry_id


async def found(client: httpx.AsyncClient, body: dict[str, Any], **options: Any) -> Any:
    got = await client.post("/v1/lookup", json=body, **options)
    assert got.status_code == 200, got.text
    return got.json()["response"]


CRAFTED = [
    {"namespace": namespace, "model": model, "model_version": version}
    for text in ("a:b:c", "a/b/c", "a.b.c", "a-b-c", "a+b+c", "a@b@c")
    for cut, later in itertools.combinations(range(1, 6), 2)
    for namespace, model, version in [(text[:cut], text[cut:later], text[later:])]
] + [
    {"namespace": "n", "model": model, "model_version": version}
    for model, version in (
        ("a\0b", "c"), ("a", "b\0c"), ("a\0", "b\0c"), ('a","b', "c"), ("a", 'b","c'), ('a"]', ""), ("a\nb", ""),
        ("a\n", "b"), ("A", ""), ("a ", ""), (" a", ""), ("ａ", ""), ("*", ""), ("a\\u0000b", "c"),
    )
] + [
    {"namespace": name, "model": "m"}
    for name in ("ctl", "s00", "epochs", "fences", "default", "Default", "a:", ":a", "..")
]  # fmt: skip


async def test_names_crafted_to_collide_stay_apart(open_app: Open) -> None:
    async with open_app() as client:
        for number, names in enumerate(CRAFTED):
            await store(client, {**QUESTION, **names}, number)
        for number, names in enumerate(CRAFTED):
            assert await found(client, {**QUESTION, **names}) == number, names
        gone = CRAFTED[0]
        await client.post("/admin/invalidate", json=gone)
        for number, names in enumerate(CRAFTED):
            assert await found(client, {**QUESTION, **names}) == (None if names == gone else number), names


async def test_an_invalidation_by_a_crafted_tag_reaches_no_other_namespace(open_app: Open) -> None:
    async with open_app() as client:
        for number, (namespace, tag) in enumerate((("a", "b:c"), ("a:b", "c"), ("a", "b"), ("a:b", "b:c"))):
            body = {"model": "m", "namespace": namespace, "prompt": f"thing {number}", "tags": [tag]}
            await store(client, body, 1)
        gone = await client.post("/admin/invalidate", json={"namespace": "a", "tags": ["b:c"]})
        assert gone.json()["deleted"] == 1
        left = [
            await found(client, {"model": "m", "namespace": namespace, "prompt": f"thing {number}"})
            for number, namespace in enumerate(("a", "a:b", "a", "a:b"))
        ]
        assert left == [None, 1, 1, 1]


@pytest.mark.parametrize("name", ["a\0b", "a b", "", "a\n", "ä", "a{b}", "a*", "a" * 129, "а"])
async def test_a_namespace_outside_the_alphabet_is_refused(open_app: Open, name: str) -> None:
    async with open_app() as client:
        assert (await client.post("/v1/lookup", json={**QUESTION, "namespace": name})).status_code == 422
        if name.isascii() and name.isprintable():
            header = {"x-cache-namespace": name}
            assert (await client.post("/v1/lookup", json=QUESTION, headers=header)).status_code == 422


async def test_body_and_header_cannot_disagree_their_way_in(open_app: Open, keyring: KeyRing) -> None:
    two = as_key(keyring.add("two", namespaces=("a", "b"), roles=ALL))
    one = as_key(keyring.add("one", namespaces=("b",), roles=ALL))
    async with open_app(api_keys_file=keyring.path) as client:
        await store(client, {**QUESTION, "namespace": "a"}, "of a", headers=two)
        for body, header in (("a", "b"), ("a", None), (None, "a"), ("a", "a")):
            asked = {**QUESTION, **({"namespace": body} if body else {})}
            headers = {**one, **({"x-cache-namespace": header} if header else {})}
            for path, more in (("/v1/lookup", {}), ("/v1/store", {"response": "forged"})):
                answer = await client.post(path, json={**asked, **more}, headers=headers)
                assert_problem(answer, 403, "forbidden")
        # the body wins, and what it names is what is checked
        assert await found(client, {**QUESTION, "namespace": "b"}, headers={**one, "x-cache-namespace": "a"}) is None
        assert await found(client, {**QUESTION, "namespace": "a"}, headers={**two, "x-cache-namespace": "b"}) == "of a"
        crossed = await client.post(
            "/admin/invalidate", json={"namespace": "b", "all": True}, headers={**one, "x-cache-namespace": "a"}
        )
        assert crossed.json()["deleted"] == 0
        for refused in (
            await client.post("/admin/invalidate", json={"all": True}, headers={**one, "x-cache-namespace": "a"}),
            await client.post("/admin/invalidate", json={"namespace": "a", "all": True}, headers=one),
        ):
            assert_problem(refused, 403, "forbidden")
        # two headers are one list, which is no namespace
        twice = [*one.items(), ("x-cache-namespace", "b"), ("x-cache-namespace", "a")]
        assert (await client.post("/v1/lookup", json=QUESTION, headers=twice)).status_code in (403, 422)
        assert await found(client, {**QUESTION, "namespace": "a"}, headers=two) == "of a"


async def test_ids_of_another_tenant_open_nothing(open_app: Open, keyring: KeyRing) -> None:
    a = as_key(keyring.add("a", namespaces=("a",), roles=ALL))
    b = as_key(keyring.add("b", namespaces=("b",), roles=ALL))
    async with open_app(api_keys_file=keyring.path) as client:
        entry_id = await store(client, QUESTION, "of a", headers=a)
        hit = (await client.post("/v1/lookup", json=QUESTION, headers=a)).json()
        for answer in (
            await client.get(f"/v1/entries/{entry_id}", headers=b),
            await client.delete(f"/v1/entries/{entry_id}", headers=b),
            *[
                await client.post("/v1/feedback", json={**body, "correct": False}, headers=b)
                for body in (
                    {"entry_id": entry_id, "prompt": QUESTION["prompt"]},
                    {"request_id": hit["request_id"]},
                    {"request_id": tokens.encode_request_id(entry_id, b"\0" * 32)},
                )
            ],
        ):
            assert_problem(answer, 404, "not_found", "entry_id")
        # what is there and what is not look the same from outside
        there = await client.get(f"/v1/entries/{entry_id}", headers=b)
        absent = await client.get(f"/v1/entries/{'00' * 16}", headers=b)
        assert there.json()["detail"] == absent.json()["detail"]
        for selector in (
            {"entry_ids": [entry_id]}, {"tags": ["x"]}, {"model": "m"}, {"prefix": "How"}, {"contains": "Eiffel"},
            {"pattern": ".*"}, {"older_than_s": 0}, {"all": True}, {"entry_ids": [entry_id], "dry_run": True},
        ):  # fmt: skip
            answer = await client.post("/admin/invalidate", json=selector, headers=b)
            assert (answer.json()["matched"], answer.json()["deleted"]) == (0, 0), selector
        assert await found(client, QUESTION, headers=a) == "of a"
        past = (await client.get("/admin/invalidations", headers=a)).json()["invalidations"]
        assert past == []  # nor does one tenant read what another invalidated


async def test_a_tenant_called_none_reads_nobody_s_history(open_app: Open, keyring: KeyRing) -> None:
    """What names no namespace is no tenant's: not even one's whose name is how code spells that."""
    everyone = as_key(keyring.add("everyone", roles=ALL))
    tenants = [as_key(keyring.add(name, namespaces=(name,), roles=ALL)) for name in ("None", "null", "none")]
    async with open_app(api_keys_file=keyring.path) as client:
        await client.post("/admin/invalidate", json={"prefix": "a secret project"}, headers=everyone)
        for tenant in tenants:
            assert (await client.get("/admin/invalidations", headers=tenant)).json()["invalidations"] == []
        assert len((await client.get("/admin/invalidations", headers=everyone)).json()["invalidations"]) == 1


async def test_tokens_forged_or_replayed_across_tenants_do_nothing(open_app: Open, keyring: KeyRing) -> None:
    a = as_key(keyring.add("a", namespaces=("a",), roles=ALL))
    b = as_key(keyring.add("b", namespaces=("b",), roles=ALL))
    async with open_app(api_keys_file=keyring.path) as client:
        miss = (await client.post("/v1/lookup", json=QUESTION, headers=a)).json()["fill_token"]
        replayed = await client.post("/v1/store", json={**QUESTION, "response": "b's", "fill_token": miss}, headers=b)
        assert replayed.status_code == 422
        other = {**QUESTION, "prompt": "How tall is Big Ben?"}
        moved = await client.post("/v1/store", json={**other, "response": "x", "fill_token": miss}, headers=a)
        assert moved.status_code == 422
        assert await found(client, QUESTION, headers=a) is None
        assert await found(client, QUESTION, headers=b) is None

        await client.post("/admin/invalidate", json={"namespace": "a"}, headers=a)
        real = tokens.decode_fill(miss)
        for epoch, fence in (
            (real.epoch, real.fence), (real.epoch, 2**62), (0, 0), (-1, -1), (2**63, real.fence),
            (real.epoch, 2**64 - 1),
        ):  # fmt: skip
            forged = tokens.encode_fill(FillToken(real.entry_id, epoch, fence, real.issued_ms))
            body = {**QUESTION, "response": "late", "fill_token": forged}
            late = await client.post("/v1/store", json=body, headers=a)
            assert late.json() == {"stored": False, "reason": "invalidated_meanwhile"}, (epoch, fence)
        assert await found(client, QUESTION, headers=a) is None

        # a request id of one's own entry, turned on another's: the id inside is what is checked
        await store(client, QUESTION, "of a", headers=a)
        await store(client, QUESTION, "of b", headers=b)
        hit = (await client.post("/v1/lookup", json=QUESTION, headers=b)).json()
        theirs = (await client.post("/v1/lookup", json=QUESTION, headers=a)).json()
        _, asker, _ = tokens.decode_hit(hit["request_id"])
        for forged in (tokens.encode_request_id(theirs["entry_id"], asker), theirs["request_id"]):
            answer = await client.post("/v1/feedback", json={"request_id": forged, "correct": False}, headers=b)
            assert_problem(answer, 404, "not_found", "entry_id")
        assert await found(client, QUESTION, headers=a) == "of a"


async def test_no_spelling_of_a_user_is_another_principal(open_app: Open, keyring: KeyRing) -> None:
    one = as_key(keyring.add("one", roles=ALL))
    two = as_key(keyring.add("two", roles=ALL))
    async with open_app(api_keys_file=keyring.path) as client:
        await store(client, PERSONAL, "key one's", headers=one)
        await store(client, {**PERSONAL, "user": "ann"}, "ann's", headers=one)
        for name in ("one", "key:one", "user:ann", "Ann", "ann ", "ann\0", "ａnn", "аnn", "null", "None"):
            assert await found(client, {**PERSONAL, "user": name}, headers=two) is None, name
        assert await found(client, PERSONAL, headers=two) is None
        assert await found(client, {**PERSONAL, "user": None}, headers=two) is None
        assert await found(client, PERSONAL, headers=one) == "key one's"
        for spelled in ("What is my account balance", "what's my account balance?", "what is my account balance?"):
            assert await found(client, {**PERSONAL, "prompt": spelled}, headers=two) is None


@pytest.mark.parametrize(
    "who",
    [
        lambda name: {"user": name},
        lambda name: {"safety_identifier": name},
        lambda name: {"metadata": {"user_id": name}},
    ],
    ids=["user", "safety_identifier", "metadata.user_id"],
)
async def test_users_named_in_the_provider_s_own_fields_are_told_apart(
    open_app: Open, keyring: KeyRing, who: Any
) -> None:
    """One application, one key, many users: it names them where the provider's protocol does."""
    app = as_key(keyring.add("app", roles=ALL))
    async with open_app(api_keys_file=keyring.path) as client:
        await store(client, {**PERSONAL, "params": who("ann")}, "ann's", headers=app)
        assert await found(client, {**PERSONAL, "params": who("bob")}, headers=app) is None
        assert await found(client, PERSONAL, headers=app) is None
        assert await found(client, {**PERSONAL, "params": who("ann")}, headers=app) == "ann's"
        # for everybody's questions these fields are transport still
        await store(client, {**QUESTION, "params": who("ann")}, 330, headers=app)
        assert await found(client, {**QUESTION, "params": who("bob")}, headers=app) == 330


async def test_a_personal_entry_of_another_key_is_not_opened_by_its_id(open_app: Open, keyring: KeyRing) -> None:
    """Entry ids are no secrets: whoever guesses the question and the key's name can compute one."""
    ann = as_key(keyring.add("ann", namespaces=("team",), roles=("read", "write")))
    bob = as_key(keyring.add("bob", namespaces=("team",), roles=("read", "write")))
    boss = as_key(keyring.add("boss", namespaces=("team",), roles=ALL))
    async with open_app(api_keys_file=keyring.path) as client:
        await store(client, PERSONAL, "ann's 1000", headers=ann)
        guessed = identify(
            CacheRequest(
                messages=[{"role": "user", "content": PERSONAL["prompt"]}],
                model="m",
                namespace="team",
                principal="key:ann",
            ),
            Normalizer(),
            TtlRules.default(),
        ).entry_id
        path = f"/v1/entries/{guessed}"
        assert (await client.get(path, headers=ann)).json()["response"] == "ann's 1000"
        feedback = {"entry_id": guessed, "prompt": PERSONAL["prompt"], "correct": False}
        for answer in (
            await client.get(path, headers=bob),
            await client.delete(path, headers=bob),
            await client.post("/v1/feedback", json=feedback, headers=bob),
        ):
            assert_problem(answer, 404, "not_found", "entry_id")
        assert await found(client, PERSONAL, headers=ann) == "ann's 1000"
        assert (await client.delete(path, headers=boss)).status_code == 204
