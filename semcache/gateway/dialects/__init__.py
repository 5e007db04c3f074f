"""Provider protocols, one a module. Pure: JSON and SSE events in and out, no network and no cache."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from semcache.gateway.dialect import Dialect
from semcache.gateway.dialects.chat import Chat
from semcache.gateway.dialects.messages import Messages
from semcache.gateway.dialects.responses import Responses

DIALECTS: Final[Mapping[str, Dialect]] = {dialect.name: dialect for dialect in (Chat(), Responses(), Messages())}
"""Each protocol by its name, such as `openai.chat`."""
