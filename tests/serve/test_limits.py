"""How much an agent, a tenant and an address may ask for, over all processes, and what happens without Redis."""

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial

import httpx
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.caller import Caller
from serve.limits.address import Addresses
from serve.limits.buckets import Buckets, Policy
from serve.limits.limits import Kind, Limits
from serve.settings import ServeSettings
from shared import keys
from shared.errors import RateLimited, StartupError, StoreUnavailable, TooManyStreams
from shared.redis import redis_clients
from tests.parts import Desks, OwnRedis, Serving, credentials, serving, store
from tests.serve.agents import colleague
from tests.waiting import wait_until
from tests.world import ACME

NO_LIMITS = {name: 0 for name in ServeSettings.model_fields if name.startswith(("limit_", "streams_"))}
AGENT = Caller(ACME, 1)


def with_limits(**limits: float) -> ServeSettings:
    return ServeSettings.model_validate(NO_LIMITS | limits)


async def spent_by(limits: Limits, tries: int, caller: Caller = AGENT, kind: Kind = Kind.READ) -> int:
    """How many of so many requests are let through."""
    spent = 0
    for _ in range(tries):
        try:
            await limits.spend(caller, kind=kind)
        except RateLimited:
            continue
        spent += 1
    return spent


async def test_an_agent_who_asks_too_often_is_told_when_to_come_back(accounts: Desks, number: int) -> None:
    who = colleague(accounts.acme, ACME)
    async with serving(accounts.settings, serve=with_limits(limit_agent=2)) as mine:
        await store(mine.context, ACME, number)
        answers: list[httpx.Response] = []
        began = time.monotonic()
        while not answers or answers[-1].status_code == 200:
            answers.append(await mine.nobody.get(f"/init/{number}", headers=who.headers))
        refilled = 2 * (time.monotonic() - began)
        assert 10 <= len(answers) - 1 <= 11 + refilled
        refused = answers[-1]
        assert (refused.status_code, refused.json()["type"]) == (429, "urn:prompt-canvas:rate-limited")
        assert refused.headers["content-type"] == "application/problem+json"
        assert int(refused.headers["retry-after"]) >= 1
        assert "agent" in refused.json()["detail"]
        assert answers[0].headers["ratelimit-policy"] == '"agent";q=10;w=5'
        left = [int(answer.headers["ratelimit"].split(";")[1].removeprefix("r=")) for answer in answers[:-1]]
        assert all(8 - turn <= said <= 9 - turn + refilled for turn, said in enumerate(left))
        assert min(left) == 0
        assert refused.headers["ratelimit-policy"] == '"agent";q=10;w=5'
        assert refused.headers["ratelimit"].startswith('"agent";r=0;t=')
        other = colleague(accounts.acme, ACME)
        assert (await mine.nobody.get(f"/init/{number}", headers=other.headers)).status_code == 200


async def test_limits_hold_over_two_processes(accounts: Desks) -> None:
    caller, rate = Caller(ACME, 21), 20.0
    began = time.monotonic()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(redis_clients(accounts.settings)) for _ in range(2)]
        settings = with_limits(limit_agent=rate)
        both = [await stack.enter_async_context(Limits(redis.state, settings)) for redis in clients]
        spent = await asyncio.gather(*(spent_by(limits, 200, caller) for limits in both for _ in range(2)))
        seconds = time.monotonic() - began
    ahead = Policy("agent", rate, rate).ahead
    assert 5 * rate <= sum(spent) <= 5 * rate + rate * seconds + 2 * ahead


async def test_expensive_requests_are_counted_exactly(accounts: Desks) -> None:
    caller = Caller(ACME, 22)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(redis_clients(accounts.settings)) for _ in range(2)]
        settings = with_limits(limit_costly=6)
        both = [await stack.enter_async_context(Limits(redis.state, settings)) for redis in clients]
        spent = await asyncio.gather(*(spent_by(limits, 20, caller, Kind.COSTLY) for limits in both))
    assert 6 <= sum(spent) <= 7


async def test_a_tenant_and_an_address_have_limits_of_their_own(accounts: Desks) -> None:
    async with redis_clients(accounts.settings) as redis:
        async with Limits(redis.state, with_limits(limit_tenant=5)) as limits:
            began = time.monotonic()
            spent = [await spent_by(limits, 15, Caller("big.freshdesk.com", agent)) for agent in range(4)]
            assert 20 <= sum(spent) <= 30 + 5 * (time.monotonic() - began)
            assert await spent_by(limits, 5, Caller("small.freshdesk.com", 1)) == 5
        async with Limits(redis.state, with_limits(limit_address=5)) as limits:
            for _ in range(20):
                await limits.spend_address("192.0.2.7")
            with pytest.raises(RateLimited, match="address"):
                await asyncio.gather(*(limits.spend_address("192.0.2.7") for _ in range(200)))
            await limits.spend_address("192.0.2.8")


