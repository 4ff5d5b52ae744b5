"""Where finished Canvases live: encoded once, written by compare-and-set, read back as bytes.

A stored value is `<revision ms, 16 digits><generation, 12 digits>` followed by a msgpack array; the fixed-width head
lets `put_canvas.lua` compare versions as text. The body is in it as it goes over the wire (`shared.encodings`). In
place of a Canvas there may be a tombstone: the code of the error that a deleted, spam or unknown ticket answers with,
kept briefly. Beside them stands which Canvases list a ticket, so that a change of one ticket finds the Canvases of
others; each write of a Canvas keeps that up in the same step.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.assignments import UNKNOWN, Assignment
from shared.encodings import pack, unpack
from shared.models import Canvas, Incident, SimilarTicket, Summary
from shared.redis import script

Patched = Literal["written", "changed", "superseded"]
Written = Literal["written", "same", "later"]

REVISION_BYTES = 16
HEAD_BYTES = REVISION_BYTES + 12
SEEN_BYTES = HEAD_BYTES + 2
"""What stands before the ETag: the head, one byte each for the array and the string (at most 31 bytes of it)."""
_encode_json = msgspec.json.Encoder().encode
_encode = msgspec.msgpack.Encoder().encode
_parts = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_similar = msgspec.json.Decoder(list[SimilarTicket]).decode
_incident = msgspec.json.Decoder(Incident | None).decode
_summary = msgspec.json.Decoder(Summary).decode


class StoredCanvas(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What `/init` needs: the body's bytes as sent, its strong ETag, and when it was made (ms since the epoch).

    `zstd` and `gzip` are the body, both empty for a tombstone; before bodies were compressed `zstd` was the plain JSON
    and `gzip` empty. `tombstone` is the code of an error where the ticket is gone. `summary_of` and `replies_of` are
    digests of what the summary and the replies were made of (`ingest.content`), empty where they should be made again;
    `covers` is how many messages the summary has read, `updates` how often it was brought up to date.
    `group_id` and `responder_id` say who the ticket is assigned to (0: nobody; -1: the Canvas is older than that).
    """

    etag: str
    generated_ms: int
    zstd: bytes
    tombstone: str = ""
    summary_of: bytes = b""
    replies_of: bytes = b""
    covers: int = 0
    updates: int = 0
    gzip: bytes = b""
    group_id: int = UNKNOWN
    responder_id: int = UNKNOWN

    @property
    def body(self) -> bytes:
        """The plain JSON, decompressed anew each time."""
        return unpack(self.zstd)


_decode = msgspec.msgpack.Decoder(StoredCanvas).decode


def decode_canvas(value: bytes) -> StoredCanvas:
    """A stored value without its head; the body stays compressed."""
    return _decode(value[HEAD_BYTES:])


class Snapshot(NamedTuple):
    """A stored Canvas as it was read: `head` is its version, `seen` tells it from every other one."""

    head: bytes
    seen: bytes
    stored: StoredCanvas

    def similar(self) -> list[SimilarTicket]:
        """The similar tickets that it lists; none for a tombstone."""
        if self.stored.tombstone:
            return []
        return _similar(_parts(self.stored.body)["similar_tickets"])

    def incident(self) -> Incident | None:
        """The incident that it tells of; none for a tombstone, and where it is older than incidents are."""
        if self.stored.tombstone:
            return None
        raw = _parts(self.stored.body).get("incident")
        found: Incident | None = None if raw is None else _incident(raw)
        return found


class Fence(NamedTuple):
    """The version of a ticket's Canvas that a change of other Canvases is true for; an empty `head` is no Canvas."""

    ticket_id: int
    head: bytes


def to_ms(moment: datetime) -> int:
    """Milliseconds since the epoch of an aware moment."""
    return int(moment.timestamp() * 1000)


COMPLETENESS: dict[str, int] = {"partial": 0, "degraded": 1, "ready": 2, "gone": 3}
"""Of one generation, a more complete Canvas replaces a less complete one, and a complete one is written once."""
COMPLETE = 2


