"""The answer of a hit as bytes: one stored Canvas in the encoding that the client takes, and the headers around it.

A variant's headers are put together once a second (`Age` counts seconds); everything else about them follows from the
stored Canvas. An ETag names the bytes that are sent, so each encoding has its own, and any of them is good for a 304.
"""

import time
from functools import lru_cache
from typing import Literal, NamedTuple

from shared.canvas_store import StoredCanvas
from shared.due_view import TicketState
from shared.encodings import is_zstd, plain_size

Encoding = Literal["zstd", "gzip", "identity"]
Headers = list[tuple[bytes, bytes]]

CACHE_CONTROL = "private, no-cache"
VARY = "Authorization, X-Freshdesk-Domain, X-Freshdesk-API-Key, Accept-Encoding, Origin"
HIT = "prompt-canvas; hit"
STALE = "prompt-canvas; hit; detail=stale"
HIT_LINE = b"cache-status: prompt-canvas; hit\r\n"
FROM_MEMORY = b"mem"
STATUS_LINES = {200: b"HTTP/1.1 200 OK\r\n", 304: b"HTTP/1.1 304 Not Modified\r\n"}
OVERHEAD_BYTES = 4096
"""Of the objects around a copy's bytes, its prepared headers, and its place in the memory."""
MOST_PREFERENCES = 256
"""Different `Accept-Encoding` headers that are remembered: browsers send a handful."""


class Answer(NamedTuple):
    """A status, its headers and its body (empty for a 304), ready to be sent."""

    status: int
    headers: Headers
    body: bytes


class Variant:
    """A Canvas in one encoding."""

    __slots__ = ("_fixed_lines", "_heads", "_second", "body", "etag", "fixed")

    def __init__(self, stored: StoredCanvas, encoding: Encoding) -> None:
        suffix = "" if encoding == "identity" else f"-{encoding}"
        self.body = {"zstd": stored.zstd, "gzip": stored.gzip}[encoding] if suffix else stored.body
        self.etag = f'{stored.etag[:-1]}{suffix}"'.encode()
        kept = [(b"etag", self.etag), (b"cache-control", CACHE_CONTROL.encode()), (b"vary", VARY.encode())]
        sent = [(b"content-type", b"application/json"), (b"content-length", str(len(self.body)).encode())]
        encoded = [(b"content-encoding", encoding.encode())] if suffix else []
        self.fixed: dict[int, Headers] = {200: [*sent, *encoded, *kept], 304: kept}
        self._fixed_lines: dict[int, bytes] = {}
        self._second = -1
        self._heads: dict[int, bytes] = {}

    def head(self, status: int, age: bytes, timing: bytes) -> bytes:
        """Status line and headers of a current hit, without the empty line that ends them."""
        fixed = self._fixed_lines.get(status)
        if fixed is None:
            fixed = self._fixed_lines[status] = STATUS_LINES[status] + as_lines(self.fixed[status]) + HIT_LINE
        return b"%bage: %b\r\nserver-timing: %b\r\n" % (fixed, age, timing)

    def head_from_memory(self, status: int, second: int, age: bytes) -> bytes:
        """The same of a hit from memory, put together once a second."""
        if second != self._second:
            self._heads = {}
            self._second = second
        head = self._heads.get(status)
        if head is None:
            head = self._heads[status] = self.head(status, age, FROM_MEMORY)
        return head


class Copy:
    """What was read of a ticket: its Canvas, how it stands with what is due, and how many changes are not in it yet."""

    __slots__ = ("_variants", "newer", "size", "state", "stored")

    def __init__(self, stored: StoredCanvas, state: TicketState, newer: int) -> None:
        self.stored = stored
        self.state = state
        self.newer = newer
        self._variants: dict[Encoding, Variant] = {}
        self.size = len(stored.zstd) + len(stored.gzip) + plain_size(stored.zstd) + OVERHEAD_BYTES

    def variant(self, encoding: Encoding) -> Variant:
        """The Canvas in an encoding, or as it is where it was stored without that."""
        made = self._variants.get(encoding)
        if made is None:
            there = encoding == "identity" or (self.stored.gzip if encoding == "gzip" else is_zstd(self.stored.zstd))
            made = Variant(self.stored, encoding) if there else self.variant("identity")
            self._variants[encoding] = made
        return made

    def parts(self, accept_encoding: bytes, if_none_match: bytes, timing: bytes) -> tuple[int, bytes, bytes]:
        """The answer of a current hit as bytes: the status, its line with the headers, and the body."""
        variant = self.variant(preferred(accept_encoding))
        status = 304 if if_none_match and self.matches(if_none_match) else 200
        second = int(time.time())
        age = self._age(second)
        if timing is FROM_MEMORY:
            head = variant.head_from_memory(status, second, age)
        else:
            head = variant.head(status, age, timing)
        return status, head, variant.body if status == 200 else b""

    def answer(
        self, accept_encoding: bytes, if_none_match: bytes, status: str, timing: bytes, extra: Headers | None = None
    ) -> Answer:
        """The answer with this `Cache-Status` and `Server-Timing`: 304 where the client has any of its variants."""
        variant = self.variant(preferred(accept_encoding))
        code = 304 if if_none_match and self.matches(if_none_match) else 200
        said = [(b"cache-status", status.encode()), (b"age", self._age(int(time.time()))), (b"server-timing", timing)]
        if self.newer and status != HIT:
            said.append((b"canvas-newer", str(self.newer).encode()))
        return Answer(code, [*variant.fixed[code], *said, *(extra or [])], variant.body if code == 200 else b"")

    def matches(self, if_none_match: bytes) -> bool:
        """Whether the client has this Canvas, in whatever encoding (RFC 9110, 13.1.2: compared weakly)."""
        if if_none_match.strip() == b"*":
            return True
        base = self.stored.etag[:-1].encode()
        return base in if_none_match and any(base + end in if_none_match for end in (b'"', b'-gzip"', b'-zstd"'))

    def _age(self, second: int) -> bytes:
        return str(max(0, second - self.stored.generated_ms // 1000)).encode()


def as_lines(headers: Headers) -> bytes:
    """Headers as they go over the wire."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])


@lru_cache(MOST_PREFERENCES)
def preferred(accept_encoding: bytes) -> Encoding:
    """Which of our encodings an `Accept-Encoding` header likes best (RFC 9110, 12.5.3); identity where it is silent.

    Of two that it likes as much the smaller one; who refuses all of them gets identity all the same.
    """
    weights: dict[str, float] = {}
    for item in accept_encoding.decode("latin-1").lower().split(","):
        coding, _, parameters = item.partition(";")
        weights[coding.strip()] = _weight(parameters)
    # `*` is no promise to decode whatever comes: who sends it gets identity, which it allows as well.
    zstd, gzip, identity = (weights.get(coding, 0.0) for coding in ("zstd", "gzip", "identity"))
    best = max(zstd, gzip, identity)
    if best <= 0:
        return "identity"
    return "zstd" if zstd == best else "gzip" if gzip == best else "identity"


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value.strip()[:5])))
    except ValueError:
        return 0.0
