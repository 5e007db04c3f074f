"""The admin plane."""

from __future__ import annotations

import functools
from typing import Final

from semcache.admin.jobs import JobStatus
from semcache.admin.transfer import Imported
from semcache.admin.transfer_format import Record
from semcache.http import admin, answers, bodies, learning, transfer, warm
from semcache.http.access import Role
from semcache.http.routes import Example, Lines, Parameter, Reply, Route
from semcache.http.table.parameters import NAMESPACE, ONLY
from semcache.policy.labels import Label

_JOB: Final = Parameter("job_id", "path", "As the call that queued it said.", required=True)

_call = functools.partial(Route, role=Role.ADMIN, tag="Admin plane")

ROUTES: Final[list[Route]] = [
    _call(
        method="POST",
        path="/admin/index/rebuild",
        handler=admin.rebuild,
        summary="Build the vector index anew; lookups go on meanwhile",
        body=bodies.RebuildBody,
        examples={"rebuild": Example("From the stored vectors", {}), "reembed": Example("Anew", {"reembed": True})},
        replies={202: Reply("Queued.", answers.JobAccepted)},
    ),
    _call(
        method="GET",
        path="/admin/jobs/{job_id}",
        handler=admin.get_job,
        summary="How a job is going",
        parameters=(_JOB,),
        replies={200: Reply("State, done and total, rate, eta, error.", JobStatus)},
    ),
    _call(
        method="DELETE",
        path="/admin/jobs/{job_id}",
        handler=admin.cancel_job,
        summary="Cancel a job between two of its steps",
        parameters=(_JOB,),
        replies={202: Reply("It will stop; a finished one stays as it is.", JobStatus)},
    ),
    _call(
        method="POST",
        path="/admin/invalidate",
        handler=admin.invalidate,
        summary="Make entries unservable, now and for fills under way",
        body=bodies.InvalidateBody,
        parameters=(NAMESPACE,),
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
    _call(
        method="GET",
        path="/admin/invalidations",
        handler=admin.invalidations,
        summary="Who invalidated what, and when",
        parameters=(Parameter("count", "query", "At most so many, 1 to 1000; 100 if left out."),),
        replies={200: Reply("Newest first; survives restarts.", admin.HistoryAnswer)},
    ),
    _call(
        method="POST",
        path="/admin/warm",
        handler=warm.warm,
        summary="Ask upstream for what is missing, ahead of the users",
        description="As JSON, or streamed as JSON lines (`application/x-ndjson`; the options go into the query). "
        "Needs an upstream with the operator's key.",
        body=warm.WarmBody,
        parameters=(NAMESPACE,),
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
    _call(
        method="GET",
        path="/admin/export",
        handler=transfer.export,
        summary="All entries as JSON lines, streamed",
        description="A header, a record a line in the order of their ids, and a last line that says that it is whole. "
        "An export that broke off goes on with `after`, the `entry_id` of the last whole line.",
        parameters=(
            ONLY,
            Parameter("vectors", "query", "false: without vectors."),
            Parameter("after", "query", "The id of the last entry that arrived."),
        ),
        replies={200: Reply("JSON lines.", Lines(Record))},
    ),
    _call(
        method="POST",
        path="/admin/import",
        handler=transfer.import_lines,
        summary="Take an export's lines, streamed",
        description="Each entry keeps the life that it has left. Sending lines again does no harm.",
        body=Lines(Record),
        replies={200: Reply("What came of the lines.", Imported)},
    ),
    _call(
        method="GET",
        path="/admin/labels",
        handler=learning.labels,
        summary="What became known of pairs of prompts, as JSON lines, streamed",
        description="From feedback and from comparing answers; for `semcache tune` and `semcache train`.",
        parameters=(
            ONLY,
            Parameter("source", "query", "`feedback`, `shadow`, `explored`; several between commas."),
        ),
        replies={200: Reply("JSON lines.", Lines(Label))},
    ),
    _call(
        method="DELETE",
        path="/admin/labels",
        handler=learning.clear_labels,
        summary="Drop a namespace's labels, prompts and all",
        parameters=(Parameter("namespace", "query", "Whose labels.", required=True),),
        replies={204: Reply("They are gone.")},
    ),
    _call(
        method="GET",
        path="/admin/tuning",
        handler=learning.tuning,
        summary="The cuts that were tuned, and by whom",
        replies={200: Reply("What is tuned, and the history, newest first.", learning.TuningAnswer)},
    ),
    _call(
        method="POST",
        path="/admin/tuning",
        handler=learning.tune,
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
    _call(
        method="GET",
        path="/admin/config",
        handler=admin.config,
        all_namespaces=True,
        before_start=True,
        summary="The effective settings, secrets redacted",
        replies={200: Reply("As JSON, nested as in the TOML file.", dict)},
    ),
]
