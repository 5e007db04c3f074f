"""The page at `/docs`: every call with its fields and examples, to read and to try.

Made from the OpenAPI document and whole in itself: it loads nothing from elsewhere, so it works in a closed network
and no third party's script runs beside the admin plane. It knows no route but what the document says.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterator
from typing import Any, Final

from starlette.responses import HTMLResponse

_STYLE: Final = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; } summary code { font-weight: bold; }
details { border-bottom: 1px solid #8884; } details > div { padding: .2rem 0 1rem 1rem; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .1rem 1rem .1rem 0; }
textarea, input, pre { font: 13px/1.4 ui-monospace, monospace; box-sizing: border-box; }
textarea { width: 100%; } pre { overflow: auto; max-height: 30rem; background: #8881; padding: .5rem; }
"""
_SCRIPT: Final = """
document.addEventListener("submit", async event => {
  event.preventDefault();
  const form = event.target, out = form.querySelector("pre"), headers = {};
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const input of form.querySelectorAll("input")) {
    if (!input.value) continue;
    if (input.dataset.where === "path") path = path.replace(`{${input.name}}`, encodeURIComponent(input.value));
    if (input.dataset.where === "query") query.set(input.name, input.value);
    if (input.dataset.where === "header") headers[input.name] = input.value;
  }
  const key = document.getElementById("key").value, body = form.querySelector("textarea");
  if (key) headers["Authorization"] = `Bearer ${key}`;
  if (body) headers["Content-Type"] = "application/json";
  const options = {method: form.dataset.method, headers, body: body ? body.value : undefined};
  out.textContent = "...";
  try {
    const answer = await fetch(path + (String(query) && `?${query}`), options), text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
    out.textContent = `${answer.status} ${answer.statusText}\\n${shown}`;
  } catch (error) { out.textContent = String(error); }
});
document.addEventListener("change", event => {
  if (event.target.matches("select")) event.target.form.querySelector("textarea").value = event.target.value;
});
"""


def page(document: dict[str, Any]) -> HTMLResponse:
    """The page for an OpenAPI document. Its policy allows this style and this script, and no other source."""
    policy = (
        f"default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        f"style-src 'sha256-{_digest(_STYLE)}'; script-src 'sha256-{_digest(_SCRIPT)}'"
    )
    return HTMLResponse("".join(_page(document)), headers={"Content-Security-Policy": policy})


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _page(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    title = f"{_text(info['title'])} {_text(info['version'])}"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield f"<h1>{title}</h1><p>{_text(info['description'])}</p>"
    yield '<p>For tools: <a href="/openapi.json">/openapi.json</a>. '
    yield '<label>API key, where one is needed: <input id="key" type="password" autocomplete="off"></label></p>'
    tag = None
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["tags"][0] != tag:
                tag = operation["tags"][0]
                yield f"<h2>{_text(tag)}</h2>"
            yield from _operation(method.upper(), path, operation, document)
    yield f"<script>{_SCRIPT}</script></html>"


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield f"<details><summary><code>{method} {_text(path)}</code> {_text(operation['summary'])}</summary><div>"
    yield f"<p>{_text(operation.get('description', ''))}</p>"
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body is not None:
        yield from _fields("Body", body["schema"], document)
    yield f'<form data-method="{method}" data-path="{_text(path)}">'
    for one in operation.get("parameters", ()):
        name = _text(one["name"])
        yield f'<p><label>{name} <input name="{name}" data-where="{one["in"]}"></label> {_text(one["description"])}</p>'
    if body is not None:
        yield from _examples(body.get("examples", {}))
    yield "<p><button>Send</button></p><pre></pre></form>"
    for status, reply in operation["responses"].items():
        yield f"<p><b>{status}</b> {_text(reply['description'])}</p>"
        answer = reply.get("content", {}).get("application/json")
        if answer is not None:
            yield from _fields("Answer", answer["schema"], document)
    yield "</div></details>"


def _examples(examples: dict[str, Any]) -> Iterator[str]:
    texts = [(_text(one["summary"]), _text(json.dumps(one["value"], indent=2))) for one in examples.values()]
    if len(texts) > 1:
        options = "".join(f'<option value="{value}">{summary}</option>' for summary, value in texts)
        yield f"<p><label>Example <select>{options}</select></label></p>"
    yield f'<textarea rows="9" aria-label="Body">{texts[0][1] if texts else "{}"}</textarea>'


def _fields(title: str, schema: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    """A table of the fields of a schema; for one of several, or a list of them, a table each."""
    if "items" in schema.get("properties", {}) and "$ref" not in schema:
        schema, title = schema["properties"]["items"]["items"], f"{title}: items, each of them"
    for one in schema.get("anyOf", [schema]):
        found = _resolved(one, document)
        required = found.get("required", ())
        yield f"<details><summary>{title}: {_text(found.get('title', 'object'))}</summary><table>"
        for name, field in found.get("properties", {}).items():
            mark = ", required" if title.startswith("Body") and name in required else ""
            said = _text(field.get("description", ""))
            yield f"<tr><td><code>{_text(name)}</code><td>{_text(_kind(field, document))}{mark}<td>{said}"
        yield "</table></details>"


def _kind(field: dict[str, Any], document: dict[str, Any]) -> str:
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(one, document) for one in field["anyOf"]))
    found = _resolved(field, document)
    if "enum" in found:
        return " | ".join(f'"{value}"' for value in found["enum"])
    if found.get("type") == "array":
        return f"list of {_kind(found['items'], document)}" if "items" in found else "list"
    kind: str = found.get("type", "any JSON")
    return kind


def _resolved(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _text(text: str) -> str:
    return html.escape(str(text))
