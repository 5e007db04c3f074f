"""What a caller gets when upstream does not answer, or says that it cannot. See the table of docs/gateway.md."""

from __future__ import annotations

import time

import pytest

from tests.gateway.conftest import Gateway, events_of, hurry, sent
from tests.gateway.provider import Gate, Reply
from tests.gateway.trouble import DEADLINE_S, FORMS, QUICK, STALE, Case, sent_error


def hang(position: int) -> tuple[Reply, Gate]:
    gate = Gate()
    return Reply(gate=gate, gate_at=position), gate


# -- upstream does not answer ----------------------------------------------------------------------------------------


@FORMS
@STALE
def test_upstream_refuses_connections(faulty: Gateway, stream: bool, kept: str) -> None:
    case = Case(faulty, "refused connection", kept, stream=stream)
    faulty.provider.stop()
    seen = case.ask()
    if kept == "stale kept":
        case.assert_stale(seen, "upstream_unavailable")
    else:
        case.assert_error(seen, 502, "upstream_unavailable")
    case.assert_nothing_stored()


@FORMS
@STALE
def test_upstream_hangs_before_its_headers(impatient: Gateway, stream: bool, kept: str) -> None:
    case = Case(impatient, "hangs before headers", kept, stream=stream)
    reply, gate = hang(-1)
    impatient.provider.always(reply)
    seen = case.ask()
    gate.open()
    if kept == "stale kept":
        case.assert_stale(seen, "upstream_timeout")
    else:
        case.assert_error(seen, 504, "upstream_timeout")
    case.assert_nothing_stored()


@FORMS
@STALE
def test_upstream_dies_before_its_headers(faulty: Gateway, stream: bool, kept: str) -> None:
    case = Case(faulty, "dies before headers", kept, stream=stream)
    faulty.provider.always(Reply(reset_at=-1))
    seen = case.ask()
    if kept == "stale kept":
        case.assert_stale(seen, "upstream_unavailable")
    else:
        case.assert_error(seen, 502, "upstream_unavailable")
    case.assert_nothing_stored()


# -- upstream begins to answer ---------------------------------------------------------------------------------------


@STALE
def test_upstream_hangs_in_the_middle_of_a_body(impatient: Gateway, kept: str) -> None:
    case = Case(impatient, "hangs in a body", kept, stream=False)
    reply, gate = hang(1)
    impatient.provider.always(reply)
    seen = case.ask()
    gate.open()
    if kept == "stale kept":
        case.assert_stale(seen, "upstream_timeout")
    else:
        case.assert_error(seen, 504, "upstream_timeout")
    assert len(impatient.provider.calls) == 1
    case.assert_nothing_stored()


@STALE
@pytest.mark.parametrize("how", ["reset_at", "close_at"])
def test_upstream_dies_in_the_middle_of_a_body(faulty: Gateway, kept: str, how: str) -> None:
    case = Case(faulty, f"dies in a body {how}", kept, stream=False)
    faulty.provider.always(Reply(**{how: 1}))  # type: ignore[arg-type]
    seen = case.ask()
    if kept == "stale kept":
        case.assert_stale(seen, "upstream_unavailable")
    else:
        case.assert_error(seen, 502, "upstream_unavailable")
    case.assert_nothing_stored()


@STALE
def test_upstream_hangs_in_the_middle_of_a_stream(impatient: Gateway, kept: str) -> None:
    """What was sent cannot be taken back: the protocol's error event, then a cut connection."""
    case = Case(impatient, "hangs in a stream", kept, stream=True)
    reply, gate = hang(3)
    impatient.provider.always(reply)
    started = time.monotonic()
    told = case.ask_cut()
    assert time.monotonic() - started < DEADLINE_S
    gate.open()
    assert events_of(told)[-1]["error"]["code"] == "upstream_timeout"
    assert b"[DONE]" not in told
    case.assert_nothing_stored()


