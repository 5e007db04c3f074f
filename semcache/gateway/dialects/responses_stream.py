"""A stream of OpenAI Responses put together again.

Its last event carries the whole response, but not only OpenAI speaks this protocol: some leave `output` empty there,
some lose a piece on the way. So the last event counts where it agrees with what was streamed before it, and where its
output is empty, that is put together from the items that were said to be done. No result without a last event, after an
`error`, or for a response that failed. An incomplete one is whole as a stream; `judge` knows that it was cut off.

Events that carry no text of the answer are not looked at, known or not: the last event has what they told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from semcache.gateway.dialects import reading, wire
from semcache.gateway.sse import Event

_LAST: Final = frozenset({"response.completed", "response.incomplete"})
_BROKEN: Final = frozenset({"error", "response.failed"})

_STREAMED: Final = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
}
"""What is compared: the stem of its events' types, and the field that holds it in the end."""

_FIELDS: Final = {
    "output_text": "text",
    "refusal": "refusal",
    "function_call": "arguments",
    "custom_tool_call": "input",
}
"""The same by the type of the part or item that has the field."""

_Place = tuple[int, int]


class ResponseAssembler:
    """Takes the events of one stream; see `gateway.dialect.Assembler`."""

    def __init__(self) -> None:
        self._sound = True
        self._id: Any = None
        self._added: set[int] = set()
        self._done: dict[int, dict[str, Any]] = {}
        self._deltas: dict[str, dict[_Place, list[str]]] = {field: {} for field in _STREAMED.values()}
        self._texts: dict[str, dict[_Place, str]] = {field: {} for field in _STREAMED.values()}
        self._last: dict[str, Any] | None = None

    def feed(self, event: Event) -> None:
        """Take the next event. Never raises: what is not understood makes the result None."""
        if not self._sound or (self._last is not None and event.data.startswith("[DONE]")):
            return  # the mark is no part of this protocol, but some end every stream with it
        body = wire.payload(event)
        self._sound = body is not None and self._last is None and not body.get("error") and self._take(body)

    def result(self) -> dict[str, Any] | None:
        """The whole response; None unless the stream was complete and sound."""
        if not self._sound or self._last is None:
            return None
        whole = {name: value for name, value in self._last.items() if name != wire.EVIDENCE}
        if not whole.get("output"):
            if self._added - self._done.keys():
                return None
            whole["output"] = [self._done[index] for index in sorted(self._done)]
        return whole if isinstance(whole["output"], list) and self._agrees(whole["output"]) else None

    def _take(self, body: dict[str, Any]) -> bool:
        kind = wire.kind(body)
        if kind in _BROKEN or not kind:
            return False
        if kind in _LAST:
            return self._end(body.get("response"))
        if kind == "response.created":
            response = body.get("response")
            self._id = response.get("id") if isinstance(response, dict) else None
            return isinstance(response, dict)
        if kind == "response.output_item.added":
            return self._item(body, done=False)
        if kind == "response.output_item.done":
            return self._item(body, done=True)
        stem, _, what = kind.rpartition(".")
        field = _STREAMED.get(stem)
        return field is None or self._text(field, what, body)

    def _end(self, response: Any) -> bool:
        if not isinstance(response, dict) or (self._id is not None and response.get("id") != self._id):
            return False
        self._last = response
        return True

    def _item(self, body: dict[str, Any], *, done: bool) -> bool:
        index, item = body.get("output_index"), body.get("item")
        if type(index) is not int:
            return False
        if not done:
            if item is not None:  # some providers announce nothing, which the SDK passes over too
                self._added.add(index)
            return True
        if not isinstance(item, dict):
            return False
        self._done[index] = item
        return True

    def _text(self, field: str, what: str, body: dict[str, Any]) -> bool:
        place = _place(body)
        said = body.get("delta" if what == "delta" else field)
        if place is None or not isinstance(said, str):
            return False
        if what == "delta":
            self._deltas[field].setdefault(place, []).append(said)
        elif what == "done":
            self._texts[field][place] = said
        return True

    def _agrees(self, output: list[Any]) -> bool:
        final = _texts_of(reading.parts(output))
        for field, deltas in self._deltas.items():
            streamed = {place: "".join(pieces) for place, pieces in deltas.items()}
            told = self._texts[field]
            if any(told[place] != text for place, text in streamed.items() if place in told):
                return False
            seen = streamed | told
            # By order and not by place: some number the items otherwise in the last event.
            if seen and "".join(seen[place] for place in sorted(seen)) != "".join(final[field]):
                return False
        return True


def _place(body: dict[str, Any]) -> _Place | None:
    item, part = body.get("output_index"), body.get("content_index", 0)
    return (item, part) if type(item) is int and type(part) is int else None


def _texts_of(items: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {field: [] for field in _STREAMED.values()}
    for item in items:
        for holder in reading.parts(item.get("content")) if wire.kind(item) == "message" else (item,):
            field = _FIELDS.get(wire.kind(holder))
            text = holder.get(field) if field is not None else None
            if field is not None and isinstance(text, str):
                texts[field].append(text)
    return texts
