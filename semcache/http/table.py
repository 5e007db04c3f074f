"""All routes, with what the documentation says of them. Every example works as it stands."""

from __future__ import annotations

from typing import Any, Final

from semcache.admin.jobs import JobStatus
from semcache.admin.transfer import Imported
from semcache.admin.transfer_format import Record
from semcache.http import admin, answers, bodies, data, learning, operations, providers, rates, transfer, warm
from semcache.http.access import Role
from semcache.http.problems import Problem
from semcache.http.routes import Example, Items, Lines, Parameter, Reply, Route
from semcache.policy.labels import Label

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

_NAMESPACE: Final = Parameter("X-Cache-Namespace", "header", "The namespace, where the body names none.")
_ENTRY: Final = Parameter("entry_id", "path", "32 hex digits.", required=True)
_JOB: Final = Parameter("job_id", "path", "As the call that queued it said.", required=True)
_PROVIDER: Final = (
    "Point a client of the provider here by its base URL; fields, errors and streams are the provider's own. The key "
    "of this service comes as `X-API-Key` or as the bearer token; a provider's key in either passes on."
)
_CACHING: Final = (
    _NAMESPACE,
    Parameter("Cache-Control", "header", "`no-cache`, `no-store`, `max-age=`, `only-if-cached`, `stale-if-error=`."),
    Parameter("X-Cache-TTL", "header", "Seconds that the answer may be kept, within the operator's bounds."),
    Parameter("X-Cache-Threshold", "header", "Least similarity of a semantic hit; only tightens."),
    Parameter("X-Cache-Strategy", "header", "`exact`, `normalized` or `semantic`; only tightens."),
    Parameter("X-Cache-Context", "header", "`exact`: what precedes the last message must be the same; only tightens."),
    Parameter("X-Cache-Tags", "header", "What the answer is made from, to invalidate by; separated by commas."),
)
_IN_ORDER: Final = "One outcome per item, in order. An item that went wrong is a problem document, told by its `code`."

