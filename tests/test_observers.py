"""The decision log: one line a decision, without a prompt or an answer; and several observers told as one."""

from __future__ import annotations

import logging

import msgspec
import pytest

from semcache.models import Stale, Usage
from semcache.observers import DecisionLog, Observers
from semcache.ports import CallEvent, StaleEvent
from semcache.quiet import QuietLog
from semcache.stores.codec import stamped
from tests.ops import draft_of

CALL = CallEvent(
    namespace="n",
    model="m",
    upstream="main",
    status=200,
    seconds=1.5,
    usage=Usage(input_tokens=10, output_tokens=5),
    cost_usd=0.0025,
)
STALE = StaleEvent(
    namespace="n",
    model="m",
    stale=Stale(entry=stamped(draft_of("a secret prompt"), created_ms=0, expires_ms=1000, epoch=1), now_ms=3500),
)


def test_a_call_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "semcache.decisions")
    log = DecisionLog()
    log.called(CALL)
    log.called(msgspec.structs.replace(CALL, status=None, usage=None, cost_usd=None, coalesced=True))
    assert caplog.messages == [
        "call upstream=main status=200 coalesced=no tokens=10+5 cost_usd=0.002500 namespace=n model=m ms=1500.00",
        "call upstream=main status=- coalesced=yes tokens=- cost_usd=- namespace=n model=m ms=1500.00",
    ]


def test_a_stale_answer_is_one_line_without_its_prompt(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "semcache.decisions")
    DecisionLog().served_stale(STALE)
    (line,) = caplog.messages
    assert line == f"stale entry={STALE.stale.entry.entry_id[:12]} expired_s=2.5 namespace=n model=m"


def test_nothing_is_made_up_for_a_log_that_is_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "semcache.decisions")
    DecisionLog().called(CALL)
    DecisionLog().served_stale(STALE)
    QuietLog().called(CALL)
    QuietLog().served_stale(STALE)
    assert caplog.messages == []


def test_everyone_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "semcache.decisions")
    observers = Observers([DecisionLog()])
    observers.add(DecisionLog())
    observers.called(CALL)
    observers.served_stale(STALE)
    assert [line.split()[0] for line in caplog.messages] == ["call", "call", "stale", "stale"]
