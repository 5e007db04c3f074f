"""A cache for LangChain: `set_llm_cache(SemcacheLangChain(Client()))`, or `ChatOpenAI(cache=...)`.

LangChain gives a prompt as text (for chat models the JSON of all messages) and the model's whole configuration as
another. The configuration counts as it is, so nothing crosses models or settings; of a conversation, the last message
of the user is compared for meaning and all before it must be the same. Answers are kept as plain data: reading one
back makes generations and messages and nothing else, whatever stands in it.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.caches import BaseCache
from langchain_core.messages import AIMessage, message_to_dict, messages_from_dict
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, Generation, GenerationChunk

from semcache.client import calls
from semcache.client.answers import Lookup, Stored
from semcache.client.asynchronous import AsyncClient
from semcache.client.blocking import Client
from semcache.client.core import Call
from semcache.client.items import Context, LookupItem, StoreItem, Strategy
from semcache.client.keying import flaw_of
from semcache.client.local import LocalCache

log = logging.getLogger("semcache.client")

_KINDS: Final[dict[str, type[Generation]]] = {
    kind.__name__: kind for kind in (Generation, GenerationChunk, ChatGeneration, ChatGenerationChunk)
}
_ROLES: Final = {
    "HumanMessage": "user",
    "SystemMessage": "system",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "ToolMessage": "tool",
}
_UNTOLD: Final = frozenset({"type", "id", "usage_metadata"})
"""Of a message: what the model is not told in the next turn. What an answer used is no part of it, and LangChain notes
there of one from a cache that it cost nothing. `response_metadata` counts: a response's id in it may stand for turns
that the provider alone has, and its provider decides which blocks are sent."""
_UNFINISHED: Final = frozenset(
    {
        "length",
        "max_tokens",
        "model_length",
        "incomplete",
        "content_filter",
        "safety",
        "recitation",
        "refusal",
        "pause_turn",
        "error",
    }
)
"""How providers call it that an answer was cut off, filtered or refused: none of these is kept."""
_MODEL = re.compile(r"""["'](?:model_name|model|model_id)["'][:,]\s*["']([^"']{1,256})["']""")
_PENDING: Final = 1024
"""Misses whose fill is remembered."""


class SemcacheLangChain(BaseCache):
    """LangChain's cache on semcache."""

    def __init__(
        self,
        client: Client,
        *,
        async_client: AsyncClient | None = None,
        namespace: str = "langchain",
        ttl_s: float | None = None,
        tags: Sequence[str] = (),
        strategy: Strategy | None = None,
        context: Context | None = None,
    ) -> None:
        """`client` may be a `LocalCache`. Without `async_client`, asynchronous calls wait in threads. `clear` empties
        `namespace`. `ttl_s` and `tags` as in `store`; `strategy`: how far lookups may go;
        `context`: whether what precedes the last message must be the same (`exact`) or may be reworded (`semantic`),
        as in `lookup` and `store`.
        """
        self._client = client
        self._async_client = client.aio if isinstance(client, LocalCache) and async_client is None else async_client
        self._namespace = namespace
        self._ttl_s = ttl_s
        self._tags = tags
        self._strategy = strategy
        self._context = context
        self._lock = threading.Lock()
        self._fills: OrderedDict[tuple[str, str], str] = OrderedDict()

    def lookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """The generations kept for a prompt and a configuration; None for a miss."""
        return self._found(prompt, llm_string, self._client.run(self._find(prompt, llm_string)))

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep generations, unless one was cut off, filtered or refused."""
        call = self._keep(prompt, llm_string, return_val)
        if call is not None:
            self._client.run(call)

    def clear(self, **kwargs: Any) -> None:
        """Invalidate the namespace, or what `admin.invalidate`'s selectors given as keywords choose of it.

        Needs an admin key. Raises ClientError, CacheUnavailable.
        """
        self._client.admin.invalidate(namespace=self._namespace, **(kwargs or {"all": True}))

    async def alookup(self, prompt: str, llm_string: str) -> list[Generation] | None:
        """`lookup`, asynchronously."""
        if self._async_client is None:
            found: list[Generation] | None = await super().alookup(prompt, llm_string)  # type: ignore[assignment]
            return found
        return self._found(prompt, llm_string, await self._async_client.run(self._find(prompt, llm_string)))

    async def aupdate(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """`update`, asynchronously."""
        if self._async_client is None:
            await super().aupdate(prompt, llm_string, return_val)
            return
        call = self._keep(prompt, llm_string, return_val)
        if call is not None:
            await self._async_client.run(call)

    async def aclear(self, **kwargs: Any) -> None:
        """`clear`, asynchronously."""
        if self._async_client is None:
            await super().aclear(**kwargs)
            return
        await self._async_client.admin.invalidate(namespace=self._namespace, **(kwargs or {"all": True}))

    # -- what is asked and kept -----------------------------------------------------------------------------------

    def _find(self, prompt: str, llm_string: str) -> Call[Lookup]:
        return calls.find(
            LookupItem(**self._identity(prompt, llm_string), strategy=self._strategy, context=self._context)
        )

    def _found(self, prompt: str, llm_string: str, found: Lookup) -> list[Generation] | None:
        if not found.hit:
            if found.fill_token is not None:
                with self._lock:
                    self._fills[prompt, llm_string] = found.fill_token
                    while len(self._fills) > _PENDING:
                        self._fills.popitem(last=False)
            return None
        generations = _read(found.response)
        if generations is None:
            log.warning("entry %s holds no generations of LangChain", found.entry_id)
        return generations

    def _keep(self, prompt: str, llm_string: str, generations: Sequence[Generation]) -> Call[Stored] | None:
        with self._lock:
            fill_token = self._fills.pop((prompt, llm_string), None)
        written = [_written(generation) for generation in generations]
        flaw = flaw_of(written)
        if flaw is not None:
            log.debug("generations are not kept: %s", flaw)
            return None
        if not written or any(map(_unfinished, generations)):
            return None
        return calls.keep(
            StoreItem(
                **self._identity(prompt, llm_string),
                strategy="exact" if any(map(_calls_tools, generations)) else self._strategy,
                context=self._context,
                response={"generations": written},
                fill_token=fill_token,
                ttl_s=self._ttl_s,
                tags=self._tags,
            )
        )

    def _identity(self, prompt: str, llm_string: str) -> dict[str, Any]:
        named = _MODEL.search(llm_string)
        messages = _messages(prompt)
        return {
            "namespace": self._namespace,
            "model": named.group(1) if named is not None else "langchain",  # a label: `llm` tells models apart
            "params": {"protocol": "langchain", "chat": messages is not None, "llm": llm_string},
            "messages": messages if messages is not None else [{"role": "user", "content": prompt}],
        }


def _messages(prompt: str) -> list[dict[str, Any]] | None:
    """The messages of a chat prompt; None for one that is text, or has kinds of messages that are not known here."""
    if not prompt.startswith("["):
        return None
    try:
        dumped = json.loads(prompt)
    except (ValueError, RecursionError):
        return None
    messages = [_message(one) for one in dumped]
    known = [message for message in messages if message is not None]
    return known if known and len(known) == len(messages) else None


def _message(dumped: Any) -> dict[str, Any] | None:
    """`{"lc": 1, "type": "constructor", "id": [..., "HumanMessage"], "kwargs": {...}}` as a message with a role."""
    if not isinstance(dumped, dict) or set(dumped) != {"lc", "type", "id", "kwargs"}:
        return None
    kind, fields = dumped["id"], dumped["kwargs"]
    role = _ROLES.get(kind[-1]) if isinstance(kind, list) and kind and isinstance(kind[-1], str) else None
    if role is None or not isinstance(fields, dict) or dumped["type"] != "constructor" or "role" in fields:
        return None
    return {"role": role, **{name: value for name, value in fields.items() if name not in _UNTOLD}}


def _written(generation: Generation) -> dict[str, Any]:
    found = {
        "kind": type(generation).__name__,
        "text": generation.text,
        "generation_info": generation.generation_info,
    }
    if isinstance(generation, ChatGeneration):
        found["message"] = message_to_dict(generation.message)
    return found


def _read(response: Any) -> list[Generation] | None:
    """The generations that `_written` wrote; None for anything else."""
    try:
        return [_generation(one) for one in response["generations"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _generation(written: Mapping[str, Any]) -> Generation:
    kind = _KINDS[written["kind"]]
    if issubclass(kind, ChatGeneration):
        [message] = messages_from_dict([written["message"]])
        return kind(message=message, generation_info=written["generation_info"])
    return kind(text=written["text"], generation_info=written["generation_info"])


def _unfinished(generation: Generation) -> bool:
    said: list[Any] = [(generation.generation_info or {}).get(name) for name in ("finish_reason", "stop_reason")]
    if isinstance(generation, ChatGeneration):
        metadata = generation.message.response_metadata
        said += [metadata.get(name) for name in ("finish_reason", "stop_reason", "status")]
    return any(isinstance(reason, str) and reason.lower() in _UNFINISHED for reason in said)


def _calls_tools(generation: Generation) -> bool:
    """Such an answer acts: it is found by the very same conversation alone."""
    message = generation.message if isinstance(generation, ChatGeneration) else None
    return isinstance(message, AIMessage) and bool(message.tool_calls or message.invalid_tool_calls)
