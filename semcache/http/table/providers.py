"""The protocols of providers: only the base URL changes."""

from __future__ import annotations

import functools
from typing import Final

from semcache.http import providers, rates
from semcache.http.access import Role
from semcache.http.routes import Example, Parameter, Reply, Route
from semcache.http.table.parameters import NAMESPACE

_PROVIDER: Final = (
    "Point a client of the provider here by its base URL; fields, errors and streams are the provider's own. The key "
    "of this service comes as `X-API-Key` or as the bearer token; a provider's key in either passes on."
)
_CACHING: Final = (
    NAMESPACE,
    Parameter("Cache-Control", "header", "`no-cache`, `no-store`, `max-age=`, `only-if-cached`, `stale-if-error=`."),
    Parameter("X-Cache-TTL", "header", "Seconds that the answer may be kept, within the operator's bounds."),
    Parameter("X-Cache-Threshold", "header", "Least similarity of a semantic hit; only tightens."),
    Parameter("X-Cache-Strategy", "header", "`exact`, `normalized` or `semantic`; only tightens."),
    Parameter(
        "X-Cache-Context",
        "header",
        "`exact`: what precedes the last message must be the same; `semantic`: it may be reworded, where the operator "
        "leaves that to requests.",
    ),
    Parameter("X-Cache-Tags", "header", "What the answer is made from, to invalidate by; separated by commas."),
)

_call = functools.partial(
    Route,
    role=Role.READ,
    beside_provider=True,
    problem=providers.OPENAI_PROBLEM,
    tag="Provider protocols",
    description=_PROVIDER,
    parameters=_CACHING,
)
_generation = functools.partial(
    _call,
    method="POST",
    route_class=rates.GENERATION,
    counts_itself=True,
    body=dict,
    replies={200: Reply("As the provider's, with `x_semcache`; a stream where one was asked for.", dict)},
)

ROUTES: Final[list[Route]] = [
    _generation(
        path="/v1/chat/completions",
        handler=providers.chat_completions,
        summary="OpenAI chat completions, cached",
        examples={
            "ask": Example(
                "A request", {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Why is the sky blue?"}]}
            )
        },
    ),
    _generation(
        path="/v1/responses",
        handler=providers.responses,
        summary="OpenAI responses, cached",
        examples={"ask": Example("A request", {"model": "gpt-4o-mini", "input": "Why is the sky blue?"})},
    ),
    _generation(
        path="/v1/messages",
        handler=providers.messages,
        problem=providers.ANTHROPIC_PROBLEM,
        summary="Anthropic messages, cached",
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
    ),
    _call(
        method="POST",
        path="/v1/embeddings",
        handler=providers.embeddings,
        route_class=rates.EMBEDDINGS,
        counts_itself=True,
        summary="OpenAI embeddings, each input cached on its own",
        body=dict,
        examples={
            "ask": Example(
                "A request",
                {"model": "text-embedding-3-small", "input": ["Why is the sky blue?", "Why is grass green?"]},
            )
        },
        replies={200: Reply("As the provider's, with `x_semcache`.", dict)},
    ),
    _call(
        method="GET",
        path="/v1/models",
        handler=providers.models,
        summary="The models of all upstreams",
        replies={200: Reply("As the provider's.", dict)},
    ),
]
