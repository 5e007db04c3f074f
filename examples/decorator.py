"""A function that calls a model, cached by a decorator.

    python examples/provider.py &
    semcache serve &
    OPENAI_BASE_URL=http://127.0.0.1:9000/v1 python examples/decorator.py

The arguments make the key: the question by its meaning, the style as it is. If the service (SEMCACHE_URL) is down, the
function is simply called.
"""

from __future__ import annotations

import os
import time

from openai import OpenAI

from semcache.client import Client, cached

MODEL = os.environ.get("MODEL", "demo")
openai = OpenAI(
    base_url=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:9000/v1"),
    api_key=os.environ.get("OPENAI_API_KEY", "none"),
)
cache = Client(namespace="examples")


@cached(model=MODEL, client=cache, ttl_s=600, tags=["demo"])
def explain(question: str, *, style: str = "plain") -> str:
    """Ask the model."""
    completion = openai.chat.completions.create(
        model=MODEL,
        messages=[
            {"role": "system", "content": f"Be {style}."},
            {"role": "user", "content": question},
        ],
    )
    return completion.choices[0].message.content or ""


if __name__ == "__main__":
    with cache:
        for style in ("plain", "plain", "poetic"):
            begun = time.perf_counter()
            answer = explain("What is the capital of France?", style=style)
            print(f"{style}: {answer}  [{(time.perf_counter() - begun) * 1000:.0f} ms]")
