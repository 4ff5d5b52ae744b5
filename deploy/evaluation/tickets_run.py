"""What `canvas eval --tickets` does: read the file, replay, print."""

import json
from collections.abc import Callable
from pathlib import Path

import rich_click as click
from rich.console import Console

from deploy.evaluation.demo_histories import demo_lines
from deploy.evaluation.histories import Histories, parse_histories, read_histories
from deploy.evaluation.tickets import evaluate_tickets
from deploy.evaluation.tickets_view import as_json, as_table
from deploy.settings import AllSettings
from ingest.providers import check_models
from shared.errors import BadInput
from shared.tenant_settings import TenantSettings, check_settings

DEMO = "demo"
Told = Callable[[str, int, int], None]


async def replay_tickets(settings: AllSettings, file: str, model: str | None, told: Told, *, for_program: bool) -> None:
    """Replay the histories of a file, or of the demo (`demo`), and print what was found.

    `model` is a `provider/model` of the settings, or `extractive`, in place of the ones that would write.

    Raises:
        BadInput: the file can't be read.
        CanvasError: a part can't be opened, or a ticket could not be run.
    """
    chosen = TenantSettings()
    if model is not None:
        models = [model]
        chosen = check_settings(TenantSettings(models={"summary": models, "reply": models}))
        check_models(settings.ingest, chosen.models)
    report = await evaluate_tickets(
        settings.ingest, _histories(file), chosen=chosen, progress=lambda done, total: told("Replaying", done, total)
    )
    if for_program:
        click.echo(json.dumps(as_json(report), ensure_ascii=False))
    else:
        Console().print(as_table(report))


def _histories(file: str) -> Histories:
    if file == DEMO:
        return parse_histories(demo_lines())
    if not Path(file).is_file():
        raise BadInput(f"There is no file {file}; `{DEMO}` takes the demo's tickets")
    return read_histories(Path(file))
