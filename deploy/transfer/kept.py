"""Which of a tenant's keys travel, how they are read, and how they are written again.

Leases, runs, credentials and limits stay behind: they belong to processes. What is due travels and gets a new turn. A
record names its key by a suffix that must match its kind's pattern, and the key is built for the tenant of the archive:
no archive can write anything else.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Literal, NamedTuple

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.errors import BadInput

Type = Literal["string", "hash", "set", "zset", "stream"]
NUMBER = r"[1-9][0-9]{0,14}"
MONTH = r"[0-9]{4}-[0-9]{2}"
OF_RUNS = (b"run", b"begun", b"resumed", b"appended", b"viewed", b"traces")
"""Fields of a ticket's record that only mean something to the processes of this installation."""
SCAN_COUNT = 500
PART = 1000
"""Members of a large key in one record."""
LARGE = frozenset({"due", "dead", "articles", "feedback", "feedback-ids"})
"""Kinds that grow with the tenant: one key at a time."""
AT_ONCE = 50
"""Keys of the other kinds that are read together."""


class Kind(NamedTuple):
    """A kind of key: its suffix as a pattern, its type, its lifetime (None: permanent), and whether it is a cache's."""

    pattern: re.Pattern[str]
    type: Type
    lifetime: timedelta | None
    cached: bool = False


KINDS = {
    "ticket": Kind(re.compile(f"ticket:{NUMBER}"), "hash", lifetimes.RECORD_LIFETIME),
    "due": Kind(re.compile("due"), "zset", None),
    "dead": Kind(re.compile("dead"), "zset", None),
    "reconcile": Kind(re.compile("reconcile"), "hash", None),
    "articles": Kind(re.compile("articles"), "hash", lifetimes.RECORD_LIFETIME),
    "drafts": Kind(re.compile(f"drafts:{MONTH}"), "hash", lifetimes.DRAFTS_LIFETIME),
    "feedback": Kind(re.compile("feedback"), "stream", lifetimes.FEEDBACK_LIFETIME),
    "feedback-ids": Kind(re.compile("feedback:ids"), "zset", lifetimes.FEEDBACK_LIFETIME),
    "feedback-counts": Kind(re.compile(f"feedback:counts:{MONTH}"), "hash", lifetimes.DRAFTS_LIFETIME),
    "canvas": Kind(re.compile(f"canvas:{NUMBER}"), "string", lifetimes.CANVAS_LIFETIME, cached=True),
    "shown_in": Kind(re.compile(f"shown_in:{NUMBER}"), "set", lifetimes.CANVAS_LIFETIME, cached=True),
    "parts": Kind(re.compile(f"parts:{NUMBER}"), "hash", lifetimes.CANVAS_LIFETIME, cached=True),
}

Pair = tuple[bytes, bytes]
Value = bytes | list[Any]


class KeyRecord(msgspec.Struct, frozen=True, array_like=True):
    """A key, or a part of a large one; `ttl_ms` is 0 where it is permanent.

    `value` is bytes of a string, members of a set, [name, value] of a hash, [member, score] of a sorted set, and
    [id, [[name, value], …]] of a stream. The `part` 0 replaces what is there.
    """

    kind: str
    suffix: str
    part: int
    ttl_ms: int
    value: Value


def kind_of(suffix: str) -> str | None:
    """The kind of a key that travels; None for all others."""
    return next((name for name, kind in KINDS.items() if kind.pattern.fullmatch(suffix)), None)


async def records_of(server: Redis, host: str, *, cached: bool) -> AsyncIterator[list[KeyRecord]]:
    """The records of a tenant's keys in one server, in pages; of the cached kinds or of the others."""
    head, cursor = _head(host), 0
    while True:
        cursor, names = await server.scan(cursor, match=f"{head}*", count=SCAN_COUNT)
        found = [(suffix, kind_of(suffix)) for suffix in (name.decode().removeprefix(head) for name in names)]
        mine = [(suffix, kind) for suffix, kind in found if kind is not None and KINDS[kind].cached is cached]
        large = [(suffix, kind) for suffix, kind in mine if kind in LARGE]
        small = [(suffix, kind) for suffix, kind in mine if kind not in LARGE]
        for first in range(0, len(small), AT_ONCE):
            reading = (_whole(server, head, kind, suffix) for suffix, kind in small[first : first + AT_ONCE])
            yield [record for records in await asyncio.gather(*reading) for record in records]
        for suffix, kind in large:
            async for page in _read(server, head, kind, suffix):
                yield page
        if not cursor:
            return


