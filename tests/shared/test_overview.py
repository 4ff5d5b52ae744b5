"""The overview: every ticket, job and worker is counted where it stands; and the gauges that tell it to Prometheus."""

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path

import pytest
from arq.connections import ArqRedis
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from redis.asyncio import Redis

import shared.gauges
from shared import keys, workers
from shared.due import MAX_ATTEMPTS, DueLedger, Ending
from shared.gauges import Gauges
from shared.metrics import TENANT_CALLS_LEFT
from shared.overview import TenantFigures, overview
from shared.problems import STORE_WITHIN_S
from shared.queues import Enqueuer, Queue, arq_pool
from shared.redis import connect, redis_clients
from shared.run_log import Event
from shared.settings import Settings
from shared.workers import WorkerReport
from tests.parts import own_redis, receiving, serving
from tests.waiting import wait_until

ACME, OTHER, QUIET = "acme.freshdesk.com", "other.freshdesk.com", "quiet.freshdesk.com"
MINUTE = timedelta(minutes=1)
TOKEN = Settings(metrics_token=SecretStr("scrape-me"))
LATER = Ending(satisfied=False, event=Event.ERROR, data=b"{}", error="stage-failed", delay=timedelta(hours=1))


@pytest.fixture
async def ledger(redis: Redis) -> DueLedger:
    """Three tenants. Of acme: 1 runs, 2 waits for another attempt, 3 and 4 are ready, 5 is dead, 6 to 8 are history."""
    await redis.sadd(keys.TENANTS, ACME, OTHER, QUIET)  # type: ignore[misc]
    ledger = DueLedger(redis)
    for ticket_id in (1, 2, 3, 4):
        await ledger.mark(ACME, ticket_id)
    assert await ledger.claim(ACME, 1)
    claim = await ledger.claim(ACME, 2)
    assert claim is not None
    await ledger.settle(claim, LATER)
    await give_up(ledger, redis, ACME, 5)
    for ticket_id in (6, 7, 8):
        await ledger.mark(ACME, ticket_id, "backfill")
    await ledger.mark(OTHER, 1)
    return ledger


async def give_up(ledger: DueLedger, redis: Redis, host: str, ticket_id: int) -> None:
    """A ticket whose worker is killed each time."""
    await ledger.mark(host, ticket_id)
    for _ in range(MAX_ATTEMPTS):
        assert await ledger.claim(host, ticket_id)
        await redis.delete(keys.lease(host, ticket_id))
    assert await ledger.claim(host, ticket_id) is None


async def of(redis: Redis, host: str) -> TenantFigures:
    return next(tenant for tenant in (await overview(redis, MINUTE)).tenants if tenant.host == host)


async def test_each_ticket_is_counted_where_it_stands(redis: Redis, ledger: DueLedger) -> None:
    acme = await of(redis, ACME)
    assert (acme.due, acme.running, acme.waiting, acme.ready, acme.out, acme.dead) == (7, 1, 1, 5, 0, 1)
    assert acme.history == 3
    await ledger.dispatch(ACME, live=1, backfill=1)
    acme = await of(redis, ACME)
    assert (acme.due, acme.ready, acme.out) == (7, 3, 2)


async def test_tenants_are_counted_apart_and_one_with_nothing_due_is_there_too(redis: Redis, ledger: DueLedger) -> None:
    found = {tenant.host: tenant for tenant in (await overview(redis, MINUTE)).tenants}
    assert list(found) == [ACME, OTHER, QUIET]
    assert (found[OTHER].due, found[OTHER].dead) == (1, 0)
    assert (found[QUIET].due, found[QUIET].oldest_due_s, found[QUIET].last_webhook_s) == (0, None, None)


async def test_history_that_waits_for_hours_does_not_make_the_live_lane_old(redis: Redis) -> None:
    await redis.sadd(keys.TENANTS, ACME)  # type: ignore[misc]
    ledger = DueLedger(redis)
    await ledger.mark(ACME, 1, "backfill")
    await aged(redis, 1, timedelta(hours=3))
    history = await of(redis, ACME)
    await ledger.mark(ACME, 2)
    await aged(redis, 2, timedelta(minutes=2))
    both = await of(redis, ACME)
    assert history.oldest_due_s == pytest.approx(3 * 3600, abs=60)
    assert history.oldest_live_due_s is None
    assert both.oldest_due_s == pytest.approx(3 * 3600, abs=60)
    assert both.oldest_live_due_s == pytest.approx(120, abs=60)


