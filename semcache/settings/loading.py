"""Reading the settings: environment over TOML file over defaults."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from semcache.errors import ConfigError
from semcache.settings.explaining import explain
from semcache.settings.names import unknown_variables
from semcache.settings.tree import Settings

log = logging.getLogger(__name__)


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
        problems = [explain(problem) for problem in error.errors(include_url=False)]
        raise ConfigError("\n".join(problems)) from None  # pydantic's own text could show a secret
    except (ValueError, OSError) as error:  # TOML syntax, unreadable file, JSON in a variable
        raise ConfigError(f"{config or 'environment'}: {error}") from error
    for line in unknown_variables(os.environ) if warn else ():
        log.warning("%s", line)
    return settings
