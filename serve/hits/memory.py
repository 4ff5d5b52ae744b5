"""Canvases in process memory: the ones asked for last, up to so many bytes.

A full memory keeps only what is asked for a second time: who reads every ticket once (a report, a crawler) pushes out
nothing that agents are looking at, and the pages of what is not kept are used again while they are warm.
Whether a copy may be served is not its matter (see `serve.hits.reads`).
"""

from collections import OrderedDict
from typing import Final, Generic, Protocol, TypeVar

FULL: Final = 0.9
"""Share of the bytes from which on a copy has to be asked for twice."""
LEAST_NAMES: Final = 1024
"""What was asked for once is remembered for as many others as there are copies, and at least for so many."""

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
        # Hashes, and two sets of which the older one is forgotten: a wrong guess costs one place in the memory.
        self._once: set[int] = set()
        self._once_before: set[int] = set()

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
        if name in self._copies:
            self.drop(name)
        elif self.bytes > FULL * self._most_bytes and not self._asked_before(name):
            return
        size = copy.size
        if size > self._most_bytes:
            return
        self._copies[name] = copy
        self.bytes += size
        while self.bytes > self._most_bytes:
            self.bytes -= self._copies.popitem(last=False)[1].size

    def drop(self, name: Name) -> None:
        """Forget a copy, if it is there; a newer one of it is kept at once."""
        copy = self._copies.pop(name, None)
        if copy is not None:
            self.bytes -= copy.size
            self._asked_before(name)

    def _asked_before(self, name: Name) -> bool:
        """Whether this was asked for not long ago; from now on it was."""
        known = hash(name)
        if known in self._once or known in self._once_before:
            return True
        self._once.add(known)
        if len(self._once) > max(LEAST_NAMES, len(self._copies)):
            self._once_before, self._once = self._once, set()
        return False

    def clear(self) -> None:
        """Forget all."""
        self._copies.clear()
        self._once.clear()
        self._once_before.clear()
        self.bytes = 0
