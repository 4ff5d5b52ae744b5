"""All of it over one Redis: serve, the webhook receiver and the workers of all queues.

`canvas up` has the workers in a process of their own. `everything` has them in its own process, for the demo and tests,
which look into them. Either way one process works: the embedded vector store can be opened by one only.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from deploy.data_folder import redis_ready
from deploy.http_server import PathRouter, bind, running
from deploy.process import forever
from deploy.settings import AllSettings
from deploy.worker_process import worker_process
from ingest.context import WorkerContext, receiver_context, worker_context
from ingest.webhooks import create_receiver
from ingest.worker import workers_running
from serve.app import create_serve
from serve.context import serve_context
from shared.gauges import create_metrics
from shared.queues import Queue

log = structlog.get_logger()


@dataclass(frozen=True)
class Running:
    """What `everything` has started: where it answers, and the workers' context for commands inside the process."""

    url: str
    worker: WorkerContext


@asynccontextmanager
async def everything(settings: AllSettings, mounted: Mapping[str, Any] | None = None) -> AsyncIterator[Running]:
    """Run all parts until the block ends. `mounted` adds apps under a first path segment (the demo's desk).

    Raises:
        StartupError: a port, the data folder, Redis or a provider can't be used.
    """
    async with AsyncExitStack() as stack:
        sock = bind(settings.deploy.host, settings.deploy.port)
        stack.callback(sock.close)
        shared = await stack.enter_async_context(redis_ready(settings.shared))
        worker = await stack.enter_async_context(worker_context(shared, settings.ingest))
        serving = await stack.enter_async_context(serve_context(shared, serve=settings.serve))
        receiver = create_receiver(worker)
        router = PathRouter(create_serve(serving, settings.serve), {"webhooks": receiver, **(mounted or {})})
        await stack.enter_async_context(workers_running(worker, list(Queue)))
        url = await stack.enter_async_context(running(router, sock))
        stack.callback(serving.followers.drain)
        yield Running(url, worker)


async def up(settings: AllSettings) -> None:
    """`canvas up`: everything, until cancelled; the workers are a process of their own.

    Raises:
        StartupError, Exit: a port, the data folder, Redis or a provider can't be used.
    """
    async with AsyncExitStack() as stack:
        sock = bind(settings.deploy.host, settings.deploy.port)
        stack.callback(sock.close)
        shared = await stack.enter_async_context(redis_ready(settings.shared))
        await stack.enter_async_context(worker_process(settings))
        serving = await stack.enter_async_context(serve_context(shared, serve=settings.serve))
        receiving = await stack.enter_async_context(receiver_context(shared))
        app = PathRouter(create_serve(serving, settings.serve), {"webhooks": create_receiver(receiving)})
        url = await stack.enter_async_context(running(app, sock))
        stack.callback(serving.followers.drain)
        log.info("ready", url=url, webhooks=f"{url}/webhooks/freshdesk/<tenant>")
        await forever()


async def serve_alone(settings: AllSettings) -> None:
    """`canvas serve`: the answering side."""
    sock = bind(settings.deploy.host, settings.deploy.port)
    async with (
        redis_ready(settings.shared) as shared,
        serve_context(shared, serve=settings.serve) as context,
        running(create_serve(context, settings.serve), sock) as url,
    ):
        log.info("serve is ready", url=url)
        try:
            await forever()
        finally:
            context.followers.drain()


async def ingest_alone(settings: AllSettings) -> None:
    """`canvas ingest`: the webhook receiver."""
    sock = bind(settings.deploy.host, settings.deploy.ingest_port)
    async with (
        redis_ready(settings.shared) as shared,
        receiver_context(shared) as context,
        running(create_receiver(context), sock) as url,
    ):
        log.info("ingest is ready", url=url)
        await forever()


async def worker_alone(settings: AllSettings, queues: Sequence[Queue], ready: Callable[[], None] | None = None) -> None:
    """`canvas worker`: workers of the given queues, and their metrics where a port is given; `ready` when at work."""
    async with AsyncExitStack() as stack:
        port, said = settings.deploy.metrics_port, {}
        sock = None if port is None else bind(settings.deploy.host, port)
        if sock is not None:
            stack.callback(sock.close)
        shared = await stack.enter_async_context(redis_ready(settings.shared))
        context = await stack.enter_async_context(worker_context(shared, settings.ingest))
        if sock is not None:
            app = create_metrics(context.redis.state, shared)
            said["metrics"] = f"{await stack.enter_async_context(running(app, sock))}/metrics"
        log.info("worker is ready", queues=[queue.value for queue in queues], **said)
        async with workers_running(context, queues):
            if ready is not None:
                ready()
            await forever()
