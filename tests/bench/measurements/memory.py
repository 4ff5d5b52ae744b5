"""Bytes for each ticket: in Redis for the demo's 300, in the vector folder for these written for 333 tenants.

The engine's write-ahead log has files of 32 MB and keeps two of them, however many tickets there are: of 300 tickets it
would be half of all, so the folder is measured with 100,000.
"""

import shutil
from pathlib import Path

from deploy.demo.run import DOMAIN
from deploy.transfer.points import TicketPage, page_of, put_page
from ingest.vectors.edge import EdgeVectorStore
from tests.bench.figures import Figure, at_most
from tests.bench.lab import Lab

KEPT = ("canvas", "ticket")
"""Kinds of keys that stay; the others vanish within the hour, or do not grow with the number of tickets."""


DIMENSIONS = 384
"""Of the local embedding model."""
TENANTS = 333
ARTICLES_EVERY = 10
"""The demo has as many parts of articles as a third of its tickets; who has 3,000 tickets hardly has more of them."""


async def measure(lab: Lab) -> list[Figure]:
    """All bytes there are, by the number of tickets; the budgets are for all of them."""
    found = await lab.furnish()
    tickets, sizes = found.tickets, found.redis_bytes
    kinds = ", ".join(
        f"{kind} {size / tickets:,.0f}" for kind, size in sorted(sizes.items(), key=lambda item: -item[1])
    )
    kept = sum(sizes.get(kind, 0) for kind in KEPT)
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
        await _vectors(lab, found.folder / "vectors", tickets),
    ]


async def _vectors(lab: Lab, demo: Path, tickets: int) -> Figure:
    """The folder's size with the demo's own points, texts and articles included, of many tenants."""
    source = shutil.copytree(demo, lab.new_folder("vectors"), dirs_exist_ok=True)
    name = next(folder.name for folder in source.glob(f"*-{DIMENSIONS}")).removesuffix(f"-{DIMENSIONS}")
    stored = await EdgeVectorStore.open(source, name, DIMENSIONS)
    pages = [page async for page in stored.stored_points(DOMAIN)]
    await stored.close()
    folder = lab.new_folder("vectors")
    store = await EdgeVectorStore.open(folder, name, DIMENSIONS)
    for tenant in range(TENANTS):
        for page in map(page_of, pages):
            if isinstance(page, TicketPage) or tenant % ARTICLES_EVERY == 0:
                await put_page(store, f"tenant{tenant}.freshdesk.com", page)
    await store.close()
    of_all, articles = folder_bytes(folder), sum(len(page) for page in pages) - tickets
    log = sum(folder_bytes(wal) for wal in folder.glob("*/wal"))
    held = (
        f"{tickets * TENANTS:,} tickets of {TENANTS} tenants, {articles} parts of articles for each 3,000; "
        f"{log / tickets / TENANTS / 1024:.1f} KB of it write-ahead log, which does not grow"
    )
    size = of_all / tickets / TENANTS / 1024
    return Figure(name="vector folder, a ticket", figure=size, unit="KB", budget=at_most(4), note=held)


def folder_bytes(folder: Path) -> int:
    """Bytes that a folder's files take on the disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())
