"""Connections to Redis, opened once per process, and the Lua scripts that make our writes atomic.

Two roles: `state` (what must not be lost: due tickets, runs, queues, tenants) wants `noeviction` and append-only,
`cache` (Canvases) may evict. One server may play both. redis-py 5 has no time-outs and no retries unless told.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.commands.core import AsyncScript
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from shared.settings import Settings

SOCKET_TIMEOUT_S = 5.0
"""Longer than any block of a reader, which waits at most 2 s (see `shared.run_log`)."""
MAX_CONNECTIONS = 32


@dataclass(frozen=True)
class RedisClients:
    """`state` and `cache` are the same client where one server plays both roles."""

    state: Redis
    cache: Redis


class _Pool(BlockingConnectionPool):
    """A pool that stays closed: redis-py's opens a connection, which nobody closes, for a task that outlives it."""

    _closed = False

    async def get_connection(self, command_name: Any = None, *_: Any, **__: Any) -> AbstractConnection:  # noqa: ARG002
        """A connection that is ready, waiting for one if all are in use.

        Raises:
            ConnectionError: none came free in time, the server can't be reached, or the pool is closed.
        """
        if self._closed:
            raise RedisConnectionError("The connections to Redis are closed")
        connection: AbstractConnection = await super().get_connection()
        return connection

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back; what was at work when the pool was closed may have connected anew."""
        await super().release(connection)
        if self._closed:
            with suppress(RedisError):
                await connection.disconnect()

    async def aclose(self) -> None:
        """Close all connections, and open none from now on; one that does not end in time is left to end by itself."""
        self._closed = True
        with suppress(RedisError):
            await super().aclose()


def connect(url: str, max_connections: int = MAX_CONNECTIONS) -> Redis:
    """A client over a pool that waits for a free connection instead of raising; answers are bytes.

    The pool is the caller's to close: `client.connection_pool.aclose()`.
    """
    pool = _Pool.from_url(
        url,
        max_connections=max_connections,
        timeout=SOCKET_TIMEOUT_S,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=2.0,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.02), 3),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )
    return Redis(connection_pool=pool)


def state_url(settings: Settings) -> str:
    """URL of the server that holds what must not be lost.

    Raises:
        ValueError: if there is none; `canvas` sets it to the embedded server's before anything connects.
    """
    if settings.redis_url is None:
        raise ValueError("REDIS_URL is not set and no embedded server was started")
    return settings.redis_url.get_secret_value()


@asynccontextmanager
async def redis_clients(settings: Settings, max_connections: int = MAX_CONNECTIONS) -> AsyncIterator[RedisClients]:
    """Open both clients and close them at the end; `max_connections` is for each."""
    state = connect(state_url(settings), max_connections)
    cache_url = settings.redis_cache_url
    cache = connect(cache_url.get_secret_value(), max_connections) if cache_url else state
    try:
        yield RedisClients(state, cache)
    finally:
        for client in {id(state): state, id(cache): cache}.values():
            await client.aclose()
            await client.connection_pool.aclose()


def script(client: Redis, name: str, before: str = "") -> AsyncScript:
    """The Lua script `shared/lua/<name>.lua`: sent by its hash, loaded again where the server forgot it.

    `before` names a file of functions that it shares with others, which is put before it.
    """
    folder = files("shared").joinpath("lua")
    parts = [folder.joinpath(f"{part}.lua").read_text("utf-8") for part in (before, name) if part]
    return client.register_script("\n".join(parts))
