"""One frozen settings tree: environment over TOML file over defaults; every field documented and validated.

Top-level fields are `SEMCACHE_<NAME>`; nested ones `SEMCACHE_<GROUP>__<NAME>`. A TOML file (`SEMCACHE_CONFIG`, or
`--config`) sets the same names, groups as tables. `Settings.redacted()` is what may be shown.
"""

from __future__ import annotations

import difflib
import ipaddress
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from semcache.errors import ConfigError
from semcache.models import Context, Strategy, TtlClass, base_namespace

log = logging.getLogger(__name__)

PREFIX: Final = "SEMCACHE_"
NOT_SETTINGS: Final = frozenset(
    {"SEMCACHE_CONFIG", "SEMCACHE_SERVER_URL", "SEMCACHE_EVALDATA", "SEMCACHE_URL", "SEMCACHE_API_KEY"}
)
"""Variables of ours that are no settings: the TOML file, the embedded server's address, the tests' data, and the
client's two.
"""

Threshold = Annotated[float, Field(ge=0.0, le=1.0)]
Confidence = Annotated[float, Field(ge=0.0, le=1.0)]
ErrorBound = Annotated[float, Field(gt=0.0, lt=1.0)]
Mode = Literal["threshold", "guarded", "verified", "shadow"]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StoreSettings(_Group):
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


class EmbeddingSettings(_Group):
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


