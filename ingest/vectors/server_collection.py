"""A Qdrant server's collection of one embedding model and size, and the alias that names the one in use."""

from typing import Final

import structlog
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from ingest.vectors.points import DENSE, SPARSE
from shared.errors import StartupError

log = structlog.get_logger()
ALIAS: Final = "canvas"
OLDEST_SERVER: Final = (1, 16)
"""Older ones ignore `update_filter`, and an old revision would silently replace a newer one."""
MOVED_AT: Final = 0.95
"""Share of the old collection's points from which on the new one is complete: some tickets are gone by then."""


async def prepare(client: AsyncQdrantClient, name: str, size: int) -> None:
    """Make a collection with its indexes where they are missing, and offer it to the alias.

    Raises:
        StartupError: the server is too old.
        ApiException, QdrantException: it does not answer or refuses.
    """
    await _check_version(client)
    if not await client.collection_exists(name):
        await _create(client, name, size)
    await _index(client, name)
    await _point_alias(client, name)


async def _check_version(client: AsyncQdrantClient) -> None:
    version = (await client.info()).version
    major_minor = tuple(int(part) for part in version.split(".")[:2])
    if major_minor < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        raise StartupError(f"The Qdrant server is {version}: {oldest} or later is needed")


async def _create(client: AsyncQdrantClient, name: str, size: int) -> None:
    """Make the collection, unless another process was quicker."""
    try:
        await client.create_collection(
            name,
            vectors_config={DENSE: models.VectorParams(size=size, distance=models.Distance.COSINE)},
            sparse_vectors_config={SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
        )
    except UnexpectedResponse as error:
        if error.status_code != 409:  # it exists by now
            raise


async def _index(client: AsyncQdrantClient, name: str) -> None:
    """Make the payload indexes; at every start, since a process may have died between the collection and them."""
    if _is_local(client):
        return  # it has none, and warns about them
    tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    await client.create_payload_index(name, "tenant", tenant, wait=True)
    await client.create_payload_index(name, "kind", models.PayloadSchemaType.KEYWORD, wait=True)
    await client.create_payload_index(name, "created_ms", models.PayloadSchemaType.INTEGER, wait=True)
    for numbers in ("revision_ms", "article_id", "articles"):
        await client.create_payload_index(name, numbers, models.PayloadSchemaType.INTEGER, wait=True)


async def _point_alias(client: AsyncQdrantClient, name: str) -> None:
    """Let the alias mean this collection, in one atomic change, unless another one holds more than this one yet."""
    aliases = (await client.get_aliases()).aliases
    current = next((alias.collection_name for alias in aliases if alias.alias_name == ALIAS), None)
    if current == name:
        return
    changes: list[models.AliasOperations] = [
        models.CreateAliasOperation(create_alias=models.CreateAlias(collection_name=name, alias_name=ALIAS))
    ]
    if current is not None:
        held, wanted = (await client.count(name)).count, (await client.count(current)).count
        if held < MOVED_AT * wanted:
            log.warning("vectors.alias_waits", collection=name, points=held, of=wanted)
            return
        log.warning("vectors.alias_moved", before=current, now=name)
        changes.insert(0, models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=ALIAS)))
    await client.update_collection_aliases(changes)


def _is_local(client: AsyncQdrantClient) -> bool:
    options = client.init_options
    return options.get("location") == ":memory:" or options.get("path") is not None
