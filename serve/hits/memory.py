"""Canvases in process memory: the ones asked for last, up to so many bytes.

Whether one may be served is not its matter (see `serve.hits.reads`).
"""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

Name = tuple[str, int]
"""Tenant and ticket."""


class Sized(Protocol):
    """What can be kept: `size` (bytes) is the most that it will ever take."""

    @property
    def size(self) -> int:
        """Bytes."""


T = TypeVar("T", bound=Sized)


class Memory(Generic[T]):
    """Copies by tenant and ticket; the least recently used make room."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._copies: OrderedDict[Name, T] = OrderedDict()
        self.bytes = 0
        """What all copies take at the most."""

    def __len__(self) -> int:
        return len(self._copies)

    def get(self, name: Name) -> T | None:
        """The copy, which was used just now."""
        copy = self._copies.get(name)
        if copy is not None:
            self._copies.move_to_end(name)
        return copy

    def put(self, name: Name, copy: T) -> None:
        """Keep a copy in place of another one; one that is larger than the whole memory is not kept."""
        self.drop(name)
        size = copy.size
        if size > self._most_bytes:
            return
        self._copies[name] = copy
        self.bytes += size
        while self.bytes > self._most_bytes:
            self.bytes -= self._copies.popitem(last=False)[1].size

    def drop(self, name: Name) -> None:
        """Forget a copy, if it is there."""
        copy = self._copies.pop(name, None)
        if copy is not None:
            self.bytes -= copy.size

    def clear(self) -> None:
        """Forget all."""
        self._copies.clear()
        self.bytes = 0
