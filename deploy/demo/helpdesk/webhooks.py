"""Sends webhooks: beside the API calls that caused them, tried again on anything but 2xx, with no promise of order.

A webhook is rendered when its rule fires and sent unchanged by every try. What is on its way can be saved and adopted
by the next start, as Freshdesk's own queue outlives its processes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import msgspec

from deploy.demo.helpdesk.faults import Faults
from deploy.demo.helpdesk.limits import RateLimiter
from deploy.demo.helpdesk.log import EventLog, WebhookRecord
from deploy.demo.helpdesk.models import Delivery
from deploy.demo.helpdesk.settings import HelpdeskSettings

# Enough to keep a local receiver busy, few enough to leave the API its share of the loop.
AT_ONCE = 16
_UNUSABLE = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@dataclass(frozen=True)
class _Attempt:
    """What came of one try: `status` None means that there was no answer."""

    status: int | None
    error: str | None = None
    unusable: bool = False

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class WebhookSender:
    """Queue and sender of one account's webhooks; sends while `running()` is open, collects before and after."""

    def __init__(
        self,
        settings: HelpdeskSettings,
        faults: Faults,
        limits: RateLimiter,
        log: EventLog,
        clock: Callable[[], datetime],
    ) -> None:
        self._delays = settings.webhook_retry_delays
        self._timeout = settings.webhook_timeout
        self._faults = faults
        self._limits = limits
        self._log = log
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._settled = asyncio.Event()
        self._settled.set()
        self._shuffled: list[Delivery] = []
        self._last_id = 0
        self.pending: dict[int, Delivery] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send what is pending and what comes; on leaving, stop at once and keep the rest pending."""
        async with httpx.AsyncClient(
            follow_redirects=True, trust_env=False, timeout=self._timeout.total_seconds()
        ) as client:
            self._client, self._shuffled = client, []
            for delivery in self.pending.values():
                self._start(self._deliver(delivery))
            try:
                yield
            finally:
                self._client = None
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)

    def adopt(self, deliveries: Iterable[Delivery]) -> None:
        """Take over webhooks that an earlier process did not get rid of."""
        for delivery in deliveries:
            self._add(delivery)
            self._start(self._deliver(delivery))

    async def settled(self) -> None:
        """Wait until nothing is on its way any more, retries included."""
        await self._settled.wait()

    def send(self, delivery: Delivery) -> None:
        """Queue a webhook (its id is given here), as far as the faults let it live."""
        faults = self._faults.for_webhook()
        if "webhook_drop" in faults:
            self._record(delivery, _Attempt(None, "dropped by a fault"), "dropped")
            return
        copies = 2 if "webhook_double" in faults else 1
        for _ in range(copies):
            copy = msgspec.structs.replace(delivery, id=self._last_id + 1)
            self._add(copy)
            if shuffle := faults.get("webhook_shuffle"):
                self._shuffled.append(copy)
                if len(self._shuffled) == 1:
                    self._start(self._flush_shuffled(shuffle.seconds))
            else:
                self._start(self._deliver(copy))

    def refuse(self, rule_id: int, ticket_id: int, event: str, reason: str) -> None:
        """Note a webhook that could not even be written."""
        delivery = Delivery(0, rule_id, ticket_id, event, method="", url="", headers={}, body="")
        self._record(delivery, _Attempt(None, reason), "unusable")

    def _add(self, delivery: Delivery) -> None:
        self._last_id = max(self._last_id, delivery.id)
        self.pending[delivery.id] = delivery
        self._settled.clear()

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._client is None:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _flush_shuffled(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        came, self._shuffled = self._shuffled, []
        order = list(came)
        while len(order) > 1 and order == came:
            self._faults.random.shuffle(order)
        for delivery in order:
            # One after the other, or the network would shuffle once more.
            if not await self._try(delivery):
                self._start(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        """Try until it is through, or until the schedule ends."""
        while True:
            if delivery.attempts and self._delays:
                # An adopted webhook may have been tried more often than today's schedule allows.
                delay = self._delays[min(delivery.attempts, len(self._delays)) - 1]
                await asyncio.sleep(delay.total_seconds())
            if await self._try(delivery):
                return

    async def _try(self, delivery: Delivery) -> bool:
        """One attempt; True when nothing more is to be done."""
        async with self._slots:
            attempt = await self._call(delivery)
        delivery.attempts += 1
        if attempt.ok:
            outcome = "delivered"
        elif attempt.unusable:
            outcome = "unusable"
        else:
            outcome = "failed" if delivery.attempts <= len(self._delays) else "given_up"
        self._record(delivery, attempt, outcome)
        if outcome == "failed":
            return False
        del self.pending[delivery.id]
        if not self.pending:
            self._settled.set()
        return True

    async def _call(self, delivery: Delivery) -> _Attempt:
        if self._client is None:
            raise RuntimeError("webhooks are sent inside running() only")
        self._limits.count()
        # As bytes: header values may be Korean, which the client would refuse as text.
        headers = [(name.encode(), value.encode()) for name, value in delivery.headers.items()]
        body = delivery.body.encode() if delivery.body else None
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                answer = await self._client.request(delivery.method, delivery.url, headers=headers, content=body)
        except _UNUSABLE as error:
            return _Attempt(None, repr(error), unusable=True)
        except (httpx.HTTPError, TimeoutError) as error:
            return _Attempt(None, repr(error))
        return _Attempt(answer.status_code)

    def _record(self, delivery: Delivery, attempt: _Attempt, outcome: str) -> None:
        self._log.webhooks.append(
            WebhookRecord(
                at=self._clock(),
                delivery=delivery.id,
                rule_id=delivery.rule_id,
                ticket_id=delivery.ticket_id,
                event=delivery.event,
                attempt=delivery.attempts,
                url=delivery.url,
                status=attempt.status,
                outcome=outcome,
                body=delivery.body,
                error=attempt.error,
            )
        )
