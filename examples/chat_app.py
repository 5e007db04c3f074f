"""A chat application behind the gateway: the official OpenAI client, of which only the base URL has changed.

    python examples/provider.py &
    SEMCACHE_UPSTREAM_BASE_URL=http://127.0.0.1:9000/v1 semcache serve &
    python examples/chat_app.py

Asks the same twice, the second time streamed: the first answer comes from the model, the second from the cache.
OPENAI_BASE_URL names the gateway, OPENAI_API_KEY the key for the provider, MODEL the model.
"""

from __future__ import annotations

import os
import time

from openai import OpenAI

MODEL = os.environ.get("MODEL", "demo")
client = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:8080/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "none"),
)


def ask(question: str) -> None:
    """Ask, and print the answer as it comes."""
    begun = time.perf_counter()
    raw = client.chat.completions.with_raw_response.create(
        model=MODEL,
        messages=[{"role": "system", "content": "Answer briefly."}, {"role": "user", "content": question}],
        stream=True,
    )
    for chunk in raw.parse():
        if chunk.choices and chunk.choices[0].delta.content:
            print(chunk.choices[0].delta.content, end="", flush=True)
    print(f"\n  [{raw.headers['x-cache-status']}, {(time.perf_counter() - begun) * 1000:.0f} ms]")


if __name__ == "__main__":
    for question in ("Why is the sky blue?", "Why is the sky blue?", "why is the sky blue"):
        print(f"> {question}")
        ask(question)
