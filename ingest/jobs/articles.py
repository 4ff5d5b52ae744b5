"""Index a tenant's solution articles: what the solutions of a Canvas are found among.

A long article is cut into parts at its paragraphs, each embedded with the title before it, and found by its best one;
what it says in another language is more parts of it.
A backfill indexes them; after that they are looked through every few hours: Freshdesk announces no change of them.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.limits import Priority
from ingest.jobs.canned import index_canned
from ingest.text.clean import clean_message, detect_language
from ingest.text.redact import redact
from ingest.vectors.protocol import ArticlePoint, SparseVector
from ingest.vectors.sparse import sparse_vector
from shared import keys, lifetimes
from shared.canvas_store import to_ms
from shared.errors import CanvasError
from shared.logs import failure
from shared.tenant_settings import DEFAULT_REDACTIONS, Redaction
from shared.tenants import Tenant

log = structlog.get_logger()

EVERYBODY = 1
BATCH = 16
PART_CHARACTERS = 600
"""About what the local model reads (128 tokens, with the title); a paragraph that is longer is cut at a space."""
MOST_PARTS = 24
"""Of one article: 14,000 characters. What lies beyond is not found; a part costs 3 KB and up to 100 ms of one core."""
RECIPE = 2
"""To be raised when the parts or their terms change: all articles are indexed again then."""


LOOK_EVERY_S = 60.0
AGAIN_AFTER = timedelta(minutes=15)
"""Where a look failed or took too long; what it indexed stays."""
LOOK_LIMIT = timedelta(minutes=10)

Batch = list[tuple[dict[str, Any], int, str]]
"""Articles as Freshdesk returns them, the visibility of their folder, and the version to remember."""


@dataclass(frozen=True)
class Part:
    """A part of an article, cleaned and counted; `text` begins with the title, `snippet` does not."""

    article: int
    """Its place in the batch."""
    chunk: int
    title: str
    snippet: str
    text: str
    language: str
    sparse: SparseVector


async def watch_articles(context: WorkerContext) -> None:
    """Look through each tenant's articles every `lifetimes.ARTICLES_EVERY`, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            for host in await context.tenants.hosts():
                await look_again(context, host)
        except (RedisError, OSError) as error:
            log.warning("articles not looked at", reason=type(error).__name__)


async def look_again(context: WorkerContext, host: str) -> bool:
    """Look through a tenant's articles and canned responses if that is due, and says whether it was.

    One of many processes does it. Not before the tenant's first hours are over: they belong to its backfill.

    Raises:
        RedisError, OSError: Redis is away.
    """
    tenant, state, looked = await context.tenants.get(host), context.redis.state, keys.articles_looked(host)
    if tenant is None or datetime.now(UTC) - tenant.created_at < lifetimes.ARTICLES_EVERY:
        return False
    if not await state.set(looked, 1, nx=True, ex=lifetimes.ARTICLES_EVERY):
        return False
    try:
        async with asyncio.timeout(LOOK_LIMIT.total_seconds()):
            freshdesk = context.freshdesk(tenant, Priority.BACKFILL, patient=True)
            await index_articles(context, tenant, freshdesk)
            await index_canned(context, tenant, freshdesk)
    except (CanvasError, TimeoutError) as error:
        log.warning("articles not looked through", host=host, reason=getattr(error, "code", "timeout"))
        await state.expire(looked, AGAIN_AFTER)
    except (RedisError, OSError):
        raise
    except Exception as bug:  # noqa: BLE001
        # The edge of the process: one tenant's odd article must not end the worker, and has to be seen.
        log.error("bug in a look at articles", host=host, **failure(bug))  # noqa: TRY400
    return True


