"""Walk a running service through all tiers with labelled pairs: store one side, look up both.

    make serve                                   # in another terminal
    python benchmarks/walkthrough.py --data pairs.jsonl.gz --count 1000

Stores the `a` of `--count` pairs with `same: 1` through POST /v1/store/batch, then asks over POST /v1/lookup for the
same text (exact), for another spelling of it (normalized), for its paraphrase `b` (semantic, or a miss with its
reason) and for texts that were never stored. Prints what came back; exits with 1 if an identical request was not an
exact hit. (A respelled one may miss where blanks could matter: in code and formulas they are left alone.)
"""

from __future__ import annotations

import argparse
import collections
import json
import statistics
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.streams import rows

_BATCH = 100


def main() -> int:
    """Store, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="JSON lines of pairs (a, b, same), .gz or plain")
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="where the service listens")
    parser.add_argument("--count", type=int, default=1000, help="pairs to store (default 1000)")
    parser.add_argument("--threshold", type=float, help="cosine threshold of the lookups (tightens only)")
    chosen = parser.parse_args()
    pairs, never = _pairs(chosen.data, chosen.count)
    namespace = f"walk-{time.time_ns()}"
    skipped = _store(chosen.url, namespace, [pair["a"] for pair in pairs])
    kept = [pair for number, pair in enumerate(pairs) if number not in skipped]
    print(f"stored {len(kept)} of {len(pairs)} prompts; refused by policy: {collections.Counter(skipped.values())}")
    asked = {
        "the same text": [pair["a"] for pair in kept],
        "another spelling": [_respelled(pair["a"]) for pair in kept],
        "its paraphrase": [pair["b"] for pair in kept],
        "texts never stored": never,
    }
    failed = False
    for what, texts in asked.items():
        answers, times = _look_up(chosen, namespace, texts)
        _show(what, answers, times)
        failed |= what == "the same text" and any(answer["tier"] != "exact" for answer in answers)
    return int(failed)


def _pairs(path: Path, count: int) -> tuple[list[dict[str, Any]], list[str]]:
    """`count` positive pairs whose `a` are different, and a tenth as many texts that are in none of them."""
    pairs: dict[str, dict[str, Any]] = {}
    others: dict[str, None] = {}
    for row in rows(path):
        if row["same"] and len(pairs) < count:
            pairs.setdefault(row["a"], row)
        elif len(pairs) >= count and not row["same"]:
            others.setdefault(row["a"])
        if len(others) >= max(1, count // 10):
            break
    used = {text for pair in pairs.values() for text in (pair["a"], pair["b"])}
    return list(pairs.values()), [text for text in others if text not in used]


def _respelled(text: str) -> str:
    """The same request as somebody else types it: other blanks, a typographic apostrophe. Quoted text stays."""
    if '"' in text or " '" in text or "(" in text:
        return f" {text} "
    return "  " + text.replace("'", "’").replace(" ", "  ")


def _store(url: str, namespace: str, texts: list[str]) -> dict[int, str]:
    refused: dict[int, str] = {}
    for start in range(0, len(texts), _BATCH):
        items = [
            {"prompt": text, "model": "walk", "namespace": namespace, "user": "walker", "response": {"answer": number}}
            for number, text in enumerate(texts[start : start + _BATCH], start)
        ]
        for number, outcome in enumerate(_post(f"{url}/v1/store/batch", {"items": items})["items"], start):
            if "entry_id" not in outcome:
                refused[number] = str(outcome.get("reason") or outcome.get("code"))
    return refused


def _look_up(chosen: argparse.Namespace, namespace: str, texts: list[str]) -> tuple[list[dict[str, Any]], list[float]]:
    answers, times = [], []
    for text in texts:
        body = {"prompt": text, "model": "walk", "namespace": namespace, "user": "walker"}
        if chosen.threshold is not None:
            body["threshold"] = chosen.threshold
        began = time.perf_counter()
        answers.append(_post(f"{chosen.url}/v1/lookup", body))
        times.append(1000 * (time.perf_counter() - began))
    return answers, times


def _show(what: str, answers: list[dict[str, Any]], times: list[float]) -> None:
    kinds = collections.Counter(
        f"hit {answer['tier']}" if answer["hit"] else f"miss {answer['reason']}" for answer in answers
    )
    told = ", ".join(f"{kind}: {count}" for kind, count in kinds.most_common())
    print(f"{what} ({len(answers)}): {told}; p50 {statistics.median(times):.2f} ms")


def _post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


if __name__ == "__main__":
    raise SystemExit(main())
