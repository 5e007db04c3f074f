"""One request to a model's provider, on its way through a caching transport: what is asked of the cache, what an answer
from it looks like, what of the provider's answer is kept. Without I/O; the transports send and read.

What may be cached, and what the protocols mean, is said where the gateway has it too: `policy.generation`,
`gateway.dialects`. The provider's URL is part of the identity here: nobody has said that two of them serve the same
model under one name.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from semcache.client import calls
from semcache.client.answers import Lookup
from semcache.client.core import Call
from semcache.client.items import LookupItem, StoreItem
from semcache.client.items import Strategy as StrategyName
from semcache.errors import NotCached, RequestError
from semcache.gateway import evidence
from semcache.gateway.bodies import unambiguous
from semcache.gateway.counted import Counted
from semcache.gateway.dialect import Asked, Dialect
from semcache.gateway.dialects import DIALECTS
from semcache.gateway.prices import Prices
from semcache.gateway.recorder import Recorder
from semcache.models import BypassReason, CacheStatus, MissReason, RefusedReason, Strategy, Tier, Usage
from semcache.policy import directives
from semcache.policy.deny import DenyList
from semcache.policy.generation import forbidden, may_cache, may_keep, prompts, widest
from semcache.settings import GatewaySettings

Headers = list[tuple[bytes, bytes]]

MOST_BYTES: Final = 10_000_000
"""A longer answer passes and is not recorded."""
_PATH_ENDS: Final = {
    "/chat/completions": DIALECTS["openai.chat"],
    "/responses": DIALECTS["openai.responses"],
    "/v1/messages": DIALECTS["anthropic.messages"],
}
_EVENTS: Final = (b"content-type", b"text/event-stream; charset=utf-8")
_JSON: Final = (b"content-type", b"application/json")
_NAMES: Final[dict[Strategy, StrategyName]] = {Strategy.EXACT: "exact", Strategy.NORMALIZED: "normalized"}
"""Of those that are narrower than all."""
_BYPASSED: Final = frozenset(BypassReason) - frozenset(map(str, MissReason))
"""What the service says where its policy did not even look."""
_OURS: Final = b"x-cache-"


class Rules:
    """What all exchanges of a transport share."""

    def __init__(self, gateway: GatewaySettings, model_versions: Mapping[str, str]) -> None:
        """Raises ConfigError for a deny pattern that is none."""
        self.gateway = gateway
        self.model_versions = dict(model_versions)
        self.prices = Prices({})
        self._deny = DenyList(gateway.deny)
        self._counted = Counted(gateway.uncounted_headers)
        self._loading = False

    def dialect(self, method: str, path: str) -> Dialect | None:
        """The protocol that is spoken there; None where nothing can be cached."""
        if method != "POST":
            return None
        return next((found for end, found in _PATH_ENDS.items() if path.endswith(end)), None)

    def refusal(self, asked: Asked) -> BypassReason | None:
        """Why a request is neither looked up nor recorded."""
        return may_cache(asked.traits, self.gateway) or forbidden(prompts(asked.messages), self.gateway, self._deny)

    def features(self, headers: Mapping[bytes, bytes]) -> dict[str, dict[str, str]]:
        """The headers that can change an answer, among the parameters of a request."""
        told = self._counted.told(headers.items())
        return {"api": told} if told else {}

    def load_prices(self) -> None:
        """Read the price list while the provider is being asked, as it takes a moment."""
        if not self._loading:
            self._loading = True
            threading.Thread(target=self.prices.load, name="semcache-prices", daemon=True).start()


class Exchange:
    """One request that a dialect understands."""

    def __init__(self, rules: Rules, dialect: Dialect, url: str, headers: Mapping[bytes, bytes], body: bytes) -> None:
        """`url` with its query, which may choose the version of an API. `headers`: lower-case names.

        Raises RequestError for a request that is none of the dialect, or headers of ours that mean nothing.
        """
        self._rules = rules
        self._dialect = dialect
        self._begun = time.monotonic()
        decoded = unambiguous(body)
        if decoded is None:
            raise RequestError("no JSON object, or one that two readers could read differently")
        self._asked = dialect.read(decoded)
        self._directives = directives.read(headers)
        said = self._directives.strategy
        self._strategy = widest(self._asked.traits).tightest(said or Strategy.SEMANTIC)
        self._identity: dict[str, Any] = {
            "model": self._asked.model,
            "messages": self._asked.messages,
            "model_version": rules.model_versions.get(self._asked.model, ""),
            "params": {**self._asked.params, "upstream": url, **rules.features(headers)},
            "namespace": self._directives.namespace,
            "user": self._asked.user,
        }
        self._found = Lookup()

    @property
    def refusal(self) -> str | None:
        """Why the cache is left out of it; None if it is not."""
        if self._directives.no_store:
            return BypassReason.NO_STORE.value
        reason = self._rules.refusal(self._asked)
        return None if reason is None else reason.value

    @property
    def lookup(self) -> Call[Lookup] | None:
        """What to ask the cache; None where a fresh answer is wanted."""
        if self._directives.no_cache:
            self._found = Lookup(reason="no_cache")
            return None
        return calls.find(
            LookupItem(
                **self._identity,
                strategy=_NAMES.get(self._strategy),
                context=self._directives.context,
                threshold=self._directives.threshold,
                max_age_s=self._directives.max_age_s,
            )
        )

    def take(self, found: Lookup) -> None:
        """What the cache said."""
        self._found = found
        if not found.hit:
            self._rules.load_prices()

    def answer(self) -> tuple[int, Headers, Iterator[bytes]] | None:
        """Status, headers and body of an answer that needs no provider; None where it has to be asked."""
        found = self._found
        if not found.hit:
            if self._directives.only_if_cached:
                problem = self._dialect.error(NotCached.status, NotCached.code, "there is no cached answer")
                return NotCached.status, [*self.said(), _JSON], iter([msgspec.json.encode(problem)])
            return None
        if not isinstance(found.response, dict) or isinstance(
            may_keep(self._dialect.judge(found.response), self._rules.gateway), RefusedReason
        ):  # somebody stored another thing under this very request
            self._found = Lookup(reason="unreadable")
            return None
        shown = self._evidence()
        if self._asked.stream:
            return 200, [*self.said(), _EVENTS], self._dialect.replay(found.response, self._asked, shown)
        body = evidence.splice(msgspec.json.encode(found.response), shown)
        return 200, [*self.said(), _JSON, (b"content-length", b"%d" % len(body))], iter([body])

    def said(self) -> Headers:
        """What the cache says of the answer, in header fields."""
        found = self._found
        if not found.hit:
            reason = found.reason or "not_found"
            return bypass(reason, CacheStatus.BYPASS if reason in _BYPASSED else CacheStatus.MISS)
        status = CacheStatus.SEMANTIC_HIT if found.tier == Tier.SEMANTIC else CacheStatus.HIT
        return [
            (b"x-cache-status", status.value.encode()),
            (b"x-cache-tier", (found.tier or "").encode()),
            (b"x-cache-similarity", b"%.4f" % (found.similarity or 0.0)),
            (b"x-cache-key", (found.entry_id or "").encode()),
            (b"age", b"%d" % (found.age_s or 0)),
        ]

    def recording(self, status: int, headers: Mapping[str, str]) -> Recording | None:
        """What listens to the provider's answer; None for one that is not kept."""
        if status != 200 or headers.get("content-encoding", "identity") != "identity":
            return None
        streams = headers.get("content-type", "").partition(";")[0].strip() == "text/event-stream"
        if streams != self._asked.stream:
            return None
        return Recording(self, Recorder(self._dialect, stream=streams, limit=MOST_BYTES))

    def kept(self, recorder: Recorder) -> Call[Any] | None:
        """The store of what was recorded; None for what is not kept."""
        heard = recorder.finish()
        if heard.whole is None:
            return None
        widest_found = may_keep(heard.answered, self._rules.gateway)
        if isinstance(widest_found, RefusedReason):
            return None
        return calls.keep(
            StoreItem(
                **self._identity,
                strategy=_NAMES.get(self._strategy.tightest(widest_found)),
                context="semantic" if self._directives.context == "semantic" else None,
                response=msgspec.Raw(heard.whole),
                fill_token=self._found.fill_token,
                ttl_s=self._directives.ttl_s,
                tags=self._directives.tags,
                usage=_usage(heard.answered.usage),
                cost_usd=self._rules.prices.cost(self._asked.model, heard.answered, provider=self._dialect.provider),
                latency_ms=self._ms(),
            )
        )

    def _evidence(self) -> dict[str, Any]:
        found = self._found
        return msgspec.structs.asdict(
            evidence.Evidence(
                cache_hit=True,
                tier=found.tier,
                similarity=found.similarity,
                confidence=found.confidence,
                entry_id=found.entry_id,
                age_s=found.age_s,
                cost_usd=0.0,
                latency_ms=round(self._ms(), 3),
                status=self.said()[0][1].decode(),
                request_id=found.request_id,
            )
        )

    def _ms(self) -> float:
        return (time.monotonic() - self._begun) * 1000


