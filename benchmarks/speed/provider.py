"""A bare model provider for benchmarks: answers every chat completion after a fixed time, whole or as a stream.

    python -m benchmarks.speed.provider PORT DELAY_MS ANSWER_BYTES

No framework, so that what it takes is the delay and the socket.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Final, cast

_SENTENCE: Final = "Because of the way in which it was made. "
_USAGE: Final = {"prompt_tokens": 20, "completion_tokens": 110, "total_tokens": 130}
_HEAD: Final = {"id": "chatcmpl-1", "created": 1_750_000_000, "model": "gpt-4o-mini"}


def _whole(words: list[str]) -> bytes:
    message = {"role": "assistant", "content": " ".join(words), "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return json.dumps({"object": "chat.completion", **_HEAD, "choices": [choice], "usage": _USAGE}).encode()


def _events(words: list[str]) -> bytes:
    def chunk(delta: dict[str, str], finish: str | None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return "data: " + json.dumps({"object": "chat.completion.chunk", **_HEAD, "choices": [choice]}) + "\n\n"

    deltas = [chunk({"role": "assistant", "content": ""}, None), *(chunk({"content": f"{w} "}, None) for w in words)]
    return "".join([*deltas, chunk({}, "stop"), "data: [DONE]\n\n"]).encode()


def _response(kind: str, body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


class _Answers:
    def __init__(self, size: int) -> None:
        words = (_SENTENCE * (1 + size // len(_SENTENCE)))[:size].split(" ")
        self.whole = _response("application/json", _whole(words))
        self.stream = _response("text/event-stream", _events(words))


class _Connection(asyncio.Protocol):
    def __init__(self, delay_s: float, answers: _Answers) -> None:
        self._delay_s = delay_s
        self._answers = answers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + length:
            return
        body = self._buffer[end + 4 : end + 4 + length]
        self._buffer = self._buffer[end + 4 + length :]
        streamed = b'"stream": true' in body or b'"stream":true' in body
        answer = self._answers.stream if streamed else self._answers.whole
        asyncio.get_running_loop().call_later(self._delay_s, self._send, answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


async def _serve(port: int, delay_s: float, answers: _Answers) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(delay_s, answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000, _Answers(int(sys.argv[3]))))
