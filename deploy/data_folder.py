"""What a process needs before anything else: a data folder of a format that it knows, and a Redis that answers."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from deploy.embedded_valkey import embedded_valkey
from shared.errors import StartupError, StoreUnavailable
from shared.redis import state_url
from shared.settings import Settings

FORMAT = 1
MIN_REDIS = (6, 2)
REMEDIES = {
    "AuthenticationError": "check user and password in its URL",
    "NOAUTH": "check user and password in its URL",
    "NoPermissionError": "its user needs more rights",
    "MISCONF": "it can't write to its disk; make room there, and see its log",
    "OutOfMemoryError": "its memory is full; raise maxmemory",
    "ReadOnlyError": "it is a replica; name the primary",
}
"""What to do where Redis answers no, by the code or by redis-py's name for it."""


def check_format(folder: Path) -> None:
    """Make the folder, or refuse one that a newer version has written.

    Raises:
        StartupError: newer, or not writable.
    """
    file = folder / "FORMAT"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            # Whole or not there at all: another part may start on the same folder at this moment.
            draft = folder / f"FORMAT.{os.getpid()}"
            draft.write_text(f"{FORMAT}\n", "ascii")
            draft.replace(file)
        found = file.read_text("ascii").strip()
    except OSError as error:
        raise StartupError(f"The data folder {folder} can't be used: {error.strerror}") from error
    if not found.isdecimal() or int(found) > FORMAT:
        raise StartupError(
            f"The data folder {folder} has format {found[:20]!r}, this version knows {FORMAT}: update Prompt Canvas, "
            "or choose another folder with --data"
        )


@asynccontextmanager
async def redis_ready(settings: Settings) -> AsyncIterator[Settings]:
    """Settings whose Redis answers: the outside one after a check, else the embedded one, started or joined.

    Raises:
        StartupError: no Redis can be had; the error says what to do.
    """
    check_format(settings.data_dir)
    if settings.redis_cache_url is not None:
        await _client(settings.redis_cache_url.get_secret_value(), "REDIS_CACHE_URL").aclose()
    if settings.redis_url is not None:
        await _check_outside(settings)
        yield settings
        return
    async with embedded_valkey(settings.data_dir) as url:
        yield settings.model_copy(update={"redis_url": SecretStr(url)})


@asynccontextmanager
async def redis_asked() -> AsyncIterator[None]:
    """A Redis that stops answering in the block is one line for a person, like one that never did.

    Raises:
        StartupError: it does not answer (any more).
    """
    try:
        yield
    except BrokenPipeError:
        raise  # whoever reads the command's words has gone; redis-py has errors of its own
    except (RedisError, ConnectionError, TimeoutError, StoreUnavailable) as error:
        raise StartupError(_why("Redis", error)) from error


def _why(name: str, error: BaseException) -> str:
    """What a person is told of a Redis that failed: that it is not there, or why it says no."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, (AuthenticationError, ResponseError)):
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return f"{name} does not answer ({type(error).__name__}): is the server running?"
    # redis-py takes the first word off where it has an error of its own for it; the rest may quote a command.
    word = str(seen).split(" ", 1)[0]
    code = word if word.isupper() else type(seen).__name__
    return f"{name} refuses ({code}): {REMEDIES.get(code, 'look into its log')}"


def _client(url: str, name: str) -> Redis:
    try:
        client: Redis = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    except ValueError as error:
        raise StartupError(f"{name} is not a Redis URL such as redis://127.0.0.1:6379/0") from error
    return client


async def _check_outside(settings: Settings) -> None:
    client = _client(state_url(settings), "REDIS_URL")
    try:
        async with client:
            info = await client.info()
        policy = info.get("maxmemory_policy", "noeviction")
    except (RedisError, OSError) as error:
        raise StartupError(_why("REDIS_URL", error)) from error
    version = str(info.get("redis_version", "0.0"))
    if tuple(int(part) for part in version.split(".")[:2]) < MIN_REDIS:
        raise StartupError(f"REDIS_URL is a Redis {version}: 6.2 or later is needed")
    if policy != "noeviction":
        # An evicting server drops queued jobs and due tickets first, since they have lifetimes.
        raise StartupError(f"REDIS_URL evicts ({policy}): set maxmemory-policy noeviction (REDIS_CACHE_URL may evict)")