async def aged(redis: Redis, ticket_id: int, age: timedelta) -> None:
    """As if the ticket had been due for longer."""
    await redis.zincrby(keys.due(ACME), -age.total_seconds() * 1000, str(ticket_id))


async def test_a_job_that_runs_is_not_one_that_waits(settings: Settings, redis: Redis) -> None:
    live = Queue.LIVE.value
    report = WorkerReport(name="a", queues=[live], parts={}, at=time.time(), running={live: 1}, capacity={live: 20})
    await workers.report(redis, report)
    async with arq_pool(settings) as pool:
        queue = Enqueuer(pool)
        for ticket_id in (1, 2, 3):
            await queue.precompute(Queue.LIVE, ACME, ticket_id)
        await begun(pool, f"live:{ACME}:2")
        found = {figures.name: figures for figures in (await overview(redis, MINUTE)).queues}
        await workers.withdraw(redis, "a")
        after = {figures.name: figures for figures in (await overview(redis, MINUTE)).queues}
    assert (found["live"].waiting, found["live"].in_progress, found["live"].workers) == (2, 1, 1)
    assert (found["backfill"].waiting, found["interactive"].waiting) == (0, 0)
    assert (after["live"].waiting, after["live"].in_progress) == (3, 0), "its worker is gone: it waits for another"


async def begun(pool: ArqRedis, job_id: str) -> None:
    """What arq's worker writes when it begins a job."""
    await pool.psetex(f"arq:in-progress:{job_id}", 60_000, b"1")


async def test_workers_say_what_they_run_and_an_older_version_may_say_less(redis: Redis) -> None:
    live, history = Queue.LIVE.value, Queue.BACKFILL.value
    now = time.time()
    new = WorkerReport(
        name="b", queues=[live, history], parts={}, at=now - 4, version="2.0", running={live: 3}, capacity={live: 20},
        stages={"summarize": "rate_limited", "embed": ""},
    )  # fmt: skip
    await workers.report(redis, new)
    await redis.set(keys.worker("a"), b'{"name":"a","queues":["canvas:live"],"parts":{},"at":1}', ex=15)
    await redis.zadd(keys.WORKERS, {"a": now * 1000})
    found = await overview(redis, MINUTE)
    older, newer = found.workers
    assert (older.name, older.version, older.running, older.capacity) == ("a", "", {}, {})
    assert (newer.queues, newer.running, newer.capacity) == (["live", "backfill"], {"live": 3}, {"live": 20})
    assert newer.failing == {"summarize": "rate_limited"}
    assert 4 <= newer.heartbeat_age_s <= time.time() - (now - 4)
    assert {queue.name: queue.workers for queue in found.queues} == {"interactive": 0, "live": 2, "backfill": 1}


async def test_the_overview_of_one_tenant_leaves_the_others_out(redis: Redis, ledger: DueLedger) -> None:
    assert [tenant.host for tenant in (await overview(redis, MINUTE, [OTHER])).tenants] == [OTHER]


# --- Gauges ---


async def scrape(gauges: Gauges, authorization: str | None = None) -> bytes:
    return (await gauges.exposition(authorization)).content


def values(text: bytes) -> dict[str, float]:
    """Each sample by its name and labels, as Prometheus itself reads them."""
    samples = [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]
    return {f"{sample.name}{sorted(sample.labels.values()) or ''}": sample.value for sample in samples}


async def test_a_scrape_with_the_token_sees_figures_by_tenant(redis: Redis, ledger: DueLedger) -> None:
    found = values(await scrape(Gauges(redis, TOKEN), "Bearer scrape-me"))
    assert found[f"canvas_due['{ACME}']"] == 7
    assert found[f"canvas_running['{ACME}']"] == 1
    assert found[f"canvas_waiting['{ACME}']"] == 1
    assert found[f"canvas_dead['{ACME}']"] == 1
    assert found[f"canvas_due['{OTHER}']"] == 1
    assert found[f"canvas_oldest_due_seconds['{QUIET}']"] == 0
    assert found["canvas_workers['live']"] == 0
    assert found["canvas_queue_jobs['live', 'waiting']"] == 0
    assert found["canvas_redis_used_bytes"] > 0
    assert (found["canvas_redis_up"], found["canvas_tenants"]) == (1, 3)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", "Basic scrape-me", "scrape-me"])
