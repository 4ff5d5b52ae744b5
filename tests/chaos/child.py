"""The processes under chaos, by role: what `canvas worker` and `canvas ingest` run, in a world without slow parts.

A worker is the product's own (`worker_context`, `workers_running`) with three things exchanged: the parts of
`tests.chaos.parts` at the seams, and the recorded scripts of `tests.chaos.recording`. The receiver is the product's.
`python -m tests.chaos.child ROLE` runs one by hand, with the settings of the environment.
"""

import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import Any

import ingest.context
from deploy.data_folder import redis_ready
from deploy.process import forever, run
from deploy.settings import AllSettings, load_settings
from deploy.up import ingest_alone, serve_alone
from ingest.backfill import batches
from ingest.context import WorkerContext, worker_context
from ingest.embeddings.protocol import Embedder
from ingest.router.models import Models
from ingest.settings import IngestSettings
from ingest.vectors.protocol import VectorStore
from ingest.worker import workers_running
from ingest.writers.protocol import Writer
from shared.queues import Queue
from shared.redis import connect, state_url
from shared.settings import Settings
from shared.tasks import beside
from tests.chaos import naive, other_version
from tests.chaos.health import note_health
from tests.chaos.journal import Journal
from tests.chaos.parts import ChaosEmbedder, ChaosModel, ChaosWriter, SharedVectors
from tests.chaos.recording import RecordedStore, recorded_ledger

JOURNAL, WRITER_SECONDS, BATCH_CALLS = "CHAOS_JOURNAL", "CHAOS_WRITER_SECONDS", "CHAOS_BATCH_CALLS"


async def worker(settings: AllSettings) -> None:
    """A worker of all queues."""
    async with chaos_context(settings) as context, workers_running(context, list(Queue)):
        await forever()


async def model_worker(settings: AllSettings) -> None:
    """A worker whose texts come from a provider, which the environment names."""
    async with chaos_context(settings, PARTS_BUT_MODELS) as context, workers_running(context, list(Queue)):
        await forever()


async def backfill_worker(settings: AllSettings) -> None:
    """A worker whose summaries come from a model that notes which of its calls came to their end."""
    parts = PARTS | {"open_models": open_model}
    async with chaos_context(settings, parts) as context, workers_running(context, list(Queue)):
        await forever()


async def batch_worker(settings: AllSettings) -> None:
    """A worker whose texts come by a provider's batches, of few calls each."""
    vars(batches)["MOST_CALLS"] = int(os.environ[BATCH_CALLS])
    await model_worker(settings)


async def server(settings: AllSettings) -> None:
    """Serve, which notes how it fares every tenth of a second."""
    async with beside(note_health(_journal())):
        await serve_alone(settings)


async def old_worker(settings: AllSettings) -> None:
    """A worker of another version, see `tests.chaos.other_version`."""
    async with chaos_context(settings) as context, other_version.workers_running(context):
        await forever()


async def naive_worker(settings: AllSettings) -> None:
    """The control's, see `tests.chaos.naive`."""
    await naive.work(settings.shared, _journal(), _writer_seconds())


ROLES: dict[str, Callable[[AllSettings], Awaitable[None]]] = {
    "worker": worker,
    "model_worker": model_worker,
    "backfill_worker": backfill_worker,
    "batch_worker": batch_worker,
    "server": server,
    "old_worker": old_worker,
    "naive_worker": naive_worker,
    "receiver": ingest_alone,
}


@asynccontextmanager
async def open_embedder(_: IngestSettings) -> AsyncIterator[Embedder]:
    """In place of a model."""
    yield ChaosEmbedder(_journal())


@asynccontextmanager
async def open_vectors(settings: Settings, _: IngestSettings, __: Embedder) -> AsyncIterator[VectorStore]:
    """In place of Qdrant."""
    client = connect(state_url(settings))
    try:
        yield SharedVectors(client)
    finally:
        await client.aclose()
        await client.connection_pool.aclose()


@asynccontextmanager
async def open_models(_: IngestSettings) -> AsyncIterator[Models]:
    """No model, and a writer of ours in place of the extractive one."""
    writer: Writer = ChaosWriter(_journal(), _writer_seconds())
    yield Models({}, {}, writer)


@asynccontextmanager
async def open_model(_: IngestSettings) -> AsyncIterator[Models]:
    """One model for summaries."""
    model = ChaosModel(_journal(), _writer_seconds())
    yield Models({"chaos": lambda _: model}, {"summary": [model.name]}, ChaosWriter(_journal(), 0.0))


# The context opens its parts by these names; so it may gain fields without our knowing.
PARTS_BUT_MODELS: dict[str, Any] = {"open_embedder": open_embedder, "open_vectors": open_vectors}
PARTS = PARTS_BUT_MODELS | {"open_models": open_models}


@asynccontextmanager
async def chaos_context(settings: AllSettings, parts: dict[str, Any] = PARTS) -> AsyncIterator[WorkerContext]:
    """A worker's context with the seams of the chaos world, on record."""
    for name, opener in parts.items():
        setattr(ingest.context, name, opener)
    async with redis_ready(settings.shared) as shared, worker_context(shared, settings.ingest) as context:
        recorded_ledger(context.redis.state, context.ledger)
        yield replace(context, canvases=RecordedStore(context.redis.cache))


def _journal() -> Journal:
    return Journal(Path(os.environ[JOURNAL]))


def _writer_seconds() -> float:
    return float(os.environ.get(WRITER_SECONDS, "0.05"))


def main(role: str, environment: dict[str, str], log: str) -> None:
    """What a forked child runs: its environment, its log, its role."""
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.chdir(Path(log).parent)  # a developer's `.env` must not be read
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    settings = load_settings()
    run(settings, _as_coroutine(ROLES[role](settings)), role)


async def _as_coroutine(job: Awaitable[None]) -> None:
    await job


def _end_with_the_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


if __name__ == "__main__":
    found = load_settings()
    run(found, _as_coroutine(ROLES[sys.argv[1]](found)))
