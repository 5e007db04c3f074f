"""One frozen settings tree: environment over TOML file over defaults; every field documented and validated.

Top-level fields are `SEMCACHE_<NAME>`; nested ones `SEMCACHE_<GROUP>__<NAME>`. A TOML file (`SEMCACHE_CONFIG`, or
`--config`) sets the same names, groups as tables. `Settings.redacted()` is what may be shown.
"""

from __future__ import annotations

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
from semcache.settings.kinds import Mode
from semcache.settings.loading import load
from semcache.settings.loopback import is_loopback
from semcache.settings.names import NOT_SETTINGS, fields, unknown_variables, variable
from semcache.settings.tree import Settings

__all__ = [
    "NOT_SETTINGS",
    "EmbeddingSettings",
    "GatewaySettings",
    "LimitSettings",
    "MaintenanceSettings",
    "Mode",
    "NamespaceSettings",
    "NearSettings",
    "NormalizationSettings",
    "PriceSettings",
    "RateSettings",
    "Settings",
    "StoreSettings",
    "TtlSettings",
    "UpstreamSettings",
    "VerificationSettings",
    "WarmSettings",
    "fields",
    "is_loopback",
    "load",
    "unknown_variables",
    "variable",
]
