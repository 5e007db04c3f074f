"""What a process remembers of requests, bounded by entries and by bytes.

Several memories share one bound of bytes (`Budget`): what the one does not need the others may take. Each forgets first
what was not touched the longest. The weight of a value is an estimate that is made once, when it is put; nothing is
weighed, and no code of this module runs, when a value is found again. What is forgotten is only made anew.

Pure but for its memory. One event loop.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

Value = TypeVar("Value")

SLOT: Final = 280
"""Bytes of one entry of a `Memory`, about: its key of up to 32 bytes, and its places in two tables, of which a third is
free."""


class Budget:
    """Bytes that memories share."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes: Final = most_bytes
        self._sharers: list[Memory[Any]] = []

    @property
    def bytes(self) -> int:
        """What they all take, about."""
        return sum(each.bytes for each in self._sharers)

    def join(self, memory: Memory[Any]) -> None:
        """Count this memory, too."""
        self._sharers.append(memory)

    def hold(self) -> None:
        """Where there is too much, the memory that takes the most forgets."""
        while self.bytes > self.most_bytes:
            max(self._sharers, key=lambda memory: memory.bytes).forget()


class Memory(Generic[Value]):
    """Values by key: at most so many, and at most so many bytes with all that share the budget."""

    def __init__(self, most: int, budget: Budget) -> None:
        """`most`: values; 0: none."""
        self._most = most
        self._budget = budget
        self._values: OrderedDict[bytes, Value] = OrderedDict()
        self._weights: dict[bytes, int] = {}
        self.find: Final[Callable[[bytes], Value | None]] = self._values.get
        """The value of a key. The dictionary's own, as is `touch`: a hit pays for no call more."""
        self.touch: Final[Callable[[bytes], None]] = self._values.move_to_end
        """Forget the value of this key, which is there, after all others."""
        self.bytes = 0
        """What the values take, about."""
        budget.join(self)

    @property
    def on(self) -> bool:
        """Whether anything is remembered at all."""
        return self._most > 0

    def __len__(self) -> int:
        """Values remembered."""
        return len(self._values)

    def put(self, key: bytes, value: Value, weight: int) -> None:
        """Remember a value. `weight`: bytes that only it holds, about, beside its place here."""
        self.drop(key)
        weight += SLOT
        if not self._most or weight > self._budget.most_bytes:
            return
        self._values[key] = value
        self._weights[key] = weight
        self.bytes += weight
        if len(self._values) > self._most:
            self.forget()
        self._budget.hold()

    def drop(self, key: bytes) -> None:
        """Forget a value, if it is there."""
        if self._values.pop(key, None) is not None:
            self.bytes -= self._weights.pop(key)

    def forget(self) -> None:
        """Forget the value that was not touched the longest. There must be one."""
        key, _ = self._values.popitem(last=False)
        self.bytes -= self._weights.pop(key)


def of_text(text: str) -> int:
    """Bytes of a text in memory.

    Python keeps up to four a character, by the widest; and of what is not ASCII the UTF-8 as well, once anybody has
    asked for that in C, as encoders do. Whether somebody has does not count: the next one may.
    """
    if text.isascii():
        return sys.getsizeof(text)
    fresh = text + " "  # has no UTF-8 yet
    return sys.getsizeof(fresh) + len(text.encode("utf-8", "surrogatepass"))


def of_json(*values: Any) -> int:
    """Bytes of JSON values in memory. What stands there twice, as names of fields do, is held and counted once."""
    weight = 0
    seen = set[int]()
    left = list(values)
    while left:
        value = left.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, str):
            weight += of_text(value)
            continue
        weight += sys.getsizeof(value)
        if isinstance(value, dict):
            left.extend(value)
            left.extend(value.values())
        elif isinstance(value, (list, tuple)):
            left.extend(value)
    return weight
