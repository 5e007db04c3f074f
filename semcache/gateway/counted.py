"""Which header fields of a request are part of its identity. Pure.

All that go to the provider but for the credentials, which say whose answers these are (`headers.provider_key`), and for
those named here, which leave an answer alone: how the message travels, by which hops, how it is traced, what sent it,
where it is billed. A field that is not known counts: a guardrail, a deployment or a route may be chosen by it, and an
answer that was made without the one must not be given to who asked for it. The price is that a field which only looks
as if it mattered keeps askers apart; `gateway.uncounted_headers` is for those.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Final

from semcache.gateway.headers import goes_up, is_credential

_CALLS: Final = frozenset(
    b"""
    b3 baggage newrelic sentry-trace sw8 traceparent tracestate x-amzn-trace-id x-cloud-trace-context
    cdn-loop cf-ew-via cf-ray cf-visitor cf-worker client-ip true-client-ip via x-amz-cf-id x-azure-ref x-client-ip
    x-cluster-client-ip x-queue-start x-request-start x-vercel-id
    """.split()
)
"""Fields that differ from call to call, whatever is asked: traces; the way that a call took."""
_CALLS_BEGIN: Final = (b"cf-connecting-", b"cf-ip", b"x-b3-", b"x-datadog-", b"x-envoy-", b"x-stainless-retry-")
_NAMES: Final = frozenset(
    b"""
    accept accept-charset accept-encoding accept-language cache-control content-encoding content-type date dnt
    from max-forwards origin pragma priority referer save-data upgrade-insecure-requests user-agent
    x-requested-with x-csrf-token x-csrftoken x-xsrf-token

    correlation-context grpc-trace-bin langsmith-trace request-context traceresponse x-dynatrace
    x-honeycomb-trace x-ot-span-context

    cf-metro-code cf-postal-code cf-pseudo-ipv4 cf-timezone connect-time disguised-host do-connecting-ip
    fastly-client-ip fastly-ff fastly-ssl front-end-https function-execution-id incap-client-ip rndr-id
    total-route-time was-default-hostname x-accel-internal x-amzn-apigateway-api-id x-azure-clientip
    x-azure-fdid x-azure-requestchain x-azure-socketip x-original-for x-original-forwarded-for x-original-host
    x-original-method x-original-proto x-original-uri x-original-url x-scheme x-site-deployment-id x-url-scheme
    x-varnish x-waws-unencoded-url

    amz-sdk-invocation-id amz-sdk-request x-amz-content-sha256 x-amz-date x-amz-user-agent x-goog-api-client
    x-ms-date x-ms-useragent x-user-agent

    anthropic-dangerous-direct-browser-access helicone-user-id http-referer openai-organization openai-project
    x-claude-code-session-id x-litellm-call-id x-litellm-enable-message-redaction x-litellm-num-retries
    x-litellm-spend-logs-metadata x-litellm-stream-timeout x-litellm-timeout x-openrouter-categories
    x-openrouter-title x-title cf-aig-collect-log cf-aig-collect-log-payload cf-aig-custom-cost cf-aig-event-id
    cf-aig-log-id
    """.split()
)
"""By line: the message and the browser; traces; hops; kits of developers; what providers and gateways count and log."""

_BEGINNINGS: Final = tuple(
    b"""
    if- sec-
    elastic-apm- jaeger- ot-tracer- sentry- sw8- uberctx- x-ddtrace- x-instana- x-newrelic-
    akamai- cf-region cf-warp- cloudfront- fly- l5d- x-akamai- x-amz-cf- x-amzn-tls- x-appengine-
    x-appservice- x-arr- x-fd- x-heroku- x-istio- x-middleware- x-nf- x-nginx- x-railway- x-render-
    x-sucuri- x-vercel-
    x-fern- x-stainless-
    helicone-omit- helicone-property- helicone-session-
    """.split()
)
"""The same, of names that begin alike."""

_ENDS: Final = tuple(
    f"{what}{sign}id".encode() for what in ("request", "trace", "correlation", "span") for sign in ("-", "_", "")
)
"""What names one request among others, whoever gives the name."""


class Counted:
    """The rule of one service: what its operator knows to leave answers alone is left out as well."""

    def __init__(self, uncounted: Iterable[str] = ()) -> None:
        """`uncounted`: names of fields; one that ends in `*` stands for all that begin so."""
        names = [name.lower().encode("latin-1", "replace") for name in uncounted]
        self._names = frozenset(name for name in names if not name.endswith(b"*"))
        self._beginnings = tuple(name[:-1] for name in names if name.endswith(b"*"))

    def told(self, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
        """The fields that count, by name; those of one name between commas, in their order."""
        told = dict[str, str]()
        for name, value in headers:
            if counts(name) and name not in self._names and not name.startswith(self._beginnings):
                key, text = name.decode("latin-1"), value.decode("latin-1")
                told[key] = f"{told[key]},{text}" if key in told else text
        return told


@functools.lru_cache(maxsize=1024)
def counts(name: bytes) -> bool:
    """Whether a field, its name lower-case, can change an answer for all that is known of it."""
    if not goes_up(name) or is_credential(name) or name in _NAMES or names_the_call(name):
        return False
    return not name.startswith(_BEGINNINGS)


def names_the_call(name: bytes) -> bool:
    """Whether a field is of the single call: its id, its trace, the way that it took."""
    return name in _CALLS or name.startswith(_CALLS_BEGIN) or name.endswith(_ENDS)
