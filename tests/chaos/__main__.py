"""`python -m tests.chaos`: run the scenarios one after the other; the exit status is 1 if one of them fails."""

import asyncio
import importlib
import os
import pkgutil
import random
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import get_args

import rich_click as click

from deploy.demo.helpdesk.settings import Counting
from shared.logs import set_up_logging
from shared.settings import Settings
from tests.chaos import scenarios
from tests.chaos.outcome import Outcome
from tests.chaos.processes import OF_A_DEVELOPER
from tests.chaos.scenarios.backfill_rate import Size

ORDER = (
    "kill",
    "control",
    "redis",
    "reconcile",
    "burst",
    "fairness",
    "throttle",
    "poison",
    "deploy",
    "viewers",
    "slow_viewers",
    "backfill",
    "backfill_rate",
    "backfill_batch",
)


def find_scenarios() -> dict[str, ModuleType]:
    """The scenarios by name: a module each, in the order of the acceptance list."""
    names = {found.name for found in pkgutil.iter_modules(scenarios.__path__)}
    assert names == set(ORDER), names ^ set(ORDER)
    return {name: importlib.import_module(f"tests.chaos.scenarios.{name}") for name in ORDER}


async def run_scenario(module: ModuleType, size: object, seed: int) -> Outcome:
    """Run one in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        outcome: Outcome = await module.run(size, seed, Path(folder))
        return outcome


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--only", metavar="NAME", help="Run this scenario alone (several with commas).")
@click.option("--seed", type=int, help="Seed of every random choice; a new one unless given.")
@click.option("--small", is_flag=True, help="The small versions that are part of the tests.")
@click.option(
    "--counting",
    type=click.Choice(get_args(Counting)),
    help="Which minutes Freshdesk counts in backfill_rate: those that begin with the first call after the last one "
    "(call), the clock's (clock), or any sixty seconds (any). Nobody knows, so try each; call unless given.",
)
@click.option("--plan", metavar="NAME", help="Play backfill_rate for this plan alone: trial, growth or enterprise.")
@click.option("--list", "only_list", is_flag=True, help="Say which scenarios there are.")
def chaos(
    only: str | None, seed: int | None, small: bool, counting: Counting | None, plan: str | None, only_list: bool
) -> None:
    """Kill, freeze, flood and starve the system, and check that it loses nothing; takes about ten minutes."""
    found = find_scenarios()
    if only_list:
        for name, module in found.items():
            click.echo(f"{name:<10} {(module.__doc__ or '').splitlines()[0]}")
        return
    chosen = only.split(",") if only else list(found)
    unknown = [name for name in chosen if name not in found]
    if unknown:
        raise click.UsageError(f"There is no scenario {', '.join(unknown)}: see --list")
    _forget_the_developers_settings()
    set_up_logging(Settings(log_level="error"))
    seed = random.randrange(1_000_000) if seed is None else seed
    sizes = {name: getattr(found[name], "SMALL" if small else "FULL") for name in chosen}
    if "backfill_rate" in sizes:
        sizes["backfill_rate"] = of_rate(sizes["backfill_rate"], counting, plan)
    results = [_run(name, found[name], seed, size) for name, size in sizes.items()]
    sys.exit(0 if all(results) else 1)


def of_rate(size: Size, counting: Counting | None, plan: str | None) -> Size:
    """The size of `backfill_rate` with another way to count, or one plan alone."""
    plans = tuple(each for each in size.plans if plan in {None, each.name})
    if not plans:
        raise click.UsageError(f"There is no plan {plan} in backfill_rate")
    return replace(size, plans=plans, counting=counting or size.counting)


def _forget_the_developers_settings() -> None:
    for name in list(os.environ):
        if name.startswith(OF_A_DEVELOPER):
            del os.environ[name]
    os.chdir(tempfile.gettempdir())  # a `.env` of the developer must not be read either


def _run(name: str, module: ModuleType, seed: int, size: object) -> bool:
    began = time.monotonic()
    try:
        outcome = asyncio.run(run_scenario(module, size, seed))
    except Exception:  # noqa: BLE001
        # An edge: the other scenarios are still worth running.
        click.echo(f"chaos {name} seed={seed} error FAIL")
        click.echo(traceback.format_exc(), err=True)
        return False
    took = Outcome({**outcome.figures, "took_s": round(time.monotonic() - began)}, outcome.passed)
    click.echo(took.line(name, seed))
    for what, examples in outcome.examples.items():
        click.echo(f"  {what}: " + "; ".join(examples))
    return outcome.passed


if __name__ == "__main__":
    chaos()