@STALE
@pytest.mark.parametrize("how", ["reset_at", "close_at"])
def test_upstream_dies_in_the_middle_of_a_stream(faulty: Gateway, kept: str, how: str) -> None:
    case = Case(faulty, f"dies in a stream {how}", kept, stream=True)
    reply = Reply(**{how: 3})  # type: ignore[arg-type]
    faulty.provider.always(reply)
    told = case.ask_cut()
    assert events_of(told)[-1]["error"]["code"] == "upstream_unavailable"
    assert b"[DONE]" not in told
    begun = told[: told.rindex(b"data: ")]
    assert sent(faulty.provider.calls[0], reply).startswith(begun)
    case.assert_nothing_stored()


# -- upstream answers that it cannot ---------------------------------------------------------------------------------


@FORMS
@STALE
@pytest.mark.parametrize("status", [500, 503])
def test_upstream_answers_5xx(faulty: Gateway, stream: bool, kept: str, status: int) -> None:
    """Tried again, then passed on as it is; or the stale answer."""
    case = Case(faulty, f"answers {status}", kept, stream=stream)
    faulty.provider.always(Reply(status=status, headers=QUICK))
    seen = case.ask()
    assert len(faulty.provider.calls) == 3
    if kept == "stale kept":
        case.assert_stale(seen, f"upstream_{status}")
    else:
        assert (seen.code, seen.status) == (status, "MISS")
        assert seen.raw == sent_error(faulty, status)
        assert f"fwd-status={status}" in seen.headers["cache-status"]
    case.assert_nothing_stored()


@FORMS
def test_upstream_answers_5xx_once(faulty: Gateway, stream: bool) -> None:
    case = Case(faulty, "one 500", "nothing kept", stream=stream)
    faulty.provider.then(Reply(status=500, headers=QUICK))
    seen = case.ask()
    assert (seen.code, seen.text) == (200, f"You said: {case.prompt}")
    assert len(faulty.provider.calls) == 2
    assert faulty.is_kept(case.prompt)


@FORMS
@STALE
def test_upstream_answers_429_and_says_when(faulty: Gateway, stream: bool, kept: str) -> None:
    """The wait is too long for a held connection: passed on at once, with `Retry-After`. Never a stale answer."""
    case = Case(faulty, "429 with retry-after", kept, stream=stream)
    faulty.provider.always(Reply(status=429, headers={"retry-after": "3600"}))
    seen = case.ask()
    assert (seen.code, seen.headers["retry-after"]) == (429, "3600")
    assert seen.raw == sent_error(faulty, 429)
    assert len(faulty.provider.calls) == 1
    case.assert_nothing_stored()


@FORMS
def test_upstream_answers_429_once_and_says_soon(faulty: Gateway, stream: bool) -> None:
    """Waited for, as long as it says."""
    case = Case(faulty, "429 then well", "nothing kept", stream=stream)
    pauses = hurry(faulty)
    faulty.provider.then(Reply(status=429, headers={"retry-after": "1.7"}))
    seen = case.ask()
    assert (seen.code, seen.text) == (200, f"You said: {case.prompt}")
    assert pauses == [1.7]
    assert len(faulty.provider.calls) == 2


@FORMS
@STALE
def test_upstream_answers_429_without_saying_when(faulty: Gateway, stream: bool, kept: str) -> None:
    """Tried again after pauses of our own, then passed on. Never a stale answer."""
    case = Case(faulty, "429 for ever", kept, stream=stream)
    pauses = hurry(faulty)
    faulty.provider.always(Reply(status=429))
    seen = case.ask()
    assert (seen.code, seen.raw) == (429, sent_error(faulty, 429))
    assert "retry-after" not in seen.headers
    assert len(faulty.provider.calls) == 3
    assert 0.3 < pauses[0] <= 0.5 < pauses[1] <= 1
    case.assert_nothing_stored()


@FORMS
@STALE
@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_upstream_refuses_the_request(faulty: Gateway, stream: bool, kept: str, status: int) -> None:
    """Passed on with its body, tried once: a stale answer would hide what is wrong."""
    case = Case(faulty, f"refuses with {status}", kept, stream=stream)
    faulty.provider.always(Reply(status=status))
    seen = case.ask()
    assert (seen.code, seen.raw) == (status, sent_error(faulty, status))
    assert len(faulty.provider.calls) == 1
    case.assert_nothing_stored()
