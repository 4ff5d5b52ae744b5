"""The findings for a person: the verdict, then each part with what is wrong in it first, and what to do about it."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from deploy.doctor.finding import PARTS, Finding, Level

TITLES = {
    "machine": "This machine",
    "settings": "Settings and addresses",
    "redis": "Redis",
    "vectors": "Vectors and embeddings",
    "models": "Models",
    "workers": "Workers and work",
    "freshdesk": "Freshdesk",
}
MARKS: dict[Level, tuple[str, str]] = {"problem": ("✗", "red"), "warning": ("!", "yellow"), "ok": ("✓", "green")}
WORST_FIRST: tuple[Level, ...] = ("problem", "warning", "ok")


def doctor_view(findings: Sequence[Finding]) -> RenderableType:
    """All of it, made for 80 columns and more."""
    parts: list[RenderableType] = [_verdict(findings)]
    for part in PARTS:
        for host in dict.fromkeys(finding.host for finding in findings if finding.part == part):
            chosen = [finding for finding in findings if (finding.part, finding.host) == (part, host)]
            title = TITLES[part] + (f": {host}" if host else "")
            parts += [Text(), Text(title, style="bold"), _table(chosen)]
    return Group(*parts)


def _verdict(findings: Sequence[Finding]) -> Text:
    counts = Counter(finding.level for finding in findings)
    said = ", ".join(
        f"{counts[level]} {level}{'' if counts[level] == 1 else 's'}"
        for level in ("problem", "warning")
        if counts[level]
    )
    if not said:
        return Text(f"All well: {counts['ok']} checks passed", style="bold green")
    return Text(f"{said}; {counts['ok']} checks passed", style="bold red" if counts["problem"] else "bold yellow")


def _table(findings: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    for finding in sorted(findings, key=lambda each: WORST_FIRST.index(each.level)):
        mark, style = MARKS[finding.level]
        table.add_row(Text(mark, style=style), Text(finding.text))
        if finding.remedy:
            table.add_row("", Text(f"→ {finding.remedy}", style="dim"))
    return table