class VerificationSettings(_Group):
    """How two prompts are judged before one is served the answer of the other."""

    deadline_s: Positive = Field(0.5, description="Longest wait for the verdict on the candidates of one lookup.")
    queue: Count = Field(256, description="Pairs of prompts that may wait for the verifier; more are refused.")
    threads: Annotated[int, Field(ge=0)] = Field(
        0, description="Threads of the model; 0: one for each core, at most 4."
    )
    guards_file: Path | None = Field(
        None, description="TOML file of tables that replace those of the guards; read at start."
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


class NormalizationSettings(_Group):
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


class TtlSettings(_Group):
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


class LimitSettings(_Group):
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


class GatewaySettings(_Group):
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


class UpstreamSettings(_Group):
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


class PriceSettings(_Group):
    """What a model costs, a table [prices.<model>], where the price list does not know it or is wrong."""

    input_per_million: Annotated[float, Field(ge=0)] = Field(description="USD for a million input tokens.")
    output_per_million: Annotated[float, Field(ge=0)] = Field(description="USD for a million output tokens.")


class RateSettings(_Group):
    """Rate limits, for each API key or, without one, each client address."""

    enabled: bool = Field(False, description="Limit at all.")
    generation_per_minute: Count = Field(
        20, description="Chat completions, responses and messages; what else a provider may charge for."
    )
    embeddings_per_minute: Count = Field(600, description="Embeddings.")
    data_per_minute: Count = Field(6000, description="Lookups, stores and feedback; a batch counts its items.")
    count_hits: bool = Field(True, description="Answers from the cache count too.")


class WarmSettings(_Group):
    """Asking upstream for what is missing, ahead of the users."""

    file: Path | None = Field(None, description="JSON lines of requests or prompts, warmed at every start.")
    concurrency: Count = Field(4, description="Requests to upstream at a time.")
    budget_usd: Positive | None = Field(None, description="Stop once so much was spent; empty: no bound.")


class NearSettings(_Group):
    """What one process keeps in its own memory, so that what is asked again costs less."""

    entries: Annotated[int, Field(ge=0)] = Field(
        10_000, description="Answers of exact hits, served again without asking the store; 0: none."
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


class MaintenanceSettings(_Group):
    """Work that goes on by itself."""

    interval_s: Positive = Field(60.0, description="Between sweeps (age, dead rows, over-quota).")
    snapshot_interval_s: Positive = Field(300.0, description="Between snapshots of the index, if it changed.")
    poll_s: Positive = Field(0.2, description="Longest pause between two looks at the change log.")


class NamespaceSettings(_Group):
    """What differs in one namespace; empty: as everywhere."""

    mode: Mode | None = Field(None, description="How its semantic hits are decided.")
    threshold: Threshold | None = Field(None, description="Cosine threshold of this namespace.")
    confidence: Confidence | None = Field(None, description="Least probability that its semantic hits are right.")
    error_bound: ErrorBound | None = Field(None, description="Its bound on wrong answers, in mode verified.")
    context: Context | None = Field(None, description="What must be the same ahead of its last messages.")
    strategy: Strategy | None = Field(None, description="How far its lookups may go.")
    ttl_s: Positive | None = Field(None, description="Life of its answers, unless the request names one.")
    max_entries: Count | None = Field(None, description="Most entries in it; the coldest go first.")


class Settings(BaseSettings):
    """All settings of one service."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="Address to listen on. Another than loopback needs API keys.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8080, description="Port to listen on; 0 picks a free one.")
    workers: Count = Field(1, description="Serving processes.")
    data_dir: Path = Field(Path("data"), description="Embedded server's files and prepared models.")
    index_dir: Path = Field(Path("indexes"), description="Snapshots of the vector index.")
    redis_url: SecretStr | None = Field(None, description="redis://, rediss:// or unix://; empty: the embedded server.")
    upstream_base_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s]*)?$",
        description="Where models are asked, e.g. https://api.openai.com/v1; empty: no gateway, unless [upstreams] is.",
    )
    upstream_api_key: SecretStr | None = Field(
        None, description="The operator's key for it; empty: the caller's header passes on."
    )
    embedder: str = Field(
        "minilm",
        pattern=r"^(minilm|st:.+|openai:.+|off)$",
        description="'minilm' (packaged), 'st:<name or path>' (sentence-transformers), 'openai:<model>', or 'off'.",
    )
    verifier: Literal["packaged", "off"] = Field(
        "packaged", description="Judges the candidates of semantic hits; loaded where a mode asks it."
    )
    strategy: Strategy = Field(Strategy.SEMANTIC, description="How far a lookup may go, unless the request says less.")
    mode: Mode = Field(
        "guarded",
        description="How a semantic hit is decided: by the cosine alone, by guards and the verifier too, by these "
        "within a bound on errors (verified); or it is only counted and compared, and none is served (shadow).",
    )
    threshold: Threshold | None = Field(None, description="Cosine threshold; empty: calibrated for the vector space.")
    confidence: Confidence | None = Field(
        None, description="Least probability, as the verifier has it, that a semantic hit is right; empty: calibrated."
    )
    error_bound: ErrorBound = Field(
        0.01, description="Most wrong answers, as a share of all requests, in mode verified."
    )
    context: Context | None = Field(
        None,
        description="Whether what comes ahead of the last user message must be identical or mean the same; empty: "
        "identical, unless a request asks for `semantic`.",
    )
    max_entries: Count = Field(1_000_000, description="Most entries, over all namespaces.")
    default_ttl_s: Positive = Field(3600.0, description="Life of an answer where classes are off.")
    api_keys_file: Path | None = Field(None, description="TOML file of hashed API keys, their namespaces and roles.")
    admin_key: SecretStr | None = Field(None, description="Key of the admin plane; empty: from loopback only.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    store: StoreSettings = StoreSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    verification: VerificationSettings = VerificationSettings()
    normalization: NormalizationSettings = NormalizationSettings()
    ttl: TtlSettings = TtlSettings()
    limits: LimitSettings = LimitSettings()
    gateway: GatewaySettings = GatewaySettings()
    rate: RateSettings = RateSettings()
    warm: WarmSettings = WarmSettings()
    upstreams: dict[str, UpstreamSettings] = Field({}, description="Tables [upstreams.<name>], asked in order.")
    prices: dict[str, PriceSettings] = Field({}, description="Tables [prices.<model>].")
    near: NearSettings = NearSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    namespaces: dict[str, NamespaceSettings] = Field({}, description="Tables [namespaces.<name>].")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _public_bind_needs_keys(self) -> Settings:
        if not is_loopback(self.host) and self.api_keys_file is None:
            raise ValueError(
                f"host {self.host!r} is public and no API keys are set: set SEMCACHE_API_KEYS_FILE, "
                "or bind to 127.0.0.1"
            )
        if self.upstream_base_url is not None and "default" in self.upstreams:
            raise ValueError("upstreams.default and UPSTREAM_BASE_URL both name the upstream `default`: keep one")
        window = max(self.gateway.stale_if_error_s, self.gateway.stale_while_revalidate_s)
        if window > self.ttl.stale_window_s:
            raise ValueError(
                f"gateway stale windows of {window:g} s need expired entries to be kept as long: "
                "set SEMCACHE_TTL__STALE_WINDOW_S"
            )
        if self.ttl.min_s > self.ttl.max_s:
            raise ValueError("ttl.min_s is greater than ttl.max_s")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the TOML file that `SEMCACHE_CONFIG` names."""
        config = os.environ.get("SEMCACHE_CONFIG")
        file = (TomlConfigSettingsSource(settings_cls, toml_file=config),) if config else ()
        return (init_settings, env_settings, *file)

    def redacted(self) -> dict[str, Any]:
        """All effective settings as JSON values, secrets as asterisks."""
        return self.model_dump(mode="json")

    def all_upstreams(self) -> dict[str, UpstreamSettings]:
        """The upstreams in the order in which they are asked; the one of UPSTREAM_BASE_URL is `default`, the last."""
        found = dict(self.upstreams)
        if self.upstream_base_url is not None:
            found["default"] = UpstreamSettings(base_url=self.upstream_base_url, api_key=self.upstream_api_key)
        return found

    def anywhere_judged(self) -> bool:
        """Whether semantic hits are decided by more than the cosine, by default or in some namespace."""
        return {self.mode, *(one.mode for one in self.namespaces.values())} - {"threshold", None} != set()

    def namespace(self, name: str) -> NamespaceSettings:
        """Settings of a namespace, or of the one that it is derived from; the empty ones where none are given."""
        return self.namespaces.get(base_namespace(name), _PLAIN)


_PLAIN = NamespaceSettings()
_TABLES: Final[dict[str, type[_Group]]] = {
    "namespaces": NamespaceSettings,
    "upstreams": UpstreamSettings,
    "prices": PriceSettings,
}
"""Settings that are tables of groups, by a name that the operator gives."""


def is_loopback(host: str) -> bool:
    """Whether a bind address can be reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def load(*, warn: bool = True, **overrides: Any) -> Settings:
    """Read the settings; raises ConfigError with a line for each wrong field, which says how to mend it.

    A SEMCACHE_ variable that is no setting is logged as a warning (it may belong to another version), unless the
    caller shows these itself.
    """
    config = os.environ.get("SEMCACHE_CONFIG")
    if config and not Path(config).is_file():
        raise ConfigError(f"SEMCACHE_CONFIG names {config!r}, which is no file")
    try:
        settings = Settings(**overrides)
    except ValidationError as error:
        problems = [_explain(problem) for problem in error.errors(include_url=False)]
        raise ConfigError("\n".join(problems)) from None  # pydantic's own text could show a secret
    except (ValueError, OSError) as error:  # TOML syntax, unreadable file, JSON in a variable
        raise ConfigError(f"{config or 'environment'}: {error}") from error
    for line in unknown_variables(os.environ) if warn else ():
        log.warning("%s", line)
    return settings


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as (dotted path, pydantic's description of it), in the order of the tree.

    Those of a table come once, as `namespaces.<name>.<field>`.
    """
    for name, info in Settings.model_fields.items():
        group = _group(info)
        if name in _TABLES:
            yield from ((f"{name}.<name>.{key}", field) for key, field in _TABLES[name].model_fields.items())
        elif group is None:
            yield name, info
        else:
            yield from ((f"{name}.{key}", field) for key, field in group.model_fields.items())


def variable(path: str) -> str:
    """The environment variable of a setting: `store.deadline_s` is SEMCACHE_STORE__DEADLINE_S."""
    return PREFIX + path.replace(".", "__").upper()


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A line for each SEMCACHE_ variable that sets nothing, with the name that was probably meant."""
    known = [variable(path) for path, _ in fields()] + sorted(NOT_SETTINGS)
    heads = {variable(name) for name in _tables()}
    lines = []
    for name in sorted(environment):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in known or upper.partition("__")[0] in heads:
            continue  # a wrong name inside a group is an error of its own
        lines.append(f"{name} is no setting{_meant(upper, known)}")
    return lines


def _group(info: FieldInfo) -> type[_Group] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, _Group) else None


def _tables() -> list[str]:
    """Settings that are groups or tables of groups: the tables of a file."""
    return [name for name, info in Settings.model_fields.items() if _group(info) or name in _TABLES]


def _meant(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
    return f"; did you mean {close[0]}?" if close else ""


def _explain(problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    if not path:
        return str(problem["msg"]).removeprefix("Value error, ")
    name = variable(path)
    known = dict(fields())
    given = problem.get("input")
    if problem["type"] == "extra_forbidden" and isinstance(given, dict) and "." not in path:
        return f"[{path}]: there is no such table{_meant(f'[{path}]', [f'[{each}]' for each in _tables()])}"
    if problem["type"] == "extra_forbidden":
        return f"{path} [{name}]: there is no such setting{_meant(name, [variable(each) for each in known])}"
    head, *rest = path.split(".")
    info = known.get(".".join([head, "<name>", *rest[1:]]) if head in _TABLES else path)
    said = problem["msg"]
    if problem["type"] == "model_type" and head in _TABLES:
        said = f"each is a table of its own, [{head}.<name>]"
    elif problem["type"] == "string_pattern_mismatch" and info is not None:
        said = f"does not have the form that is needed. {info.description}"
    return f"{path} [{name}]: {said}{_shown(given, info)}"


def _shown(given: Any, info: FieldInfo | None) -> str:
    """What was given, if it is plain and its field is known to be no secret."""
    if info is None or SecretStr in (info.annotation, *get_args(info.annotation)):
        return ""
    return f" (given: {given!r})" if isinstance(given, (str, int, float)) else ""