def head_of(revision_ms: int, generation: int, status: str) -> bytes:
    """The version of a stored Canvas, comparable as text; `status` is the Canvas's, "gone" for a tombstone."""
    return f"{revision_ms:016d}{10 * generation + COMPLETENESS[status]:012d}".encode()


def _etag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def _seconds(lifetime: timedelta) -> int:
    return int(lifetime.total_seconds())


class CanvasStore:
    """Reads and writes the Canvases of all tenants; the tenant is part of every call."""

    def __init__(self, cache: Redis) -> None:
        self._cache = cache
        self._put = script(cache, "put_canvas")
        self._patch = script(cache, "patch_canvas")

    async def put(
        self,
        host: str,
        canvas: Canvas,
        generation: int,
        *,
        summary_of: bytes = b"",
        replies_of: bytes = b"",
        covers: int = 0,
        updates: int = 0,
        listed_before: Iterable[int] = (),
        assigned: Assignment = Assignment(),
    ) -> StoredCanvas | None:
        """Store a Canvas unless a later (revision, generation) is there; None if it was refused.

        A complete one of the same generation is not written again: who was killed before it settled, or lost its lease
        unnoticed, has done that. It is returned then.

        `listed_before` are the similar tickets of the Canvas that it replaces, as far as they are known.
        """
        body = _encode_json(canvas)
        made_ms = to_ms(canvas.generated_at)
        zstd, gzip = await pack(body)
        stored = StoredCanvas(_etag(body), made_ms, zstd, "", summary_of, replies_of, covers, updates, gzip, *assigned)
        head = head_of(to_ms(canvas.revision), generation, canvas.status)
        sets, count = _shown_sets(host, canvas.similar_tickets, listed_before)
        written = await self._write(host, canvas.ticket_id, head, stored, lifetimes.CANVAS_LIFETIME, sets, count)
        if written == "same":
            found = await self.get(host, canvas.ticket_id)
            return None if found is None or found.tombstone else found
        return stored if written == "written" else None

    async def put_tombstone(self, host: str, ticket_id: int, revision_ms: int, generation: int, code: str) -> bool:
        """Store that a ticket is gone, and why (`shared.errors.TOMBSTONES`), by the same compare-and-set.

        `revision_ms` is the last one known; a Canvas of a later one gives way too, unless its generation is later.
        """
        stored = StoredCanvas(f'"{code}"', to_ms(datetime.now(UTC)), b"", code)
        head = head_of(revision_ms, generation, "gone")
        written = await self._write(host, ticket_id, head, stored, lifetimes.TOMBSTONE_LIFETIME) != "later"
        if written:
            await self._cache.delete(keys.parts(host, ticket_id))
        return written

    async def _write(
        self,
        host: str,
        ticket_id: int,
        head: bytes,
        stored: StoredCanvas,
        lifetime: timedelta,
        sets: Sequence[str] = (),
        count: int = 0,
    ) -> Written:
        args: list[Any] = [head + _encode(stored), HEAD_BYTES, _seconds(lifetime), REVISION_BYTES]
        args += [int(bool(stored.tombstone)), ticket_id, _seconds(lifetimes.CANVAS_LIFETIME), count, COMPLETE]
        result: Written = (await self._put(keys=[keys.canvas(host, ticket_id), *sets], args=args)).decode()
        return result

    async def get(self, host: str, ticket_id: int) -> StoredCanvas | None:
        """The stored Canvas or tombstone of a ticket, or None."""
        value = await self._cache.get(keys.canvas(host, ticket_id))
        return None if value is None else decode_canvas(value)

    async def read(self, host: str, ticket_ids: Sequence[int]) -> dict[int, Snapshot]:
        """The stored Canvases and tombstones of those tickets that have one, to be patched."""
        if not ticket_ids:
            return {}
        values = await self._cache.mget([keys.canvas(host, ticket_id) for ticket_id in ticket_ids])
        pairs = zip(ticket_ids, values, strict=True)
        return {ticket_id: _snapshot(value) for ticket_id, value in pairs if value is not None}

    def parts(self, host: str, ticket_id: int) -> "TicketParts":
        """The summaries of a ticket's parts."""
        return TicketParts(self._cache, keys.parts(host, ticket_id))

    async def fence(self, host: str, ticket_id: int) -> Fence:
        """The version of a ticket's Canvas or tombstone as it is now."""
        return Fence(ticket_id, await self._cache.getrange(keys.canvas(host, ticket_id), 0, HEAD_BYTES - 1))

    async def shown_in(self, host: str, ticket_id: int) -> list[int]:
        """The tickets whose Canvases list this one, in order; a few of them may not do so any more."""
        members = await self._cache.smembers(keys.shown_in(host, ticket_id))  # type: ignore[misc]
        return sorted(int(member) for member in members)

    async def patch(
        self,
        host: str,
        ticket_id: int,
        read: Snapshot,
        similar: list[SimilarTicket],
        fence: Fence,
        incident: Incident | None = None,
    ) -> Patched:
        """Replace the similar tickets of a Canvas by compare-and-set: its ETag changes, its version and age do not.

        Its incident stays, unless there is one to be put in its place.

        "changed": it is not the one that was read any more (or gone): read again. "superseded": the ticket of the
        fence was committed anew, so that this change is not true any more. Nothing was written in either case.
        """
        parts = _parts(read.stored.body)
        parts["similar_tickets"] = msgspec.Raw(_encode_json(similar))  # the other parts stay as they are, byte by byte
        if incident is not None:
            parts["incident"] = msgspec.Raw(_encode_json(incident))
        body = _encode_json(parts)
        zstd, gzip = await pack(body)
        value = read.head + _encode(msgspec.structs.replace(read.stored, etag=_etag(body), zstd=zstd, gzip=gzip))
        sets, count = _shown_sets(host, similar, [ticket.ticket_id for ticket in read.similar()])
        names = [keys.canvas(host, ticket_id), keys.canvas(host, fence.ticket_id), *sets]
        args: list[Any] = [read.seen, fence.head, value, ticket_id, _seconds(lifetimes.CANVAS_LIFETIME), count]
        result: Patched = (await self._patch(keys=names, args=args)).decode()
        return result


