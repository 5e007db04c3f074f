"""`semcache feedback`: say whether a hit was right. Standard library only."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from semcache.cli import remote
from semcache.errors import RequestError


def run(chosen: argparse.Namespace) -> int:
    """Send it, and say what it did. Raises RequestError where the hit is not named."""
    asked = chosen.prompt is not None or chosen.messages is not None
    if chosen.request_id is None and (chosen.entry_id is None or not asked):
        raise RequestError("name the hit: --request-id, or --entry-id and --prompt or --messages")
    body = {
        "correct": chosen.correct,
        "request_id": chosen.request_id,
        "entry_id": chosen.entry_id,
        "prompt": chosen.prompt,
        "messages": _messages(chosen.messages),
        "answer": _answer(chosen.answer),
        "user": chosen.user,
    }
    done = remote.call(
        chosen, "POST", "/v1/feedback", {name: value for name, value in body.items() if value is not None}
    )
    barred = "is not served to that prompt again" if done["vetoed"] else "may be served to that prompt"
    print(f"entry {done['entry_id']} {barred}{'' if done.get('learned') else '; nothing new was learned'}")
    return 0


def _messages(name: str | None) -> object:
    """The messages in a file. Raises RequestError where there are none."""
    if name is None:
        return None
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{name}: {error}") from error


def _answer(given: str | None) -> object:
    """JSON where it is JSON, else the text itself."""
    if given is None:
        return None
    try:
        return json.loads(given)
    except ValueError:
        return given
