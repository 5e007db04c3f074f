"""What decides how long an answer lives."""

from __future__ import annotations

from enum import StrEnum


class TtlClass(StrEnum):
    """What kind of answer a prompt asks for, as far as its life is concerned."""

    STATIC = "static"
    GENERAL = "general"
    CODE = "code"
    CONVERSATION = "conversation"
    PERSONAL = "personal"
    TIME_SENSITIVE = "time_sensitive"
    NEVER = "never"
