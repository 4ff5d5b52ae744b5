"""Index a tenant's solution articles: what the solutions of a Canvas are found among."""

from datetime import datetime
from typing import Any

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.text.clean import clean_message, detect_language
from ingest.vectors.protocol import ArticlePoint
from ingest.vectors.sparse import sparse_vector
from shared import keys
from shared.canvas_store import to_ms
from shared.tenants import Tenant

EVERYBODY = 1
BATCH = 16
DENSE_CHARACTERS = 600
SNIPPET_CHARACTERS = 600


async def index_articles(context: WorkerContext, tenant: Tenant, freshdesk: FreshdeskClient) -> int:
    """Embed and store every published article that changed since the last time; returns how many there are.

    Raises:
        CanvasError: Freshdesk, the embedding model or the vector store failed; what was indexed stays.
    """
    key, state = keys.articles(tenant.host), context.redis.state
    known: dict[bytes, bytes] = await state.hgetall(key)  # type: ignore[misc]
    found, batch = 0, []
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


async def _index_batch(context: WorkerContext, tenant: Tenant, batch: list[tuple[dict[str, Any], int, str]]) -> None:
    if not batch:
        return
    bodies = [clean_message(article.get("description") or "") for article, _, _ in batch]
    texts = [f"{article['title']}\n{body}" for (article, _, _), body in zip(batch, bodies, strict=True)]
    vectors = await context.embedder.embed([text[:DENSE_CHARACTERS] for text in texts])
    points = [
        ArticlePoint(
            article_id=int(article["id"]),
            revision_ms=to_ms(datetime.fromisoformat(article["updated_at"])),
            title=str(article["title"]),
            snippet=body[:SNIPPET_CHARACTERS],
            url=f"https://{tenant.host}/support/solutions/articles/{article['id']}",
            public=visibility == EVERYBODY,
            language=detect_language(text),
            dense=dense,
            sparse=sparse_vector(text),
        )
        for (article, visibility, _), body, text, dense in zip(batch, bodies, texts, vectors, strict=True)
    ]
    await context.vectors.put_articles(tenant.host, points)
    key, state = keys.articles(tenant.host), context.redis.state
    await state.hset(key, mapping={str(article["id"]): version for article, _, version in batch})  # type: ignore[misc]
    await state.expire(key, keys.RECORD_LIFETIME)
