"""Retrieval-augmented answers that are dropped when their source changes.

    python examples/provider.py &
    SEMCACHE_UPSTREAM_BASE_URL=http://127.0.0.1:9000/v1 semcache serve &
    python examples/rag_with_tags.py

Each answer is tagged with the documents that it was made from (`X-Cache-Tags`). When a document is edited, all answers
made from it are invalidated by that tag, and no others. OPENAI_BASE_URL names the gateway, SEMCACHE_URL the service.
"""

from __future__ import annotations

import os

from openai import OpenAI

from semcache.client import Client

MODEL = os.environ.get("MODEL", "demo")
documents = {
    "returns.md": "Goods may be returned within 30 days.",
    "shipping.md": "Orders are shipped within 2 days.",
}
openai = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "none"),
)


def retrieve(question: str) -> str:
    """The document that the answer is in; a vector store would know better."""
    return "shipping.md" if "ship" in question else "returns.md"


def ask(question: str) -> None:
    """Answer from a document, and print where the answer came from."""
    source = retrieve(question)
    raw = openai.chat.completions.with_raw_response.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": f"Answer from the source alone. Source: {documents[source]}"},
            {"role": "user", "content": question},
        ],
        extra_headers={"X-Cache-Tags": f"doc:{source}"},
    )
    print(f"> {question}\n{raw.parse().choices[0].message.content}\n  [{raw.headers['x-cache-status']}]")


if __name__ == "__main__":
    for _ in range(2):
        ask("How long may I return goods?")
        ask("When are orders shipped?")
    with Client() as cache:
        done = cache.admin.invalidate(tags=["doc:returns.md"])
        print(f"-- returns.md is edited: {done.deleted} answer invalidated")
    ask("How long may I return goods?")
    ask("When are orders shipped?")
