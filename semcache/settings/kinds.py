"""What fields of settings are made of."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Threshold = Annotated[float, Field(ge=0.0, le=1.0)]
Confidence = Annotated[float, Field(ge=0.0, le=1.0)]
ErrorBound = Annotated[float, Field(gt=0.0, lt=1.0)]
Mode = Literal["threshold", "guarded", "verified", "shadow"]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Group(BaseModel):
    """Settings of one part; no other names are known."""

    model_config = ConfigDict(frozen=True, extra="forbid")
