"""When a tenant's last webhook was accepted: how `canvas status` and `canvas doctor` see that Freshdesk still sends."""

import time
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from shared import keys, lifetimes

NOTED_EVERY = timedelta(seconds=10)
"""A process writes a tenant's time no more often; nobody needs it more exactly."""


class LastWebhooks:
    """Notes the times of one receiver process."""

    def __init__(self, state: Redis) -> None:
        self._state = state
        self._noted: dict[str, float] = {}  # by host; only accepted webhooks come here, so it holds tenants alone

    async def note(self, host: str) -> None:
        """A webhook was accepted now."""
        now = time.time()
        if abs(now - self._noted.get(host, 0.0)) < NOTED_EVERY.total_seconds():
            return
        self._noted[host] = now
        await self._state.set(keys.last_webhook(host), int(now * 1000), ex=lifetimes.LAST_WEBHOOK_LIFETIME)


async def last_webhook(state: Redis, host: str) -> datetime | None:
    """When a webhook of the tenant was accepted last, to about ten seconds; None if not within the key's lifetime."""
    value = await state.get(keys.last_webhook(host))
    return None if value is None else datetime.fromtimestamp(int(value) / 1000, UTC)
