"""What the embedded store promises beyond the contract: its folder outlives the process, and one at a time has it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ingest.vectors.edge import EdgeVectorStore
from ingest.vectors.sparse import sparse_vector
from shared.errors import StartupError
from tests.ingest.vectors.texts import SIZE, dense, ticket

ACME = "acme.freshdesk.com"
MODEL = "Look/Alike"
ROOT = Path(__file__).parents[3]
WRITER = """
import asyncio, sys, threading
from pathlib import Path
from ingest.vectors.edge import EdgeVectorStore
from tests.ingest.vectors.texts import SIZE, ticket

async def write():
    store = await EdgeVectorStore.open(Path(sys.argv[1]), "Look/Alike", SIZE)
    await store.put_tickets("acme.freshdesk.com", [ticket(number, f"Ticket number {number}") for number in range(50)])
    print("stored", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(write())
"""


@asynccontextmanager
async def writer(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that has put 50 tickets and keeps the folder open; killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        WRITER,
        str(folder),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"stored\n"
        yield process
    finally:
        process.kill()
        await process.communicate()


async def test_tickets_are_found_again_after_the_store_was_closed(tmp_path: Path) -> None:
    for revision in (1, 2, 1):
        store = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
        await store.put_tickets(ACME, [ticket(1, f"Revision {revision}", revision)])
        await store.close()
    store = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    [hit] = await store.similar_tickets(ACME, dense("Revision"), sparse_vector("Revision"), limit=5, exclude=None)
    assert hit.subject == "Revision 2"
    await store.close()


async def test_tickets_survive_a_killed_process(tmp_path: Path) -> None:
    async with writer(tmp_path) as process:
        process.kill()
    store = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    assert await store.count(ACME) == 50
    [hit] = await store.similar_tickets(
        ACME, dense("Ticket number 7"), sparse_vector("Ticket number 7"), limit=1, exclude=None
    )
    assert hit.ticket_id == 7
    await store.close()


async def test_a_folder_that_another_process_has_open_is_one_clear_line(tmp_path: Path) -> None:
    async with writer(tmp_path):
        with pytest.raises(StartupError, match="Another process has the vectors in"):
            await EdgeVectorStore.open(tmp_path, MODEL, SIZE)


async def test_each_model_and_size_has_a_folder_of_its_own(tmp_path: Path) -> None:
    small = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    large = await EdgeVectorStore.open(tmp_path, MODEL, 2 * SIZE)
    await small.put_tickets(ACME, [ticket(1, "only here")])
    assert (await small.count(ACME), await large.count(ACME)) == (1, 0)
    await small.close()
    await large.close()
    assert (tmp_path / "look-alike-256").is_dir()
    assert (tmp_path / "look-alike-512").is_dir()


async def test_a_new_model_begins_empty_says_how_to_fill_it_and_takes_nothing_from_the_old_one(tmp_path: Path) -> None:
    old = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    await old.put_tickets(ACME, [ticket(1, "of the old model")])
    with capture_logs() as logged:
        new = await EdgeVectorStore.open(tmp_path, "other", SIZE)
    [line] = [line for line in logged if line["event"].startswith("vectors.")]  # other worlds log beside it
    assert (line["event"], line["folder"]) == ("vectors.new_model", "other-256")
    assert "canvas backfill" in line["remedy"]

    async def fill() -> None:
        for number in range(1, 21):
            await new.put_tickets(ACME, [ticket(number, "of the new model")])

    async def read() -> None:
        for _ in range(10):
            asked = dense("of the old model")
            [hit] = await old.similar_tickets(ACME, asked, sparse_vector("old"), limit=5, exclude=None)
            assert hit.subject == "of the old model"

    await asyncio.gather(fill(), read())
    assert (await old.count(ACME), await new.count(ACME)) == (1, 20)
    await old.close()
    assert await new.drop_tenant(ACME) == 0, "of the old model's folder, too"
    await new.close()
    old = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    assert await old.count(ACME) == 0
    await old.close()


async def test_a_folder_whose_making_was_interrupted_is_mended(tmp_path: Path) -> None:
    (tmp_path / "look-alike-256" / "segments").mkdir(parents=True)
    store = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    await store.put_tickets(ACME, [ticket(1, "works")])
    assert await store.count(ACME) == 1
    await store.close()


async def test_a_damaged_folder_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "look-alike-256").write_text("not a folder")
    with pytest.raises(StartupError, match="can't be opened") as failure:
        await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    assert "\n" not in failure.value.detail


async def test_many_writers_and_readers_at_once_leave_the_newest_revision(tmp_path: Path) -> None:
    store = await EdgeVectorStore.open(tmp_path, MODEL, SIZE)
    await asyncio.gather(
        *(store.put_tickets(ACME, [ticket(1, f"Revision {n}", n)]) for n in (*range(50), *range(50, 0, -1))),
        *(store.count(ACME) for _ in range(50)),
    )
    [hit] = await store.similar_tickets(ACME, dense("Revision"), sparse_vector("Revision"), limit=5, exclude=None)
    assert hit.revision_ms == 50
    await store.close()


async def test_a_platform_without_the_engine_gets_one_line_with_the_remedy() -> None:
    code = "import sys; sys.modules['qdrant_edge'] = None; import ingest.vectors.edge"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    _, output = await process.communicate()
    assert b"StartupError: The embedded vector engine has no wheel for this platform: set QDRANT_URL" in output
