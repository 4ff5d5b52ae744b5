"""Bytes in Redis and in the vector folder for each of the demo's 300 tickets, right after its first start."""

from pathlib import Path

from ingest.vectors.edge import EdgeVectorStore
from tests.bench.figures import Figure, at_most
from tests.bench.lab import Lab

KEPT = ("canvas", "ticket")
"""Kinds of keys that stay; the others vanish within the hour, or do not grow with the number of tickets."""


DIMENSIONS = 384
"""Of the local embedding model."""


async def measure(lab: Lab) -> list[Figure]:
    """All bytes there are, by the number of tickets; the budgets are for all of them."""
    found = await lab.furnish()
    tickets, sizes = found.tickets, found.redis_bytes
    kinds = ", ".join(
        f"{kind} {size / tickets:,.0f}" for kind, size in sorted(sizes.items(), key=lambda item: -item[1])
    )
    kept = sum(sizes.get(kind, 0) for kind in KEPT)
    vectors = found.folder / "vectors"
    size, empty = folder_bytes(vectors), await _empty_store(lab)
    log = sum(folder_bytes(folder) for folder in vectors.glob("*/wal"))
    held = (
        f"with 40 articles; {log / tickets / 1024:.1f} KB of it write-ahead log; an empty store {empty / 1024:,.0f} KB"
    )
    return [
        Figure(
            name="Redis, a ticket",
            figure=sum(sizes.values()) / tickets / 1024,
            unit="KB",
            budget=at_most(8),
            note=kinds,
        ),
        Figure(
            name="Redis, a ticket, Canvas and record alone",
            figure=kept / tickets / 1024,
            unit="KB",
            note="what is left an hour later, when the logs of the runs are gone",
        ),
        Figure(name="vector folder, a ticket", figure=size / tickets / 1024, unit="KB", budget=at_most(4), note=held),
    ]


def folder_bytes(folder: Path) -> int:
    """Bytes that a folder's files take on the disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


async def _empty_store(lab: Lab) -> int:
    folder = lab.new_folder("vectors")
    store = await EdgeVectorStore.open(folder, "empty", DIMENSIONS)
    await store.close()
    return folder_bytes(folder)