async def test_a_blind_retry_spends_nothing_more(accounts: Desks) -> None:
    policy = Policy("agent", 0.001, 10)
    key = keys.limit(ACME, "retried")
    async with redis_clients(accounts.settings) as redis:
        buckets = Buckets(redis.state)
        args: list[str | float] = ["process", 1, 60_000, policy.rate / 1000, policy.burst, 4, 1]
        first = await buckets._spend(keys=[key], args=args)
        again = await buckets._spend(keys=[key], args=args)
        assert first == again
        assert first[0][1] == 6000
        args[1] = 2
        assert (await buckets._spend(keys=[key], args=args))[0][1] == 2000
        assert 0 < await redis.state.pttl(key) <= 60_000


async def test_many_tenants_are_settled_together(accounts: Desks) -> None:
    hosts = [f"tenant{number}.freshdesk.com" for number in range(150)]
    async with redis_clients(accounts.settings) as redis, Limits(redis.state, with_limits(limit_agent=20)) as limits:
        for host in hosts:
            for agent in range(3):
                assert limits.spend_now(Caller(host, agent), "") is not None

        async def settled() -> bool:
            levels = [await redis.state.hget(keys.limit(host, "agent:2"), "level") for host in hosts]  # type: ignore[misc]
            return all(level is not None and float(level) >= 99 for level in levels)

        await wait_until(settled)


async def test_a_bucket_fills_again(accounts: Desks) -> None:
    caller = Caller(ACME, 23)
    async with redis_clients(accounts.settings) as redis, Limits(redis.state, with_limits(limit_agent=40)) as limits:
        assert await spent_by(limits, 400, caller) >= 200

        async def again() -> bool:
            return await spent_by(limits, 1, caller) == 1

        await wait_until(again)


async def passes(limits: Limits, requests: int) -> bool:
    return await spent_by(limits, requests, Caller(ACME, 24)) == requests


async def test_hits_pass_without_redis_and_expensive_requests_do_not(accounts: Desks, module_redis: OwnRedis) -> None:
    settings = with_limits(limit_agent=1, limit_costly=5)
    async with redis_clients(accounts.settings) as redis, Limits(redis.state, settings) as limits:
        await module_redis.stop()
        try:
            await wait_until(partial(passes, limits, 30))
            with pytest.raises((StoreUnavailable, RedisError)):
                await limits.spend(Caller(ACME, 25), kind=Kind.COSTLY)
        finally:
            await module_redis.start()
        assert await spent_by(limits, 1, Caller(ACME, 26), Kind.COSTLY) == 1


async def test_streams_are_limited_by_agent_and_by_tenant(accounts: Desks) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(redis_clients(accounts.settings)) for _ in range(2)]
        settings = with_limits(streams_agent=2, streams_tenant=3)
        one, two = [await stack.enter_async_context(Limits(redis.state, settings)) for redis in clients]
        await stack.enter_async_context(one.stream(Caller(ACME, 31)))
        async with two.stream(Caller(ACME, 31)):
            with pytest.raises(TooManyStreams, match="agent"):
                await stack.enter_async_context(one.stream(Caller(ACME, 31)))
            async with two.stream(Caller(ACME, 32)):
                with pytest.raises(TooManyStreams, match="account"):
                    await stack.enter_async_context(one.stream(Caller(ACME, 33)))
                await stack.enter_async_context(one.stream(Caller("other.freshdesk.com", 33)))
        await stack.enter_async_context(one.stream(Caller(ACME, 31)))


async def test_the_places_of_a_killed_process_are_free_again(accounts: Desks) -> None:
    who = keys.streams(ACME, "34"), keys.streams(ACME, "all")
    async with redis_clients(accounts.settings) as redis:
        for place in who:
            await redis.state.zadd(place, {"killed": time.time() * 1000 + 20_000})
            await redis.state.expire(place, 30)
        async with Limits(redis.state, with_limits(streams_agent=1)) as limits:
            with pytest.raises(TooManyStreams):
                async with limits.stream(Caller(ACME, 34)):
                    pass
            for place in who:  # half a minute later
                await redis.state.zadd(place, {"killed": time.time() * 1000 - 1})
            async with limits.stream(Caller(ACME, 34)):
                pass
        assert not await redis.state.exists(*who)


