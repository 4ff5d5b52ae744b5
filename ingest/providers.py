"""Choose and open the parts that the settings switch: embeddings, vectors, writers. The only place that knows all."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from ingest.embeddings.protocol import Embedder
from ingest.settings import IngestSettings
from ingest.vectors.protocol import VectorStore
from ingest.writers.extractive import ExtractiveWriter
from ingest.writers.protocol import Writer
from shared.settings import Settings


def uses_openai_embeddings(ingest: IngestSettings) -> bool:
    """Whether embeddings come from OpenAI (or a compatible server) rather than from the local model."""
    return ingest.embeddings == "openai" or (ingest.embeddings == "auto" and ingest.openai_api_key is not None)


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


@asynccontextmanager
async def open_vectors(settings: Settings, ingest: IngestSettings, embedder: Embedder) -> AsyncIterator[VectorStore]:
    """The vector store of the settings, for vectors of this embedder.

    Raises:
        StartupError: it can't be opened; the error says what to do.
    """
    collection = re.sub(r"[^a-z0-9]+", "-", embedder.name.lower()).strip("-")
    store: VectorStore
    if ingest.qdrant_url is not None:
        from ingest.vectors.server import QdrantVectorStore

        key = ingest.qdrant_api_key.get_secret_value() if ingest.qdrant_api_key else None
        store = await QdrantVectorStore.open(ingest.qdrant_url, key, collection, embedder.size)
    else:
        from ingest.vectors.edge import EdgeVectorStore

        store = await EdgeVectorStore.open(settings.data_dir / "vectors", collection, embedder.size)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_writers(ingest: IngestSettings) -> AsyncIterator[list[Writer]]:
    """The writers in order of preference; the extractive one is always the last, since it needs nothing."""
    async with AsyncExitStack() as stack:
        writers: list[Writer] = []
        if ingest.anthropic_api_key is not None:
            from ingest.writers.anthropic import AnthropicWriter, anthropic_client

            anthropic = await stack.enter_async_context(anthropic_client(ingest))
            writers.append(AnthropicWriter(anthropic, ingest.anthropic_model))
        if ingest.openai_api_key is not None:
            from ingest.writers.openai import OpenAIWriter, openai_api, openai_client

            openai = await stack.enter_async_context(openai_client(ingest))
            writers.append(OpenAIWriter(openai, ingest.openai_model, openai_api(ingest)))
        writers.append(ExtractiveWriter())
        yield writers
