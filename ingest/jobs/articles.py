"""Index a tenant's solution articles: what the solutions of a Canvas are found among."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.text.clean import clean_message, detect_language
from ingest.text.redact import redact
from ingest.vectors.protocol import ArticlePoint, SparseVector
from ingest.vectors.sparse import sparse_vector
from shared import keys
from shared.canvas_store import to_ms
from shared.tenant_settings import DEFAULT_REDACTIONS, Redaction
from shared.tenants import Tenant

EVERYBODY = 1
BATCH = 16
DENSE_CHARACTERS = 600
SNIPPET_CHARACTERS = 600


Batch = list[tuple[dict[str, Any], int, str]]
"""Articles as Freshdesk returns them, the visibility of their folder, and the version to remember."""


@dataclass(frozen=True)
class ReadArticle:
    """An article's text, cleaned and counted."""

    title: str
    body: str
    text: str
    language: str
    sparse: SparseVector


async def index_articles(context: WorkerContext, tenant: Tenant, freshdesk: FreshdeskClient) -> int:
    """Embed and store every published article that changed since the last time; returns how many there are.

    Raises:
        CanvasError: Freshdesk, the embedding model or the vector store failed; what was indexed stays.
    """
    key, state = keys.articles(tenant.host), context.redis.state
    known: dict[bytes, bytes] = await state.hgetall(key)  # type: ignore[misc]
    found = 0
    batch: Batch = []
    async for article, visibility in freshdesk.articles():
        found += 1
        version = f"{article['updated_at']}|{visibility}|{context.embedder.name}"
        if known.get(str(article["id"]).encode()) != version.encode():
            batch.append((article, visibility, version))
        if len(batch) >= BATCH:
            await _index_batch(context, tenant, batch)
            batch = []
    await _index_batch(context, tenant, batch)
    return found


async def _index_batch(context: WorkerContext, tenant: Tenant, batch: Batch) -> None:
    if not batch:
        return
    # A long article is tens of milliseconds of parsing.
    # Telephone numbers and the like are the company's own here, and meant to be read.
    kinds = tenant.settings.redact & DEFAULT_REDACTIONS
    read = await asyncio.to_thread(_read, batch, kinds)
    vectors = await context.embedder.embed([article.text[:DENSE_CHARACTERS] for article in read])
    points = [
        ArticlePoint(
            article_id=int(source["id"]),
            revision_ms=to_ms(datetime.fromisoformat(source["updated_at"])),
            title=article.title,
            snippet=article.body[:SNIPPET_CHARACTERS],
            url=f"https://{tenant.host}/support/solutions/articles/{source['id']}",
            public=visibility == EVERYBODY,
            language=article.language,
            dense=dense,
            sparse=article.sparse,
        )
        for (source, visibility, _), article, dense in zip(batch, read, vectors, strict=True)
    ]
    await context.vectors.put_articles(tenant.host, points)
    key, state = keys.articles(tenant.host), context.redis.state
    await state.hset(key, mapping={str(source["id"]): version for source, _, version in batch})  # type: ignore[misc]
    await state.expire(key, keys.RECORD_LIFETIME)


def _read(batch: Batch, kinds: Collection[Redaction]) -> list[ReadArticle]:
    return [_read_one(article, kinds) for article, _, _ in batch]


def _read_one(article: dict[str, Any], kinds: Collection[Redaction]) -> ReadArticle:
    body, title = clean_message(article.get("description") or ""), str(article["title"])
    language = detect_language(f"{title}\n{body}")
    body, title = redact(body, kinds, language), redact(title, kinds, language)
    text = f"{title}\n{body}"
    return ReadArticle(title, body, text, language, sparse_vector(text))
