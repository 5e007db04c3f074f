"""An agent with a tool, cached inside its HTTP client: no gateway, no proxy.

    python examples/provider.py &
    OPENAI_BASE_URL=http://127.0.0.1:9000/v1 python examples/agent_with_tools.py

The model's wish to call the tool may come from the cache: it is the same wish. The tool itself is called each time, and
its result is part of the conversation, so an answer made from an older result is never replayed. The cache runs in this
process (`LocalCache`), in a folder that is forgotten afterwards.
"""

from __future__ import annotations

import itertools
import json
import os
import tempfile
from typing import Any

import httpx2
from openai import OpenAI

from semcache.client import LocalCache
from semcache.client.transport import CachingTransport

MODEL = os.environ.get("MODEL", "demo")
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city, now.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
degrees = itertools.chain([18, 18], itertools.count(19))


def weather(city: str) -> str:
    """The tool: the same twice, then another."""
    return f"{next(degrees)} degrees in {city}"


def run(openai: OpenAI, question: str) -> None:
    """The loop of an agent: ask, call what the model wants called, tell it what came of that, ask again."""
    messages: list[Any] = [{"role": "user", "content": question}]
    statuses = []
    while True:
        raw = openai.chat.completions.with_raw_response.create(model=MODEL, messages=messages, tools=[WEATHER])
        statuses.append(raw.headers["x-cache-status"])
        message = raw.parse().choices[0].message
        if not message.tool_calls:
            print(f"{message.content}  [{', '.join(statuses)}]")
            return
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            result = weather(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})


if __name__ == "__main__":
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCache(embedder="off", data_dir=f"{folder}/data", index_dir=f"{folder}/indexes") as cache,
        httpx2.Client(transport=CachingTransport(cache), timeout=60) as http,
    ):
        openai = OpenAI(
            base_url=os.environ.get("OPENAI_BASE_URL", "http://127.0.0.1:9000/v1"),
            api_key=os.environ.get("OPENAI_API_KEY", "none"),
            http_client=http,
        )
        for _ in range(3):
            run(openai, "How warm is it in Oslo?")
