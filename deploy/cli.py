"""The `canvas` command: a thin map of what can be run. Each command reads settings, calls one thing, and says one line.

Exit codes: 0 done, 1 something failed on the way, 2 it could not start or the call was wrong.
"""

import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydantic
import rich_click as click
from click.exceptions import Exit
from pydantic_settings import SettingsError
from rich.console import Console
from rich.markup import escape

from deploy.commands import backfill as backfill_command
from deploy.commands import tenant as tenant_command
from deploy.data_folder import check_format
from deploy.settings import DeploySettings
from deploy.up import AllSettings, ingest_alone, serve_alone, until_signal, up, worker_alone
from ingest.settings import IngestSettings
from serve.settings import ServeSettings
from shared.errors import CanvasError, StartupError
from shared.logs import set_up_logging
from shared.queues import Queue
from shared.settings import Settings

click.rich_click.TEXT_MARKUP = "rich"
errors = Console(stderr=True, soft_wrap=True)
DEMO_DATA = Path(".canvas/demo")

data_option = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder (default: CANVAS_DATA_DIR or .canvas)"
)
port_option = click.option("--port", type=click.IntRange(0, 65535), help="Port (default: CANVAS_PORT or 8080)")


def load_settings(data: Path | None = None, port: int | None = None, ingest_port: int | None = None) -> AllSettings:
    """Settings from the environment and `.env`, with what the command line says on top.

    Raises:
        StartupError: a variable holds something that can't be used; its name is said, its value is not.
    """
    try:
        found = AllSettings(Settings(), IngestSettings(), ServeSettings(), DeploySettings())
    except pydantic.ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise StartupError(f"The settings can't be used: {wrong}") from error
    except SettingsError as error:
        raise StartupError(f"The settings can't be used: {_variable(error)}: Input should be valid JSON") from error
    shared = found.shared.model_copy(update={"data_dir": data} if data else {})
    ports = {"port": port, "ingest_port": ingest_port}
    deploy = found.deploy.model_copy(update={name: value for name, value in ports.items() if value is not None})
    return AllSettings(shared, found.ingest, found.serve, deploy)


def _variable(error: SettingsError) -> str:
    """The variable that can't be parsed; pydantic-settings names the field, in quotes, in the middle of its message."""
    groups = (Settings, IngestSettings, ServeSettings, DeploySettings)
    names = {name: field.validation_alias for group in groups for name, field in group.model_fields.items()}
    return next(str(alias) for name, alias in names.items() if f'"{name}"' in str(error))


def run(settings: AllSettings, job: Coroutine[Any, Any, Any]) -> None:
    """Run a command to its end with logging set up."""
    set_up_logging(settings.shared)
    asyncio.run(until_signal(job))


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prompt-canvas")
def canvas() -> None:
    """Prompt Canvas: Freshdesk's sidebar has done the thinking when the ticket is opened.

    Try it:  canvas demo      Run it:  canvas up      Connect an account:  canvas tenant add HOST
    """


@canvas.command("up")
@data_option
@port_option
def up_command(data: Path | None, port: int | None) -> None:
    """Run everything in one process: serve, webhooks, workers.

    Example:  canvas up --port 8080 --data /var/lib/canvas
    """
    settings = load_settings(data, port)
    run(settings, up(settings))


@canvas.command("serve")
@data_option
@port_option
def serve_command(data: Path | None, port: int | None) -> None:
    """Run the answering side alone: /init, /runs, /health.

    Example:  REDIS_URL=redis://redis:6379 canvas serve --port 8080
    """
    settings = load_settings(data, port)
    run(settings, serve_alone(settings))


@canvas.command("ingest")
@data_option
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: CANVAS_INGEST_PORT or 8081)")
def ingest_command(data: Path | None, port: int | None) -> None:
    """Run the webhook receiver alone.

    Example:  REDIS_URL=redis://redis:6379 canvas ingest --port 8081
    """
    settings = load_settings(data, ingest_port=port)
    run(settings, ingest_alone(settings))


@canvas.command("worker")
@click.option(
    "--queue",
    "names",
    multiple=True,
    type=click.Choice([queue.name.lower() for queue in Queue]),
    help="Queue to work on; may be given more than once (default: all)",
)
@data_option
def worker_command(names: tuple[str, ...], data: Path | None) -> None:
    """Run workers alone.

    Example:  canvas worker --queue interactive --queue live
    """
    settings = load_settings(data)
    queues = [Queue[name.upper()] for name in names] or list(Queue)
    run(settings, worker_alone(settings, queues))


@canvas.command("demo")
@data_option
@port_option
def demo_command(data: Path | None, port: int | None) -> None:
    """Start a helpdesk look-alike with 300 tickets, precompute it, and show a page with the sidebar.

    Example:  canvas demo --port 8080 --data ./demo-data
    """
    from deploy.demo.run import demo

    settings = load_settings(data, port)
    if "data_dir" not in settings.shared.model_fields_set:
        settings = load_settings(DEMO_DATA, port)
    check_format(settings.shared.data_dir)  # before the helpdesk writes into it
    if "log_level" not in settings.shared.model_fields_set:
        # The demo speaks to a person: its ten lines, and what goes wrong.
        settings = replace(settings, shared=settings.shared.model_copy(update={"log_level": "warning"}))
    run(settings, demo(settings))


canvas.add_command(tenant_command.tenant)
canvas.add_command(backfill_command.backfill)


def main() -> None:
    """Entry point: our own errors are one line for a person, never a traceback."""
    try:
        canvas.main(standalone_mode=False)
    except Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except CanvasError as error:
        errors.print(f"[red]canvas:[/red] {escape(error.detail)}", highlight=False)
        sys.exit(2 if isinstance(error, StartupError) else 1)
