"""An overview as a person reads it: the verdict first, then tenants, queues, workers and Redis as tables.

Made for 80 columns; a wider terminal shows whole host names. Colour only underlines what the words say.
"""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.verdict import LATE, Problem, in_words
from shared.overview import CallFigures, Overview, QueueFigures, TenantFigures, WorkerFigures

WIDE = 100
"""Columns from which whole host names fit."""
MOST_PROBLEMS = 8
SLOW_S = 10.0
SUFFIX = ".freshdesk.com"
MIB = 1024 * 1024


def status_view(found: Overview, wrong: Sequence[Problem], width: int, most: int | None) -> RenderableType:
    """Everything, with at most `most` tenants, those first that need a look, and few problems (None: all of both)."""
    parts: list[RenderableType] = [*_verdict(found, wrong, None if most is None else MOST_PROBLEMS), Text()]
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


def _verdict(found: Overview, wrong: Sequence[Problem], most: int | None) -> list[RenderableType]:
    lines: list[RenderableType] = [_problems(wrong[:most], len(wrong)) if wrong else _all_well(found)]
    if len(wrong) > len(wrong[:most]):
        lines.append(Text(f"… and {len(wrong) - len(wrong[:most]):,} more (--all shows them)", style="dim"))
    if not found.tenants:
        lines.append(Text("No account is connected yet: `canvas tenant add HOST`"))
    return lines


def _all_well(found: Overview) -> Text:
    due, running = sum(tenant.due for tenant in found.tenants), sum(tenant.running for tenant in found.tenants)
    processes = "1 worker process" if len(found.workers) == 1 else f"{len(found.workers)} worker processes"
    return Text.from_markup(f"[bold green]All well:[/] {due:,} due, {running:,} running, {processes}")


def _problems(wrong: Sequence[Problem], count: int) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for problem in wrong:
        grid.add_row(Text("✗", style="red"), Text(problem.text))
        grid.add_row("", Text(f"→ {problem.remedy}", style="dim"))
    needs = "1 thing needs" if count == 1 else f"{count:,} things need"
    return Group(Text(f"{needs} a look:", style="bold red"), grid)


def _urgency(tenant: TenantFigures) -> tuple[float, ...]:
    return (tenant.dead, tenant.oldest_live_due_s or 0, tenant.due)


def _tenants(tenants: Sequence[TenantFigures], wide: bool) -> Table:
    numbers = ("due", "wait", "queued", "run", "dead", "oldest", "webhook", "compared", "calls left")
    table = plain_table("tenant", *numbers, right=numbers)
    table.padding = (0, 1, 0, 0)
    table.columns[0].overflow = "ellipsis"
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
            _calls_left(tenant.calls),
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


def _calls_left(calls: CallFigures) -> Text:
    """What is left of the account's API calls; 0 and for how long where Freshdesk refuses all."""
    if calls.blocked_for_s:
        return Text(f"0 for {in_words(calls.blocked_for_s)}", style="red")
    if calls.total is None or calls.remaining is None:
        return Text("no limit" if calls.unlimited else "-", style="dim")
    return Text(f"{calls.remaining}/{calls.total}", style="yellow" if calls.remaining == 0 else "")


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