class Recording:
    """Listens to an answer that passes by; in the end there is one store to make, or none."""

    def __init__(self, exchange: Exchange, recorder: Recorder) -> None:
        self._exchange = exchange
        self._recorder = recorder
        self._ended = False

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the answer."""
        self._recorder.feed(chunk)

    def end(self) -> Call[Any] | None:
        """The store, the first time that this is asked. Only an answer that was seen to its end has one: clients stop
        reading a stream at its end mark, before the connection says that nothing follows.
        """
        if self._ended:
            return None
        self._ended = True
        return self._exchange.kept(self._recorder)


def bypass(reason: str, status: CacheStatus = CacheStatus.BYPASS) -> Headers:
    """The header fields of an answer that the cache has no part in."""
    return [(b"x-cache-status", status.value.encode()), (b"x-cache-reason", reason.encode())]


def forwarded(headers: Headers, *, readable: bool) -> Headers:
    """The header fields for the provider: without ours, and asking for an answer that can be read here."""
    kept = [(name, value) for name, value in headers if not name.lower().startswith(_OURS)]
    if readable:
        kept = [(name, value) for name, value in kept if name.lower() != b"accept-encoding"]
        kept.append((b"accept-encoding", b"identity"))
    return kept


def _usage(usage: Usage | None) -> dict[str, int] | None:
    return None if usage is None else {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
