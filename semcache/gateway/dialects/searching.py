"""Requests whose answer the provider looks up in a world that changes, without a tool that says so.

Some fields ask for it, and some models do it unasked. Tools are each dialect's own business: what it does not know
there counts as hosted. Fields are read where they stand, and in `extra_body`, of which proxies make fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_FIELDS: Final = (
    "web_search_options",  # OpenAI
    "search_parameters",  # xAI
    "enable_search",  # Qwen
    "plugins",  # OpenRouter
    "web_search",  # Baidu, and several relays
    "enable_web_search",
    "enable_enhancement",  # Tencent, with the two that follow
    "force_search_enhancement",
    "enable_deep_search",
    "connectors",  # Cohere
    "data_sources",  # Azure's own data, under both names
    "dataSources",
)
_OFF: Final[tuple[Any, ...]] = (None, False, [], "", "off", "none", "disabled")

_MODELS: Final = re.compile(
    r"-search-(preview|api)"  # OpenAI
    r"|deep-(re)?search|deepsearch"  # OpenAI, Perplexity, Google, Jina
    r"|:online(:|$)|-online$"  # OpenRouter's suffix, Perplexity of before
    r"|\bsonar\b"  # Perplexity
    r"|(^|/)compound(-beta)?(-mini)?$"  # Groq
    r"|(^|/)exa(-pro|-research|-research-pro)?$",  # Exa
    re.IGNORECASE,
)
"""In names of models that look things up unasked."""


def asked(body: Mapping[str, Any], model: str) -> list[str]:
    """By what a request lets its provider look things up: names of fields, `web_search` for the model itself."""
    inner = body.get("extra_body")
    places = [body, inner] if isinstance(inner, dict) else [body]
    found = [name for name in _FIELDS if any(place.get(name) not in _OFF for place in places)]
    return [*found, "web_search"] if _MODELS.search(model) else found
