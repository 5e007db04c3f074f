"""A stream of chat completion chunks put together as the answer that a call without streaming gives.

What the official client does with deltas, and what compatible providers need beyond it. The rule is to give up where
two readings are possible: then there is no result and nothing is recorded.

* Text grows, lists are extended, objects are merged, everything else is replaced; null says nothing. What names a thing
  (`id`, `name`, `type`, `role`, `format`) is said once: repeated it is the same, another is a contradiction.
* A fragment of a tool call belongs to the call of its id, else of its index, else to the call that is being streamed.
  A new id is a new call, even under a used index.
* Fields beside these are kept, `obfuscation` (padding) and another semcache's evidence are not.
* Complete is a stream in which every choice has finished and `[DONE]` has come.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from semcache.gateway.dialects import wire
from semcache.gateway.sse import Event

DONE: Final = "[DONE]"

_SAID_ONCE: Final = frozenset({"id", "name", "type", "role", "format"})
_DROPPED: Final = frozenset({"choices", "object", "obfuscation", wire.EVIDENCE})
_FIRST_COUNTS: Final = frozenset({"id", "created", "model"})
_TEXTS: Final = frozenset({"content", "refusal", "reasoning", "reasoning_content"})


class _Delta(msgspec.Struct, forbid_unknown_fields=True):
    content: str
    role: str | UnsetType = UNSET
    refusal: UnsetType | None = UNSET
    function_call: UnsetType | None = UNSET
    tool_calls: UnsetType | None = UNSET


class _PlainChoice(msgspec.Struct, forbid_unknown_fields=True):
    delta: _Delta
    index: int = 0
    logprobs: UnsetType | None = UNSET
    finish_reason: UnsetType | None = UNSET


class _Plain(msgspec.Struct, forbid_unknown_fields=True):
    """A chunk that carries a piece of one choice's text: all but the first and last few of nearly any stream."""

    choices: tuple[_PlainChoice]
    id: str | UnsetType = UNSET
    object: str | UnsetType = UNSET
    created: int | UnsetType = UNSET
    model: str | UnsetType = UNSET
    system_fingerprint: str | UnsetType | None = UNSET
    service_tier: str | UnsetType | None = UNSET
    usage: UnsetType | None = UNSET
    obfuscation: str | UnsetType = UNSET


_decode_plain: Final = msgspec.json.Decoder(_Plain).decode


class _Unsound(Exception):
    """The stream cannot be understood, or contradicts itself. Never leaves this module."""


class ChatAssembler:
    """Puts one stream together."""

    def __init__(self) -> None:
        self._unsound = False
        self._done = False
        self._fields: dict[str, Any] = {}
        self._choices: dict[int, _Choice] = {}
        self._last: _Plain | None = None
        """The chunk before, where it was a plain one, without what it added."""
        self._pieces: list[str] = []
        """What its text was added to."""

    def feed(self, event: Event) -> None:
        """Take the next event. Never raises."""
        if self._done or self._unsound:
            return
        plain, piece = _plain(event)
        if plain is not None and plain == self._last:  # it adds its piece of text, and says nothing else that is new
            self._pieces.append(piece)
            return
        self._last = None
        self._feed(event)
        if plain is not None and not self._unsound:
            self._last, self._pieces = plain, self._choices[plain.choices[0].index].content

    def _feed(self, event: Event) -> None:
        if event.data.strip() == DONE:
            self._done = True
            return
        chunk = wire.payload(event)
        try:
            if chunk is None or event.event == "error" or chunk.get("error") is not None:
                raise _Unsound
            self._take(chunk)
        except (_Unsound, RecursionError):
            self._unsound = True

    def result(self) -> dict[str, Any] | None:
        """The `chat.completion`; None unless the stream was complete and sound."""
        if not self._done or self._unsound or sorted(self._choices) != list(range(len(self._choices))):
            return None
        try:
            choices = [self._choices[index].result(index) for index in range(len(self._choices))]
        except (_Unsound, RecursionError):
            return None
        if not choices:
            return None
        fields = {name: _settled(value) for name, value in self._fields.items()}
        if fields.get("usage", ...) is None:
            del fields["usage"]
        first: dict[str, Any] = {name: fields.pop(name) for name in ("id", "created", "model") if name in fields}
        return {"object": "chat.completion", **first, "choices": choices, **fields}

    def _take(self, chunk: dict[str, Any]) -> None:
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise _Unsound
        for name, value in chunk.items():
            if name in _FIRST_COUNTS:
                self._fields[name] = self._fields.get(name) or value
            elif name not in _DROPPED:
                _replace(self._fields, name, value)
        for choice in choices:
            index = choice.get("index", 0) if isinstance(choice, dict) else None
            if type(index) is not int:
                raise _Unsound
            self._choices.setdefault(index, _Choice()).take(choice)