async def index_articles(context: WorkerContext, tenant: Tenant, freshdesk: FreshdeskClient) -> int:
    """Embed and store every published article that changed since the last time; returns how many there are.

    What is published no longer (deleted, or a draft again) is removed, once all that is published was listed.

    Raises:
        CanvasError: Freshdesk, the embedding model or the vector store failed; what was indexed stays.
    """
    known: dict[bytes, bytes] = await context.redis.state.hgetall(keys.articles(tenant.host))  # type: ignore[misc]
    # The vectors decide: they may be another store's, or lost, while our notes are still there.
    stored = await context.vectors.stored_articles(tenant.host)
    published: set[int] = set()
    batch: Batch = []
    async for article, visibility in freshdesk.articles():
        number = int(article["id"])
        published.add(number)
        changed = "+".join(version["updated_at"] for version in _versions(article))
        version = f"{changed}|{visibility}|{context.embedder.name}|{RECIPE}"
        if number not in stored or known.get(str(number).encode()) != version.encode():
            batch.append((article, visibility, version))
        if len(batch) >= BATCH:
            await _index_batch(context, tenant, batch)
            batch = []
    await _index_batch(context, tenant, batch)
    noted = {int(number) for number in known if number.isdigit()}
    await _remove(context, tenant, (stored | noted) - published)
    await context.redis.state.set(keys.articles_looked(tenant.host), 1, ex=lifetimes.ARTICLES_EVERY)
    return len(published)


async def _remove(context: WorkerContext, tenant: Tenant, gone: Collection[int]) -> None:
    if not gone:
        return
    # In this order: a note without its article would keep it out when it is published again.
    await context.redis.state.hdel(keys.articles(tenant.host), *map(str, gone))  # type: ignore[misc]
    await context.vectors.drop_articles(tenant.host, sorted(gone))
    log.info("articles are published no longer", host=tenant.host, articles=len(gone))


async def _index_batch(context: WorkerContext, tenant: Tenant, batch: Batch) -> None:
    if not batch:
        return
    # A long article is tens of milliseconds of parsing.
    # Telephone numbers and the like are the company's own here, and meant to be read.
    kinds = tenant.settings.redact & DEFAULT_REDACTIONS
    parts = await asyncio.to_thread(_read, batch, kinds)
    vectors = await context.embedder.embed([part.text for part in parts])
    points = [_point(tenant, batch[part.article], part, dense) for part, dense in zip(parts, vectors, strict=True)]
    await context.vectors.put_articles(tenant.host, points)
    key, state = keys.articles(tenant.host), context.redis.state
    await state.hset(key, mapping={str(source["id"]): version for source, _, version in batch})  # type: ignore[misc]
    await state.expire(key, lifetimes.RECORD_LIFETIME)


def _point(tenant: Tenant, entry: tuple[dict[str, Any], int, str], part: Part, dense: list[float]) -> ArticlePoint:
    source, visibility, _ = entry
    return ArticlePoint(
        article_id=int(source["id"]),
        revision_ms=to_ms(datetime.fromisoformat(source["updated_at"])),
        title=part.title,
        snippet=part.snippet,
        url=f"https://{tenant.host}/support/solutions/articles/{source['id']}",
        public=visibility == EVERYBODY,
        language=part.language,
        chunk=part.chunk,
        dense=dense,
        sparse=part.sparse,
    )


def _read(batch: Batch, kinds: Collection[Redaction]) -> list[Part]:
    return [part for place, (article, _, _) in enumerate(batch) for part in _parts(place, article, kinds)]


def _parts(place: int, article: dict[str, Any], kinds: Collection[Redaction]) -> list[Part]:
    found: list[Part] = []
    for version in _versions(article):
        body, title = clean_message(version.get("description") or ""), str(version["title"])
        language = detect_language(f"{title}\n{body}")
        body, title = redact(body, kinds, language), redact(title, kinds, language)
        for piece in split(body, PART_CHARACTERS)[:MOST_PARTS]:
            text = f"{title}\n{piece}"
            found.append(Part(place, len(found), title, piece, text, language, sparse_vector(text)))
    return found


def _versions(article: dict[str, Any]) -> list[dict[str, Any]]:
    """An article in all its languages, its own first."""
    return [article, *article.get("translations", [])]


def split(text: str, limit: int) -> list[str]:
    """A text in pieces of at most `limit` characters, cut between paragraphs, else lines, else words; at least one."""
    pieces: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        head = rest[: limit + 1]
        # Not so early that a heading stands alone, nor in the middle of a word unless it has no end.
        cuts = [head.rfind(mark, limit // 3) for mark in ("\n\n", "\n", " ")]
        cut = next((cut for cut in cuts if cut > 0), limit)
        pieces.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*pieces, rest]
