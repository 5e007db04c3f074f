"""The house's table of TTL rules: data for `freshness`, written to be read, copied and replaced.

Patterns see the prompt in lower case. Every gap in them is bounded (`.{0,40}`), so a long prompt costs linear time.
"""

from __future__ import annotations

from typing import Any, Final

from semcache.policy.ttl_rules_own import NEVER, PERSONAL
from semcache.policy.ttl_rules_topics import CODE, CONVERSATION, STATIC, TIME_SENSITIVE

DEFAULT_TABLE: Final[list[dict[str, Any]]] = [*NEVER, *PERSONAL, *TIME_SENSITIVE, *CODE, *CONVERSATION, *STATIC]
"""All rules; whatever none of them claims is general, or conversation where it continues one."""
