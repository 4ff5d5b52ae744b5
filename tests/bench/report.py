"""The table: on the terminal, as `RESULTS.md` for people, and as `results.json` for programs."""

import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from tests.bench.figures import Budget, Figure, Peer
from tests.bench.lab import Lab
from tests.bench.load import has_wrk

HERE = Path(__file__).parent
MARKDOWN, JSON = HERE / "RESULTS.md", HERE / "results.json"
MARKS = {True: "met", False: "MISSED", None: ""}
COLORS = {True: "[green]met[/green]", False: "[red]missed[/red]", None: ""}


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure as `results.json` has it; `met` is null where there is no budget or nothing to compare with."""

    measurement: str
    name: str
    figure: float
    unit: str
    peer: Peer | None
    ratio: float | None
    budget: Budget | None
    met: bool | None
    note: str


class Results(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One whole run: on what, when, and what it found."""

    measured_at: datetime
    seconds: float
    machine: dict[str, str]
    figures: list[Row]


def rows(measurement: str, figures: Iterable[Figure]) -> list[Row]:
    """Figures as rows, rounded to what was measured; a budget is held against what the row shows."""
    return [_row(measurement, one) for one in figures]


def _row(measurement: str, one: Figure) -> Row:
    figure = _rounded(one.figure)
    ratio = None if one.ratio is None else round(one.ratio, 2)
    return Row(
        measurement=measurement,
        name=one.name,
        figure=figure,
        unit=one.unit,
        peer=msgspec.structs.replace(one.peer, figure=_rounded(one.peer.figure)) if one.peer else None,
        ratio=ratio,
        budget=one.budget,
        met=one.budget.met(figure, ratio) if one.budget else None,
        note=one.note,
    )


def machine(lab: Lab, load_before: float) -> dict[str, str]:
    """What the figures depend on besides our own code; `load_before` tells whether others used the machine too."""
    cores = "server on a core of its own, load and Redis on another" if lab.load_core is not None else "not pinned"
    return {
        "machine": f"{_cpu()}, {platform.system()} {platform.machine()}",
        "cores": cores,
        "load average before": f"{load_before:.2f}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "HTTP server": f"uvicorn {version('uvicorn')} with {_installed('httptools') or 'h11'}",
        "load": "wrk for hits, own sockets for webhooks" if has_wrk() else "own sockets (wrk is not on PATH)",
    }


def table(found: list[Row]) -> Table:
    """The table for a terminal."""
    made = Table("what", "figure", "peer", "ratio", "budget", "", box=None, header_style="bold", pad_edge=False)
    for row in found:
        made.add_row(*_cells(row), COLORS[row.met])
    return made


def say_notes(console: Console, found: list[Row]) -> None:
    """What the notes say, below the table."""
    for row in found:
        if row.note:
            console.print(f"[dim]{row.name}: {row.note}[/dim]", soft_wrap=True)


def write(results: Results) -> None:
    """Write both files."""
    JSON.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    MARKDOWN.write_text(markdown(results), "utf-8")


def read() -> Results:
    """The results as they were written last.

    Raises:
        msgspec.ValidationError: the file is none of ours.
    """
    return msgspec.json.decode(JSON.read_bytes(), type=Results)


def markdown(results: Results) -> str:
    """The text of `RESULTS.md`."""
    lines = [
        "# What `make bench` measured",
        "",
        f"One run of {results.seconds:.0f} s on {results.measured_at:%Y-%m-%d}, written by `make bench`.",
        "A peer ran in the same run, on the same machine, under the same load.",
        "",
        *(f"- {name}: {value}" for name, value in results.machine.items()),
        "",
        "| what | figure | peer | ratio | budget | | what to know |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *("| " + " | ".join([*_cells(row), MARKS[row.met], row.note]) + " |" for row in results.figures),
        "",
    ]
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    budget = ""
    if row.budget:
        sign = "≥" if row.budget.bound == "at least" else "≤"
        unit = "×" if row.budget.of == "ratio" else f" {row.unit}"
        budget = f"{sign} {row.budget.limit:,g}{unit}"
    peer = f"{row.peer.name} {row.peer.figure:,g}" if row.peer else ""
    ratio = "" if row.ratio is None else f"{row.ratio:g}×"
    return row.name, f"{row.figure:,g} {row.unit}", peer, ratio, budget


def _rounded(value: float) -> float:
    """Three significant digits are more than a benchmark knows; counts stay whole."""
    return float(round(value)) if abs(value) >= 100 else round(value, 1 if abs(value) >= 10 else 2)


def _installed(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = re.findall(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return f"{len(names)} × {names[0]}" if names else platform.machine()


def now() -> datetime:
    """The moment of a run, to the second."""
    return datetime.now(UTC).replace(microsecond=0)
