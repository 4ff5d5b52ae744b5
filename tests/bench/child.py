"""The processes that are measured: `python -m tests.bench.child ROLE [CORE]`, each what one `canvas` command runs.

A child ends when its standard input does. So none outlives the benchmark, not even one that was killed. Settings come
from the environment alone, as in production.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from deploy.data_folder import redis_ready
from deploy.demo.helpdesk import running_helpdesk
from deploy.demo.run import load_helpdesk, running_demo
from deploy.http_server import bind, running
from deploy.process import forever, give_way, run
from deploy.settings import AllSettings, load_settings
from deploy.up import ingest_alone, serve_alone, up
from shared.tasks import stop
from tests.bench import fastapi_peer
from tests.bench.peers import bare
from tests.bench.peers.nginx import running_nginx


def _say(**ready: Any) -> None:
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()


async def demo(settings: AllSettings) -> None:
    """What `canvas demo` runs; tells where its Redis is and what the start computed."""
    async with running_demo(settings) as started:
        url = started.running.worker.settings.redis_url
        assert url is not None
        seeded = started.seeded
        _say(redis_url=url.get_secret_value(), tickets=seeded.counts.tickets, seconds=seeded.took.total_seconds())
        await forever()


async def redis(settings: AllSettings) -> None:
    """The embedded Valkey alone; tells its URL. It runs on the cores of the process that starts it."""
    async with redis_ready(settings.shared) as shared:
        assert shared.redis_url is not None
        _say(redis_url=shared.redis_url.get_secret_value())
        await forever()


async def helpdesk(settings: AllSettings) -> None:
    """The demo's helpdesk as its data folder holds it, but without rules: the measurements send their own webhooks.

    It stands for another company's machines, so it gives way to what is measured.
    """
    give_way(19)
    desk = load_helpdesk(settings.shared.data_dir / "helpdesk.json")
    desk.state.rules.clear()
    async with running_helpdesk(desk) as url:
        _say(url=url)
        await forever()


async def bare_asgi(settings: AllSettings) -> None:
    """An ASGI function that does nothing, on the same server as serve."""
    async with running(bare.app, bind(settings.deploy.host, settings.deploy.port)):
        await forever()


async def nginx(settings: AllSettings) -> None:
    """The nginx peer; tells its process id."""
    async with running_nginx(settings.shared, Path.cwd(), settings.deploy.port) as pid:
        _say(pid=pid)
        await forever()


async def fastapi_least(settings: AllSettings) -> None:
    """The FastAPI peer that remembers credentials and reads nothing but the Canvas."""
    await fastapi(settings, remembers=True)


async def fastapi_asyncio(settings: AllSettings) -> None:
    """The FastAPI peer as `pip install fastapi uvicorn` runs it: Python's own event loop, and h11 to parse HTTP."""
    sys.path.append(str(fastapi_peer.folder()))
    from tests.bench.peers.fastapi_service import create_peer

    async with create_peer(settings.shared) as app:
        config = uvicorn.Config(app, http="h11", log_config=None, access_log=False, lifespan="off")
        await uvicorn.Server(config).serve(sockets=[bind(settings.deploy.host, settings.deploy.port)])


async def fastapi(settings: AllSettings, *, remembers: bool = False) -> None:
    """The FastAPI peer, on the same server as serve."""
    sys.path.append(str(fastapi_peer.folder()))
    from tests.bench.peers.fastapi_service import create_peer

    async with (
        create_peer(settings.shared, remembers=remembers) as app,
        running(app, bind(settings.deploy.host, settings.deploy.port)),
    ):
        await forever()


ROLES: dict[str, Callable[[AllSettings], Awaitable[None]]] = {
    "serve": serve_alone,
    "ingest": ingest_alone,
    "up": up,
    "demo": demo,
    "redis": redis,
    "helpdesk": helpdesk,
    "bare": bare_asgi,
    "fastapi": fastapi,
    "fastapi_asyncio": fastapi_asyncio,
    "fastapi_least": fastapi_least,
    "nginx": nginx,
}


async def until_stdin_ends(job: Awaitable[None]) -> None:
    """Run a job until it ends, or until whoever started us has gone."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    task = asyncio.ensure_future(job)
    gone = asyncio.ensure_future(reader.read())
    await asyncio.wait([task, gone], return_when=asyncio.FIRST_COMPLETED)
    await stop(gone)
    await stop(task)
    if not task.cancelled():
        task.result()


def main() -> None:
    """Pin the process first, so that every thread it will start is pinned too."""
    role, *core = sys.argv[1:]
    if core:
        os.sched_setaffinity(0, {int(core[0])})
    settings = load_settings()
    if role == "demo":
        # As `canvas demo` does: its log is for a person.
        settings = replace(settings, shared=settings.shared.model_copy(update={"log_level": "warning"}))
    job = until_stdin_ends(ROLES[role](settings))
    if role == "fastapi_asyncio":
        asyncio.run(job)
    else:  # the command's own way to run, so that its event loop is the one that is measured
        run(settings, job, role)


if __name__ == "__main__":
    main()
