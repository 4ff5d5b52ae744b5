"""`canvas status`: is all well, and if not, what to do; for people, programs (`--json`) and monitoring (`--check`).

Exit codes: 0 it could be seen (with `--check`: and all is well), 1 with `--check` something is wrong, 2 Redis does not
answer. `--watch` looks again every second until Ctrl-C, which is no error.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import rich_click as click
from click.exceptions import Exit
from redis.asyncio import Redis
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from deploy.data_folder import redis_asked, redis_ready
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from deploy.status_view import status_view
from deploy.verdict import Problem, problems
from shared import keys
from shared.errors import BadInput, StartupError
from shared.overview import Overview, overview
from shared.redis import redis_clients
from shared.tenants import parse_host

WATCH_EVERY_S = 1.0
MOST_TENANTS = 15
"""So that all of it fits a screen."""


@dataclass(frozen=True)
class Look:
    """What to look at and how to show it; `most` tenants (None: all), `window` of the rate limit."""

    host: str | None
    as_json: bool
    most: int | None
    window: timedelta


@click.command()
@click.argument("host", required=False)
@click.option("--watch", is_flag=True, help="Look again every second, until Ctrl-C")
@click.option("--json", "as_json", is_flag=True, help="One JSON document a look, for programs")
@click.option("--check", is_flag=True, help="End with 1 if something is wrong, for monitoring")
@click.option(
    "--all", "every", is_flag=True, help=f"All accounts, not only the {MOST_TENANTS} most urgent ones, and all problems"
)
@data_option
def status(host: str | None, watch: bool, as_json: bool, check: bool, every: bool, data: Path | None) -> None:
    """Show whether all is well, and what to do if not.

    Below: due tickets by account, queues, workers, Redis.

    Ends with 0 if it could look (with --check: and all is well), 1 if --check found something wrong, 2 if Redis does
    not answer.

    Example:  canvas status --watch
    """
    if watch and check:
        raise click.UsageError("--check looks once: leave --watch out")
    settings = load_settings(data)
    window = timedelta(seconds=settings.shared.freshdesk_window_s)
    look = Look(parse_host(host) if host else None, as_json, None if every or host else MOST_TENANTS, window)
    if watch:
        run(settings, _watch(settings, look), "watch")
    else:
        run(settings, _once(settings, look, check))


async def _once(settings: AllSettings, look: Look, check: bool) -> None:
    async with redis_ready(settings.shared) as shared, redis_clients(shared) as redis:
        found = await _overview(redis.state, look)
    wrong = problems(found)
    if look.as_json:
        click.echo(_document(found, wrong))
    else:
        console = _console()
        console.print(status_view(found, wrong, console.width, look.most))
    if check and wrong:
        raise Exit(1)


async def _watch(settings: AllSettings, look: Look) -> None:
    async with redis_ready(settings.shared) as shared, redis_clients(shared) as redis:
        console = _console()
        if look.as_json or not console.is_terminal:
            await _every_second(redis.state, look, lambda shown: _print(console, shown))
            return
        with Live(console=console, auto_refresh=False) as live:
            await _every_second(redis.state, look, lambda shown: _redraw(live, shown))


async def _every_second(state: Redis, look: Look, show: Callable[[RenderableType | str], None]) -> None:
    """Look and show, for ever; a Redis that is away is shown, too, and asked again."""
    while True:
        try:
            found = await _overview(state, look)
        except StartupError as error:
            gone = msgspec.json.encode({"well": False, "error": error.detail}).decode()
            show(gone if look.as_json else Text(f"{error.detail} Looking again.", style="bold red"))
        else:
            wrong = problems(found)
            show(_document(found, wrong) if look.as_json else status_view(found, wrong, _console().width, look.most))
        await asyncio.sleep(WATCH_EVERY_S)


def _print(console: Console, shown: RenderableType | str) -> None:
    if isinstance(shown, str):
        click.echo(shown)
    else:
        console.print(shown, Text())
        console.file.flush()


def _redraw(live: Live, shown: RenderableType | str) -> None:
    hint = Text(f"{datetime.now(UTC):%H:%M:%S} UTC, every second; Ctrl-C ends", style="dim")
    live.update(Group(shown, hint), refresh=True)


async def _overview(state: Redis, look: Look) -> Overview:
    async with redis_asked():
        if look.host is not None and not await state.exists(keys.tenant(look.host)):
            raise BadInput(f"{look.host} is not connected: run `canvas tenant add {look.host}` first")
        return await overview(state, look.window, None if look.host is None else [look.host])


def _document(found: Overview, wrong: list[Problem]) -> str:
    """One line of JSON: `well`, `problems`, and the fields of the overview."""
    document = {"well": not wrong, "problems": wrong, **msgspec.to_builtins(found)}
    return msgspec.json.encode(document).decode()


def _console() -> Console:
    return Console(highlight=False)