async def _whole(server: Redis, head: str, kind: str, suffix: str) -> list[KeyRecord]:
    return [record async for page in _read(server, head, kind, suffix) for record in page]


async def _read(server: Redis, head: str, kind: str, suffix: str) -> AsyncIterator[list[KeyRecord]]:
    key = f"{head}{suffix}"
    part, ttl_ms = 0, max(0, await server.pttl(key))
    async for value in _values(server, key, KINDS[kind].type):
        kept = [pair for pair in value if pair[0] not in OF_RUNS] if kind == "ticket" else value
        if kept:
            yield [KeyRecord(kind, suffix, part, ttl_ms, kept)]
            part += 1


async def _values(server: Any, key: str, form: Type) -> AsyncIterator[Any]:
    """The value of a key, of a large one in parts."""
    if form == "string":
        yield await server.get(key)
    elif form == "stream":
        after = "-"
        while page := await server.xrange(key, after, count=PART):
            yield [[number, [list(pair) for pair in fields.items()]] for number, fields in page]
            after = f"({page[-1][0].decode()}"
    elif form == "zset":
        first = 0
        while page := await server.zrange(key, first, first + PART - 1, withscores=True):
            yield [list(pair) for pair in page]
            first += PART
    else:
        cursor, scan = 0, server.hscan if form == "hash" else server.sscan
        while True:
            cursor, page = await scan(key, cursor, count=PART)
            yield [list(pair) for pair in page.items()] if form == "hash" else page
            if not cursor:
                return


def check_record(record: KeyRecord) -> None:
    """Refuse a record that no export writes.

    Raises:
        BadInput: its kind, its key or its value is not what it should be.
    """
    kind = KINDS.get(record.kind)
    if kind is None or not kind.pattern.fullmatch(record.suffix) or record.part < 0 or record.ttl_ms < 0:
        raise BadInput("The archive names a key that no export writes: nothing was imported")
    try:
        msgspec.convert(record.value, FORMS[kind.type])
    except msgspec.ValidationError as error:
        raise BadInput("The archive holds a value that no export writes: nothing was imported") from error


FORMS: dict[Type, Any] = {
    "string": bytes,
    "set": list[bytes],
    "hash": list[tuple[bytes, bytes]],
    "zset": list[tuple[bytes, float]],
    "stream": list[tuple[bytes, list[tuple[bytes, bytes]]]],
}


async def write_records(server: Redis, host: str, records: Sequence[KeyRecord]) -> None:
    """Write checked records for the tenant `host`; no lifetime is longer than its kind's."""
    async with server.pipeline(transaction=False) as pipe:
        for record in records:
            kind, key = KINDS[record.kind], f"{_head(host)}{record.suffix}"
            if record.part == 0:
                pipe.delete(key)
            _write(pipe, key, kind.type, record.value)
            if kind.lifetime is not None:
                longest_ms = int(kind.lifetime.total_seconds() * 1000)
                pipe.pexpire(key, min(record.ttl_ms or longest_ms, longest_ms))
        await pipe.execute()


def _write(pipe: Any, key: str, form: Type, value: Any) -> None:
    if form == "string":
        pipe.set(key, value)
    elif form == "set":
        pipe.sadd(key, *value)
    elif form == "hash":
        pipe.hset(key, mapping=dict(value))
    elif form == "zset":
        pipe.zadd(key, dict(value))
    else:
        for number, fields in value:
            pipe.xadd(key, dict(fields), id=number)


def _head(host: str) -> str:
    """What the names of a tenant's keys begin with (the record of the tenant itself is not among them)."""
    return keys.due(host).removesuffix("due")
