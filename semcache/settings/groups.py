"""The groups of settings, each about one part of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from semcache.models import Context, Strategy, TtlClass
from semcache.settings.kinds import Confidence, Count, ErrorBound, Group, Mode, Positive, Threshold


class StoreSettings(Group):
    """The store: Redis or Valkey."""

    deadline_s: Positive = Field(0.25, description="Longest wait for one read of a lookup.")
    write_deadline_s: Positive = Field(2.0, description="Longest wait for one write: a file may be synced first.")
    connect_timeout_s: Positive = Field(1.0, description="Longest wait for a connection.")
    pool_size: Count = Field(64, description="Most connections of one process to one node.")
    key_prefix: str = Field("sc", pattern=r"^[A-Za-z0-9_.-]+$", description="Head of every key: letters, digits, _ . -")
    tls_ca_file: Path | None = Field(None, description="CA bundle for rediss:// URLs; system trust if empty.")
    password: SecretStr | None = Field(None, description="Password, if it is not to stand in the URL.")
    sentinel_master: str | None = Field(
        None, description="Name of the Sentinel master; REDIS_URL then lists sentinels (host:port,host:port)."
    )
    sentinel_password: SecretStr | None = Field(None, description="Password of the Sentinels themselves.")
    cluster: bool = Field(False, description="REDIS_URL is a node of a Redis Cluster.")
    eviction: Literal["lru", "lfu"] = Field("lru", description="Which entries go first past a bound.")
    max_memory: str = Field(
        "1gb", pattern=r"^\d+(b|kb|mb|gb)?$", description="Memory bound of the embedded server ('0': none)."
    )
    fsync: Literal["always", "no"] = Field(
        "always",
        description="Append-only file of the embedded server: 'always' survives power loss, 'no' only kills.",
    )
    log_entries: Count = Field(20_000, description="Change-log entries kept for each shard (about).")
    breaker_failures: Count = Field(
        5, description="Failures in a row after which calls fail at once; calls that fail together count as one."
    )
    breaker_pause_s: Positive = Field(1.0, description="How long they do, before one call probes again.")


class EmbeddingSettings(Group):
    """How prompts become vectors."""

    deadline_s: Positive = Field(2.0, description="Longest wait for one embedding.")
    queue: Count = Field(1024, description="Texts that may wait for the embedder; more are refused.")
    batch: Count = Field(64, description="Most windows in one batch.")
    threads: Annotated[int, Field(ge=0)] = Field(
        0, description="Threads of the model; 0: one for each core, at most 4."
    )
    cache_entries: Annotated[int, Field(ge=0)] = Field(10_000, description="Embeddings kept in memory.")
    max_windows: Count = Field(
        128, description="Longer prompts than this many windows (of about 60 tokens) use the exact tiers only."
    )
    openai_base_url: str | None = Field(None, description="Where OpenAI embeddings are asked for.")
    openai_api_key: SecretStr | None = Field(None, description="Key for it.")
    dimensions: Count | None = Field(None, description="Components to ask OpenAI for, if fewer than the model's own.")


class VerificationSettings(Group):
    """How two prompts are judged before one is served the answer of the other."""

    deadline_s: Positive = Field(0.5, description="Longest wait for the verdict on the candidates of one lookup.")
    queue: Count = Field(256, description="Pairs of prompts that may wait for the verifier; more are refused.")
    threads: Annotated[int, Field(ge=0)] = Field(
        0, description="Threads of the model; 0: one for each core, at most 4."
    )
    guards_file: Path | None = Field(
        None, description="TOML file of tables that replace those of the guards; read at start."
    )
    weights_file: Path | None = Field(
        None,
        description="Weights of a verifier of your own, as `semcache train` writes them; goes with CALIBRATION_FILE. "
        "Empty: the package's. Read at start.",
    )
    calibration_file: Path | None = Field(
        None, description="What the scores of these weights are worth, from the same training (`--calibration`)."
    )
    judge_model: str | None = Field(
        None,
        min_length=1,
        description="Model that compares a withheld answer with the fresh one, asked through the upstream that serves "
        "it with that upstream's own key; empty: vectors and guards compare them.",
    )
    judge_per_hour: Count = Field(
        500, description="Most questions to it in an hour, of all replicas; further ones go to vectors and guards."
    )
    judge_timeout_s: Positive = Field(20.0, description="Longest wait for its verdict, tries and pauses included.")
    judge_concurrency: Count = Field(2, description="Questions to it at a time, of one process.")


class NormalizationSettings(Group):
    """Which steps make two spellings of a prompt one key. Each never merges what may be different requests."""

    unicode: bool = Field(True, description="Canonical Unicode form, invisible characters out.")
    whitespace: bool = Field(True, description="Runs of blanks become one; code blocks are left alone.")
    quotes: bool = Field(True, description="Typographic quotes and dashes become plain ones.")
    case: bool = Field(True, description="Title-case words fold; acronyms, mixed case and code never do.")
    contractions: bool = Field(True, description="don't = do not.")
    end_punctuation: bool = Field(True, description="Closing marks of the whole prompt are dropped.")
    punctuation: bool = Field(False, description="All punctuation between words is dropped.")
    stop_words: bool = Field(False, description="Articles and fillers are dropped.")
    stemming: bool = Field(False, description="English words are stemmed.")


class TtlSettings(Group):
    """How long answers live, in seconds."""

    static: Positive = Field(7 * 86400.0, description="Facts that do not change.")
    general: Positive = Field(86400.0, description="General knowledge, and what no rule knows better.")
    code: Positive = Field(6 * 3600.0, description="Programming.")
    conversation: Positive = Field(3600.0, description="A turn of a conversation.")
    personal: Positive = Field(1800.0, description="What depends on who asks; kept for that principal alone.")
    time_sensitive: Positive = Field(300.0, description="What depends on when it is asked.")
    min_s: Positive = Field(1.0, description="No entry lives shorter.")
    max_s: Positive = Field(30 * 86400.0, description="No entry lives longer.")
    jitter: Annotated[float, Field(ge=0.0, le=0.5)] = Field(
        0.0,
        description="Fraction by which a life is shortened at random, so that entries do not expire together.",
    )
    sliding: bool = Field(False, description="A hit prolongs an entry's life.")
    stale_window_s: Annotated[float, Field(ge=0)] = Field(
        0.0, description="How long an expired entry is kept for explicit stale rules."
    )
    by_class: bool = Field(True, description="Choose by class of prompt; off: DEFAULT_TTL_S for all.")
    rules_file: Path | None = Field(
        None, description="TOML file of [[rule]] tables that replace the rules by which prompts are classed."
    )

    def of(self, ttl_class: TtlClass) -> float:
        """Seconds of a class; 0 for `never`."""
        return 0.0 if ttl_class is TtlClass.NEVER else float(getattr(self, ttl_class.value))


class LimitSettings(Group):
    """What is too much."""

    prompt_chars: Count = Field(
        100_000,
        description="Longest prompt that is cached; all messages of the user together may have ten times as much.",
    )
    response_bytes: Count = Field(1_000_000, description="Largest answer that is cached.")
    body_bytes: Count = Field(10_000_000, description="Largest request body.")
    batch_items: Count = Field(256, description="Most items in one batch call.")
    lookup_deadline_s: Positive = Field(3.0, description="Longest the semantic tier of a lookup may take.")
    candidates: Count = Field(4, description="Neighbours read at first; doubles while they turn out dead.")
    invalidate_inline: Count = Field(1000, description="More matches than this make an invalidation a job.")


class GatewaySettings(Group):
    """What may be cached of the traffic to model providers, and how it is served."""

    max_temperature: Annotated[float, Field(ge=0.0, le=2.0)] = Field(
        0.0, description="Requests with a higher temperature bypass the cache; an unset one is cached."
    )
    tool_answers: Strategy = Field(
        Strategy.EXACT, description="The widest tier by which an answer that calls tools may be found."
    )
    refusals: bool = Field(False, description="Store answers in which the model refuses.")
    sensitive: Literal["cache", "secrets", "all"] = Field(
        "secrets", description="Prompts that bypass: with secrets (keys, passwords), with 'all' personal data too."
    )
    deny: tuple[str, ...] = Field((), description="Regular expressions (RE2); prompts in which one is found bypass.")
    uncounted_headers: tuple[str, ...] = Field(
        (),
        description="Request headers, beside the known ones, that leave answers alone; `x-app-*`: all that begin so.",
    )
    stale_if_error_s: Annotated[float, Field(ge=0)] = Field(
        0.0, description="How long past its expiry an exact answer is served when upstream fails."
    )
    stale_while_revalidate_s: Annotated[float, Field(ge=0)] = Field(
        0.0, description="How long past its expiry an exact answer is served while one refresh runs."
    )
    negative_ttl_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.0, description="How long an upstream 400, 404, 413 or 422 answers the same request; 0: never."
    )
    replay_events_per_s: Annotated[float, Field(ge=0)] = Field(
        0.0, description="Pace at which a cached answer is streamed; 0: at once."
    )
    lease_s: Positive = Field(5.0, description="A leader of coalesced requests that is silent so long is replaced.")


class UpstreamSettings(Group):
    """One provider of models, a table [upstreams.<name>]."""

    base_url: str = Field(
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$",
        description="Where it is asked (https://api.openai.com/v1); stands for `/v1` if it has a path, else before it.",
    )
    api_key: SecretStr | None = Field(None, description="The operator's key; empty: the caller's header passes on.")
    protocol: Literal["any", "openai", "anthropic"] = Field("any", description="Which protocols are routed here.")
    models: tuple[str, ...] = Field(("*",), description="Names of models, shell patterns; the first upstream wins.")
    model_versions: dict[str, str] = Field(
        {}, description="Version of a model by name; a new one leaves all older answers behind."
    )
    timeout_s: Positive = Field(600.0, description="Longest a whole answer may take.")
    connect_timeout_s: Positive = Field(5.0, description="Longest wait for a connection.")
    silence_s: Positive = Field(600.0, description="Longest wait for the next byte of an answer, the first included.")
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        2, description="Further tries after 408, 409, 429, 5xx or a failed connection, with back-off."
    )
    pool_size: Count = Field(100, description="Most connections of one process.")


class PriceSettings(Group):
    """What a model costs, a table [prices.<model>], where the price list does not know it or is wrong."""

    input_per_million: Annotated[float, Field(ge=0)] = Field(description="USD for a million input tokens.")
    output_per_million: Annotated[float, Field(ge=0)] = Field(description="USD for a million output tokens.")


class RateSettings(Group):
    """Rate limits, for each API key or, without one, each client address."""

    enabled: bool = Field(False, description="Limit at all.")
    generation_per_minute: Count = Field(
        20, description="Chat completions, responses and messages; what else a provider may charge for."
    )
    embeddings_per_minute: Count = Field(600, description="Embeddings.")
    data_per_minute: Count = Field(6000, description="Lookups, stores and feedback; a batch counts its items.")
    count_hits: bool = Field(True, description="Answers from the cache count too.")


class WarmSettings(Group):
    """Asking upstream for what is missing, ahead of the users."""

    file: Path | None = Field(None, description="JSON lines of requests or prompts, warmed at every start.")
    concurrency: Count = Field(4, description="Requests to upstream at a time.")
    budget_usd: Positive | None = Field(None, description="Stop once so much was spent; empty: no bound.")


class NearSettings(Group):
    """What one process keeps in its own memory, so that what is asked again costs less."""

    entries: Annotated[int, Field(ge=0)] = Field(
        10_000, description="Copies of entries, used again without asking the store; 0: none."
    )
    max_bytes: Count = Field(64_000_000, description="Memory that they may take, about.")
    identities: Annotated[int, Field(ge=0)] = Field(
        10_000, description="Requests whose digests are remembered, in place of being computed again; 0: none."
    )
    requests: Annotated[int, Field(ge=0)] = Field(
        50_000, description="Requests that are known by their bytes and read from the store without parsing; 0: none."
    )
    requests_max_bytes: Count = Field(
        96_000_000, description="Memory that all that is remembered of requests may take, about."
    )


class MaintenanceSettings(Group):
    """Work that goes on by itself."""

    interval_s: Positive = Field(60.0, description="Between sweeps (age, dead rows, over-quota).")
    snapshot_interval_s: Positive = Field(300.0, description="Between snapshots of the index, if it changed.")
    poll_s: Positive = Field(0.2, description="Longest pause between two looks at the change log.")


class NamespaceSettings(Group):
    """What differs in one namespace; empty: as everywhere."""

    mode: Mode | None = Field(None, description="How its semantic hits are decided.")
    threshold: Threshold | None = Field(None, description="Cosine threshold of this namespace.")
    confidence: Confidence | None = Field(None, description="Least probability that its semantic hits are right.")
    error_bound: ErrorBound | None = Field(None, description="Its bound on wrong answers, in mode verified.")
    context: Context | None = Field(None, description="What must be the same ahead of its last messages.")
    strategy: Strategy | None = Field(None, description="How far its lookups may go.")
    ttl_s: Positive | None = Field(None, description="Life of its answers, unless the request names one.")
    max_entries: Count | None = Field(None, description="Most entries in it; the coldest go first.")
