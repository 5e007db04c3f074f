"""The settings of one service: all groups, and what stands beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from semcache.models import Context, Strategy, base_namespace
from semcache.settings.groups import (
    EmbeddingSettings,
    GatewaySettings,
    LimitSettings,
    MaintenanceSettings,
    NamespaceSettings,
    NearSettings,
    NormalizationSettings,
    PriceSettings,
    RateSettings,
    StoreSettings,
    TtlSettings,
    UpstreamSettings,
    VerificationSettings,
    WarmSettings,
)
from semcache.settings.kinds import Confidence, Count, ErrorBound, Mode, Positive, Threshold
from semcache.settings.loopback import is_loopback

PREFIX: Final = "SEMCACHE_"


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

    @model_validator(mode="after")
    def _a_bound_needs_the_verifier(self) -> Settings:
        if self.verifier != "off" or self.embedder == "off":
            return self
        bound = ["the default"] if self.mode == "verified" else []
        bound += [f"namespaces.{name}" for name, one in sorted(self.namespaces.items()) if one.mode == "verified"]
        if bound:
            raise ValueError(
                f"mode verified ({', '.join(bound)}) keeps its bound by what the verifier finds probable, and that is "
                "off: set SEMCACHE_VERIFIER=packaged, or choose another mode"
            )
        return self

    @model_validator(mode="after")
    def _weights_go_with_what_their_scores_are_worth(self) -> Settings:
        given = {
            "SEMCACHE_VERIFICATION__WEIGHTS_FILE": self.verification.weights_file,
            "SEMCACHE_VERIFICATION__CALIBRATION_FILE": self.verification.calibration_file,
        }
        missing = [name for name, file in given.items() if file is None]
        if len(missing) == 1:
            [named] = given.keys() - missing
            raise ValueError(
                f"verification.weights_file and verification.calibration_file go together, and {missing[0]} is not "
                f"set: name there what the training wrote that {named} is of, or leave both empty for the package's"
            )
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
