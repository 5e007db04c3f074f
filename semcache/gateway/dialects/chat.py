"""OpenAI's chat completions, and what compatible providers make of them.

https://platform.openai.com/docs/api-reference/chat. Streams are `chat_stream`'s and `chat_replay`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from semcache.errors import RequestError
from semcache.gateway import openai_errors, sse
from semcache.gateway.dialect import Asked, Assembler
from semcache.gateway.dialects import chat_replay, reading, searching, wire
from semcache.gateway.dialects.chat_stream import ChatAssembler
from semcache.gateway.headers import Provider
from semcache.models import Usage
from semcache.policy import canonical
from semcache.policy.generation import Answered, Finish, Traits

_USAGE: Final = "usage"

_OWN_TOOLS: Final = frozenset({"function", "custom"})
"""Types of tools that the caller runs."""

_TEXT_PARTS: Final = frozenset({"text", "input_text", "output_text", "refusal", "thinking"})

_FINISHES: Final = {
    "stop": Finish.NATURAL,
    "eos": Finish.NATURAL,  # Together
    "tool_calls": Finish.TOOL_CALL,
    "function_call": Finish.TOOL_CALL,
    "length": Finish.LENGTH,
    "model_length": Finish.LENGTH,  # Mistral
    "content_filter": Finish.FILTERED,
    "error": Finish.ERROR,  # OpenRouter, Mistral
    "insufficient_system_resource": Finish.ERROR,  # DeepSeek
}

_WORST_FIRST: Final = (
    Finish.UNKNOWN,
    Finish.ERROR,
    Finish.FILTERED,
    Finish.LENGTH,
    Finish.PAUSED,
    Finish.REFUSAL,
    Finish.TOOL_CALL,
    Finish.NATURAL,
)

_NO_USAGE: Final = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


class Chat:
    """`POST /v1/chat/completions`."""

    name = "openai.chat"
    path = "/v1/chat/completions"
    provider: Provider = "openai"
    no_usage: dict[str, Any] | None = _NO_USAGE

    def read(self, body: dict[str, Any]) -> Asked:
        """Understand a request. Raises RequestError, with the field, for one that is none of this protocol."""
        messages, model, stream = _messages(body), reading.model_of(body), reading.streamed(body)
        return Asked(
            model=model,
            messages=messages,
            params=reading.params(body, self.name, "model", "messages"),
            stream=stream,
            shape=_shape(body) if stream else "",
            user=reading.named(body.get("user")) or reading.named(body.get("safety_identifier")),
            traits=_traits(body, model, messages),
        )

    def judge(self, response: Mapping[str, Any]) -> Answered:
        """What a whole answer is: of several choices, what the worst is. Never raises."""
        choices = list(reading.parts(response.get("choices")))
        finishes = {_finish(choice) for choice in choices}
        failed = response.get("error") is not None
        counts = _inner(response, "usage")
        details = _inner(counts, "prompt_tokens_details")
        return Answered(
            finish=Finish.ERROR if failed else next((one for one in _WORST_FIRST if one in finishes), Finish.UNKNOWN),
            empty=not choices or any(_is_empty(_inner(choice, "message")) for choice in choices),
            usage=Usage(
                input_tokens=wire.count(counts.get("prompt_tokens")),
                output_tokens=wire.count(counts.get("completion_tokens")),
            )
            if counts
            else None,
            cache_read_tokens=wire.count(details.get("cached_tokens"))
            or wire.count(counts.get("prompt_cache_hit_tokens")),  # DeepSeek
            cache_write_tokens=wire.count(details.get("cache_write_tokens")),
            model=reading.named(response.get("model")),
            text=canonical.words_of(_inner(choices[0], "message")) if choices else "",
        )

    def assembler(self) -> Assembler:
        """A fresh assembler of one stream."""
        return ChatAssembler()

    def replay(self, response: dict[str, Any], asked: Asked, evidence: dict[str, Any] | None) -> Iterator[bytes]:
        """A whole answer as the stream that it would have been, `[DONE]` included.

        Usage comes where it was asked for and is known: a stream recorded without it has none.
        """
        return chat_replay.replay(response, asked.shape.startswith(_USAGE), evidence)

    def restated(self, whole: bytes, asked: Asked) -> bytes:
        """See `Dialect.restated`: these answers repeat nothing of that kind."""
        return whole

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error of ours in OpenAI's shape."""
        return openai_errors.error(status, code, message)

    def error_event(self, code: str, message: str) -> bytes:
        """The same as an SSE event. The official client raises APIError on it; no `[DONE]` follows."""
        return sse.encode(msgspec.json.encode(self.error(500, code, message)))


