"""Flags as settings: each becomes the variable that it stands for, so that spawned workers read the same."""

from __future__ import annotations

import argparse
import os
from typing import Final

_VARIABLES: Final = {
    "config": "SEMCACHE_CONFIG",
    "host": "SEMCACHE_HOST",
    "port": "SEMCACHE_PORT",
    "data_dir": "SEMCACHE_DATA_DIR",
}


def apply(chosen: argparse.Namespace) -> None:
    """Put the flags that were given into the environment of this process."""
    for flag, variable in _VARIABLES.items():
        value = getattr(chosen, flag, None)
        if value is not None:
            os.environ[variable] = value
