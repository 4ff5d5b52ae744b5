"""Index a tenant's canned responses: the company's prepared answers, which replies rest on as they do on articles.

Only those that every agent may use: a Canvas is seen by agents of all groups. Freshdesk names no time of a change, so a
digest of the text tells; and it lists them for admins alone, so a key without that right goes without them, which is
said once. Placeholders come unrendered: a greeting goes, since replies get their own, and what else is to be filled in
becomes a gap that an agent sees.
"""

import asyncio
import hashlib
import re
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import structlog

from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.text.clean import clean_message, detect_language
from ingest.text.redact import redact
from ingest.vectors.protocol import ArticlePoint
from ingest.vectors.sparse import sparse_vector
from ingest.writers.privacy import MASK
from shared import keys, lifetimes
from shared.errors import FreshdeskInaccessible
from shared.tenant_settings import DEFAULT_REDACTIONS, Redaction
from shared.tenants import Tenant

log = structlog.get_logger()

UNREADABLE: Final = -1
BATCH = 16
EMBEDDED = 600
"""Characters: about what the local model reads (128 tokens, with the title)."""
RECIPE = 1
"""To be raised when the text that is embedded changes: all are indexed again then."""
LONGEST = 4_000
"""Characters that are kept: a response is a reply, and what is longer is a document."""
FIELD = "canned:"
"""Of the hash of articles: what was indexed of a canned response stands under this and its id."""
NOT_READABLE = "canned"

_HOLE = r"\{\{[^{}\n]{0,200}\}\}"
HOLE = re.compile(_HOLE)
LIQUID = re.compile(r"\{%[^{}\n]{0,200}%\}")
GREETING = re.compile(
    rf"(?im)\A\s*(?:hi|hello|dear|hey|안녕하(?:세요|십니까))?[ ,.]*{_HOLE}[ ]*(?:고객님|님)?[ ,.!:]*$\n*"
)


@dataclass(frozen=True)
class Canned:
    """A canned response as it is kept; `version` is what tells that it has changed."""

    number: int
    title: str
    text: str
    language: str
    version: str


async def index_canned(context: WorkerContext, tenant: Tenant, freshdesk: FreshdeskClient) -> int:
    """Embed and store every canned response that changed since the last time; returns how many there are.

    What is gone, or no longer for every agent, is removed. `UNREADABLE` where the key may not read them (then none is
    kept: nobody could tell whether they still hold).

    Raises:
        CanvasError: Freshdesk, the embedding model or the vector store failed; what was indexed stays.
    """
    host, state, key = tenant.host, context.redis.state, keys.articles(tenant.host)
    stored = await context.vectors.stored_articles(host, "canned")
    known: dict[bytes, bytes] = await state.hgetall(key)  # type: ignore[misc]
    there: set[int] = set()
    try:
        changed: list[Canned] = []
        async for response in freshdesk.canned_responses():
            number = int(response["id"])
            there.add(number)
            version = f"{_digest(response)}|{context.embedder.name}|{RECIPE}"
            if number not in stored or known.get(f"{FIELD}{number}".encode()) != version.encode():
                changed.append(await asyncio.to_thread(_read, response, version, tenant.settings.redact))
    except FreshdeskInaccessible:
        await _drop(context, tenant, stored)
        if await state.hset(key, NOT_READABLE, "forbidden"):  # type: ignore[misc]
            await state.expire(key, lifetimes.RECORD_LIFETIME)
            log.info("canned responses are for an admin's key: replies go without them", host=host)
        return UNREADABLE
    await state.hdel(key, NOT_READABLE)  # type: ignore[misc]
    for first in range(0, len(changed), BATCH):
        await _index(context, tenant, changed[first : first + BATCH])
    await _drop(context, tenant, stored - there)
    return len(there)


async def _index(context: WorkerContext, tenant: Tenant, batch: list[Canned]) -> None:
    texts = [f"{response.title}\n{response.text[:EMBEDDED]}" for response in batch]
    vectors = await context.embedder.embed(texts)
    now_ms = int(time.time() * 1000)
    points = [
        ArticlePoint(
            article_id=response.number,
            revision_ms=now_ms,
            title=response.title,
            snippet=response.text,
            url="",
            public=True,
            language=response.language,
            kind="canned",
            dense=dense,
            sparse=sparse_vector(f"{response.title}\n{response.text}"),
        )
        for response, dense in zip(batch, vectors, strict=True)
    ]
    await context.vectors.put_articles(tenant.host, points)
    key, state = keys.articles(tenant.host), context.redis.state
    await state.hset(key, mapping={f"{FIELD}{response.number}": response.version for response in batch})  # type: ignore[misc]
    await state.expire(key, lifetimes.RECORD_LIFETIME)


async def _drop(context: WorkerContext, tenant: Tenant, gone: Collection[int]) -> None:
    if gone:
        fields = [f"{FIELD}{number}" for number in gone]
        await context.redis.state.hdel(keys.articles(tenant.host), *fields)  # type: ignore[misc]
        await context.vectors.drop_articles(tenant.host, sorted(gone), "canned")
        log.info("canned responses are gone", host=tenant.host, responses=len(gone))


def _read(response: dict[str, Any], version: str, redactions: Collection[Redaction]) -> Canned:
    """CPU-bound: some milliseconds for a long one."""
    text = without_holes(clean_message(_html(response)))[:LONGEST]
    title = str(response.get("title") or "")
    language = detect_language(f"{title}\n{text}")
    # Telephone numbers and the like are the company's own here, and meant to be read.
    kinds = frozenset(redactions) & DEFAULT_REDACTIONS
    title, text = redact(title, kinds, language), redact(text, kinds, language)
    return Canned(int(response["id"]), title, text, language, version)


def without_holes(text: str) -> str:
    """A text without placeholders: a greeting that is made of one goes, others become gaps."""
    return HOLE.sub(MASK, GREETING.sub("", LIQUID.sub("", text))).strip()


def _html(response: dict[str, Any]) -> str:
    return str(response.get("content_html") or response.get("content") or "")


def _digest(response: dict[str, Any]) -> str:
    said = f"{response.get('title') or ''}\n{_html(response)}"
    return hashlib.sha256(said.encode()).hexdigest()[:24]
