"""`semcache rebuild` and `semcache stats`: ask a running service over HTTP. Standard library only."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final

from semcache.cli import stats_table
from semcache.errors import AccessError, RequestError, SemcacheError, Unavailable

_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.5
_UNFINISHED: Final = ("queued", "running")


def run(chosen: argparse.Namespace) -> int:
    """Carry out `rebuild` or `stats`. Raises Unavailable where the service cannot be reached."""
    return _rebuild(chosen) if chosen.command == "rebuild" else _stats(chosen)


def call(chosen: argparse.Namespace, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One request to the service that `--url` names; its JSON answer. Raises the error that the service reports."""
    data = None if body is None else json.dumps(body).encode()
    return send(chosen, method, path, data, "application/json")


def send(
    chosen: argparse.Namespace,
    method: str,
    path: str,
    data: bytes | IO[bytes] | None,
    content_type: str,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> dict[str, Any]:
    """As `call`, with a body of any type; a file is streamed."""
    with (
        opened(chosen, method, path, data, {"Content-Type": content_type}, timeout_s=timeout_s) as answer,
        no_answer(chosen),
    ):
        text = answer.read()
    try:
        decoded: dict[str, Any] = json.loads(text)
    except ValueError:
        raise SemcacheError(f"{chosen.url}{path} did not answer with JSON; is that semcache?") from None
    return decoded


@contextlib.contextmanager
def opened(
    chosen: argparse.Namespace,
    method: str,
    path: str,
    data: bytes | IO[bytes] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout_s: float = _TIMEOUT_S,
) -> Iterator[http.client.HTTPResponse]:
    """An answer whose body is still to be read. Raises Unavailable without one, or the error that it reports."""
    key = chosen.key or os.environ.get("SEMCACHE_ADMIN_KEY") or os.environ.get("SEMCACHE_API_KEY")
    url = chosen.url.rstrip("/") + path
    if not url.startswith(("http://", "https://")):
        raise RequestError(f"--url {chosen.url!r} does not start with http:// or https://")
    sent = {**(headers or {}), **({"Authorization": f"Bearer {key}"} if key else {})}
    request = urllib.request.Request(url, data=data, method=method, headers=sent)
    # A cache is asked directly: a proxy of the environment would make a loopback call a foreign one.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Hearing)
    with no_answer(chosen):
        answer: http.client.HTTPResponse = opener.open(request, timeout=timeout_s)
    with answer:
        yield answer


class _Hearing(urllib.request.HTTPHandler):
    """Hears an answer that came, and a connection closed behind it, while the body was still being sent."""

    class _Connection(http.client.HTTPConnection):
        def send(self, data: Any) -> None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # no answer there: reading it says so
                super().send(data)

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(self._Connection, req)


@contextlib.contextmanager
def no_answer(chosen: argparse.Namespace) -> Iterator[None]:
    """Around what reads from the service: turns what goes wrong there into our errors."""
    try:
        yield
    except urllib.error.HTTPError as error:
        raise _reported(error) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        asked = "is a service running there? --url or SEMCACHE_URL names another"
        raise Unavailable(f"no answer from {chosen.url}: {reason}; {asked}") from None


def watch(chosen: argparse.Namespace, job: str, what: str, unit: str) -> dict[str, Any]:
    """Show a job's progress until it ends; returns its last state. Raises SemcacheError where it failed."""
    from tqdm import tqdm

    print(f"job {job}", flush=True)
    with tqdm(desc=what, unit=unit) as bar:
        while True:
            state = call(chosen, "GET", f"/admin/jobs/{urllib.parse.quote(job)}")
            bar.total = state.get("total") or None
            bar.update((state.get("done") or 0) - bar.n)
            if state["state"] not in _UNFINISHED:
                break
            time.sleep(_POLL_S)
    if state.get("error"):
        raise SemcacheError(f"job {job} {state['state']}: {state['error']}")
    print(state["state"])
    return state


def _reported(error: urllib.error.HTTPError) -> SemcacheError:
    with error:
        text = error.read().decode(errors="replace")
    try:
        problem = json.loads(text)
        detail = f"{problem['detail']} ({problem['code']})"
    except (ValueError, KeyError, TypeError):
        detail = f"HTTP {error.code} {error.reason}"
    if error.code in (401, 403):
        return AccessError(f"{detail}: give a key with --key, SEMCACHE_ADMIN_KEY or SEMCACHE_API_KEY")
    return Unavailable(detail) if error.code in (502, 503, 504) else SemcacheError(detail)


def _rebuild(chosen: argparse.Namespace) -> int:
    body: dict[str, Any] = {"reembed": chosen.reembed}
    if chosen.namespace:
        body["namespace"] = chosen.namespace
    job = call(chosen, "POST", "/admin/index/rebuild", body)["job_id"]
    return 0 if watch(chosen, job, "rebuild", "entries")["state"] == "done" else 1


def _stats(chosen: argparse.Namespace) -> int:
    query = f"?{urllib.parse.urlencode({'namespace': chosen.namespace})}" if chosen.namespace else ""
    found = call(chosen, "GET", f"/v1/stats{query}")
    print(json.dumps(found, indent=2) if chosen.json else stats_table.render(found))
    return 0
