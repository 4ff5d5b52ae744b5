"""What is asked of the embedded engine: its filters, upserts and searches. The tenant stands in each of them."""

from collections.abc import Sequence
from typing import Any

from ingest.vectors.engine import engine
from ingest.vectors.points import DENSE, SPARSE, Found, Kind, dense_of, id_of, payload, point_id
from ingest.vectors.protocol import FOREIGN, ArticlePoint, Shelf, SparseVector, TicketPayload, TicketPoint
from shared.asked import EVERYTHING, Access


def matching(
    host: str,
    kind: Kind | None = None,
    exclude: int | None = None,
    since_ms: int | None = None,
    until_ms: int | None = None,
    *,
    citing: bool = False,
    holding: bool = False,
    seen_by: Access = EVERYTHING,
) -> engine.Filter:
    """The tenant always; the kind, and what else narrows it, where asked."""
    must: list[Any] = [engine.FieldCondition("tenant", match=engine.MatchValue(host))]
    must_not: list[Any] = []
    if kind is not None:
        must.append(engine.FieldCondition("kind", match=engine.MatchValue(kind)))
    if since_ms is not None:
        must.append(engine.FieldCondition("created_ms", range=engine.RangeFloat(gte=float(since_ms))))
    if exclude is not None:
        must_not.append(engine.HasIdCondition({point_id(host, "ticket", exclude)}))
    if until_ms is not None:
        must.append(engine.FieldCondition("created_ms", range=engine.RangeFloat(lt=float(until_ms))))
    if citing:
        must_not.append(engine.IsEmptyCondition("articles"))
    if holding:
        must_not.append(engine.IsEmptyCondition("files"))
    if seen_by.scope != "all":
        own = engine.FieldCondition("responder_id", match=engine.MatchValue(seen_by.agent_id))
        groups = engine.FieldCondition("group_id", match=engine.MatchAny(seen_by.groups))
        must.append(engine.Filter(should=[own, groups] if seen_by.of_groups else [own]))
    return engine.Filter(must=must, must_not=must_not or None)


def between(host: str, first_ms: int, until_ms: int) -> engine.Filter:
    """Tickets of some revisions; the index over them makes this a matter of those alone."""
    revision = engine.FieldCondition("revision_ms", range=engine.RangeFloat(gte=float(first_ms), lt=float(until_ms)))
    return engine.Filter(must=[matching(host, "ticket"), revision])


def not_newer(host: str, ticket: TicketPayload) -> engine.Filter:
    """The stored point of a ticket, unless it is of a later revision or of other vectors than were looked at."""
    return engine.Filter(
        must=[
            engine.HasIdCondition({point_id(host, "ticket", ticket.ticket_id)}),
            engine.FieldCondition("revision_ms", range=engine.RangeFloat(lte=float(ticket.revision_ms))),
            engine.FieldCondition("matter", match=engine.MatchValue(ticket.matter)),
        ]
    )


def parts_of(host: str, article_ids: Sequence[int], shelf: Shelf = "article") -> engine.Filter:
    """All parts of some articles."""
    those = engine.FieldCondition("article_id", match=engine.MatchAny(list(article_ids)))
    return engine.Filter(must=[matching(host, shelf), those])


def listing(host: str, after: Any, limit: int, shelf: Shelf = "article") -> engine.ScrollRequest:
    """One part of each article, from the point `after` on (None: from the first one)."""
    first = engine.FieldCondition("chunk", match=engine.MatchValue(0))
    where = engine.Filter(must=[matching(host, shelf), first])
    return engine.ScrollRequest(offset=after, limit=limit, filter=where, with_payload=["article_id"])


def whole(where: engine.Filter, after: Any, limit: int) -> engine.ScrollRequest:
    """Points with all that is kept of them, from the point `after` on (None: from the first one)."""
    both = [DENSE, SPARSE]
    return engine.ScrollRequest(offset=after, limit=limit, filter=where, with_payload=True, with_vector=both)


def outdated_parts(host: str, parts: Sequence[ArticlePoint]) -> engine.Filter:
    """Parts of an article that are of an earlier revision than these, or behind the last of them."""
    older = engine.FieldCondition("revision_ms", range=engine.RangeFloat(lt=float(parts[0].revision_ms)))
    behind = engine.FieldCondition("chunk", range=engine.RangeFloat(gte=float(len(parts))))
    return engine.Filter(
        must=[parts_of(host, [parts[0].article_id], parts[0].kind), engine.Filter(should=[older, behind])]
    )


def upsert(host: str, point: TicketPoint | ArticlePoint) -> engine.UpdateOperation:
    """Insert, or replace what is not newer. The condition is asked of an existing point only, and only of this one."""
    vectors: dict[str, Any] = {
        DENSE: point.dense,
        SPARSE: engine.SparseVector(point.sparse.indices, point.sparse.values),
    }
    older = engine.FieldCondition("revision_ms", range=engine.RangeFloat(lte=float(point.revision_ms)))
    return engine.UpdateOperation.upsert_points(
        [engine.Point(id_of(host, point), vectors, payload(host, point))], condition=engine.Filter(must=[older])
    )


def searches(
    where: engine.Filter, dense: list[float], sparse: SparseVector, depth: int, language: str = ""
) -> list[engine.QueryRequest]:
    """The search by meaning and the one by words, to be fused by `points.hits`; and one in other languages."""
    words = engine.Query.Nearest(engine.SparseVector(sparse.indices, sparse.values), using=SPARSE)
    meaning = engine.Query.Nearest(dense, using=DENSE)
    # Which words are rare is the tenant's own matter: others must not shift its ranking.
    own = engine.SearchParams(idf=engine.IdfParams(corpus=where))
    asked = [_search(meaning, where, depth), _search(words, where, depth, own)]
    if language:
        own_language = engine.FieldCondition("language", match=engine.MatchValue(language))
        asked.append(_search(meaning, engine.Filter(must=[where], must_not=[own_language]), FOREIGN))
    return asked


def _search(
    query: engine.Query, where: engine.Filter, depth: int, params: engine.SearchParams | None = None
) -> engine.QueryRequest:
    both = [DENSE, SPARSE]
    return engine.QueryRequest(
        limit=depth, query=query, filter=where, params=params, with_payload=True, with_vector=both
    )


def found(point: Any) -> Found:
    """What the engine returned, scored or not, in our form."""
    vectors = point.vector if isinstance(point.vector, dict) else {}
    sparse = vectors.get(SPARSE)
    terms = list(sparse.indices) if sparse is not None else []
    return Found(str(point.id), getattr(point, "score", 0.0), point.payload, dense_of(vectors), terms)
