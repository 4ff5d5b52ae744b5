"""Tools of the fault tests: a clock that makes every change visible, time that passes at once, and what must be true.

A Canvas is current when it carries the `updated_at` of the ticket as the look-alike has it now. Its clock therefore
ticks a second with each look at it: Freshdesk cuts times to the second, and two changes in one would look alike.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx

from deploy.demo.helpdesk import Fault, Helpdesk
from ingest.context import WorkerContext
from shared import keys
from shared.due import Claim
from shared.tenants import Tenant
from tests.waiting import wait_until
from tests.world import ADMIN_TOKEN, Account


def ticking(start: datetime) -> Callable[[], datetime]:
    """A clock that is a second later each time it is asked."""
    seconds = count()
    return lambda: start + timedelta(seconds=next(seconds))


def updated_at(desk: Helpdesk, ticket_id: int) -> datetime:
    """When a ticket changed last, as Freshdesk says it."""
    return desk.state.tickets[ticket_id].updated_at


def worker_of(account: Account) -> WorkerContext:
    """The context of the workers that serve an account."""
    return account.world.running.worker


async def current(account: Account, ticket_id: int) -> dict[str, Any]:
    """Wait until what Freshdesk announced is computed, and check that the Canvas is of the ticket's newest state."""
    await account.helpdesk.webhooks.settled()
    canvas = await account.hit(ticket_id)
    assert datetime.fromisoformat(canvas["revision"]) == updated_at(account.helpdesk, ticket_id)
    return canvas


async def silent_ticket(account: Account, subject: str = "Printer is offline") -> int:
    """A ticket that no webhook tells of."""
    account.helpdesk.faults.add(Fault("webhook_drop", count=1))
    return await account.create_ticket(subject, "The printer is offline since Monday. I restarted it twice.")


async def long_ticket(account: Account) -> int:
    """A ticket with so many conversations that they are fetched by a second call: see `hold_after_reading`."""
    ticket_id = await silent_ticket(account)
    account.helpdesk.faults.add(Fault("webhook_drop", count=11))
    for number in range(11):
        await account.agent_replies(ticket_id, f"Please try step {number} of the guide.")
    return ticket_id


def hold_after_reading(account: Account, ticket_id: int, count: int | None = None) -> None:
    """Hold the runs of a `long_ticket` when they have read its state, and not yet its conversations."""
    path = f"/api/v2/tickets/{ticket_id}/conversations"
    account.helpdesk.faults.add(Fault("delay", path=path, method="GET", seconds=30, count=count))


async def held(account: Account, runs: int = 1) -> None:
    """Wait until so many calls are being held."""
    await wait_until(lambda: account.helpdesk.faults.waiting >= runs)


def fail_reading(account: Account, ticket_id: int, kind: Any, **fault: Any) -> None:
    """Let every look at a ticket fail until the faults are cleared."""
    path = f"/api/v2/tickets/{ticket_id}"
    account.helpdesk.faults.add(Fault(kind, path=path, method="GET", **fault))


async def postponed(account: Account, ticket_id: int) -> tuple[str, timedelta]:
    """Wait until a run has failed and its next attempt waits; returns the reason, and for how long it waits."""
    state = worker_of(account).redis.state
    found: list[tuple[str, timedelta]] = []

    async def waits() -> bool:
        reason = await state.hget(keys.record(account.host, ticket_id), "error")  # type: ignore[misc]
        at = await state.zscore(keys.turn(account.host, "live"), str(ticket_id))
        seconds, micros = await state.time()
        if reason is None or at is None or await state.exists(keys.lease(account.host, ticket_id)):
            return False
        found.append((reason.decode(), timedelta(milliseconds=at - seconds * 1000 - micros / 1000)))
        return found[-1][1] > timedelta(0)

    await wait_until(waits)
    return found[-1]


async def time_passes(account: Account) -> None:
    """Whatever waits for a later attempt, or for a wake-up that is lost, has its turn now; models may be probed, and
    Freshdesk takes calls again.
    """
    state = worker_of(account).redis.state
    await state.hdel(keys.calls(account.host), "blocked")  # type: ignore[misc]
    async for breaker in state.scan_iter(match=f"{keys.PREFIX}:breaker:*"):
        if await state.hexists(breaker, "until"):  # type: ignore[misc]
            await state.hset(breaker, "until", "0")  # type: ignore[misc]
    for lane in ("live", "backfill"):
        for place in (keys.turn(account.host, lane), keys.out(account.host, lane)):
            for ticket in await state.zrange(place, 0, -1):
                await state.zadd(place, {ticket: 0}, xx=True)
    await state.publish(keys.TURNS, account.host)


async def claimed(account: Account, ticket_id: int) -> tuple[Tenant, Claim]:
    """Take a ticket as a worker would."""
    worker = worker_of(account)
    tenant, claim = await worker.tenants.get(account.host), await worker.ledger.claim(account.host, ticket_id)
    assert tenant is not None
    assert claim is not None
    return tenant, claim


def tick(account: Account) -> None:
    """Give an account's look-alike a ticking clock."""
    account.helpdesk.clock = ticking(datetime.now(UTC))


async def desk(account: Account, ticket_id: int, change: str) -> None:
    """What agents and Freshdesk itself do to tickets: delete, restore, spam, unspam, archive, purge."""
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    calls = {
        "delete": ("DELETE", f"/api/v2/tickets/{ticket_id}"),
        "restore": ("PUT", f"/api/v2/tickets/{ticket_id}/restore"),
        "purge": ("DELETE", f"/_desk/tickets/{ticket_id}"),
    }
    method, path = calls.get(change, ("PUT", f"/_desk/tickets/{ticket_id}/{change}"))
    if path.startswith("/_desk"):
        url = str(account.freshdesk.base_url).rstrip("/")
        async with httpx.AsyncClient(base_url=url, headers=admin, timeout=20) as house:
            answer = await house.request(method, path)
    else:
        answer = await account.freshdesk.request(method, path)
    assert answer.status_code == 204, answer.text


async def evict(account: Account, ticket_id: int) -> None:
    """The cache drops a ticket's Canvas, and who holds a copy of it has been told so.

    Redis may answer whoever deletes a key a moment before it tells the others; before its next answer it has told all.
    """
    cache, canvas = worker_of(account).redis.cache, keys.canvas(account.host, ticket_id)
    assert await cache.delete(canvas)
    assert not await cache.exists(canvas)


async def answers(account: Account, ticket_id: int, status: int) -> bool:
    """Whether `/init` answers with this status."""
    return (await account.init(ticket_id)).status_code == status