class _Choice:
    """One of the answers of a stream."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}
        self._finish: str | None = None
        self._message: dict[str, Any] = {}
        self._calls: _Calls | None = None
        self._details: list[Any] | None = None

    def take(self, choice: dict[str, Any]) -> None:
        """Raises _Unsound."""
        delta = choice.get("delta")
        if not isinstance(delta, dict | None) or "message" in choice or choice.get("error") is not None:
            raise _Unsound
        for name, value in choice.items():
            if name == "logprobs":
                _grow(self._fields, name, value)
            elif name == "finish_reason":
                self._finish = value if isinstance(value, str) and value else self._finish
            elif name not in ("delta", "index"):
                _replace(self._fields, name, value)
        for name, value in (delta or {}).items():
            self._take_delta(name, value)

    @property
    def content(self) -> list[str]:
        """The pieces of its text, of which there is one at least."""
        text = self._message["content"]
        assert isinstance(text, _Text)
        return text.pieces

    def result(self, index: int) -> dict[str, Any]:
        """Raises _Unsound."""
        if self._finish is None:
            raise _Unsound
        message = {"role": "assistant", "content": None} | _settled(self._message)
        if self._details is not None:
            message["reasoning_details"] = [_settled(detail) for detail in self._details]
        if self._calls is not None:
            message["tool_calls"] = self._calls.result()
        return {"index": index, "message": message, **_settled(self._fields), "finish_reason": self._finish}

    def _take_delta(self, name: str, value: Any) -> None:
        if value is None:
            self._message.setdefault(name, None)
        elif name == "tool_calls":
            self._calls = self._calls or _Calls()
            for part in _objects(value):
                self._calls.take(part)
        elif name == "reasoning_details":
            self._details = [] if self._details is None else self._details
            for part in _objects(value):
                _add_detail(self._details, part)
        elif name == "audio" or (name in _TEXTS and not isinstance(value, str)):
            raise _Unsound  # speech in pieces, and parts of content: no provider says how they join
        else:
            _grow(self._message, name, value)


class _Calls:
    """The tool calls of one message."""

    def __init__(self) -> None:
        self._calls: list[dict[str, Any]] = []
        self._by_id: dict[str, int] = {}
        self._by_index: dict[int, int] = {}
        self._current: int | None = None

    def take(self, part: dict[str, Any]) -> None:
        """Raises _Unsound for a fragment that could be of another call than it seems."""
        name, index = part.get("id") or None, part.get("index")
        if not isinstance(name, str | None) or (index is not None and type(index) is not int):
            raise _Unsound
        place = self._place(name, index, part)
        call = self._calls[place]
        for field, value in part.items():
            if field not in ("index", "id"):
                _grow(call, field, value)
        if name is not None:
            _grow(call, "id", name)
        self._current = place

    def result(self) -> list[dict[str, Any]]:
        """Raises _Unsound for a call that nobody could answer: without an id or the name of what is called."""
        return [_whole_call(_settled(call)) for call in self._calls]

    def _place(self, name: str | None, index: int | None, part: dict[str, Any]) -> int:
        if name is not None:
            if name not in self._by_id:
                self._by_id[name] = self._add(index)
            return self._by_id[name]
        if index is not None:
            return self._by_index[index] if index in self._by_index else self._add(index)
        function = part.get("function")
        if self._current is None or (isinstance(function, dict) and function.get("name")):
            raise _Unsound  # a new call, or more of the last one?
        return self._current

    def _add(self, index: int | None) -> int:
        place = len(self._calls)
        self._calls.append({})
        if index is not None:
            self._by_index[index] = place
        # Under a used index the rest of the call comes under that index or under the right one, the call's place.
        self._by_index.setdefault(place, place)
        return place


def _plain(event: Event) -> tuple[_Plain | None, str]:
    """A plain chunk without what it adds, and this text; None for any other."""
    try:
        plain = _decode_plain(event.data)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None, ""
    if event.event == "error":
        return None, ""
    delta = plain.choices[0].delta
    piece, delta.content = delta.content, ""
    plain.obfuscation = UNSET
    return plain, piece


def _whole_call(call: dict[str, Any]) -> dict[str, Any]:
    kind = call.setdefault("type", "function")
    body = call.get(kind)
    if not call.get("id") or not isinstance(body, dict) or not isinstance(body.get("name"), str):
        raise _Unsound
    spoken = "input" if kind == "custom" else "arguments"
    if body.get(spoken) is None:
        body[spoken] = ""
    if not isinstance(body[spoken], str):
        raise _Unsound
    return {"id": call.pop("id"), "type": call.pop("type"), **call}


def _add_detail(details: list[Any], part: dict[str, Any]) -> None:
    """Text of reasoning grows while its type, index and id stay; what is encrypted comes whole (OpenRouter)."""
    last = details[-1] if details else None
    grows = isinstance(part.get("text"), str) or isinstance(part.get("summary"), str) or "signature" in part
    if last is not None and grows and "data" not in part and _same_detail(last, part):
        for name, value in part.items():
            _grow(last, name, value)
        return
    fresh: dict[str, Any] = {}
    for name, value in part.items():
        _grow(fresh, name, value)
    details.append(fresh)


def _same_detail(last: dict[str, Any], part: dict[str, Any]) -> bool:
    if any(last.get(name) != part.get(name) for name in ("type", "index")):
        return False
    return last.get("id") is None or part.get("id") is None or last["id"] == part["id"]


# --- values that grow ------------------------------------------------------------------------------------------


class _Text:
    """A text in its pieces, joined once: a stream of n pieces costs n."""

    __slots__ = ("pieces",)

    def __init__(self, piece: str) -> None:
        self.pieces = [piece]


def _grow(into: dict[str, Any], name: str, value: Any) -> None:
    """Merge one field of a delta into what has come so far. Raises _Unsound for a contradiction."""
    had = into.get(name)
    if value is None or had is None:
        into[name] = _begun(name, value) if value is not None or name not in into else had
    elif name in _SAID_ONCE:
        into[name] = _once(had, value)
    elif isinstance(had, _Text) and isinstance(value, str):
        had.pieces.append(value)
    elif isinstance(had, dict) and isinstance(value, dict):
        for inner, more in value.items():
            _grow(had, inner, more)
    elif isinstance(had, list) and isinstance(value, list):
        had.extend(value)
    elif isinstance(had, _Text | dict | list) or isinstance(value, str | dict | list):
        raise _Unsound
    else:
        into[name] = value


def _begun(name: str, value: Any) -> Any:
    if isinstance(value, str) and name not in _SAID_ONCE:
        return _Text(value)
    if isinstance(value, dict):
        fresh: dict[str, Any] = {}
        for inner, more in value.items():
            _grow(fresh, inner, more)
        return fresh
    return list(value) if isinstance(value, list) else value


def _once(had: Any, value: Any) -> Any:
    if had and value and had != value:
        raise _Unsound
    return had or value


def _replace(into: dict[str, Any], name: str, value: Any) -> None:
    if value is not None or name not in into:
        into[name] = value


def _settled(value: Any) -> Any:
    """A grown value as plain JSON."""
    if isinstance(value, _Text):
        return "".join(value.pieces)
    if isinstance(value, dict):
        return {name: _settled(inner) for name, inner in value.items()}
    return value


def _objects(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _Unsound
    return value
