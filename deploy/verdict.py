"""What is wrong, judged from an overview, and what to do about it: the first lines of `canvas status`."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import msgspec

from shared.overview import Overview, TenantFigures, WorkerFigures
from shared.queues import Queue

LATE = timedelta(seconds=60)
"""A live change is a ready Canvas within seconds; who waits this long waits for something that is broken or full."""
SILENT = timedelta(seconds=12)
"""Workers report every 5 s, and are forgotten after 15."""
UNCOMPARED = timedelta(minutes=30)
"""The reconciler looks every few minutes."""
MEMORY_FULL = 0.9


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something that needs a person: `code` for programs, `text` and `remedy` for people; `host` where it is one's."""

    code: str
    text: str
    remedy: str
    host: str = ""


def problems(found: Overview) -> list[Problem]:
    """Everything that is wrong, the worst first; empty if all is well."""
    return [
        *_queues_without_worker(found),
        *_memory(found),
        *(problem for worker in found.workers for problem in _silent(worker)),
        *_stages(found),
        *(problem for tenant in found.tenants for problem in _of_tenant(tenant)),
    ]


def _queues_without_worker(found: Overview) -> Iterator[Problem]:
    without = [queue.name for queue in found.queues if not queue.workers]
    if len(without) == len(Queue):
        yield Problem(code="no-worker", text="No worker is alive", remedy="start `canvas up`, or `canvas worker`")
        return
    for name in without:
        remedy = f"start `canvas up`, or `canvas worker --queue {name}`"
        yield Problem(code="no-worker", text=f"No worker reads the {name} queue", remedy=remedy)


def _memory(found: Overview) -> Iterator[Problem]:
    redis = found.redis
    if redis.max_bytes and redis.used_bytes > MEMORY_FULL * redis.max_bytes:
        share = f"{redis.used_bytes / redis.max_bytes:.0%}"
        remedy = "raise its maxmemory: when it is full, webhooks are refused"
        yield Problem(code="redis-memory", text=f"Redis has used {share} of its memory", remedy=remedy)


def _silent(worker: WorkerFigures) -> Iterator[Problem]:
    if worker.heartbeat_age_s > SILENT.total_seconds():
        text = f"Worker {worker.name} has said nothing for {worker.heartbeat_age_s:.0f} s"
        yield Problem(code="worker-silent", text=text, remedy="look at its log; its tickets go to others by themselves")


def _stages(found: Overview) -> Iterator[Problem]:
    """Stages that failed the last time that they ran, those of all workers as one."""
    failing = Counter((stage, code) for worker in found.workers for stage, code in worker.failing.items())
    for (stage, code), count in failing.items():
        where = "on one worker" if count == 1 else f"on {count} workers"
        text = f"The stage {stage} failed the last time that it ran {where} ({code})"
        yield Problem(code="stage-failing", text=text, remedy="see /health and the workers' log; it is tried again")


def _of_tenant(tenant: TenantFigures) -> Iterator[Problem]:
    if tenant.oldest_live_due_s is not None and tenant.oldest_live_due_s > LATE.total_seconds():
        yield Problem(
            code="late",
            text=f"{tenant.host}: a change waits for {in_words(tenant.oldest_live_due_s)}",
            remedy="look for failing stages above and in the workers' log; if there are none, start more workers",
            host=tenant.host,
        )
    yield from _of_reconciler(tenant)
    if tenant.dead:
        text = f"{tenant.host}: {tenant.dead:,} ticket{'s were' if tenant.dead > 1 else ' was'} given up"
        yield Problem(code="dead", text=text, remedy=f"`canvas dead list {tenant.host}`", host=tenant.host)


def _of_reconciler(tenant: TenantFigures) -> Iterator[Problem]:
    """What webhooks miss comes late without it; one failed pass is nothing, the next one takes its work up."""
    found = tenant.reconcile
    if found is None or (found.lag_s is not None and found.lag_s < UNCOMPARED.total_seconds()):
        return
    ago = "yet" if found.lag_s is None else f"for {in_words(found.lag_s)}"
    text = f"{tenant.host}: not compared with Freshdesk {ago}" + (f" ({found.code})" if found.code else "")
    remedy = "start a worker" if not found.code else "see the workers' log; what webhooks miss is found late"
    yield Problem(code="not-compared", text=text, remedy=remedy, host=tenant.host)


def in_words(seconds: float) -> str:
    """A span in its largest unit, rounded down: `12 s`, `3 min`, `5 h`, `2 d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
