"""The folder in which the embedded engine keeps the vectors of one embedding model and size, beside those of others."""

import fcntl
from pathlib import Path

import structlog

from ingest.vectors import edge_requests as requests
from ingest.vectors.engine import engine
from ingest.vectors.points import DENSE, SPARSE
from shared.errors import StartupError

log = structlog.get_logger()


def open_shard(path: Path, size: int) -> engine.EdgeShard:
    """Open a folder, or make it; of two processes that begin at once the second one fails.

    Raises:
        StartupError: another process has it open, or it can't be read.
    """
    is_new = not path.exists()
    config = engine.EdgeConfig(
        vectors={DENSE: engine.EdgeVectorParams(size=size, distance=engine.Distance.Cosine)},
        sparse_vectors={SPARSE: engine.EdgeSparseVectorParams(modifier=engine.Modifier.Idf)},
        wal_enabled=True,
    )
    try:
        path.mkdir(parents=True, exist_ok=True)
        # The engine locks its folder only when it has made it: of two that begin at once, both would make it.
        with path.with_name(f"{path.name}.lock").open("w") as opening:
            fcntl.flock(opening, fcntl.LOCK_EX)
            # `load` on an empty folder makes a new shard; only this way also mends one whose making was killed.
            shard = engine.EdgeShard.load(str(path), config)
        shard.update(engine.UpdateOperation.create_field_index("tenant", engine.KeywordIndexParams(is_tenant=True)))
        shard.update(engine.UpdateOperation.create_field_index("kind", engine.PayloadSchemaType.Keyword))
        for numbers in ("revision_ms", "article_id", "articles"):
            shard.update(engine.UpdateOperation.create_field_index(numbers, engine.PayloadSchemaType.Integer))
    except Exception as error:  # the engine raises plain `Exception`, whatever went wrong
        if "WouldBlock" in str(error):
            raise StartupError(f"Another process has the vectors in {path} open: stop it, or set QDRANT_URL") from error
        raise StartupError(f"The vectors in {path} can't be opened: {first_line(error)}") from error
    if is_new and other_folders(path):
        log.warning(
            "vectors.new_model", folder=path.name, remedy="canvas backfill fills it; the others stay as they are"
        )
    return shard


def other_folders(path: Path) -> list[Path]:
    """Those of embedding models that were used before."""
    return [other for other in path.parent.iterdir() if other.is_dir() and other != path]


def drop_from_unused(path: Path, host: str) -> int:
    """Drop a tenant from the folder of a model that was used before, and count what is left there."""
    shard = engine.EdgeShard.load(str(path))
    try:
        shard.update(engine.UpdateOperation.delete_points_by_filter(requests.matching(host)))
        shard.flush()
        return count(shard, host)
    finally:
        shard.close()


def count(shard: engine.EdgeShard, host: str) -> int:
    """How many points a tenant has."""
    return shard.count(engine.CountRequest(exact=True, filter=requests.matching(host)))


def first_line(error: Exception) -> str:
    """The beginning of what the engine said."""
    return str(error).partition("\n")[0][:200]
