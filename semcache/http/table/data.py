"""The data plane: find, keep, judge."""

from __future__ import annotations

import functools
from typing import Any, Final

from semcache.http import answers, bodies, data, rates
from semcache.http.access import Role
from semcache.http.problems import Problem
from semcache.http.routes import Example, Items, Parameter, Reply, Route
from semcache.http.table.parameters import NAMESPACE, ONLY

_QUESTION: Final = {"prompt": "What is the capital of France?", "model": "gpt-4o-mini", "params": {"temperature": 0}}
_ANSWER: Final = {"choices": [{"message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}]}
_CHAT: Final = {
    "messages": [
        {"role": "system", "content": "Answer in one sentence."},
        {"role": "user", "content": "Why is the sky blue?"},
    ],
    "model": "gpt-4o-mini",
    "model_version": "2024-07-18",
}
_STORED: Final = {
    **_QUESTION,
    "response": _ANSWER,
    "tags": ["geography"],
    "usage": {"input_tokens": 14, "output_tokens": 3},
    "cost_usd": 0.000004,
    "latency_ms": 640,
}
_ENTRY_ID: Final = "0b7c1f0e9d2a4b6c8e0f1a2b3c4d5e6f"
_HIT: Final[dict[str, Any]] = {
    "hit": True,
    "tier": "exact",
    "response": _ANSWER,
    "similarity": 1.0,
    "confidence": None,
    "entry_id": _ENTRY_ID,
    "matched_prompt": "What is the capital of France?",
    "model": "gpt-4o-mini",
    "model_version": "",
    "created_at": "2026-01-05T10:00:00Z",
    "age_s": 12.5,
    "expires_in_s": 604787.5,
    "ttl_class": "static",
    "reason": None,
    "nearest": None,
    "fill_token": None,
    "request_id": "cjELfB8OnSpLbI4PGis8TV5v",
    "strategy": None,
}
_MISS: Final[dict[str, Any]] = {
    **dict.fromkeys(_HIT),
    "hit": False,
    "reason": "below_threshold",
    "nearest": {"similarity": 0.71, "entry_id": _ENTRY_ID},
    "fill_token": "lNkgMGI3YzFmMGU5ZDJhNGI2Yw",
}
_KEPT: Final = {
    "stored": True,
    "entry_id": _ENTRY_ID,
    "ttl_s": 604800.0,
    "ttl_class": "static",
    "expires_at": "2026-01-12T10:00:00Z",
    "replaced": False,
    "semantic": "indexed",
}
_REFUSED: Final = {"stored": False, "reason": "invalidated_meanwhile"}

_ENTRY: Final = Parameter("entry_id", "path", "32 hex digits.", required=True)
_IN_ORDER: Final = "One outcome per item, in order. An item that went wrong is a problem document, told by its `code`."

_call = functools.partial(Route, route_class=rates.DATA, tag="Data plane")

ROUTES: Final[list[Route]] = [
    _call(
        method="POST",
        path="/v1/lookup",
        handler=data.lookup,
        role=Role.READ,
        summary="Find an answer to serve",
        description="Exact, then normalised, then semantic. A broken dependency is a miss that names it.",
        body=bodies.LookupBody,
        parameters=(NAMESPACE,),
        examples={
            "prompt": Example("One prompt", _QUESTION),
            "chat": Example("A conversation", {**_CHAT, "user": "u-17", "strategy": "normalized", "max_age_s": 3600}),
            "tight": Example("Only very near paraphrases", {**_QUESTION, "threshold": 0.97}),
        },
        replies={
            200: Reply(
                "The outcome: a hit with its evidence, or why there is none.",
                answers.LookupAnswer,
                {"hit": Example("An exact hit", _HIT), "miss": Example("A miss", _MISS)},
            )
        },
    ),
    _call(
        method="POST",
        path="/v1/store",
        handler=data.store,
        role=Role.WRITE,
        summary="Keep an answer",
        body=bodies.StoreBody,
        parameters=(NAMESPACE,),
        examples={
            "answer": Example("An answer and what it cost", _STORED),
            "chat": Example("For an hour", {**_CHAT, "response": "Because of Rayleigh scattering.", "ttl_s": 3600}),
        },
        replies={
            201: Reply("It is kept.", answers.StoredAnswer, {"stored": Example("Kept", _KEPT)}),
            200: Reply("Nothing is kept, and why.", answers.RefusedAnswer, {"refused": Example("Not kept", _REFUSED)}),
        },
    ),
    _call(
        method="POST",
        path="/v1/lookup/batch",
        handler=data.lookup_batch,
        counts_itself=True,
        role=Role.READ,
        summary="Many lookups in one call",
        description=_IN_ORDER,
        body=Items((bodies.LookupBody,)),
        parameters=(NAMESPACE,),
        examples={"two": Example("Two lookups", {"items": [_QUESTION, _CHAT]})},
        replies={
            200: Reply(
                "The outcomes.",
                Items((answers.LookupAnswer, Problem)),
                {"two": Example("A hit and a miss", {"items": [_HIT, _MISS]})},
            )
        },
    ),
    _call(
        method="POST",
        path="/v1/store/batch",
        handler=data.store_batch,
        counts_itself=True,
        role=Role.WRITE,
        summary="Many stores in one call",
        description=_IN_ORDER + " Items for the same request are stored in no certain order.",
        body=Items((bodies.StoreBody,)),
        parameters=(NAMESPACE,),
        examples={"two": Example("Two answers", {"items": [_STORED, {**_CHAT, "response": "Scattering."}]})},
        replies={
            200: Reply(
                "The outcomes.",
                Items((answers.StoredAnswer, answers.RefusedAnswer, Problem)),
                {"two": Example("One kept", {"items": [_KEPT, _REFUSED]})},
            )
        },
    ),
    _call(
        method="GET",
        path="/v1/entries/{entry_id}",
        handler=data.get_entry,
        role=Role.READ,
        summary="One entry, without its vectors",
        parameters=(_ENTRY,),
        replies={200: Reply("The record.", answers.EntryAnswer)},
    ),
    _call(
        method="DELETE",
        path="/v1/entries/{entry_id}",
        handler=data.delete_entry,
        role=Role.WRITE,
        summary="Delete one entry everywhere",
        parameters=(_ENTRY,),
        replies={204: Reply("It is gone.")},
    ),
    _call(
        method="POST",
        path="/v1/feedback",
        handler=data.feedback,
        role=Role.WRITE,
        summary="Say whether a hit was right",
        description="A wrong hit is never served to that prompt again; `correct: true` takes that back. What is said "
        "is evidence for all other prompts that the entry answers, one voice a caller, and a label to learn from.",
        body=bodies.FeedbackBody,
        examples={
            "wrong": Example(
                "A wrong answer",
                {"entry_id": _ENTRY_ID, "prompt": "What is the capital of Gabon?", "correct": False},
            )
        },
        replies={202: Reply("Remembered.", answers.AcceptedFeedback)},
    ),
    _call(
        method="GET",
        path="/v1/stats",
        handler=data.stats,
        role=Role.READ,
        summary="What the cache did and saved",
        description="requests = hits + misses + bypasses; hit_rate = hits / (hits + misses).",
        parameters=(ONLY,),
        replies={200: Reply("Over all replicas, by namespace and model.", dict)},
    ),
]
