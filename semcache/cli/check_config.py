"""`semcache check-config`: the effective settings, where each comes from, and what is wrong with them.

Opens no connection and writes nothing. Values are shown as `Settings.redacted()` gives them.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from semcache.cli import flags
from semcache.cli.idle import idle
from semcache.cli.verifier import examined
from semcache.errors import ConfigError, SemcacheError
from semcache.folders import unwritable
from semcache.gateway.routing import Upstreams
from semcache.judge_model import routed
from semcache.settings import Settings, is_loopback, load, unknown_variables, variable


def run(chosen: argparse.Namespace) -> int:
    """Print the settings and the findings; 1 where the service could not start so. Raises ConfigError."""
    flags.apply(chosen)
    warnings = unknown_variables(os.environ)
    try:
        settings = load(warn=False)
        _print_table(settings)
        errors = list(_errors(settings))
        warnings += _warnings(settings)
        verifier = examined(settings)
        print(f"verifier: {verifier.summary}")
        errors += [f"{one.code}: {one.detail}" for one in verifier.findings if one.fault and one.detail not in errors]
        warnings += [f"{one.code}: {one.detail}" for one in verifier.findings if not one.fault]
    except ConfigError as error:
        errors = str(error).splitlines()
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    for line in errors:
        print(f"error: {line}", file=sys.stderr)
    return 1 if errors else 0


def sources() -> dict[str, str]:
    """Dotted path -> the variable or file that sets it; what is missing has its default."""
    found: dict[str, str] = {}
    config = os.environ.get("SEMCACHE_CONFIG")
    if config:
        values = TomlConfigSettingsSource(Settings, toml_file=config)()
        found |= {path: config for path, _ in _leaves(values)}
    return found | {path: _set_by(path) for path, _ in _leaves(EnvSettingsSource(Settings)())}


def _set_by(path: str) -> str:
    """The variable itself, or that of its group where the whole group was given as JSON."""
    name = variable(path)
    return name if name in (key.upper() for key in os.environ) else variable(path.split(".")[0])


def _print_table(settings: Settings) -> None:
    origin = sources()
    rows = [(path, _shown(value), origin.get(path, "default")) for path, value in _leaves(settings.redacted())]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for path, value, source in rows:
        print(f"{path:<{widths[0]}}  {value:<{widths[1]}}  {source}")


def _leaves(tree: dict[str, Any], head: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{head}{key}.")
        else:
            yield f"{head}{key}", value


def _shown(value: Any) -> str:
    return "-" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _errors(settings: Settings) -> Iterator[str]:
    for path, folder in (("data_dir", settings.data_dir), ("index_dir", settings.index_dir)):
        problem = unwritable(folder)
        if problem:
            yield f"{path} [{variable(path)}]: {problem}"
    if settings.api_keys_file is not None:
        from semcache.http.keys import KeyFile

        try:
            KeyFile(settings.api_keys_file)
        except ConfigError as error:
            yield str(error)
    for check in (_put_together, _understand_url):
        try:
            asyncio.run(check(settings))
        except ConfigError as error:
            yield str(error)


def _warnings(settings: Settings) -> list[str]:
    found = []
    if not is_loopback(settings.host) and settings.admin_key is None:
        found.append("no SEMCACHE_ADMIN_KEY: the admin plane answers from loopback only")
    if settings.redis_url is None and settings.store.max_memory.rstrip("bkmg") == "0":
        found.append("store.max_memory is 0: the embedded server grows until the machine's memory is full")
    return [*found, *idle(settings), *_of_the_judge(settings)]


def _of_the_judge(settings: Settings) -> Iterator[str]:
    """What an operator who named a judge model may not have meant."""
    model = settings.verification.judge_model
    if model is None:
        return
    if not {settings.mode, *(one.mode for one in settings.namespaces.values())} & {"shadow", "verified"}:
        yield "verification.judge_model is never asked: no namespace has the mode shadow or verified"
    upstreams = Upstreams(settings)
    with contextlib.suppress(SemcacheError):  # an error of its own
        upstream, _ = routed(model, upstreams)
        if not upstream.has_key:
            yield (
                f"upstream {upstream.name} has no api_key: the judge is asked without one, and only about answers that "
                "were not paid for with a caller's key"
            )


async def _put_together(settings: Settings) -> None:
    """The parts judge their own settings when they are made; none is started."""
    from semcache.service import Service

    await Service(settings).aclose()


async def _understand_url(settings: Settings) -> None:
    from semcache.stores import connect

    await connect.check(settings)
