"""What is asked of a Qdrant server: filters, upserts and searches. The tenant stands in each of them."""

from collections.abc import Sequence

from qdrant_client import models

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
) -> models.Filter:
    """The tenant always; the kind, and what else narrows it, where asked."""
    must: list[models.Condition] = [models.FieldCondition(key="tenant", match=models.MatchValue(value=host))]
    must_not: list[models.Condition] = []
    if kind is not None:
        must.append(models.FieldCondition(key="kind", match=models.MatchValue(value=kind)))
    if since_ms is not None:
        must.append(models.FieldCondition(key="created_ms", range=models.Range(gte=since_ms)))
    if exclude is not None:
        must_not.append(models.HasIdCondition(has_id=[point_id(host, "ticket", exclude)]))
    if until_ms is not None:
        must.append(models.FieldCondition(key="created_ms", range=models.Range(lt=until_ms)))
    if citing:
        must_not.append(models.IsEmptyCondition(is_empty=models.PayloadField(key="articles")))
    if holding:
        must_not.append(models.IsEmptyCondition(is_empty=models.PayloadField(key="files")))
    if seen_by.scope != "all":
        own = models.FieldCondition(key="responder_id", match=models.MatchValue(value=seen_by.agent_id))
        groups = models.FieldCondition(key="group_id", match=models.MatchAny(any=seen_by.groups))
        must.append(models.Filter(should=[own, groups] if seen_by.of_groups else [own]))
    return models.Filter(must=must, must_not=must_not or None)


def not_newer(host: str, ticket: TicketPayload) -> models.Filter:
    """The stored point of a ticket, unless it is of a later revision or of other vectors than were looked at."""
    return models.Filter(
        must=[
            models.HasIdCondition(has_id=[point_id(host, "ticket", ticket.ticket_id)]),
            models.FieldCondition(key="revision_ms", range=models.Range(lte=ticket.revision_ms)),
            models.FieldCondition(key="matter", match=models.MatchValue(value=ticket.matter)),
        ]
    )


def parts_of(host: str, article_ids: Sequence[int], shelf: Shelf = "article") -> models.Filter:
    """All parts of some articles."""
    those = models.FieldCondition(key="article_id", match=models.MatchAny(any=list(article_ids)))
    return models.Filter(must=[matching(host, shelf), those])


def first_parts(host: str, shelf: Shelf = "article") -> models.Filter:
    """One part of each article."""
    first = models.FieldCondition(key="chunk", match=models.MatchValue(value=0))
    return models.Filter(must=[matching(host, shelf), first])


def drop_outdated_parts(host: str, parts: Sequence[ArticlePoint]) -> models.DeleteOperation:
    """Remove parts of an article that are of an earlier revision than these, or behind the last of them."""
    older = models.FieldCondition(key="revision_ms", range=models.Range(lt=parts[0].revision_ms))
    behind = models.FieldCondition(key="chunk", range=models.Range(gte=len(parts)))
    where = models.Filter(
        must=[parts_of(host, [parts[0].article_id], parts[0].kind), models.Filter(should=[older, behind])]
    )
    return models.DeleteOperation(delete=models.FilterSelector(filter=where))


def upsert(host: str, point: TicketPoint | ArticlePoint) -> models.UpsertOperation:
    """Insert, or replace what is not newer. The filter is asked of existing points only; revisions differ by point."""
    stored = models.PointStruct(
        id=id_of(host, point),
        vector={
            DENSE: point.dense,
            SPARSE: models.SparseVector(indices=point.sparse.indices, values=point.sparse.values),
        },
        payload=payload(host, point),
    )
    older = models.FieldCondition(key="revision_ms", range=models.Range(lte=point.revision_ms))
    return models.UpsertOperation(upsert=models.PointsList(points=[stored], update_filter=models.Filter(must=[older])))


def searches(
    where: models.Filter, dense: list[float], sparse: SparseVector, depth: int, language: str = ""
) -> list[models.QueryRequest]:
    """The search by meaning and the one by words, to be fused by `points.hits`; and one in other languages."""
    words = models.SparseVector(indices=sparse.indices, values=sparse.values)
    # Which words are rare is the tenant's own matter: others must not shift its ranking.
    own = models.SearchParams(idf=models.IdfCorpusParams(corpus=where))
    both = [DENSE, SPARSE]
    asked = [
        models.QueryRequest(query=dense, using=DENSE, filter=where, limit=depth, with_payload=True, with_vector=both),
        models.QueryRequest(
            query=words, using=SPARSE, filter=where, limit=depth, params=own, with_payload=True, with_vector=both
        ),
    ]
    if language:
        own_language = models.FieldCondition(key="language", match=models.MatchValue(value=language))
        foreign = models.Filter(must=[where], must_not=[own_language])
        asked.append(
            models.QueryRequest(
                query=dense, using=DENSE, filter=foreign, limit=FOREIGN, with_payload=True, with_vector=both
            )
        )
    return asked


def found(point: models.ScoredPoint | models.Record) -> Found:
    """What the server returned, scored or not, in our form."""
    vectors = point.vector if isinstance(point.vector, dict) else {}
    sparse = vectors.get(SPARSE)
    terms = sparse.indices if isinstance(sparse, models.SparseVector) else []
    score = point.score if isinstance(point, models.ScoredPoint) else 0.0
    return Found(str(point.id), score, point.payload, dense_of(vectors), terms)
