"""What is known about reconciling: when each tenant is looked at next, how far its lists were read, how it went.

The watermarks are Freshdesk's times: every change until then was compared and marked. They only rise, and only who
holds the tenant's lease writes them, so a pass that was overtaken can't move them. Schedule and reports are in the
clock of Redis, which all processes share.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared import keys, lifetimes
from shared.errors import TOMBSTONES
from shared.redis import script

TicketList = Literal["updated", "deleted", "spam", "audit"]
"""The lists of a tenant, each with its own watermark; that of `audit` starts over when it has come to the end."""
Write = tuple[Literal["max", "set"], str, int | str]
STANDING = ("revision", "recipe", "want", "listed", "marked", "unlisted", "dropped")


class PassLost(Exception):
    """Another process reconciles this tenant now: stop quietly."""


class ReconcileState(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's last pass, for people and metrics. Of `ended_ms` and `succeeded_ms` 0 means never.

    `updated`, `deleted`, `spam` and `audit` are watermarks (ms, Freshdesk's clock; 0: not yet). `code` is that of the
    error which stopped the last pass, or "". `found` changes were missed by webhooks, `left` tickets had gone unsaid;
    the totals count since the tenant was registered.
    """

    updated: int = 0
    deleted: int = 0
    spam: int = 0
    audit: int = 0
    asked_ms: int = 0
    began_ms: int = 0
    ended_ms: int = 0
    succeeded_ms: int = 0
    code: str = ""
    found: int = 0
    left: int = 0
    found_total: int = 0
    left_total: int = 0


@dataclass(frozen=True)
class Standing:
    """What our records say about a ticket.

    `revision` (ms) is the last one that was committed, None for never; `gone` that it was committed as deleted, spam or
    missing. `due` is True where a live change waits already, False where only a backfill's mark does. `given_up_ms` is
    when it was put aside as dead, or dropped from there by an operator. `marked` are list, revision and count of the
    reconciler's own last mark. `unlisted` (ms) is the revision at which Freshdesk listed it no longer.
    """

    known: bool
    revision: int | None
    gone: bool
    due: bool
    given_up_ms: float | None
    marked: str
    unlisted: int | None


async def reconcile_state(state: Redis, host: str) -> ReconcileState:
    """How the reconciler stands with one tenant."""
    return (await reconcile_states(state, [host]))[host]


async def reconcile_states(state: Redis, hosts: Sequence[str]) -> dict[str, ReconcileState]:
    """The same for many tenants, in one round trip."""
    async with state.pipeline(transaction=False) as pipe:
        for host in hosts:
            pipe.hgetall(keys.reconcile(host))
        rows = await pipe.execute()
    return {
        host: msgspec.convert(
            {name.decode(): value.decode() for name, value in row.items()}, ReconcileState, strict=False
        )
        for host, row in zip(hosts, rows, strict=True)
    }


class ReconcileSchedule:
    """When each tenant is looked at next."""

    def __init__(self, state: Redis) -> None:
        self._state = state

    async def now_ms(self) -> int:
        """The time that the schedule is kept in."""
        seconds, micros = await self._state.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def known(self) -> set[str]:
        """The tenants that have a next pass."""
        return {member.decode() for member in await self._state.zrange(keys.RECONCILE, 0, -1)}

    async def due(self, limit: int) -> list[str]:
        """Tenants whose pass is due, longest first."""
        found = await self._state.zrangebyscore(keys.RECONCILE, "-inf", await self.now_ms(), start=0, num=limit)
        return [member.decode() for member in found]

    async def is_due(self, host: str) -> bool:
        """Whether the tenant's pass is (still) due."""
        at = await self._state.zscore(keys.RECONCILE, host)
        return at is not None and at <= await self.now_ms()

    async def plan(self, host: str, after: timedelta, *, unless_planned: bool = False) -> None:
        """Look at a tenant so much later."""
        at = await self.now_ms() + int(after.total_seconds() * 1000)
        await self._state.zadd(keys.RECONCILE, {host: at}, nx=unless_planned)

    async def forget(self, host: str) -> None:
        """No longer look at a tenant."""
        await self._state.zrem(keys.RECONCILE, host)

    async def ask(self, host: str) -> int:
        """Look at a tenant now, or again if a pass is going on; returns the time (ms) of asking."""
        now = await self.now_ms()
        # In this order: a pass that ends in between reads the first, or its plan is overwritten by the second.
        await self._state.hset(keys.reconcile(host), "asked_ms", str(now))  # type: ignore[misc]
        await self._state.zadd(keys.RECONCILE, {host: 0})
        return now


