"""The table of `canvas eval --tickets`, and the same for a program."""

from typing import Any

import msgspec
from rich.console import Group
from rich.table import Table
from rich.text import Text

from deploy.evaluation.tickets import Spent, TicketsReport


def as_json(report: TicketsReport) -> dict[str, Any]:
    """The report with its shares, as JSON types."""
    found: dict[str, Any] = msgspec.to_builtins(report)
    return found | {"share": round(report.share, 4), "fresh_share": round(report.fresh_share, 4)}


def as_table(report: TicketsReport) -> Group:
    """What a person reads: tokens by task, their share of recomputing, and what is wrong with the texts."""
    tokens = Table(title=f"{report.histories} tickets, {report.updates} updates, {report.model}", title_justify="left")
    for name in ("input tokens", "calls", "input", "of it cached", "output", "from scratch", "share"):
        tokens.add_column(name, justify="left" if name == "input tokens" else "right")
    for task in sorted(report.from_scratch or report.spent):
        _row(tokens, task, report.spent.get(task, Spent()), report.from_scratch.get(task, Spent()))
    _row(tokens, "all", _sum(report.spent), _sum(report.from_scratch))
    worst = f"Worst ticket {report.worst_share:.0%}; without cached input {report.fresh_share:.0%}."
    wrong = Table(title=f"{report.texts} texts", title_justify="left", show_header=False)
    for name, number in (
        ("schema violations", report.schema_violations),
        ("unsupported sentences", report.sentences_unsupported),
        ("foreign links", report.foreign_links),
        ("leaked canaries", report.leaked_canaries),
        ("private words in replies", report.leaked_private),
        ("Canvases that are not ready", report.degraded),
    ):
        wrong.add_row(name, f"{number:,}")
    return Group(tokens, Text(worst), wrong, *(Text(f"  {finding}") for finding in report.findings))


def _row(table: Table, name: str, spent: Spent, scratch: Spent) -> None:
    share = f"{spent.input / scratch.input:.1%}" if scratch.input else "-"
    numbers = (spent.calls, spent.input, spent.cached, spent.output, scratch.input)
    table.add_row(name, *(f"{number:,}" for number in numbers), share)


def _sum(spent: dict[str, Spent]) -> Spent:
    whole = Spent()
    for one in spent.values():
        whole = Spent(
            whole.calls + one.calls, whole.input + one.input, whole.cached + one.cached, whole.output + one.output
        )
    return whole
