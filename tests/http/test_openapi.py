"""The documentation is true: complete, valid, and every example works as it stands."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator

from semcache.http.openapi import document
from semcache.http.table import ROUTES
from tests.gateway.provider import provider
from tests.http.conftest import Open

DOCUMENT = document(ROUTES)
OPERATIONS = [(method, path) for path, methods in DOCUMENT["paths"].items() for method in methods]
API = """
    POST /v1/lookup, POST /v1/store, POST /v1/lookup/batch, POST /v1/store/batch, GET /v1/entries/{entry_id},
    DELETE /v1/entries/{entry_id}, POST /v1/feedback, GET /v1/stats, POST /admin/index/rebuild,
    GET /admin/jobs/{job_id}, DELETE /admin/jobs/{job_id}, POST /admin/invalidate, GET /admin/invalidations,
    GET /admin/labels, GET /admin/tuning, POST /admin/tuning, GET /admin/config, GET /healthz, GET /readyz, GET /metrics
"""


def examples() -> list[Any]:
    found = []
    for method, path in OPERATIONS:
        content = DOCUMENT["paths"][path][method].get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in content.get("examples", {}).items():
            found.append(pytest.param(method, path, example["value"], id=f"{path} {name}"))
    return found


def check(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": DOCUMENT["components"]}
    Draft202012Validator.check_schema(whole)
    Draft202012Validator(whole).validate(value)


def test_every_call_of_the_contract_is_documented() -> None:
    documented = {f"{method.upper()} {path}" for method, path in OPERATIONS}
    assert documented >= set(re.split(r",\s+", API.strip()))


def test_all_schemas_are_schemas() -> None:
    for schema in DOCUMENT["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    assert {"LookupBody", "LookupAnswer", "StoreBody", "StoredAnswer", "Problem"} <= set(
        DOCUMENT["components"]["schemas"]
    )


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_operations_are_whole(method: str, path: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    assert operation["summary"]
    replies = operation["responses"]
    assert any(status.startswith("2") for status in replies)
    assert set(re.findall(r"\{(\w+)\}", path)) == {
        one["name"] for one in operation.get("parameters", []) if one["in"] == "path"
    }
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]
        assert "application/x-ndjson" in content or content["application/json"]["examples"]
        assert {"413", "422"} <= set(replies)
    if path.startswith(("/v1", "/admin", "/metrics")):
        assert {"bearer": []} in operation["security"]
        assert {"401", "403", "503"} <= set(replies)
    for reply in replies.values():
        for content in reply.get("content", {}).values():
            for example in content.get("examples", {}).values():
                check(content["schema"], example["value"])


def test_fields_are_explained() -> None:
    fields = DOCUMENT["components"]["schemas"]["LookupBody"]["properties"]
    assert "never" not in fields
    assert fields["threshold"]["description"].startswith("Least cosine")
    assert fields["user"]["description"].startswith("Who asks")


@pytest.mark.parametrize(("method", "path", "value"), examples())
async def test_an_example_fits_its_schema_and_works(open_app: Open, method: str, path: str, value: Any) -> None:
    with provider() as upstream:
        async with open_app(upstream_base_url=upstream.url, upstream_api_key="k") as client:
            await _works(client, method, path, value)


async def _works(client: httpx.AsyncClient, method: str, path: str, value: Any) -> None:
    operation = DOCUMENT["paths"][path][method]
    check(operation["requestBody"]["content"]["application/json"]["schema"], value)
    if "entry_id" in value:
        stored = await client.post("/v1/store", json={"prompt": "p q", "model": "m", "response": 1})
        value = {**value, "entry_id": stored.json()["entry_id"]}
    answer = await client.request(method, path, json=value)
    reply = operation["responses"][str(answer.status_code)]
    assert answer.status_code < 300, answer.text
    check(reply["content"]["application/json"]["schema"], answer.json())


async def test_answers_of_get_calls_fit_their_schemas(client: httpx.AsyncClient) -> None:
    body = {"prompt": "p q", "model": "m", "response": {"x": None}}
    entry_id = (await client.post("/v1/store", json=body)).json()["entry_id"]
    await client.post("/admin/invalidate", json={"tags": ["none"]})
    hit = await client.post("/v1/lookup", json={"prompt": "p q", "model": "m"})
    paths = {path: path.replace("{entry_id}", entry_id) for method, path in OPERATIONS if method == "get"}
    for documented, path in paths.items():
        if "{" in path or documented in ("/metrics", "/admin/export", "/admin/labels", "/v1/models"):
            continue
        answer = await client.get(path)
        reply = DOCUMENT["paths"][documented]["get"]["responses"]["200"]
        check(reply["content"]["application/json"]["schema"], answer.json())
    reply = DOCUMENT["paths"]["/v1/lookup"]["post"]["responses"]["200"]
    check(reply["content"]["application/json"]["schema"], hit.json())


async def test_the_document_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/openapi.json")).json() == json.loads(json.dumps(DOCUMENT))
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "/openapi.json" in page.text


async def test_the_page_is_whole_in_itself(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "//" not in re.sub(r"(?s)<script>.*</script>|<textarea.*?</textarea>|value=\".*?\"", "", page.text)
    for method, path in OPERATIONS:
        assert f"<code>{method.upper()} {path}</code>" in page.text
    for element in ("style", "script"):
        inside = re.search(rf"(?s)<{element}>(.*?)</{element}>", page.text)
        assert inside is not None
        digest = base64.b64encode(hashlib.sha256(inside[1].encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in page.headers["content-security-policy"]


async def test_problems_fit_their_schema(client: httpx.AsyncClient, open_app: Open) -> None:
    schema = {"$ref": "#/components/schemas/Problem"}
    for method, path in (("POST", "/v1/lookup"), ("GET", "/v1/entries/x"), ("GET", "/x"), ("PUT", "/v1/store")):
        check(schema, (await client.request(method, path)).json())


def test_the_page_names_every_call() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "http.md").read_text()
    for method, path in OPERATIONS:
        assert f"{method.upper()} {path}" in page, f"{method.upper()} {path}"
