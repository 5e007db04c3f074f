"""What a caller gets when upstream's answer is none, or is not worth keeping. See the table of docs/gateway.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.gateway.conftest import Gateway, Open
from tests.gateway.provider import Reply
from tests.gateway.trouble import FORMS, Case

HTML = b"<html><body>502 Bad Gateway</body></html>"
WITHOUT_END = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
WITHOUT_END += b'{"role":"assistant","content":"half"},"finish_reason":null}]}\n\n'


GARBAGE: dict[str, Callable[[], Reply]] = {
    "no JSON": lambda: Reply(raw=b"how do you do", content_type="application/json"),
    "truncated JSON": lambda: Reply(raw=b'{"id": "chatcmpl-1", "choices": [{"ind', content_type="application/json"),
    "HTML": lambda: Reply(raw=HTML, content_type="text/html"),
    "another JSON": lambda: Reply(raw=b'{"fine": true}', content_type="application/json"),
    "an error with status 200": lambda: Reply(raw=b'{"error": {"message": "no", "code": 500}}'),
    "empty": lambda: Reply(raw=b"", content_type="application/json"),
}


@FORMS
@pytest.mark.parametrize("name", GARBAGE)
def test_upstream_answers_200_with_garbage(faulty: Gateway, stream: bool, name: str) -> None:
    """Passed on as it came, for the client to judge; never kept."""
    case = Case(faulty, f"garbage {name}", "nothing kept", stream=stream)
    reply = GARBAGE[name]()
    faulty.provider.always(reply)
    seen = case.ask()
    assert seen.code == 200
    assert reply.raw is not None
    assert seen.raw == reply.raw or seen.raw.startswith(reply.raw.removesuffix(b"}") + b',"x_semcache":')
    case.assert_nothing_stored()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("without its end mark", WITHOUT_END),
        ("of no events", b"garbage without end\n\n"),
        ("with an error event", WITHOUT_END + b'data: {"error": {"message": "overloaded"}}\n\ndata: [DONE]\n\n'),
        ("of broken JSON", WITHOUT_END + b"data: {broken\n\ndata: [DONE]\n\n"),
        ("of nothing", b"data: [DONE]\n\n"),
    ],
)
def test_upstream_ends_a_stream_that_is_not_sound(faulty: Gateway, name: str, raw: bytes) -> None:
    """Passed on byte for byte; never kept."""
    case = Case(faulty, f"stream {name}", "nothing kept", stream=True)
    faulty.provider.always(Reply(raw=raw, content_type="text/event-stream"))
    seen = case.ask()
    assert (seen.code, seen.raw) == (200, raw)
    case.assert_nothing_stored()


def test_upstream_streams_though_it_was_not_asked_to(faulty: Gateway) -> None:
    case = Case(faulty, "stream unasked", "nothing kept", stream=False)
    faulty.provider.always(Reply(raw=WITHOUT_END, content_type="text/event-stream"))
    assert case.ask().raw == WITHOUT_END
    case.assert_nothing_stored()


@FORMS
@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("cut off by length", Reply(text="half an ans", finish="length")),
        ("filtered", Reply(text="half", finish="content_filter")),
        ("a refusal", Reply(refusal="I will not.")),
        ("a refusal in words", Reply(text="I'm sorry, but I can't help with that.")),
        ("empty", Reply(text="")),
        ("blank", Reply(text=" \n ")),
    ],
)
def test_an_answer_that_is_not_worth_keeping(faulty: Gateway, stream: bool, name: str, reply: Reply) -> None:
    case = Case(faulty, f"unworthy {name}", "nothing kept", stream=stream)
    faulty.provider.always(reply)
    seen = case.ask()
    assert (seen.code, seen.status) == (200, "MISS")
    case.assert_nothing_stored()


@FORMS
def test_an_answer_beyond_the_limit_is_passed_on_whole(open_gateway: Open, stream: bool) -> None:
    gateway = open_gateway(limits={"response_bytes": 2000})
    reply = Reply(text="long " * 2000)
    gateway.provider.always(reply)
    seen = gateway.chat("too large", stream=stream)
    assert seen.text == reply.text
    gateway.settled()
    assert not gateway.is_kept("too large")
