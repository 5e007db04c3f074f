"""How long tests wait for what must happen: far longer than any machine needs, so that none of them measures one.

What must *not* happen is watched for a short while instead, and how dear something is, is told by `yardstick`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

LONG_S: Final = 150.0
"""Seconds within which whatever has to happen has happened, however busy the machine."""

_DEADLINES: Final[Mapping[str, Mapping[str, float]]] = {
    "store": {"deadline_s": LONG_S, "write_deadline_s": LONG_S, "connect_timeout_s": LONG_S},
    "embedding": {"deadline_s": LONG_S},
    "verification": {"deadline_s": LONG_S},
    "limits": {"lookup_deadline_s": LONG_S},
}


ENVIRONMENT: Final[Mapping[str, str]] = {
    f"SEMCACHE_{part}__{name}".upper(): f"{seconds:g}"
    for part, least in _DEADLINES.items()
    for name, seconds in least.items()
}
"""The same for a service in a process of its own."""


def patient(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by keyword, with deadlines that no busy machine overruns wherever `changes` name none."""
    return {**changes, **{part: {**least, **changes.get(part, {})} for part, least in _DEADLINES.items()}}
