"""`python -m tests.bench`: run the measurements, print one table, and keep a whole run's results in two files."""

import asyncio
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import rich_click as click
from rich.console import Console

from deploy.process import until_signal
from shared.logs import set_up_logging
from shared.settings import Settings
from tests.bench import fastapi_peer, report
from tests.bench.lab import Lab, clean
from tests.bench.measurements import MEASUREMENTS, meaning
from tests.bench.processes import OF_A_DEVELOPER

WIDTH = 120
console = Console(highlight=False)
if not console.is_terminal:
    console.width = WIDTH


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "only_list", is_flag=True, help="Say what can be measured.")
def bench(names: tuple[str, ...], only_list: bool) -> None:
    """Measure what the design promises; takes two to three minutes on 2 cores.

    With names (`init` is short for `init_hit`) only those are measured, and no files are written, since their figures
    come from one run or not at all.
    """
    if only_list:
        for name in MEASUREMENTS:
            click.echo(f"{name:<10} {meaning(name)}")
        return
    chosen = {name: [one for one in MEASUREMENTS if one == name or one.startswith(f"{name}_")] for name in names}
    unknown = [name for name, found in chosen.items() if not found]
    if unknown:
        raise click.UsageError(f"There is no measurement {', '.join(unknown)}: see --list")
    _forget_the_developers_settings()
    wanted = {one for found in chosen.values() for one in found}
    sys.exit(asyncio.run(_run([name for name in MEASUREMENTS if not names or name in wanted])))


def _forget_the_developers_settings() -> None:
    for name in list(os.environ):
        if name.startswith(OF_A_DEVELOPER):
            del os.environ[name]


async def _run(names: list[str]) -> int:
    """The exit code: 0 if everything was measured, whether budgets were met or not; 1 if a measurement failed."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.chdir(folder)  # a `.env` of the developer must not be read either
        set_up_logging(Settings(log_level="error"))
        codes: list[int] = []

        async def job() -> None:
            codes.append(await _measure_all(Lab(folder), names))

        try:
            await until_signal(job())
        finally:
            await clean(folder)
        return codes[0] if codes else 130


async def _measure_all(lab: Lab, names: list[str]) -> int:
    began, found, failed = time.perf_counter(), [], 0
    load_before = os.getloadavg()[0]
    if "init_hit" in names and not fastapi_peer.install():
        console.print(f"{fastapi_peer.MISSING}: its ratios will be missing")
    for name in names:
        started = time.perf_counter()
        try:
            found += report.rows(name, await MEASUREMENTS[name](lab))
        except Exception:  # noqa: BLE001
            # An edge: what was measured before and after is still worth showing.
            failed += 1
            console.print(f"[red]{name} failed[/red]")
            console.print(traceback.format_exc(), markup=False)
            continue
        console.print(f"{name} measured in {time.perf_counter() - started:.0f} s  [dim]{meaning(name)}[/dim]")
    console.print()
    console.print(report.table(found))
    console.print()
    report.say_notes(console, found)
    seconds = time.perf_counter() - began
    if not failed and names == list(MEASUREMENTS):
        report.write(
            report.Results(
                measured_at=report.now(),
                seconds=round(seconds),
                machine=report.machine(lab, load_before),
                figures=found,
            )
        )
        console.print("\nWritten to tests/bench/RESULTS.md and results.json")
    return 1 if failed else 0


if __name__ == "__main__":
    bench()
