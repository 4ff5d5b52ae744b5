"""The overview as Prometheus gauges, read when `/metrics` is asked for and at most once in a while.

A scrape never fails and never hangs because of Redis: then `canvas_redis_up` is 0 and the other gauges are absent.
Scrapes that come at once share one reading. Who shows no token sees totals: the tenants' names are nobody's business.
"""

import asyncio
import hmac
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

from litestar import Litestar, Request, get
from litestar.datastructures import State
from litestar.response import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import StoreUnavailable
from shared.metrics import exposition
from shared.overview import Overview, TenantFigures, overview
from shared.problems import canvas_error_handlers
from shared.settings import Settings

FRESH_FOR = timedelta(seconds=2)
"""However many ask: below any scrape interval."""
MOST_OF_THE_TIME = 0.1
"""A reading of 1,000 busy tenants takes 0.3 s of a core: it stands for ten times as long as it took."""

Figure = Callable[[TenantFigures], float | None]


def _by_tenant() -> list[tuple[str, str, Figure, Callable[[Iterable[float]], float]]]:
    """Name, help, the figure of one tenant, and how those of all make the total."""
    return [
        ("canvas_due", "Tickets whose newest change is not computed yet", lambda tenant: tenant.due, sum),
        ("canvas_waiting", "Due tickets that wait for a burst to calm or for an attempt", lambda one: one.waiting, sum),
        ("canvas_running", "Due tickets that a worker holds", lambda tenant: tenant.running, sum),
        ("canvas_dead", "Tickets that were given up until their next change", lambda tenant: tenant.dead, sum),
        ("canvas_oldest_due_seconds", "Age of the oldest due change", lambda tenant: tenant.oldest_due_s or 0, max),
        ("canvas_oldest_live_due_seconds", "The same without history", lambda one: one.oldest_live_due_s or 0, max),
        ("canvas_webhook_age_seconds", "Since the last accepted webhook", lambda one: one.last_webhook_s, min),
        (
            "canvas_freshdesk_calls_left",
            "Credits left of the account's rate limit",
            lambda one: one.calls.remaining,
            min,
        ),
        ("canvas_reconcile_lag_seconds", "Since the last whole pass of the reconciler", _lag, max),
    ]


def _lag(tenant: TenantFigures) -> float | None:
    return None if tenant.reconcile is None else tenant.reconcile.lag_s


class Gauges:
    """The gauges of one process: a reading, kept for a moment, and its two texts."""

    def __init__(self, state: Redis, settings: Settings) -> None:
        self._state = state
        self._token = settings.metrics_token
        self._window = timedelta(seconds=settings.freshdesk_window_s)
        self._reading = asyncio.Lock()
        self._found: Overview | None = None
        self._until = 0.0
        self._texts: dict[bool, bytes] = {}

    async def exposition(self, authorization: str | None) -> Response[bytes]:
        """What `/metrics` answers: what this process has counted, and what goes on everywhere.

        By tenant for whoever sends `Bearer` and the token.
        """
        named = self._may_see_names(authorization or "")
        return exposition(await self._text(named), by_tenant=named)

    async def _text(self, named: bool) -> bytes:
        async with self._reading:
            if time.monotonic() >= self._until:
                await self._read()
            if named not in self._texts:
                # 60 ms for 1,000 tenants.
                self._texts[named] = await asyncio.to_thread(_render, self._found, named)
            return self._texts[named]

    async def _read(self) -> None:
        self._texts.clear()
        began, fresh_s = time.monotonic(), FRESH_FOR.total_seconds()
        try:
            self._found = await overview(self._state, self._window)
            fresh_s = max(fresh_s, (time.monotonic() - began) / MOST_OF_THE_TIME)
        except (RedisError, OSError, StoreUnavailable):
            self._found = None
        self._until = time.monotonic() + fresh_s

    def _may_see_names(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(given.strip().encode(), self._token.get_secret_value().encode())


@get("/metrics", include_in_schema=False)
async def metrics(request: Request[Any, Any, State]) -> Response[bytes]:
    """Prometheus' exposition of this process, and what goes on everywhere: by tenant for who knows the token."""
    gauges: Gauges = request.app.state.gauges
    return await gauges.exposition(request.headers.get("authorization"))


def create_metrics(state: Redis, settings: Settings) -> Litestar:
    """An app of `/metrics` alone, for a process that answers nothing else: a worker."""
    return Litestar(
        [metrics],
        state=State({"gauges": Gauges(state, settings)}),
        exception_handlers=canvas_error_handlers(),
        logging_config=None,
        openapi_config=None,
    )


class _Snapshot(Collector):
    """One overview as a collector of a registry of its own: what is gone since the last one leaves no trace."""

    def __init__(self, found: Overview | None, named: bool) -> None:
        self._found, self._named = found, named

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("canvas_redis_up", "1 if Redis answered", value=0 if self._found is None else 1)
        if self._found is not None:
            yield from self._of_tenants(self._found)
            yield from _of_queues(self._found)
            yield from _of_redis(self._found)

    def _of_tenants(self, found: Overview) -> Iterator[Metric]:
        yield GaugeMetricFamily("canvas_tenants", "Connected accounts", value=len(found.tenants))
        for name, text, figure, total in _by_tenant():
            values = [(tenant.host, value) for tenant in found.tenants if (value := figure(tenant)) is not None]
            gauge = GaugeMetricFamily(name, text, labels=["tenant"] if self._named else None)
            for host, value in values if self._named else ():
                gauge.add_metric([host], value)
            if not self._named and (values or total is sum):
                gauge.add_metric([], total([value for _, value in values]))
            yield gauge


def _of_queues(found: Overview) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("canvas_queue_jobs", "Jobs in arq", labels=["queue", "state"])
    alive = GaugeMetricFamily("canvas_workers", "Workers that read a queue", labels=["queue"])
    for queue in found.queues:
        jobs.add_metric([queue.name, "waiting"], queue.waiting)
        jobs.add_metric([queue.name, "in_progress"], queue.in_progress)
        alive.add_metric([queue.name], queue.workers)
    yield jobs
    yield alive


def _of_redis(found: Overview) -> Iterator[Metric]:
    yield GaugeMetricFamily("canvas_redis_used_bytes", "Memory that Redis uses", value=found.redis.used_bytes)
    yield GaugeMetricFamily("canvas_redis_max_bytes", "Its maxmemory; 0 = none", value=found.redis.max_bytes)


def _render(found: Overview | None, named: bool) -> bytes:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(found, named))
    return generate_latest(registry)
