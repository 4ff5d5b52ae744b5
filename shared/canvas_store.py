"""Where finished Canvases live: encoded once, written by compare-and-set, read back as bytes.

A stored value is `<revision ms, 16 digits><generation, 12 digits>` followed by a msgpack array; the fixed-width head
lets `put_canvas.lua` compare versions as text. In place of a Canvas there may be a tombstone: the code of the error
that a deleted, spam or unknown ticket answers with, kept briefly.
"""

import hashlib
from datetime import UTC, datetime, timedelta

import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.models import Canvas
from shared.redis import script

REVISION_BYTES = 16
HEAD_BYTES = REVISION_BYTES + 12
_encode_json = msgspec.json.Encoder().encode
_encode = msgspec.msgpack.Encoder().encode


class StoredCanvas(msgspec.Struct, frozen=True, array_like=True):
    """What `/init` needs: the body's bytes as sent, its strong ETag, and when it was made (ms since the epoch).

    `tombstone` is the code of an error, and `body` empty, where the ticket is gone.
    """

    etag: str
    generated_ms: int
    body: bytes
    tombstone: str = ""


_decode = msgspec.msgpack.Decoder(StoredCanvas).decode


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware moment."""
    return int(moment.timestamp() * 1000)


def _head(revision_ms: int, generation: int) -> bytes:
    return f"{revision_ms:016d}{generation:012d}".encode()


class CanvasStore:
    """Reads and writes the Canvases of all tenants; the tenant is part of every call."""

    def __init__(self, cache: Redis) -> None:
        self._cache = cache
        self._put = script(cache, "put_canvas")

    async def put(self, host: str, canvas: Canvas, generation: int) -> StoredCanvas | None:
        """Store a Canvas unless a later (revision, generation) is there; None if it was refused."""
        body = _encode_json(canvas)
        etag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
        stored = StoredCanvas(etag, to_ms(canvas.generated_at), body)
        head = _head(to_ms(canvas.revision), generation)
        written = await self._write(keys.canvas(host, canvas.ticket_id), head, stored, keys.CANVAS_LIFETIME)
        return stored if written else None

    async def put_tombstone(self, host: str, ticket_id: int, revision_ms: int, generation: int, code: str) -> bool:
        """Store that a ticket is gone, and why (`shared.errors.TOMBSTONES`), by the same compare-and-set.

        `revision_ms` is the last one known; a Canvas of a later one gives way too, unless its generation is later.
        """
        stored = StoredCanvas(f'"{code}"', to_ms(datetime.now(UTC)), b"", code)
        head = _head(revision_ms, generation)
        return await self._write(keys.canvas(host, ticket_id), head, stored, keys.TOMBSTONE_LIFETIME)

    async def _write(self, key: str, head: bytes, stored: StoredCanvas, lifetime: timedelta) -> bool:
        seconds = int(lifetime.total_seconds())
        value, is_tombstone = head + _encode(stored), int(bool(stored.tombstone))
        return bool(await self._put(keys=[key], args=[value, HEAD_BYTES, seconds, REVISION_BYTES, is_tombstone]))

    async def get(self, host: str, ticket_id: int) -> StoredCanvas | None:
        """The stored Canvas or tombstone of a ticket, or None."""
        value = await self._cache.get(keys.canvas(host, ticket_id))
        return None if value is None else _decode(value[HEAD_BYTES:])
