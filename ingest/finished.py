"""Texts that models have finished for a run that has not ended: a killed worker's successor pays for none again.

They are kept by what they were made of (`ingest.content`), so that a change of the ticket makes them void. What a
provider's batch interface has written for a ticket waits here for its run in the same way.
"""

from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
from redis.asyncio import Redis

from ingest.content import Contents
from ingest.stages.recommend import Recommended
from ingest.stages.writing import Draft
from shared import keys, lifetimes
from shared.backfill import note_spent
from shared.due import Claim
from shared.models import Canvas, Summary

LIFETIME = lifetimes.FINISHED_LIFETIME


class Finished(NamedTuple):
    """The texts of a ticket that are there already; None where one has to be written."""

    summary: Draft[Summary] | None = None
    replies: Recommended | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode
_pack = msgspec.msgpack.Encoder().encode


async def finished(state: Redis, host: str, ticket_id: int, contents: Contents) -> Finished:
    """The texts that were finished for just this content."""
    raw = await state.hmget(keys.finished(host, ticket_id), ["summary", "replies"])  # type: ignore[misc]
    summary = _read(raw[0], contents.summary, Draft[Summary])
    return Finished(summary, _read(raw[1], contents.replies, Recommended))


async def keep_summary(
    state: Redis, host: str, ticket_id: int, contents: Contents, draft: Draft[Summary], lifetime: timedelta = LIFETIME
) -> None:
    """Keep a summary, if a model has written it and nothing stood in for the model that was wanted."""
    if draft.calls and not draft.failures:
        await _keep(
            state, keys.finished(host, ticket_id), "summary", _pack((contents.summary, _encode(draft))), lifetime
        )


async def keep_replies(
    state: Redis, host: str, ticket_id: int, contents: Contents, replies: Recommended, lifetime: timedelta = LIFETIME
) -> None:
    """Keep replies, on the same condition."""
    if replies.draft.calls and not replies.draft.failures:
        await _keep(
            state, keys.finished(host, ticket_id), "replies", _pack((contents.replies, _encode(replies))), lifetime
        )


async def close(state: Redis, claim: Claim, canvas: Canvas, *, again: bool = False) -> None:
    """The Canvas is stored: drop what was kept for its run, and tell a backfill what its texts have cost.

    What was read is kept where it is to run `again` with texts that come later.
    """
    if not again:
        await state.delete(keys.finished(claim.host, claim.ticket_id), keys.thread(claim.host, claim.ticket_id))
    if claim.listed:
        tokens = canvas.provenance.tokens
        spent = tokens.get("input", 0) + tokens.get("output", 0)
        await note_spent(state, claim.host, spent, canvas.provenance.cost or 0.0)


async def _keep(state: Redis, key: str, field: str, text: bytes, lifetime: timedelta) -> None:
    async with state.pipeline(transaction=True) as pipe:
        pipe.hset(key, mapping={field: text})
        pipe.expire(key, lifetime)
        await pipe.execute()


def _read(raw: bytes | None, digest: bytes, kind: Any) -> Any:
    if raw is None:
        return None
    try:
        of, text = _decode(raw)
        return msgspec.json.decode(text, type=kind) if of == digest else None
    except msgspec.MsgspecError:  # of another version of ours: write it again
        return None
