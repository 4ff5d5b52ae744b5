"""Read a tenant from an archive: all of it is checked before the first write, and the tenant's own record comes last.

Until that record is there nobody works on the tenant, so that an import that breaks off is done again, and no more.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from deploy.transfer import archive
from deploy.transfer.archive import ArchiveReader
from deploy.transfer.exporting import Told
from deploy.transfer.kept import KINDS, KeyRecord, check_record, write_records
from deploy.transfer.points import Page, check_sizes, put_page
from deploy.transfer.sealed import Secrets, unseal
from ingest.context import WorkerContext
from ingest.erasure import WATCH, erase_tenant, erasure_of, finish
from shared import workers
from shared.errors import BadInput
from shared.tenant_settings import check_settings
from shared.tenants import Tenant, parse_host

BATCH = 200
"""Records in one round trip."""


class Checked(NamedTuple):
    """What an archive holds, seen to be whole; `secrets` is None where there are none."""

    tenant: Tenant
    secrets: Secrets | None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it: records and vectors written, tickets that are computed anew, and whether the key came along."""

    host: str
    keys: int
    vectors: int
    due: int
    secrets: bool


def check_archive(reader: ArchiveReader, passphrase: str | None) -> Checked:
    """Read the whole archive once; blocks for as long as that takes.

    Raises:
        BadInput: it is damaged, was changed, or needs another passphrase.
    """
    tenants: list[bytes] = []
    sealed: list[bytes] = []
    size = reader.manifest.size
    reader.check(archive.TENANT, bytes, tenants.append)
    reader.check(archive.SECRETS, bytes, sealed.append)
    reader.check(archive.KEYS, KeyRecord, check_record)
    reader.check(archive.POINTS, Page, lambda page: check_sizes(page, size))  # type: ignore[arg-type]
    tenant = _tenant(tenants, reader.manifest.host)
    if not sealed:
        return Checked(tenant, None)
    if passphrase is None:
        raise BadInput("The archive holds secrets: give the passphrase of its export")
    secrets = unseal(sealed[0], passphrase)
    sums = {name: entry.sha256 for name, entry in reader.manifest.entries.items() if name != archive.SECRETS}
    if secrets.host != tenant.host or secrets.entries != sums:
        raise BadInput("The archive was changed after its export: nothing was imported")
    return Checked(tenant, secrets)


def _tenant(found: list[bytes], host: str) -> Tenant:
    try:
        [text] = found
        tenant = msgspec.json.decode(text, type=Tenant)
        check_settings(tenant.settings)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BadInput(archive.DAMAGED) from error
    if parse_host(tenant.host) != host or tenant.host != host:
        raise BadInput(archive.DAMAGED)
    return tenant


async def import_tenant(
    context: WorkerContext, reader: ArchiveReader, checked: Checked, told: Told, *, api_key: str, replace: bool
) -> Imported:
    """Write a checked archive; `api_key` is the key to store where the archive holds none.

    Tickets are current at once where the models and the settings make the same Canvases here, and due on the backfill
    lane where they do not.

    Raises:
        BadInput: the tenant is there already, and it is not to be replaced; or it is being removed.
        StageFailed: the vector store failed.
    """
    tenant, secrets = checked
    host = tenant.host
    await _make_room(context, host, replace=replace)
    same_vectors = (reader.manifest.embedding, reader.manifest.size) == (context.embedder.name, context.embedder.size)
    due = await _keys(context, reader, tenant, told, everything=not same_vectors)
    vectors = await _vectors(context, reader, host, told) if same_vectors else 0
    key = secrets.api_key if secrets else api_key
    sealed = context.tenants.seal(host, secrets.webhook_secrets if secrets else [])
    await context.tenants.put(
        msgspec.structs.replace(
            tenant, api_key=context.vault.encrypt(key, host), webhook_secrets=sealed, webhook_hashes=[]
        )
    )
    await context.ledger.repair(host)
    keys = reader.manifest.entries[archive.KEYS].records
    return Imported(host=host, keys=keys, vectors=vectors, due=due, secrets=secrets is not None)


async def _make_room(context: WorkerContext, host: str, *, replace: bool) -> None:
    erasing = await erasure_of(context, host)
    if erasing is not None and erasing.going_on:
        raise BadInput(f"{host} is being removed: import it when that is done")
    if await context.tenants.get(host) is None:
        return
    if not replace:
        raise BadInput(f"{host} is connected already: nothing was imported. --replace erases what is here first")
    others = await workers.reports(context.redis.state)
    await context.tenants.remove(host)
    # With nobody beside us nothing can come back.
    await finish(context, host, await erase_tenant(context, host, WATCH if others else timedelta(0)))


async def _keys(context: WorkerContext, reader: ArchiveReader, tenant: Tenant, told: Told, *, everything: bool) -> int:
    """Write the keys, and mark the tickets whose Canvases would be made in another way here; how many those are."""
    recipe, marked = context.recipe_of(tenant).canvas.encode(), 0
    records = reader.records(archive.KEYS, KeyRecord)
    while batch := await asyncio.to_thread(_next, records):
        for server, cached in ((context.redis.state, False), (context.redis.cache, True)):
            mine = [record for record in batch if KINDS[record.kind].cached is cached]
            if mine:
                await write_records(server, tenant.host, mine)
        for record in batch:
            if record.kind == "ticket" and _is_of_another(record, recipe, everything=everything):
                await context.ledger.mark(tenant.host, int(record.suffix.partition(":")[2]), "backfill")
                marked += 1
        told("keys", len(batch))
    return marked


def _is_of_another(record: KeyRecord, recipe: bytes, *, everything: bool) -> bool:
    """Whether a ticket has a Canvas that is not made as it would be made here."""
    fields = dict(record.value)  # type: ignore[arg-type]
    return b"recipe" in fields and (everything or fields[b"recipe"] != recipe)


async def _vectors(context: WorkerContext, reader: ArchiveReader, host: str, told: Told) -> int:
    written = 0
    pages: Iterator[Page] = reader.records(archive.POINTS, Page)  # type: ignore[arg-type]
    while batch := await asyncio.to_thread(_next, pages, 1):
        await put_page(context.vectors, host, batch[0])
        written += len(batch[0].points)
        told("vectors", len(batch[0].points))
    return written


def _next(records: Iterator[Any], count: int = BATCH) -> list[Any]:
    return list(islice(records, count))