# --- requests --------------------------------------------------------------------------------------------------


def _messages(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    messages = reading.objects(body, "messages")
    if not messages:
        raise RequestError("at least one message is needed", field="messages")
    for place, message in enumerate(messages):
        if reading.named(message.get("role")) is None:
            raise RequestError("a message has a role", field=f"messages.{place}.role")
    return messages


def _shape(body: Mapping[str, Any]) -> str:
    """`usage` where the stream ends with it; then every other option as it is: obfuscation, and what is not known."""
    given = body.get("stream_options")
    if given is None:
        return ""
    if not isinstance(given, dict):
        raise RequestError("an object is expected", field="stream_options")
    options = {name: value for name, value in given.items() if value is not None}
    usage = options.pop("include_usage", False)
    rest = msgspec.json.encode(options, order="deterministic").decode() if options else ""
    return (_USAGE if usage else "") + rest


def _traits(body: Mapping[str, Any], model: str, messages: list[dict[str, Any]]) -> Traits:
    return Traits(
        temperature=reading.number(body, "temperature"),
        answers=_answers(body),
        logprobs=bool(body.get("logprobs") or body.get("top_logprobs")),
        state="deferred" if body.get("deferred") else None,  # xAI: the answer is fetched later, by an id
        hosted_tools=_hosted_tools(body, model),
        media_input=any(_has_media(message) for message in messages),
        media_output=_wants_media(body),
    )


def _answers(body: Mapping[str, Any]) -> int:
    count = body.get("n")
    if count is not None and type(count) is not int:
        raise RequestError("a whole number is expected", field="n")
    return 1 if count is None else count


def _hosted_tools(body: Mapping[str, Any], model: str) -> tuple[str, ...]:
    found = [wire.kind(tool) or "unknown" for tool in reading.objects(body, "tools") if not _is_own(tool)]
    found += searching.asked(body, model)
    return tuple(dict.fromkeys(found))


def _is_own(tool: Mapping[str, Any]) -> bool:
    kind = tool.get("type")
    return kind in _OWN_TOOLS if isinstance(kind, str) else kind is None and "function" in tool


def _has_media(message: Mapping[str, Any]) -> bool:
    """Anything but text; an assistant's `audio` names an earlier answer that was spoken."""
    if message.get("audio") is not None:
        return True
    return any(wire.kind(part) not in _TEXT_PARTS for part in reading.parts(message.get("content")))


def _wants_media(body: Mapping[str, Any]) -> bool:
    modalities = body.get("modalities")
    if modalities is not None and not isinstance(modalities, list):
        raise RequestError("a list is expected", field="modalities")
    return body.get("audio") is not None or any(one != "text" for one in modalities or ())


# --- answers ---------------------------------------------------------------------------------------------------


def _inner(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """An object inside an object; empty for anything else."""
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _finish(choice: Mapping[str, Any]) -> Finish:
    reason = choice.get("finish_reason")
    finish = _FINISHES.get(reason, Finish.UNKNOWN) if isinstance(reason, str) else Finish.UNKNOWN
    if choice.get("error") is not None:
        return Finish.ERROR
    message = _inner(choice, "message")
    if finish not in (Finish.NATURAL, Finish.TOOL_CALL):
        return finish
    if message.get("refusal"):
        return Finish.REFUSAL
    called = message.get("tool_calls") or message.get("function_call")  # one that was forced ends with `stop`
    return Finish.TOOL_CALL if called else finish


def _is_empty(message: Mapping[str, Any]) -> bool:
    """Neither text nor a call nor media. Reasoning alone is no answer."""
    return not (
        _says(message.get("content"))
        or any(message.get(name) for name in ("refusal", "tool_calls", "function_call", "audio", "images"))
    )


def _says(content: Any) -> bool:
    """Content in parts (Mistral) says what one of them does; of parts that are not known, something."""
    if isinstance(content, str):
        return bool(content.strip())
    if not isinstance(content, list):
        return bool(content)
    return any(not isinstance(part, dict) or _part_says(part) for part in content)


def _part_says(part: Mapping[str, Any]) -> bool:
    text = part.get("text")
    return wire.kind(part) != "thinking" and (not isinstance(text, str) or bool(text.strip()))
