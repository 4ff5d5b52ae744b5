"""A Redis or Valkey server: version, role, persistence, eviction, memory, how quickly it answers, and its clock."""

import time
from collections.abc import Iterator
from typing import Any

from redis.asyncio import Redis

from deploy.doctor.clock import of_clock
from deploy.doctor.finding import Finder, Finding
from shared.settings import Settings

OLDEST = (6, 2)
SLOW_MS = 10.0
VERY_SLOW_MS = 100.0
PINGS = 5
MIB = 1024 * 1024
NEARLY_FULL = 0.8
FULL = 0.9
finder = Finder("redis")


async def of_redis(client: Redis, name: str, *, holds_state: bool) -> list[Finding]:
    """All about one server; `name` is the setting that names it. `holds_state`: what it holds must not be lost.

    Raises:
        RedisError, OSError: it does not answer.
    """
    info = await client.info()
    answered_ms = await _answered_ms(client)
    before = time.time()
    seconds, micros = await client.time()
    here = (before + time.time()) / 2
    kept = _state_kept(info, name) if holds_state else _cache(info, name)
    return [
        _version(info, name),
        *kept,
        *_memory(info, name),
        _latency(answered_ms, name),
        *of_clock(finder, f"The clock of {name}'s server", seconds + micros / 1e6 - here),
    ]


def same_server(first: dict[str, Any], second: dict[str, Any]) -> bool:
    """Whether two answers of INFO come from one server: eviction is a matter of the whole server."""
    return bool(first.get("run_id")) and first.get("run_id") == second.get("run_id")


def named(settings: Settings) -> str:
    """How the state server is called: the setting, or what takes its place."""
    return "REDIS_URL" if settings.redis_url is not None else "the embedded Valkey"


async def _answered_ms(client: Redis) -> float:
    """The quickest of a few answers: the slower ones may be this process's own doing."""
    found = []
    for _ in range(PINGS):
        started = time.perf_counter()
        await client.ping()
        found.append((time.perf_counter() - started) * 1000)
    return min(found)


def _version(info: dict[str, Any], name: str) -> Finding:
    number = str(info.get("redis_version", "0.0"))
    said = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {number}"
    if tuple(int(part) for part in number.split(".")[:2]) < OLDEST:
        return finder.problem("redis-version", f"{name} is a {said}", "install Redis 6.2 or later, or Valkey")
    return finder.ok("redis-version", f"{name} is a {said}, up for {int(info.get('uptime_in_days', 0))} days")


def _state_kept(info: dict[str, Any], name: str) -> Iterator[Finding]:
    if info.get("role") not in {"master", None}:
        text = f"{name} names a replica: nothing can be written"
        yield finder.problem("redis-role", text, "name the primary, or the failover address of your provider")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        text = f"{name} evicts ({policy}): due tickets and queued jobs may vanish"
        remedy = "run `redis-cli CONFIG SET maxmemory-policy noeviction`, and set it in redis.conf, too"
        yield finder.problem("redis-eviction", text, remedy)
    else:
        yield finder.ok("redis-eviction", f"{name} evicts nothing")
    if not int(info.get("aof_enabled", 0)):
        text = f"{name} keeps no append-only file: a crash loses what was written since its last snapshot"
        remedy = "run `redis-cli CONFIG SET appendonly yes`, and set it in redis.conf, too"
        yield finder.warning("redis-persistence", text, remedy)
    elif info.get("aof_last_write_status", "ok") != "ok":
        text = f"{name} can't write its append-only file: writes are refused"
        yield finder.problem("redis-persistence", text, "make room on its disk, and see its log")
    else:
        yield finder.ok("redis-persistence", f"{name} keeps an append-only file")


def _cache(info: dict[str, Any], name: str) -> Iterator[Finding]:
    if info.get("maxmemory_policy") == "noeviction" and int(info.get("maxmemory", 0)):
        text = f"{name} evicts nothing: when it is full no new Canvas can be stored"
        yield finder.warning("redis-eviction", text, "run `redis-cli CONFIG SET maxmemory-policy allkeys-lru` there")
    else:
        yield finder.ok("redis-eviction", f"{name} may evict Canvases ({info.get('maxmemory_policy')})")


def _memory(info: dict[str, Any], name: str) -> Iterator[Finding]:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    of = most or int(info.get("total_system_memory", 0))
    text = f"{name} uses {used / MIB:,.0f} MiB" + (f" of {of / MIB:,.0f} MiB ({used / of:.0%})" if of else "")
    remedy = "raise its maxmemory, or give its machine more memory: when it is full, webhooks are refused"
    if of and used > FULL * of:
        yield finder.problem("redis-memory", text, remedy)
    elif of and used > NEARLY_FULL * of:
        yield finder.warning("redis-memory", text, remedy)
    else:
        yield finder.ok("redis-memory", text)


def _latency(answered_ms: float, name: str) -> Finding:
    text = f"{name} answers in {answered_ms:.1f} ms"
    remedy = "bring it nearer (the same zone), or see what else runs on its machine: each request waits for it"
    if answered_ms > VERY_SLOW_MS:
        return finder.problem("redis-latency", text, remedy)
    return finder.warning("redis-latency", text, remedy) if answered_ms > SLOW_MS else finder.ok("redis-latency", text)
