"""A thread that is fetched, cleaned and embedded already: what a backfill's first pass leaves for its second.

A backfill must index tickets before it looks for similar ones, and must not fetch or embed a ticket twice. A prepared
thread counts only while no other change was marked since, which the ledger's generation tells, and only for the run
that the backfill itself asked for: a webhook may have taken the generation that the backfill counted on. It is kept
until its run has ended, so that a killed one need not ask Freshdesk again.
"""

import zlib

import msgspec
from redis.asyncio import Redis

from ingest.stages.embed import Embedded
from ingest.thread import Thread
from shared import keys, lifetimes
from shared.models import StageReport

FASTEST = 1
"""zlib's level: a thread of 4 KB becomes 1.5 KB in 0.1 ms."""


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """`generation` is the one that the run must have claimed for this to be the newest state.

    With `refresh` its texts are to be written anew, whatever they were made of; with `batch` they may wait for the
    provider's batch interface.
    """

    generation: int
    thread: Thread
    embedded: Embedded
    stages: list[StageReport]
    refresh: bool = False
    batch: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Prepared).decode


async def put_prepared(state: Redis, host: str, prepared: Prepared) -> None:
    """Keep a prepared thread for as long as a backfill's passes may lie apart."""
    key = keys.thread(host, prepared.thread.ticket_id)
    await state.set(key, zlib.compress(_encode(prepared), FASTEST), ex=lifetimes.THREAD_LIFETIME)


async def take_prepared(state: Redis, host: str, ticket_id: int, generation: int) -> Prepared | None:
    """The prepared thread of exactly this generation, or None."""
    value = await state.get(keys.thread(host, ticket_id))
    if value is None:
        return None
    try:
        prepared = _decode(zlib.decompress(value))
    except (zlib.error, msgspec.MsgspecError):  # of another version of ours: read the ticket again
        return None
    return prepared if prepared.generation == generation else None