class TicketParts:
    """Summaries of the parts of one very long ticket, by digest; each is kept as soon as it is there.

    A part that changed leaves its old summary behind until all are forgotten together.
    """

    def __init__(self, cache: Redis, key: str) -> None:
        self._cache = cache
        self._key = key

    async def get(self, digests: Sequence[str]) -> dict[str, Summary]:
        """Those that are there."""
        values = await self._cache.hmget(self._key, list(digests)) if digests else []  # type: ignore[misc]
        return {digest: _summary(value) for digest, value in zip(digests, values, strict=True) if value is not None}

    async def put(self, digest: str, summary: Summary) -> None:
        """Keep one for as long as Canvases are kept."""
        async with self._cache.pipeline(transaction=True) as pipe:
            pipe.hset(self._key, digest, _encode_json(summary).decode())
            pipe.expire(self._key, lifetimes.CANVAS_LIFETIME)
            await pipe.execute()


def _snapshot(value: bytes) -> Snapshot:
    stored = _decode(value[HEAD_BYTES:])
    return Snapshot(value[:HEAD_BYTES], value[: SEEN_BYTES + len(stored.etag)], stored)


def _shown_sets(host: str, similar: Sequence[SimilarTicket], before: Iterable[int]) -> tuple[list[str], int]:
    """Keys of the sets of the tickets that are listed now, then of those that are not any more; how many are listed."""
    listed = list(dict.fromkeys(ticket.ticket_id for ticket in similar))
    left = [ticket_id for ticket_id in before if ticket_id not in listed]
    return [keys.shown_in(host, ticket_id) for ticket_id in [*listed, *left]], len(listed)
