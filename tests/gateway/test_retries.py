"""Whether a request is sent once more, and when."""

from __future__ import annotations

import datetime
import email.utils
from typing import Any

import pytest

from semcache.gateway.retries import AGAIN, Failure, repeatable, retry_after, verdict

NOW_S = 1_800_000_000.0


def judged(ended: int | Failure, *headers: tuple[bytes, bytes], **options: Any) -> float | None:
    defaults: dict[str, Any] = {"attempt": 0, "retries": 2, "again": True, "now_s": NOW_S, "chance": 0.0}
    return verdict(ended, headers=headers, **{**defaults, **options})


def test_what_is_repeatable() -> None:
    for path in ("/v1/chat/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"):
        assert repeatable("POST", path)
    assert repeatable("GET", "/v1/anything")
    assert repeatable("HEAD", "/v1/anything")
    for method, path in (("POST", "/v1/files"), ("DELETE", "/v1/responses"), ("POST", "/v1/responses/r/cancel")):
        assert not repeatable(method, path)


def test_statuses() -> None:
    repeated = {status for status in range(100, 600) if judged(status) is not None}
    assert repeated == AGAIN == {408, 409, 429, 500, 502, 503, 504, 529}
    assert all(judged(status, again=False) is None for status in AGAIN)


@pytest.mark.parametrize("failure", Failure)
def test_failures(failure: Failure) -> None:
    assert (judged(failure) is not None) == (failure is not Failure.BUSY)
    assert (judged(failure, again=False) is not None) == (failure is Failure.REFUSED)


def test_pauses_double_and_are_bounded() -> None:
    pauses = [judged(500, attempt=attempt, retries=10) for attempt in range(10)]
    assert pauses == [0.5, 1, 2, 4, 8, 8, 8, 8, 8, 8]
    assert judged(500, attempt=10, retries=10) is None
    assert judged(500, retries=0) is None
    assert judged(500, chance=0.8) == pytest.approx(0.4)


def test_the_provider_says_when() -> None:
    assert judged(429, (b"retry-after", b"7")) == 7
    assert judged(429, (b"retry-after", b"20")) == 20
    assert judged(429, (b"retry-after", b"21")) is None
    assert judged(429, (b"retry-after", b"1e300")) is None
    assert judged(429, (b"retry-after-ms", b"250"), (b"retry-after", b"7")) == 0.25
    assert judged(429, (b"retry-after-ms", b"x"), (b"retry-after", b"7")) == 7
    for nonsense in (b"", b"soon", b"nan", b"0", b"-3", b"inf", b"\xff"):
        assert judged(429, (b"retry-after", nonsense)) == 0.5


def test_the_provider_says_whether() -> None:
    assert judged(500, (b"x-should-retry", b"false")) is None
    assert judged(400, (b"x-should-retry", b"true")) == 0.5
    assert judged(400, (b"x-should-retry", b"true"), again=False) is None
    assert judged(500, (b"x-should-retry", b"perhaps")) == 0.5
    assert judged(400, (b"x-should-retry", b"true"), (b"retry-after", b"60")) is None


def test_dates() -> None:
    moment = datetime.datetime.fromtimestamp(NOW_S + 12, tz=datetime.UTC)
    date = email.utils.format_datetime(moment, usegmt=True).encode()
    assert retry_after({b"retry-after": date}, NOW_S) == 12
    assert judged(503, (b"retry-after", date)) == 12
    assert judged(503, (b"retry-after", date), now_s=NOW_S + 60) == 0.5
    assert judged(503, (b"retry-after", date), now_s=NOW_S - 60) is None
    assert retry_after({}, NOW_S) is None
