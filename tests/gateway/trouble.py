"""One request in trouble: what is kept for it, what its caller gets, and that nothing wrong is stored."""

from __future__ import annotations

import contextlib
import time

import httpx
import pytest

from tests.gateway import provider_answers
from tests.gateway.conftest import Gateway, Seen
from tests.patience import LONG_S
from tests.serving import until

DEADLINE_S = LONG_S / 2
"""No caller waits longer here, whatever upstream does; the gateway's own bounds are far below."""
FORMS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
STALE = pytest.mark.parametrize("kept", ["nothing kept", "stale kept", "no window"])
QUICK = {"retry-after-ms": "5"}


class Case:
    """One prompt, with or without an expired answer that is kept for it."""

    def __init__(self, gateway: Gateway, prompt: str, kept: str, *, stream: bool) -> None:
        self.gateway = gateway
        self.prompt = f"{prompt} / {kept} / {stream}"
        self.kept = kept
        self.stream = stream
        if kept != "nothing kept":
            self.expire()
        gateway.provider.forget()

    def expire(self) -> None:
        """Have an answer kept, and wait until it has expired."""
        self.gateway.chat(self.prompt, headers={"x-cache-ttl": "0.05"})
        self.gateway.settled()
        until(lambda: not self.gateway.is_kept(self.prompt), what="expiry")

    def ask(self) -> Seen:
        """Ask within the deadline."""
        headers = {"cache-control": "stale-if-error=0"} if self.kept == "no window" else {}
        started = time.monotonic()
        seen = self.gateway.chat(self.prompt, stream=self.stream, headers=headers)
        assert time.monotonic() - started < DEADLINE_S
        return seen

    def ask_cut(self) -> bytes:
        """What comes of an answer that breaks off."""
        body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": self.prompt}], "stream": self.stream}
        headers = {"cache-control": "stale-if-error=0"} if self.kept == "no window" else {}
        with self.gateway.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as response:
            return until_cut(response)

    def assert_stale(self, seen: Seen, reason: str) -> None:
        """The expired answer was served, and marked."""
        assert (seen.code, seen.status, seen.reason) == (200, "STALE", reason)
        assert seen.text == f"You said: {self.prompt}"
        assert seen.is_stream is self.stream
        assert seen.done is self.stream
        assert int(seen.headers["age"]) >= 0
        assert "fwd=stale" in seen.headers["cache-status"]
        assert seen.evidence["status"] == "STALE"
        assert seen.evidence["saved_usd"] == 0

    def assert_error(self, seen: Seen, status: int, code: str) -> None:
        """An error of ours in OpenAI's shape."""
        assert seen.code == status
        error = seen.json["error"]
        assert error["code"] == code
        assert set(error) == {"message", "type", "param", "code"}

    def assert_nothing_stored(self) -> None:
        """No request after this is answered from the cache."""
        self.gateway.settled()
        assert not self.gateway.is_kept(self.prompt)
        assert not self.gateway.is_kept(self.prompt, stream=True)


def until_cut(response: httpx.Response) -> bytes:
    """What comes of an answer whose connection is then cut."""
    told = b""
    with contextlib.suppress(httpx.RemoteProtocolError):
        for part in response.iter_raw():
            told += part
        pytest.fail("the answer came to a good end")
    return told


def sent_error(gateway: Gateway, status: int) -> bytes:
    """The body of the provider's last refusal."""
    call = gateway.provider.calls[-1]
    return b"".join(provider_answers.error(call.path, status, call.number).pieces)