ROUTES: Final[list[Route]] = [
    Route(
        method="POST",
        path="/v1/lookup",
        handler=data.lookup,
        route_class=rates.DATA,
        role=Role.READ,
        tag="Data plane",
        summary="Find an answer to serve",
        description="Exact, then normalised, then semantic. A broken dependency is a miss that names it.",
        body=bodies.LookupBody,
        parameters=(_NAMESPACE,),
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
    Route(
        method="POST",
        path="/v1/store",
        handler=data.store,
        route_class=rates.DATA,
        role=Role.WRITE,
        tag="Data plane",
        summary="Keep an answer",
        body=bodies.StoreBody,
        parameters=(_NAMESPACE,),
        examples={
            "answer": Example("An answer and what it cost", _STORED),
            "chat": Example("For an hour", {**_CHAT, "response": "Because of Rayleigh scattering.", "ttl_s": 3600}),
        },
        replies={
            201: Reply("It is kept.", answers.StoredAnswer, {"stored": Example("Kept", _KEPT)}),
            200: Reply("Nothing is kept, and why.", answers.RefusedAnswer, {"refused": Example("Not kept", _REFUSED)}),
        },
    ),
    Route(
        method="POST",
        path="/v1/lookup/batch",
        handler=data.lookup_batch,
        route_class=rates.DATA,
        counts_itself=True,
        role=Role.READ,
        tag="Data plane",
        summary="Many lookups in one call",
        description=_IN_ORDER,
        body=Items((bodies.LookupBody,)),
        parameters=(_NAMESPACE,),
        examples={"two": Example("Two lookups", {"items": [_QUESTION, _CHAT]})},
        replies={
            200: Reply(
                "The outcomes.",
                Items((answers.LookupAnswer, Problem)),
                {"two": Example("A hit and a miss", {"items": [_HIT, _MISS]})},
            )
        },
    ),
    Route(
        method="POST",
        path="/v1/store/batch",
        handler=data.store_batch,
        route_class=rates.DATA,
        counts_itself=True,
        role=Role.WRITE,
        tag="Data plane",
        summary="Many stores in one call",
        description=_IN_ORDER + " Items for the same request are stored in no certain order.",
        body=Items((bodies.StoreBody,)),
        parameters=(_NAMESPACE,),
        examples={"two": Example("Two answers", {"items": [_STORED, {**_CHAT, "response": "Scattering."}]})},
        replies={
            200: Reply(
                "The outcomes.",
                Items((answers.StoredAnswer, answers.RefusedAnswer, Problem)),
                {"two": Example("One kept", {"items": [_KEPT, _REFUSED]})},
            )
        },
    ),
    Route(
        method="GET",
        path="/v1/entries/{entry_id}",
        handler=data.get_entry,
        route_class=rates.DATA,
        role=Role.READ,
        tag="Data plane",
        summary="One entry, without its vectors",
        parameters=(_ENTRY,),
        replies={200: Reply("The record.", answers.EntryAnswer)},
    ),
    Route(
        method="DELETE",
        path="/v1/entries/{entry_id}",
        handler=data.delete_entry,
        route_class=rates.DATA,
        role=Role.WRITE,
        tag="Data plane",
        summary="Delete one entry everywhere",
        parameters=(_ENTRY,),
        replies={204: Reply("It is gone.")},
    ),
    Route(
        method="POST",
        path="/v1/feedback",
        handler=data.feedback,
        route_class=rates.DATA,
        role=Role.WRITE,
        tag="Data plane",
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
    Route(
        method="GET",
        path="/v1/stats",
        handler=data.stats,
        route_class=rates.DATA,
        role=Role.READ,
        tag="Data plane",
        summary="What the cache did and saved",
        description="requests = hits + misses + bypasses; hit_rate = hits / (hits + misses).",
        parameters=(Parameter("namespace", "query", "Only this one; otherwise all that are open to the key."),),
        replies={200: Reply("Over all replicas, by namespace and model.", dict)},
    ),
    Route(
        method="POST",
        path="/v1/chat/completions",
        handler=providers.chat_completions,
        role=Role.READ,
        beside_provider=True,
        problem=providers.OPENAI_PROBLEM,
        route_class=rates.GENERATION,
        counts_itself=True,
        tag="Provider protocols",
        summary="OpenAI chat completions, cached",
        description=_PROVIDER,
        body=dict,
        examples={
            "ask": Example(
                "A request", {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
            )
        },
        parameters=_CACHING,
        replies={200: Reply("As the provider's, with `x_semcache`; a stream where one was asked for.", dict)},
    ),
    Route(
        method="POST",
        path="/v1/responses",
        handler=providers.responses,
        role=Role.READ,
        beside_provider=True,
        problem=providers.OPENAI_PROBLEM,
        route_class=rates.GENERATION,
        counts_itself=True,
        tag="Provider protocols",
        summary="OpenAI responses, cached",
        description=_PROVIDER,
        body=dict,
        examples={"ask": Example("A request", {"model": "gpt-4o-mini", "input": "Why is the sky blue?"})},
        parameters=_CACHING,
        replies={200: Reply("As the provider's, with `x_semcache`; a stream where one was asked for.", dict)},
    ),
    Route(
        method="POST",
        path="/v1/messages",
        handler=providers.messages,
        role=Role.READ,
        beside_provider=True,
        problem=providers.ANTHROPIC_PROBLEM,
        route_class=rates.GENERATION,
        counts_itself=True,
        tag="Provider protocols",
        summary="Anthropic messages, cached",
        description=_PROVIDER,
        body=dict,
        examples={
            "ask": Example(
                "A request",
                {
                    "model": "claude-sonnet-4-5",
                    "max_tokens": 200,
                    "messages": [{"role": "user", "content": "Why is the sky blue?"}],
                },
            )
        },
        parameters=_CACHING,
        replies={200: Reply("As the provider's, with `x_semcache`; a stream where one was asked for.", dict)},
    ),
    Route(
        method="POST",
        path="/v1/embeddings",
        handler=providers.embeddings,
        role=Role.READ,
        beside_provider=True,
        problem=providers.OPENAI_PROBLEM,
        route_class=rates.EMBEDDINGS,
        counts_itself=True,
        tag="Provider protocols",
        summary="OpenAI embeddings, each input cached on its own",
        description=_PROVIDER,
        body=dict,
        examples={
            "ask": Example(
                "A request",
                {"model": "text-embedding-3-small", "input": ["Why is the sky blue?", "Why is grass green?"]},
            )
        },
        parameters=_CACHING,
        replies={200: Reply("As the provider's, with `x_semcache`.", dict)},
    ),
    Route(
        method="GET",
        path="/v1/models",
        handler=providers.models,
        role=Role.READ,
        beside_provider=True,
        problem=providers.OPENAI_PROBLEM,
        tag="Provider protocols",
        summary="The models of all upstreams",
        description=_PROVIDER,
        parameters=_CACHING,
        replies={200: Reply("As the provider's.", dict)},
    ),
    Route(
        method="POST",
        path="/admin/index/rebuild",
        handler=admin.rebuild,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Build the vector index anew; lookups go on meanwhile",
        body=bodies.RebuildBody,
        examples={"rebuild": Example("From the stored vectors", {}), "reembed": Example("Anew", {"reembed": True})},
        replies={202: Reply("Queued.", answers.JobAccepted)},
    ),
    Route(
        method="GET",
        path="/admin/jobs/{job_id}",
        handler=admin.get_job,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="How a job is going",
        parameters=(_JOB,),
        replies={200: Reply("State, done and total, rate, eta, error.", JobStatus)},
    ),
    Route(
        method="DELETE",
        path="/admin/jobs/{job_id}",
        handler=admin.cancel_job,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Cancel a job between two of its steps",
        parameters=(_JOB,),
        replies={202: Reply("It will stop; a finished one stays as it is.", JobStatus)},
    ),
    Route(
        method="POST",
        path="/admin/invalidate",
        handler=admin.invalidate,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Make entries unservable, now and for fills under way",
        body=bodies.InvalidateBody,
        parameters=(_NAMESPACE,),
        examples={
            "tag": Example("Everything made from one source", {"tags": ["geography"]}),
            "model": Example(
                "Count first", {"namespace": "default", "model": "gpt-4o-mini", "older_than_s": 3600, "dry_run": True}
            ),
        },
        replies={
            200: Reply("Done.", admin.InvalidationAnswer),
            202: Reply("Many match: it goes on as a job.", admin.InvalidationAnswer),
        },
    ),
    Route(
        method="GET",
        path="/admin/invalidations",
        handler=admin.invalidations,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Who invalidated what, and when",
        parameters=(Parameter("count", "query", "At most so many, 1 to 1000; 100 if left out."),),
        replies={200: Reply("Newest first; survives restarts.", admin.HistoryAnswer)},
    ),
    Route(
        method="POST",
        path="/admin/warm",
        handler=warm.warm,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Ask upstream for what is missing, ahead of the users",
        description="As JSON, or streamed as JSON lines (`application/x-ndjson`; the options go into the query). "
        "Needs an upstream with the operator's key.",
        body=warm.WarmBody,
        parameters=(_NAMESPACE,),
        examples={
            "prompts": Example(
                "Two prompts for one model",
                {"items": ["What is the capital of France?", "Why is the sky blue?"], "model": "gpt-4o-mini"},
            ),
            "requests": Example(
                "A provider's own request, within a budget",
                {
                    "items": [
                        {
                            "route": "/v1/messages",
                            "body": {
                                "model": "claude-sonnet-4-5",
                                "max_tokens": 100,
                                "messages": [{"role": "user", "content": "Why is the sky blue?"}],
                            },
                            "tags": ["physics"],
                        }
                    ],
                    "budget_usd": 0.5,
                    "concurrency": 2,
                },
            ),
        },
        replies={202: Reply("Queued.", answers.JobAccepted)},
    ),
    Route(
        method="GET",
        path="/admin/export",
        handler=transfer.export,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="All entries as JSON lines, streamed",
        description="A header, a record a line in the order of their ids, and a last line that says that it is whole. "
        "An export that broke off goes on with `after`, the `entry_id` of the last whole line.",
        parameters=(
            Parameter("namespace", "query", "Only this one; otherwise all that are open to the key."),
            Parameter("vectors", "query", "false: without vectors."),
            Parameter("after", "query", "The id of the last entry that arrived."),
        ),
        replies={200: Reply("JSON lines.", Lines(Record))},
    ),
    Route(
        method="POST",
        path="/admin/import",
        handler=transfer.import_lines,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Take an export's lines, streamed",
        description="Each entry keeps the life that it has left. Sending lines again does no harm.",
        body=Lines(Record),
        replies={200: Reply("What came of the lines.", Imported)},
    ),
    Route(
        method="GET",
        path="/admin/labels",
        handler=learning.labels,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="What became known of pairs of prompts, as JSON lines, streamed",
        description="From feedback and from comparing answers; for `semcache tune` and `semcache train`.",
        parameters=(
            Parameter("namespace", "query", "Only this one; otherwise all that are open to the key."),
            Parameter("source", "query", "`feedback`, `shadow`, `explored`; several between commas."),
        ),
        replies={200: Reply("JSON lines.", Lines(Label))},
    ),
    Route(
        method="DELETE",
        path="/admin/labels",
        handler=learning.clear_labels,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Drop a namespace's labels, prompts and all",
        parameters=(Parameter("namespace", "query", "Whose labels.", required=True),),
        replies={204: Reply("They are gone.")},
    ),
    Route(
        method="GET",
        path="/admin/tuning",
        handler=learning.tuning,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="The cuts that were tuned, and by whom",
        replies={200: Reply("What is tuned, and the history, newest first.", learning.TuningAnswer)},
    ),
    Route(
        method="POST",
        path="/admin/tuning",
        handler=learning.tune,
        role=Role.ADMIN,
        tag="Admin plane",
        summary="Tune a namespace's cuts, on all replicas within two seconds",
        description="Beside the settings: what these name can only be tightened, unless `override` is said.",
        body=learning.TuningBody,
        examples={
            "threshold": Example(
                "A least cosine, and what it rests on",
                {"namespace": "default", "threshold": 0.96, "grounds": {"labels": 1200, "error": 0.004}},
            ),
            "reset": Example("As the settings say", {"namespace": "default", "reset": True}),
        },
        replies={200: Reply("What is tuned now.", learning.TuningAnswer)},
    ),
    Route(
        method="GET",
        path="/admin/config",
        handler=admin.config,
        role=Role.ADMIN,
        all_namespaces=True,
        before_start=True,
        tag="Admin plane",
        summary="The effective settings, secrets redacted",
        replies={200: Reply("As JSON, nested as in the TOML file.", dict)},
    ),
    Route(
        method="GET",
        path="/healthz",
        handler=operations.healthz,
        before_start=True,
        tag="Operations",
        summary="Whether the process is up",
        replies={200: Reply("It is.", operations.Up)},
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=operations.readyz,
        before_start=True,
        tag="Operations",
        summary="Whether requests can be answered, and which parts are degraded",
        replies={
            200: Reply("They can.", operations.Readiness),
            503: Reply("Starting, or draining.", operations.Readiness),
        },
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=operations.metrics,
        role=Role.READ,
        all_namespaces=True,
        tag="Operations",
        summary="Prometheus metrics",
        replies={200: Reply("Prometheus text format.", str)},
    ),
]