async def test_places_are_renewed_while_their_streams_run(accounts: Desks) -> None:
    place = keys.streams(ACME, "35")
    async with redis_clients(accounts.settings) as redis:
        async with Limits(redis.state, with_limits(streams_agent=5)) as limits, limits.stream(Caller(ACME, 35)):
            (token,) = await redis.state.zrange(place, 0, -1)
            await redis.state.zadd(place, {token: time.time() * 1000 + 10})
            await limits._places._renew()
            assert await redis.state.zscore(place, token) > time.time() * 1000 + 20_000
        assert not await redis.state.exists(place)


async def test_different_wrong_keys_are_bounded_and_right_ones_are_not_held_up(accounts: Desks, number: int) -> None:
    colleagues = [colleague(accounts.acme, ACME) for _ in range(60)]
    async with serving(accounts.settings, serve=with_limits(limit_wrong_keys=5)) as mine:
        await store(mine.context, ACME, number)
        proven = colleague(accounts.acme, ACME)
        assert (await mine.nobody.get(f"/init/{number}", headers=proven.headers)).status_code == 200
        for some in (colleagues[:30], colleagues[30:]):
            for who in some:
                assert (await mine.nobody.get(f"/init/{number}", headers=who.headers)).status_code == 200
        calls = len(accounts.acme.log.requests)
        answers = [
            await mine.nobody.get(f"/init/{number}", headers=credentials(ACME, f"flood-{turn}")) for turn in range(40)
        ]
        assert {answer.status_code for answer in answers} == {401, 429}
        assert len(accounts.acme.log.requests) - calls <= 12
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert (await mine.nobody.get(f"/init/{number}", headers=proven.headers)).status_code == 200
        await forget_answers(mine)
        async with serving(accounts.settings, serve=with_limits(limit_wrong_keys=5)) as second:
            # Its answer is forgotten, not that it was right: it is asked about again, in the middle of the flood.
            assert (await second.nobody.get(f"/init/{number}", headers=proven.headers)).status_code == 200
            assert (await second.nobody.get("/init/1", headers=credentials(ACME, "flood-new"))).status_code == 429


async def forget_answers(served: Serving) -> None:
    state: Redis = served.context.redis.state
    names = [name async for name in state.scan_iter("pc:{*}:credential:*")]
    await state.delete(*names)


async def test_session_tokens_are_few(accounts: Desks) -> None:
    who = colleague(accounts.acme, ACME)
    async with serving(accounts.settings, serve=with_limits(limit_sessions=3)) as mine:
        answers = [await mine.nobody.post("/session", headers=who.headers) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]


async def test_no_limits_are_no_headers(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    answer = await served.acme.get(f"/init/{number}")
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("ratelimit")]


def scope(client: str, *forwarded: str) -> dict[str, object]:
    return {"client": (client, 1), "headers": [(b"x-forwarded-for", each.encode()) for each in forwarded]}


def test_only_trusted_proxies_say_where_a_request_comes_from() -> None:
    nobody = Addresses([])
    assert nobody.of(scope("10.0.0.1", "203.0.113.9")) == "10.0.0.1"
    trusting = Addresses(["10.0.0.0/8", "fd00::1"])
    assert trusting.of(scope("10.0.0.1", "203.0.113.9")) == "203.0.113.9"
    assert trusting.of(scope("203.0.113.1", "198.51.100.1")) == "203.0.113.1"
    assert trusting.of(scope("10.0.0.1", "198.51.100.66, 203.0.113.9, 10.0.0.7")) == "203.0.113.9"
    assert trusting.of(scope("10.0.0.1", "198.51.100.66", "203.0.113.9")) == "203.0.113.9"
    assert trusting.of(scope("10.0.0.1", "203.0.113.9, nonsense")) == "10.0.0.1"
    assert trusting.of(scope("10.0.0.1")) == "10.0.0.1"
    assert trusting.of(scope("fd00::1", "203.0.113.9")) == "203.0.113.9"
    assert trusting.of({"client": None, "headers": []}) == ""


def test_an_ipv6_site_is_one_address() -> None:
    nobody = Addresses([])
    assert nobody.of(scope("2001:db8:1:2:3:4:5:6")) == nobody.of(scope("2001:db8:1:2:ffff::1"))
    assert nobody.of(scope("2001:db8:1:3::1")) != nobody.of(scope("2001:db8:1:2::1"))
    assert nobody.of(scope("::ffff:192.0.2.1")) == "192.0.2.1"


def test_a_proxy_that_is_no_address_is_said_at_the_start() -> None:
    with pytest.raises(StartupError, match="CANVAS_TRUSTED_PROXIES"):
        Addresses(["nginx"])
