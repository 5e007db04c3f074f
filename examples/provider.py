"""A model provider for demonstrations: chat completions and messages without a model, a network or a key.

    python examples/provider.py [--port 9000]

It answers from a few facts, streams where it is asked to, and takes a quarter of a second for it, so that an answer
from the cache can be felt. Given tools it calls the first one, once. Standard library only; not for production.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECONDS = 0.25
FACTS = {
    "sky": "Air scatters blue light more than red.",
    "france": "The capital of France is Paris.",
    "return": "You may return goods within 30 days.",
}


class Provider(BaseHTTPRequestHandler):
    """Answers OpenAI's POST /v1/chat/completions, Anthropic's POST /v1/messages and GET /v1/models."""

    protocol_version = "HTTP/1.1"
    calls = 0

    def do_GET(self) -> None:
        """The models, of which there is one."""
        self._send({"object": "list", "data": [{"id": "demo", "object": "model", "created": 0, "owned_by": "demo"}]})

    def do_POST(self) -> None:
        """A completion."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.partition("?")[0]
        if path not in ("/v1/chat/completions", "/v1/messages"):
            self._send(wrong(f"the demo provider has no {path}: it answers chat completions and messages"), 404)
            return
        if not asked.get("messages") or not asked.get("model"):
            self._send(wrong("`model` and `messages` are needed"), 400)
            return
        type(self).calls += 1
        print(f"model call {self.calls}: {text_of(asked['messages'][-1])[:60]}", flush=True)
        time.sleep(SECONDS)
        if path == "/v1/messages":
            answer = completion(asked | {"tools": []}, self.calls)  # completions alone call tools
            self._send_message(message_of(answer), bool(asked.get("stream")))
            return
        answer = completion(asked, self.calls)
        if asked.get("stream"):
            self._stream(answer, (asked.get("stream_options") or {}).get("include_usage", False))
        else:
            self._send(answer)

    def _send(self, body: dict[str, Any], status: int = 200) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True

    def _send_message(self, message: dict[str, Any], stream: bool) -> None:
        if not stream:
            self._send(message)
            return
        self._begin_stream()
        [block], usage = message["content"], message["usage"]
        empty = message | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 0}}
        self._named("message_start", message=empty)
        self._named("content_block_start", index=0, content_block={"type": "text", "text": ""})
        for text in pieces(block["text"]):
            self._named("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
        self._named("content_block_stop", index=0)
        ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
        self._named("message_delta", delta=ended, usage={"output_tokens": usage["output_tokens"]})
        self._named("message_stop")

    def _named(self, name: str, **fields: Any) -> None:
        self.wfile.write(f"event: {name}\n".encode())
        self._event({"type": name} | fields)

    def _stream(self, answer: dict[str, Any], with_usage: bool) -> None:
        self._begin_stream()
        choice = answer["choices"][0]
        deltas = [{"role": "assistant", "content": ""}]
        deltas += [{"content": text} for text in pieces(choice["message"]["content"] or "")]
        head = {name: answer[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
        for delta in deltas:
            self._event(head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            time.sleep(SECONDS / len(deltas))
        self._event(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
        if with_usage:
            self._event(head | {"choices": [], "usage": answer["usage"]})
        self.wfile.write(b"data: [DONE]\n\n")

    def _event(self, data: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(data).encode() + b"\n\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The calls are printed above."""


def completion(asked: dict[str, Any], number: int) -> dict[str, Any]:
    """The answer: a call of the first tool, the tool's result in words, or a fact."""
    last = asked["messages"][-1]
    message: dict[str, Any] = {"role": "assistant", "content": None}
    finish = "stop"
    if last["role"] == "tool":
        message["content"] = f"It is {last['content']} now."
    elif asked.get("tools"):
        name = asked["tools"][0]["function"]["name"]
        call = {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": '{"city": "Oslo"}'}}
        message["tool_calls"] = [call]
        finish = "tool_calls"
    else:
        question = text_of(last).lower()
        context = " ".join(text_of(one) for one in asked["messages"][:-1] if one["role"] == "system")
        known = next((fact for word, fact in FACTS.items() if word in question), f"You asked: {text_of(last)}")
        message["content"] = context.partition("Source: ")[2] or known
    read, written = len(json.dumps(asked["messages"])) // 4, len(json.dumps(message)) // 4
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }


def message_of(answer: dict[str, Any]) -> dict[str, Any]:
    """A completion in the words of Anthropic's messages."""
    [choice], usage = answer["choices"], answer["usage"]
    return {
        "id": answer["id"].replace("chatcmpl-", "msg_"),
        "type": "message",
        "role": "assistant",
        "model": answer["model"],
        "content": [{"type": "text", "text": choice["message"]["content"] or ""}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]},
    }


def wrong(what: str) -> dict[str, Any]:
    """An error that the clients of both can read."""
    return {"type": "error", "error": {"type": "invalid_request_error", "message": what, "param": None, "code": None}}


def pieces(text: str) -> list[str]:
    """A text in words, as it is streamed."""
    return [word if number == 0 else f" {word}" for number, word in enumerate(text.split(" "))]


def text_of(message: dict[str, Any]) -> str:
    """The text of a message."""
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=9000, help="port on loopback")
    with ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Provider) as server:
        print(f"provider ready: http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


if __name__ == "__main__":
    main()
