"""The answer of a hit as bytes: one stored Canvas in the encoding that the client takes, and the headers around it.

A variant's headers are put together once a second (`Age` counts seconds); everything else about them follows from the
stored Canvas. An ETag names the bytes that are sent, so each encoding has its own, and any of them is good for a 304.
"""

import time
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from shared.canvas_store import StoredCanvas
from shared.due_view import TicketState
from shared.encodings import is_zstd, plain_size

Encoding = Literal["zstd", "gzip", "identity"]
Headers = list[tuple[bytes, bytes]]

CACHE_CONTROL = "private, no-cache"
VARY = "Authorization, X-Freshdesk-Domain, X-Freshdesk-API-Key, Accept-Encoding, Origin"
HIT = "prompt-canvas; hit"
STALE = "prompt-canvas; hit; detail=stale"
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


class Variant(msgspec.Struct, gc=False):
    """A Canvas in one encoding, with the headers that never change, and those of a hit from memory in one second.

    Bytes alone, and unknown to the garbage collector: with thousands of copies it would stop the world for 10 ms.
    """

    body: bytes
    sent: bytes
    """Header lines of a 200."""
    kept: bytes
    """Header lines of a 304."""
    second: int = -1
    head_sent: bytes = b""
    head_kept: bytes = b""

    def head(self, status: int, age: bytes, timing: bytes) -> bytes:
        """Status line and headers of a current hit, without the empty line that ends them."""
        fixed = self.sent if status == 200 else self.kept
        line = STATUS_LINES[status]
        return b"%b%bcache-status: prompt-canvas; hit\r\nage: %b\r\nserver-timing: %b\r\n" % (line, fixed, age, timing)

    def head_from_memory(self, status: int, second: int, age: bytes) -> bytes:
        """The same of a hit from memory, put together once a second."""
        if second != self.second:
            self.head_sent = self.head(200, age, FROM_MEMORY)
            self.head_kept = self.head(304, age, FROM_MEMORY)
            self.second = second
        return self.head_sent if status == 200 else self.head_kept


def _variant(stored: StoredCanvas, encoding: Encoding) -> Variant:
    suffix = "" if encoding == "identity" else f"-{encoding}"
    body = stored.zstd if encoding == "zstd" else stored.gzip if encoding == "gzip" else stored.body
    kept = f'etag: {stored.etag[:-1]}{suffix}"\r\ncache-control: {CACHE_CONTROL}\r\nvary: {VARY}\r\n'
    encoded = f"content-encoding: {encoding}\r\n" if suffix else ""
    sent = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n{encoded}{kept}"
    return Variant(body, sent.encode(), kept.encode())


class Copy(msgspec.Struct, gc=False):
    """What was read of a ticket: its Canvas, how it stands with what is due, and how many changes are not in it yet."""

    stored: StoredCanvas
    state: TicketState
    newer: int
    zstd: Variant | None = None
    gzip: Variant | None = None
    identity: Variant | None = None
    most_bytes: int = 0

    @property
    def size(self) -> int:
        """Bytes that it takes at the most, when every encoding was asked for."""
        if not self.most_bytes:
            stored = self.stored
            self.most_bytes = len(stored.zstd) + len(stored.gzip) + plain_size(stored.zstd) + OVERHEAD_BYTES
        return self.most_bytes

    def variant(self, encoding: Encoding) -> Variant:
        """The Canvas in an encoding, or as it is where it was stored without that."""
        if encoding == "zstd" and is_zstd(self.stored.zstd):
            made = self.zstd = self.zstd or _variant(self.stored, encoding)
        elif encoding == "gzip" and self.stored.gzip:
            made = self.gzip = self.gzip or _variant(self.stored, encoding)
        else:
            made = self.identity = self.identity or _variant(self.stored, "identity")
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
        fixed = _pairs(variant.sent if code == 200 else variant.kept)
        return Answer(code, [*fixed, *said, *(extra or [])], variant.body if code == 200 else b"")

    def matches(self, if_none_match: bytes) -> bool:
        """Whether the client has this Canvas, in whatever encoding (RFC 9110, 13.1.2: compared weakly)."""
        if if_none_match.strip() == b"*":
            return True
        base = self.stored.etag[:-1].encode()
        return base in if_none_match and any(base + end in if_none_match for end in (b'"', b'-gzip"', b'-zstd"'))

    def _age(self, second: int) -> bytes:
        return str(max(0, second - self.stored.generated_ms // 1000)).encode()


def _pairs(lines: bytes) -> Headers:
    found = [line.partition(b": ") for line in lines.split(b"\r\n") if line]
    return [(name, value) for name, _, value in found]


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
