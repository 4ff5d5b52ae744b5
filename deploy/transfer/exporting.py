"""Write a tenant into an archive, beside the running workers where the vectors are on a server.

The ledger goes first and the Canvases after it: what is committed in between is newer than its record says, and is
found again by the reconciler, never the other way round.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from deploy.transfer import archive, kept
from deploy.transfer.points import page_of
from deploy.transfer.sealed import Secrets, seal
from ingest.context import WorkerContext
from shared.tenants import Tenant

Told = Callable[[str, int], None]
"""Told of each page: what is written (or read), and how many records it has."""


async def export_tenant(
    context: WorkerContext, host: str, path: Path, passphrase: str | None, told: Told
) -> archive.Manifest:
    """Write the archive; with a passphrase the API key and the webhook secrets are in it, too.

    Raises:
        BadInput: not connected, a short passphrase, or the file can't be written.
        StartupError: the credentials can't be decrypted.
        StageFailed: the vector store failed.
    """
    tenant = await context.tenants.require(host)
    with archive.writing(path) as file:
        with file.entry(archive.TENANT) as entry:
            entry.write([msgspec.json.encode(_without_secrets(tenant))])
        with file.entry(archive.KEYS) as entry:
            for server, cached in ((context.redis.state, False), (context.redis.cache, True)):
                async for records in kept.records_of(server, host, cached=cached):
                    entry.write(records)
                    told("keys", len(records))
        with file.entry(archive.POINTS) as entry:
            async for points in context.vectors.stored_points(host):
                if points:
                    await asyncio.to_thread(entry.write, [page_of(points)])
                    told("vectors", len(points))
        if passphrase is not None:
            sums = {name: each.sha256 for name, each in file.entries.items()}
            secrets = _secrets(context, tenant, sums)
            with file.entry(archive.SECRETS) as entry:
                entry.write([await asyncio.to_thread(seal, secrets, passphrase)])
        manifest = _manifest(context, host, file.entries)
        file.finish(manifest)
    return manifest


def _manifest(context: WorkerContext, host: str, entries: dict[str, archive.Entry]) -> archive.Manifest:
    return archive.Manifest(
        format=archive.FORMAT,
        host=host,
        version=version("prompt-canvas"),
        created_at=datetime.now(UTC),
        embedding=context.embedder.name,
        size=context.embedder.size,
        entries=entries,
    )


def _without_secrets(tenant: Tenant) -> Tenant:
    return msgspec.structs.replace(tenant, api_key=b"", webhook_secrets=[], webhook_hashes=[])


def _secrets(context: WorkerContext, tenant: Tenant, sums: dict[str, str]) -> Secrets:
    registry = context.tenants
    return Secrets(
        host=tenant.host,
        api_key=registry.api_key(tenant),
        webhook_secrets=registry.webhook_secrets(tenant),
        entries=sums,
    )
