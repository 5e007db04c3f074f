"""The errors that are left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def section(result: dict[str, Any]) -> Iterator[str]:
    """What is still wrong, by a sample."""
    errors = result["errors"]
    yield "## What is still wrong"
    yield ""
    yield (
        f"As shipped, {errors['wrong']:,} wrong hits and {errors['refused']:,} refusals of pairs that deserve one "
        f"answer were counted. Fifty of each, drawn with seed {result['seed']}:"
    )
    yield ""
    yield "| error | set and class | drawn |"
    yield "| --- | --- | ---: |"
    for side, label in (("wrong", "wrong hit"), ("refused", "refusal")):
        for name, count in sorted(errors["drawn"][side].items(), key=lambda one: (-one[1], one[0])):
            yield f"| {label} | {name.replace('|', '/')} | {count} |"
    yield ""
    yield "Why pairs that deserve one answer were refused, all of them: " + (
        ", ".join(f"{name} {count:,}" for name, count in sorted(errors["causes"].items(), key=lambda one: -one[1]))
        or "-"
    )