async def test_a_scrape_without_the_token_sees_totals_and_no_name(
    authorization: str | None, redis: Redis, ledger: DueLedger
) -> None:
    text = await scrape(Gauges(redis, TOKEN), authorization)
    found = values(text)
    assert (found["canvas_due"], found["canvas_dead"], found["canvas_tenants"]) == (8, 1, 3)
    assert b".freshdesk.com" not in text


async def test_without_a_token_nobody_can_name_one(redis: Redis, ledger: DueLedger) -> None:
    for authorization in (None, "Bearer ", "Bearer None"):
        assert b".freshdesk.com" not in await scrape(Gauges(redis, Settings()), authorization)


async def test_scrapes_that_come_at_once_cost_one_reading(
    redis: Redis, ledger: DueLedger, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.gauges, "FRESH_FOR", MINUTE)  # a busy machine may take seconds for all of them
    client = connect(valkey_url)
    gauges = Gauges(client, TOKEN)
    before = await reads(redis)
    await asyncio.gather(*(scrape(gauges, "Bearer scrape-me" if i % 2 else None) for i in range(40)))
    assert await reads(redis) - before == 1
    await client.aclose()
    await client.connection_pool.aclose()


async def reads(redis: Redis) -> int:
    """How often the tenants were listed so far, by anyone."""
    stats = await redis.info("commandstats")
    return int(stats.get("cmdstat_smembers", {}).get("calls", 0))


async def test_both_sides_answer_metrics_with_names_for_the_token_alone(settings: Settings, ledger: DueLedger) -> None:
    settings = settings.model_copy(update={"metrics_token": SecretStr("scrape-me")})
    TENANT_CALLS_LEFT.labels(tenant=QUIET).set(17)  # no world that others share has such a tenant
    async with serving(settings) as serve, receiving(settings) as receiver:
        for client in (serve.nobody, receiver.client):
            shown = await client.get("/metrics", headers={"Authorization": "Bearer scrape-me"})
            hidden = await client.get("/metrics", headers={"Authorization": "Bearer scrape-you"})
            assert (shown.status_code, hidden.status_code) == (200, 200)
            assert values(shown.content)[f"canvas_due['{ACME}']"] == 7
            assert values(shown.content)[f"{TENANT_CALLS_LEFT._name}['{QUIET}']"] == 17
            assert values(hidden.content)["canvas_due"] == 8
            assert ".freshdesk.com" not in hidden.text


async def test_a_tenant_that_was_removed_leaves_no_gauge(redis: Redis, ledger: DueLedger) -> None:
    of_other = f'canvas_due{{tenant="{OTHER}"}}'.encode()
    assert of_other in await scrape(Gauges(redis, TOKEN), "Bearer scrape-me")
    await redis.srem(keys.TENANTS, OTHER)  # type: ignore[misc]
    assert of_other not in await scrape(Gauges(redis, TOKEN), "Bearer scrape-me")


async def test_a_redis_that_is_away_or_silent_fails_no_scrape(tmp_path: Path, outages: None) -> None:
    async with own_redis(tmp_path) as server, redis_clients(server.settings) as clients:
        server.freeze()
        began = time.perf_counter()
        silent = values(await scrape(Gauges(clients.state, Settings()), None))
        assert time.perf_counter() - began < 2 * STORE_WITHIN_S
        assert silent["canvas_redis_up"] == 0
        assert "canvas_due" not in silent
        await server.stop()
        gauges = Gauges(clients.state, Settings())
        assert values(await scrape(gauges))["canvas_redis_up"] == 0
        await server.start()

        async def is_back() -> bool:
            return values(await scrape(gauges, None))["canvas_redis_up"] == 1

        await wait_until(is_back)


async def test_a_thousand_busy_tenants_are_read_within_a_scrapes_patience(redis: Redis) -> None:
    hosts = [f"tenant{number}.freshdesk.com" for number in range(1000)]
    async with redis.pipeline(transaction=False) as pipe:
        pipe.sadd(keys.TENANTS, *hosts)
        for host in hosts:
            pipe.zadd(keys.due(host), {"1": 1, "2": 2})
            pipe.zadd(keys.turn(host, "live"), {"1": 1})
            pipe.zadd(keys.turn(host, "backfill"), {"2": 1})
        await pipe.execute()

    async def all_are_told() -> bool:
        """Redis is given up after STORE_WITHIN_S: who is busy with others for so long has to be asked again."""
        text = await scrape(Gauges(redis, TOKEN), "Bearer scrape-me")
        return len(re.findall(rb"^canvas_due\{", text, re.MULTILINE)) == 1000

    await wait_until(all_are_told)
