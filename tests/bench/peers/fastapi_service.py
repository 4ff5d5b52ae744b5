"""The peer: the service that most people would write, FastAPI + redis-py + a pydantic response model.

It does what `/init` does for a hit: check the credential (by a keyed hash that is looked up in Redis, where all
processes see that it was revoked), read the Canvas and whether the ticket is due in one round trip, answer with the
declared model. No ETag, no rate limit, no metrics. With `remembers` it keeps credentials in the process and asks for
nothing but the Canvas: the least that such a service can do.
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
SESSIONS = "peer:session:"
RECORD = "peer:record:"
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


def session(domain: str, key: str) -> str:
    """The Redis key under which the host of a credential stands."""
    return f"{SESSIONS}{_digest(domain, key)}"


def _digest(domain: str, key: str) -> str:
    return hmac.new(SECRET, f"{domain}\0{key}".encode(), hashlib.sha256).hexdigest()


@asynccontextmanager
async def create_peer(settings: Settings, *, remembers: bool = False) -> AsyncIterator[Any]:
    """The peer's ASGI app over its own connections to the same Redis."""
    from fastapi import Depends, FastAPI, Header, HTTPException, Response  # type: ignore[import-not-found]

    redis = connect(state_url(settings))
    known: dict[str, str] = {}

    async def caller(
        x_freshdesk_domain: Annotated[str, Header()], x_freshdesk_api_key: Annotated[str, Header()]
    ) -> str:
        if remembers:
            return known.setdefault(_digest(x_freshdesk_domain, x_freshdesk_api_key), x_freshdesk_domain)
        host = await redis.get(session(x_freshdesk_domain, x_freshdesk_api_key))
        if host is None:
            raise HTTPException(401)
        return str(host.decode())

    async def init(ticket_id: int, host: Annotated[str, Depends(caller)], response: Response) -> Canvas:
        if remembers:
            value = await redis.get(f"{PREFIX}{host}:{ticket_id}")
        else:
            async with redis.pipeline(transaction=False) as pipe:
                pipe.hmget(f"{RECORD}{host}:{ticket_id}", ["want", "done"])
                pipe.get(f"{PREFIX}{host}:{ticket_id}")
                (want, done), value = await pipe.execute()
            response.headers["Cache-Status"] = "peer; hit" if want == done else "peer; hit; detail=stale"
        if value is None:
            raise HTTPException(404)
        return Canvas.model_validate_json(value)

    app = FastAPI()
    app.add_api_route("/init/{ticket_id}", init, response_model=Canvas)
    try:
        yield app
    finally:
        await redis.aclose()
        await redis.connection_pool.aclose()
