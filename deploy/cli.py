"""The `canvas` command: a thin map of what can be run. Each command reads settings, calls one thing, and says one line.

Exit codes: 0 done, 1 something is wrong or failed on the way, 2 it could not start or the call was wrong, 130 stopped.
"""

import sys
from dataclasses import replace
from pathlib import Path

import rich_click as click
from click.exceptions import Exit
from rich.console import Console
from rich.markup import escape

from deploy.later import Later
from deploy.process import data_option, run
from deploy.settings import load_settings
from deploy.standard_streams import drop_output, prepare_streams
from shared.errors import CanvasError, StartupError

click.rich_click.TEXT_MARKUP = "rich"
click.rich_click.MAX_WIDTH = 100
click.rich_click.TEXT_PARAGRAPH_LINEBREAKS = "\n\n"
click.rich_click.COMMAND_GROUPS = {
    "canvas": [
        {"name": "Run", "commands": ["up", "demo", "serve", "ingest", "worker"]},
        {"name": "Accounts", "commands": ["tenant"]},
        {"name": "Look", "commands": ["status", "doctor", "eval"]},
        {"name": "Repair", "commands": ["reconcile", "dead"]},
        {"name": "Data", "commands": ["backfill", "export", "import", "feedback"]},
        {"name": "Shell", "commands": ["completion"]},
    ]
}
LATER = {
    "tenant": ("tenant:tenant", "Connect Freshdesk accounts, look at them, change and remove them."),
    "status": ("status:status", "Show whether all is well, and what to do if not."),
    "doctor": ("doctor:doctor", "Look at everything, and say what to do about what is wrong."),
    "eval": ("eval:evaluate", "Measure the search, or what tickets' texts cost and say."),
    "reconcile": ("reconcile:reconcile", "Find now what webhooks missed."),
    "dead": ("dead:dead", "Tickets that were given up: look, try again, or drop."),
    "backfill": ("backfill:backfill", "Bring existing tickets and articles in."),
    "export": ("transfer:export", "Write all of an account into a file."),
    "import": ("transfer:import_command", "Read an account from a file that was exported elsewhere."),
    "feedback": ("feedback:feedback", "What agents did with suggestions."),
    "completion": ("completion:completion", "Print what makes SHELL complete commands, options and hosts."),
}
"""Commands in modules of their own, with the line that the map shows of each."""
QUEUES = ["interactive", "live", "backfill"]
"""By their names (`shared.queues.Queue`, which loads arq)."""
errors = Console(stderr=True, soft_wrap=True)
DEMO_DATA = Path(".canvas/demo")

port_option = click.option("--port", type=click.IntRange(0, 65535), help="Port (default: CANVAS_PORT or 8080)")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="prompt-canvas")
def canvas() -> None:
    """Prompt Canvas: Freshdesk's sidebar has done the thinking when the ticket is opened.

    \b
    Example:
      canvas demo                              try it, with a helpdesk look-alike
      canvas up                                run all of it
      canvas tenant add acme.freshdesk.com     connect an account
      canvas backfill acme.freshdesk.com       bring its history in
      canvas doctor                            is something wrong, and what to do
    Exit codes:
      0    done; status: it could look; doctor: no problem was found
      1    something is wrong, or failed on the way; the message says what
      2    the call is wrong, or it could not start: a setting, Redis, a port
      130  stopped with Ctrl-C, or not confirmed
    """


@canvas.command("up")
@data_option
@port_option
def up_command(data: Path | None, port: int | None) -> None:
    """Run everything: serve, webhooks, workers.

    The workers are a process of their own beside the one that answers.

    Example:  canvas up --port 8080 --data /var/lib/canvas
    """
    from deploy.up import up

    settings = load_settings(data, port)
    run(settings, up(settings), "up")


@canvas.command("serve")
@data_option
@port_option
def serve_command(data: Path | None, port: int | None) -> None:
    """Run the answering side alone: /init, /runs, /health.

    Example:  REDIS_URL=redis://redis:6379 canvas serve --port 8080
    """
    from deploy.up import serve_alone

    settings = load_settings(data, port)
    run(settings, serve_alone(settings), "serve")


@canvas.command("ingest")
@data_option
@click.option("--port", type=click.IntRange(0, 65535), help="Port (default: CANVAS_INGEST_PORT or 8081)")
def ingest_command(data: Path | None, port: int | None) -> None:
    """Run the webhook receiver alone.

    Example:  REDIS_URL=redis://redis:6379 canvas ingest --port 8081
    """
    from deploy.up import ingest_alone

    settings = load_settings(data, ingest_port=port)
    run(settings, ingest_alone(settings), "ingest")


@canvas.command("worker")
@click.option(
    "--queue",
    "names",
    multiple=True,
    type=click.Choice(QUEUES),
    help="Queue to work on; may be given more than once (default: all)",
)
@data_option
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Port of /metrics, 0 for a free one (default: CANVAS_METRICS_PORT, else none)",
)
@click.option("--beside", is_flag=True, hidden=True, help="Started by `canvas up`: ends with it")
def worker_command(names: tuple[str, ...], data: Path | None, metrics_port: int | None, beside: bool) -> None:
    """Run workers alone.

    Example:  canvas worker --queue interactive --queue live --metrics-port 9100
    """
    from deploy.up import worker_alone
    from deploy.worker_process import begin_beside, say_ready
    from shared.queues import Queue

    settings = load_settings(data, metrics_port=metrics_port)
    queues = [Queue[name.upper()] for name in names] or list(Queue)
    if beside:
        begin_beside()
    run(settings, worker_alone(settings, queues, say_ready if beside else None), "worker")


@canvas.command("demo")
@data_option
@port_option
def demo_command(data: Path | None, port: int | None) -> None:
    """Try it: a helpdesk look-alike, and a page with the sidebar.

    Its 300 tickets are precomputed first.

    Example:  canvas demo --port 8080 --data ./demo-data
    """
    from deploy.data_folder import check_format
    from deploy.demo.run import demo

    settings = load_settings(data, port)
    if "data_dir" not in settings.shared.model_fields_set:
        settings = load_settings(DEMO_DATA, port)
    check_format(settings.shared.data_dir)  # before the helpdesk writes into it
    if "log_level" not in settings.shared.model_fields_set:
        # The demo speaks to a person: its ten lines, and what goes wrong.
        settings = replace(settings, shared=settings.shared.model_copy(update={"log_level": "warning"}))
    run(settings, demo(settings), "demo")


for name, (where, line) in LATER.items():
    canvas.add_command(Later(name, f"deploy.commands.{where}", line))


def main() -> None:
    """Entry point: our own errors are one line for a person, never a traceback."""
    prepare_streams()
    try:
        # An exit code where a command ends with one, else None.
        sys.exit(canvas.main(prog_name="canvas", standalone_mode=False))
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
    except OSError as error:  # a full disk, also where the command's own words go; a file that may not be read
        said = f"{error.strerror or type(error).__name__}" + (f" ({error.filename})" if error.filename else "")
        errors.print(f"[red]canvas:[/red] {escape(said)}", highlight=False)
        drop_output()
        sys.exit(1)
