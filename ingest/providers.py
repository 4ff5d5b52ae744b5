"""Choose and open the parts that the settings switch: embeddings, vectors, writers. The only place that knows all."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from ingest.embeddings.protocol import Embedder
from ingest.router.models import Make, Models, TaskName
from ingest.router.router import Rules
from ingest.settings import IngestSettings
from ingest.vectors.protocol import VectorStore
from ingest.writers.call import Limits
from ingest.writers.extractive import NAME as EXTRACTIVE
from ingest.writers.extractive import ExtractiveWriter
from shared.errors import BadInput, StartupError
from shared.settings import Settings
from shared.tenant_settings import Task


def uses_openai_embeddings(ingest: IngestSettings) -> bool:
    """Whether embeddings come from OpenAI (or a compatible server) rather than from the local model."""
    return ingest.embeddings == "openai" or (ingest.embeddings == "auto" and ingest.openai_api_key is not None)


def embedder_name(ingest: IngestSettings) -> str:
    """The name of the embedding model of the settings, which is not opened for it."""
    if uses_openai_embeddings(ingest):
        return f"openai/{ingest.embedding_model}"
    from ingest.embeddings.local import LocalEmbedder

    return LocalEmbedder.name


@asynccontextmanager
async def open_embedder(ingest: IngestSettings) -> AsyncIterator[Embedder]:
    """The embedding model of the settings.

    Raises:
        StartupError: it can't be used on this machine; the error says what to do.
    """
    async with AsyncExitStack() as stack:
        embedder: Embedder
        if uses_openai_embeddings(ingest):
            from ingest.embeddings.openai import OpenAIEmbedder
            from ingest.writers.openai import openai_client

            client = await stack.enter_async_context(openai_client(ingest))
            embedder = OpenAIEmbedder(client, ingest.embedding_model, ingest.embedding_size)
        else:
            from ingest.embeddings.local import LocalEmbedder

            embedder = LocalEmbedder()
        stack.push_async_callback(embedder.close)
        yield embedder


def unhurried(embedder: Embedder) -> Embedder:
    """The same model for work that nobody waits for; the first one's `close` releases both."""
    from ingest.embeddings.local import LocalEmbedder

    return embedder.unhurried() if isinstance(embedder, LocalEmbedder) else embedder


@asynccontextmanager
async def open_vectors(settings: Settings, ingest: IngestSettings, embedder: Embedder) -> AsyncIterator[VectorStore]:
    """The vector store of the settings, for vectors of this embedder.

    Raises:
        StartupError: it can't be opened; the error says what to do.
    """
    collection = collection_of(embedder)
    store: VectorStore
    if ingest.qdrant_url is not None:
        from ingest.vectors.server import QdrantVectorStore

        key = ingest.qdrant_api_key.get_secret_value() if ingest.qdrant_api_key else None
        store = await QdrantVectorStore.open(ingest.qdrant_url, key, collection, embedder.size, embedder.floor)
    else:
        from ingest.vectors.edge import EdgeVectorStore

        store = await EdgeVectorStore.open(settings.data_dir / "vectors", collection, embedder.size, embedder.floor)
    try:
        yield store
    finally:
        await store.close()


def store_name(ingest: IngestSettings) -> str:
    """What keeps the vectors, as a Canvas's recipe names it: "" for the embedded store, whichever machine it is on."""
    return "" if ingest.qdrant_url is None else "qdrant"


def collection_of(embedder: Embedder) -> str:
    """What the vectors of a model are kept under; its size is added to it (`points.collection_name`)."""
    return re.sub(r"[^a-z0-9]+", "-", embedder.name.lower()).strip("-")


