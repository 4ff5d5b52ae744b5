"""The peer: the service that most people would write, FastAPI + redis-py + a pydantic response model.

It does what `/init` does for a hit, and less: check the credential (a keyed hash, remembered in the process, as ours
is), read the Canvas from Redis, answer with the declared model. No look at what is due, no ETag, no metrics.
"""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel

from shared.redis import connect, state_url
from shared.settings import Settings

PREFIX = "peer:canvas:"
SECRET = b"a key of the peer's own"


class Summary(BaseModel):
    text: str
    problem: str
    tried: str
    next_step: str
    sentiment: str


class SimilarTicket(BaseModel):
    ticket_id: int
    subject: str
    status: str
    score: float
    resolution: str
    url: str


class Solution(BaseModel):
    article_id: int
    title: str
    url: str
    snippet: str
    public: bool


class Reply(BaseModel):
    text: str
    tone: str
    sources: list[str]


class StageReport(BaseModel):
    name: str
    ms: float


class Provenance(BaseModel):
    models: dict[str, str]
    tokens: dict[str, int]
    cost: float | None
    stages: list[StageReport]


class Canvas(BaseModel):
    ticket_id: int
    revision: datetime
    status: str
    language: str
    generated_at: datetime
    summary: Summary | None
    similar_tickets: list[SimilarTicket]
    solutions: list[Solution]
    replies: list[Reply]
    provenance: Provenance


@asynccontextmanager
async def create_peer(settings: Settings) -> AsyncIterator[Any]:
    """The peer's ASGI app over its own connection to the same Redis."""
    from fastapi import Depends, FastAPI, Header, HTTPException  # type: ignore[import-not-found]

    redis = connect(state_url(settings))
    known: dict[str, str] = {}

    async def caller(
        x_freshdesk_domain: Annotated[str, Header()], x_freshdesk_api_key: Annotated[str, Header()]
    ) -> str:
        digest = hmac.new(SECRET, f"{x_freshdesk_domain}\0{x_freshdesk_api_key}".encode(), hashlib.sha256).hexdigest()
        return known.setdefault(digest, x_freshdesk_domain)

    async def init(ticket_id: int, host: Annotated[str, Depends(caller)]) -> Canvas:
        value = await redis.get(f"{PREFIX}{host}:{ticket_id}")
        if value is None:
            raise HTTPException(404)
        return Canvas.model_validate_json(value)

    app = FastAPI()
    app.add_api_route("/init/{ticket_id}", init, response_model=Canvas)
    try:
        yield app
    finally:
        await redis.aclose()
        await redis.connection_pool.disconnect()
