"""An overview as a person reads it: the verdict first, then tenants, queues, workers and Redis as tables.

Made for 80 columns; a wider terminal shows whole host names. Colour only underlines what the words say.
"""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deploy.verdict import LATE, Problem, in_words
from shared.overview import Overview, QueueFigures, TenantFigures, WorkerFigures

WIDE = 100
"""Columns from which whole host names fit."""
SLOW_S = 10.0
SUFFIX = ".freshdesk.com"
MIB = 1024 * 1024


def status_view(found: Overview, wrong: Sequence[Problem], width: int, most: int | None) -> RenderableType:
    """Everything, with at most `most` tenants (None: all), those first that need a look."""
    parts: list[RenderableType] = [*_verdict(found, wrong), Text()]
    if found.tenants:
        shown = sorted(found.tenants, key=_urgency, reverse=True)[:most]
        parts += [_tenants(shown, wide=width >= WIDE), *_rest(found.tenants, shown), Text()]
    parts += [_queues(found.queues), Text()]
    if found.workers:
        parts += [_workers(found.workers), Text()]
    return Group(*parts, _redis(found))


def plain_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """A table without lines; the columns in `right` hold numbers."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=column in right)
    return table


def _verdict(found: Overview, wrong: Sequence[Problem]) -> list[RenderableType]:
    if not wrong:
        due, running = sum(tenant.due for tenant in found.tenants), sum(tenant.running for tenant in found.tenants)
        processes = "1 worker process" if len(found.workers) == 1 else f"{len(found.workers)} worker processes"
        text = f"[bold green]All well:[/] {due:,} due, {running:,} running, {processes}"
        lines = [Text.from_markup(text)]
    else:
        count = "1 thing needs" if len(wrong) == 1 else f"{len(wrong)} things need"
        lines = [Text.from_markup(f"[bold red]{count} a look:[/]")]
        lines += [
            Text.from_markup(f"[red]✗[/] {escape(problem.text)}\n  → {escape(problem.remedy)}") for problem in wrong
        ]
    if not found.tenants:
        lines.append(Text("No account is connected yet: `canvas tenant add HOST`"))
    return list(lines)


def _urgency(tenant: TenantFigures) -> tuple[float, ...]:
    return (tenant.dead, tenant.oldest_live_due_s or 0, tenant.due)


def _tenants(tenants: Sequence[TenantFigures], wide: bool) -> Table:
    numbers = ("due", "waiting", "queued", "running", "dead", "oldest")
    ages = ("webhook", "compared")
    table = plain_table("tenant", *numbers, *ages, right=(*numbers, *ages))
    for tenant in tenants:
        table.add_row(
            tenant.host if wide else tenant.host.removesuffix(SUFFIX),
            _count(tenant.due),
            _count(tenant.waiting),
            _count(tenant.ready + tenant.out),
            _count(tenant.running),
            _count(tenant.dead, "bold red"),
            _oldest(tenant),
            _age(tenant.last_webhook_s),
            _compared(tenant),
        )
    return table


def _rest(tenants: Sequence[TenantFigures], shown: Sequence[TenantFigures]) -> list[RenderableType]:
    names = {tenant.host for tenant in shown}
    rest = [tenant for tenant in tenants if tenant.host not in names]
    if not rest:
        return []
    due = sum(tenant.due for tenant in rest)
    return [Text(f"… and {len(rest):,} more with {due:,} due (--all shows them)", style="dim")]


def _oldest(tenant: TenantFigures) -> Text:
    age = tenant.oldest_due_s
    if age is None:
        return Text("-", style="dim")
    live = tenant.oldest_live_due_s or 0
    return Text(in_words(age), style="red" if live > LATE.total_seconds() else "yellow" if live > SLOW_S else "")


def _age(seconds: float | None) -> Text:
    return Text("-", style="dim") if seconds is None else Text(in_words(seconds))


def _compared(tenant: TenantFigures) -> Text:
    """How long ago the account was compared with Freshdesk by the reconciler."""
    age = _age(tenant.reconcile.lag_s if tenant.reconcile else None)
    return Text(f"{age} !", style="red") if tenant.reconcile and tenant.reconcile.code else age


def _count(number: int, style: str = "") -> Text:
    return Text(f"{number:,}", style=style) if number else Text("0", style="dim")


def _queues(queues: Sequence[QueueFigures]) -> Table:
    numbers = ("jobs waiting", "in progress", "workers")
    table = plain_table("queue", *numbers, right=numbers)
    for queue in queues:
        workers = Text(str(queue.workers), style="" if queue.workers else "bold red")
        table.add_row(queue.name, _count(queue.waiting), _count(queue.in_progress), workers)
    return table


def _workers(workers: Sequence[WorkerFigures]) -> Table:
    table = plain_table("worker", "version", "running", "heard", right=("heard",))
    for worker in workers:
        running = ", ".join(_load(worker, queue) for queue in worker.queues)
        table.add_row(worker.name, worker.version or "?", running, f"{in_words(worker.heartbeat_age_s)} ago")
    return table


def _load(worker: WorkerFigures, queue: str) -> str:
    if queue not in worker.capacity:
        return queue
    return f"{queue} {worker.running.get(queue, 0)}/{worker.capacity[queue]}"


def _redis(found: Overview) -> Text:
    redis = found.redis
    limit = f" of {redis.max_bytes / MIB:,.0f} MB" if redis.max_bytes else ""
    used = f"{redis.used_bytes / MIB:,.1f} MB{limit}"
    return Text(f"{redis.server} {redis.version}: {used} in use, answers in {redis.answered_ms:.1f} ms")