@asynccontextmanager
async def open_models(ingest: IngestSettings) -> AsyncIterator[Models]:
    """All models that the settings give access to, in their order for each task; the extractive writer is always there.

    Raises:
        StartupError: a list names a model whose provider is not set up.
    """
    limits = limits_of(ingest)
    makers: dict[str, Make] = {}
    async with AsyncExitStack() as stack:
        if ingest.anthropic_api_key is not None:
            from ingest.writers.anthropic import AnthropicWriter, anthropic_client

            anthropic = await stack.enter_async_context(anthropic_client(ingest, limits))
            makers["anthropic"] = partial(AnthropicWriter, anthropic, limits=limits)
        if ingest.openai_api_key is not None:
            from ingest.writers.openai import OpenAIWriter, openai_api, openai_client

            openai = await stack.enter_async_context(openai_client(ingest, limits))
            makers["openai"] = partial(OpenAIWriter, openai, api=openai_api(ingest), limits=limits)
        for name, url in ingest.compatible_urls.items():
            from ingest.writers.openai import OpenAIWriter, compatible_client

            key = ingest.compatible_keys[name].get_secret_value() if name in ingest.compatible_keys else ""
            compatible = await stack.enter_async_context(compatible_client(url, key, limits))
            makers[name] = partial(OpenAIWriter, compatible, api="chat", limits=limits, provider=name)
        yield Models(makers, _defaults(ingest, makers), ExtractiveWriter())


def check_models(ingest: IngestSettings, chosen: Mapping[Task, Sequence[str]]) -> None:
    """See that a tenant's models, by task, can be asked here; `extractive` always can.

    Raises:
        BadInput: a provider is not set up; the message says which are, and how to set it up.
    """
    for task, names in chosen.items():
        for name in names:
            provider, _, _ = name.partition("/")
            if name != EXTRACTIVE and provider not in providers_of(ingest):
                known = ", ".join(sorted(providers_of(ingest))) or "none is"
                raise BadInput(
                    f"{name} can't write for {task}: the provider {provider!r} is not set up here (set up: {known}). "
                    f"{SET_UP.get(provider, f'Give its address in CANVAS_COMPATIBLE_URLS under the name {provider!r}')}"
                )


def providers_of(ingest: IngestSettings) -> frozenset[str]:
    """The providers of text that the settings give access to."""
    keys = {"anthropic": ingest.anthropic_api_key, "openai": ingest.openai_api_key}
    return frozenset([*(name for name, key in keys.items() if key is not None), *ingest.compatible_urls])


SET_UP = {"anthropic": "Set ANTHROPIC_API_KEY", "openai": "Set OPENAI_API_KEY"}


def limits_of(ingest: IngestSettings) -> Limits:
    """How long one call may take."""
    return Limits(
        first_token=timedelta(seconds=ingest.first_token_s),
        idle=timedelta(seconds=ingest.idle_s),
        whole=timedelta(seconds=ingest.call_s),
    )


def rules_of(ingest: IngestSettings) -> Rules:
    """How the router tries one model after the other."""
    total, patience = ingest.provider_calls, timedelta(seconds=ingest.outage_wait_s)
    return Rules(
        whole=timedelta(seconds=ingest.text_s),
        hedge_after=timedelta(seconds=ingest.hedge_after_s) if ingest.hedge_after_s else None,
        hedge_probe_after=timedelta(seconds=ingest.first_token_s / 3),
        outage_patience={
            "interactive": min(timedelta(seconds=2), patience),
            "live": patience,
            "backfill": 6 * patience,
        },
        slots=total,
        slots_interactive=max(1, total // 4),
    )


def _defaults(ingest: IngestSettings, makers: Mapping[str, Make]) -> dict[TaskName, list[str]]:
    """The names by task: what the settings say, else the models of the keys that are set."""
    derived = [f"anthropic/{ingest.anthropic_model}"] if "anthropic" in makers else []
    derived += [f"openai/{ingest.openai_model}"] if "openai" in makers else []
    lists: dict[TaskName, list[str]] = {
        "summary": ingest.summary_models,
        "reply": ingest.reply_models,
        "answer": ingest.answer_models,
    }
    for task, names in lists.items():
        for name in names:
            provider, _, model = name.partition("/")
            if name != EXTRACTIVE and (provider not in makers or not model):
                known = ", ".join(sorted(makers)) or "none is"
                raise StartupError(
                    f"CANVAS_{task.upper()}_MODELS names {name!r}, whose provider is not set up (set up: {known})"
                )
    return {task: names or derived for task, names in lists.items()}