class PassLease:
    """One process's right to reconcile a tenant; renew it every third of `lifetimes.RECONCILE_LEASE`."""

    def __init__(self, state: Redis, host: str) -> None:
        self._state = state
        self._names = [keys.reconcile(host), keys.reconcile_lease(host)]
        self._token = secrets.token_hex(12)
        self._script = script(state, "reconcile")
        self._ms = int(lifetimes.RECONCILE_LEASE.total_seconds() * 1000)

    async def take(self) -> bool:
        """Take the lease, unless another process has it."""
        return bool(await self._state.set(self._names[1], self._token, nx=True, px=self._ms))

    async def write(self, *writes: Write) -> None:
        """Write fields of `ReconcileState`, and renew the lease.

        Raises:
            PassLost: the lease is no longer ours; nothing was written.
        """
        if not await self._write(writes, end=False):
            raise PassLost

    async def end(self, *writes: Write) -> None:
        """Write how the pass ended, and let go."""
        await self._write(writes, end=True)

    async def _write(self, writes: Sequence[Write], *, end: bool) -> bool:
        args: list[str | int] = [self._token, self._ms, int(end)]
        for write in writes:
            args += write
        return bool(await self._script(keys=self._names, args=args))


async def standings(state: Redis, host: str, ticket_ids: Sequence[int]) -> dict[int, Standing]:
    """How tickets stand, in one round trip."""
    async with state.pipeline(transaction=False) as pipe:
        for ticket_id in ticket_ids:
            pipe.hmget(keys.record(host, ticket_id), list(STANDING))
            pipe.zscore(keys.due(host), str(ticket_id))
            pipe.zscore(keys.dead(host), str(ticket_id))
        answers = await pipe.execute()
    rows = zip(answers[::3], answers[1::3], answers[2::3], strict=True)
    return {ticket_id: _standing(*row) for ticket_id, row in zip(ticket_ids, rows, strict=True)}


def _standing(record: list[bytes | None], due: float | None, dead: float | None) -> Standing:
    revision, recipe, want, listed, marked, unlisted, dropped = record
    return Standing(
        known=want is not None or revision is not None,
        revision=None if revision is None else int(revision),
        gone=(recipe or b"").decode() in TOMBSTONES,
        # What a backfill read before the change is no news of it, so its mark alone does not count.
        due=due is not None and listed != want,
        given_up_ms=dead if dead is not None or dropped is None else float(dropped),
        marked=(marked or b"").decode(),
        unlisted=None if unlisted is None else int(unlisted),
    )


async def note_mark(state: Redis, host: str, ticket_id: int, marked: str) -> None:
    """Remember the reconciler's mark (see `Standing`); what was unlisted is listed again."""
    key = keys.record(host, ticket_id)
    async with state.pipeline(transaction=False) as pipe:
        pipe.hset(key, "marked", marked)
        pipe.hdel(key, "unlisted")
        pipe.expire(key, lifetimes.RECORD_LIFETIME)
        await pipe.execute()


async def note_unlisted(state: Redis, host: str, ticket_id: int, revision_ms: int) -> None:
    """Remember that Freshdesk lists a ticket no longer, as of this revision."""
    key = keys.record(host, ticket_id)
    await state.hset(key, "unlisted", str(revision_ms))  # type: ignore[misc]
    await state.expire(key, lifetimes.RECORD_LIFETIME)


async def is_unlisted(state: Redis, host: str, ticket_id: int, revision: datetime) -> bool:
    """Whether a ticket was found to be unlisted and has not changed since."""
    found = await state.hget(keys.record(host, ticket_id), "unlisted")  # type: ignore[misc]
    return found is not None and int(found) >= int(revision.astimezone(UTC).timestamp() * 1000)
