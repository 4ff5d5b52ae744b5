"""Workers and their work: heartbeats, versions, queues, what waits, and that they belong together."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.metadata import version

from redis.asyncio import Redis

from deploy.doctor.finding import Finder, Finding
from deploy.verdict import problems
from shared import workers
from shared.overview import Overview, overview
from shared.workers import WorkerReport

EDGE = "EdgeVectorStore"
"""What a worker reports whose vectors are in its own data folder."""
finder = Finder("workers")


async def of_workers(state: Redis, hosts: Sequence[str], window: timedelta, embedder: str) -> list[Finding]:
    """What `canvas status` finds wrong, and how the workers fit together; `embedder` is the settings' model."""
    found = await overview(state, window, hosts)
    reports = await workers.reports(state)
    wrong = [
        Finder("workers", problem.host).problem(problem.code, problem.text, problem.remedy)
        for problem in problems(found)
        if problem.code != "redis-memory"  # looked at with the server itself
    ]
    return [*wrong, *_together(reports, embedder), *_figures(found, has_problems=bool(wrong))]


def _together(reports: Sequence[WorkerReport], embedder: str) -> Iterator[Finding]:
    """Workers of one installation have one version, one embedding model, and one place for vectors."""
    versions = {report.version or "unknown" for report in reports} | {version("prompt-canvas")}
    if len(versions) > 1:
        text = f"Processes of several versions work here: {', '.join(sorted(versions))}"
        yield finder.warning("versions", text, "restart the older ones after the update")
    others = {found for report in reports if (found := report.parts.get("embedding", embedder)) != embedder}
    if others:
        text = f"Workers embed with {', '.join(sorted(others))}, the settings here say {embedder}"
        yield finder.problem("embedding-differs", text, "start all processes with the same settings")
    apart = [report.name for report in reports if report.parts.get("vectors") == EDGE]
    if len(apart) > 1:
        text = f"{len(apart)} workers keep embedded vectors, each for itself: none finds what another one has stored"
        yield finder.problem("vectors-apart", text, "set QDRANT_URL for all of them, or run one `canvas up`")


def _figures(found: Overview, *, has_problems: bool) -> Iterator[Finding]:
    alive = len(found.workers)
    due, dead = sum(tenant.due for tenant in found.tenants), sum(tenant.dead for tenant in found.tenants)
    ages = [worker.heartbeat_age_s for worker in found.workers]
    heard = f", last heard of {max(ages):.0f} s ago" if ages else ""
    if alive and not has_problems:
        yield finder.ok("workers", f"{alive} worker process{'' if alive == 1 else 'es'}{heard}")
    tickets, were = "ticket is" if due == 1 else "tickets are", "was" if dead == 1 else "were"
    yield finder.ok("work", f"{due:,} {tickets} due, {dead:,} {were} given up")
