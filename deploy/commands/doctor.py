"""`canvas doctor`: look at everything, say what each finding means and what to do; its report may be passed on."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec
import rich_click as click
from click.exceptions import Exit
from rich.console import Console

from deploy.doctor.finding import Finding
from deploy.doctor.view import doctor_view
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from shared.tenants import parse_host


@click.command()
@click.argument("host", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document, for programs and support tickets")
@click.option("--no-calls", is_flag=True, help="Ask neither Freshdesk nor models; look at this side alone")
@data_option
def doctor(host: str | None, as_json: bool, no_calls: bool, data: Path | None) -> None:
    """Look at everything, and say what to do about what is wrong.

    Redis, vectors, models, workers, keys, Freshdesk's rules and webhooks, clocks, disk; of HOST alone or of all
    accounts. Nothing is changed. It costs six Freshdesk calls an account; models are looked up and not called. No
    secret and no ticket's text is in the report, so that it can be pasted into a ticket.

    Ends with 0 without problems (there may be warnings), 1 with any.

    Example:  canvas doctor acme.freshdesk.com
    """
    settings = load_settings(data)
    findings = run(settings, _examined(settings, parse_host(host) if host else None, calls=not no_calls))
    if findings is None:
        raise click.Abort
    if as_json:
        click.echo(_document(findings))
    else:
        Console(highlight=False).print(doctor_view(findings))
    if any(finding.level == "problem" for finding in findings):
        raise Exit(1)


async def _examined(settings: AllSettings, host: str | None, *, calls: bool) -> list[Finding]:
    from deploy.doctor.examination import examination  # with the SDKs of all models, which take a second to import

    return await examination(settings, host, calls=calls)


def _document(findings: list[Finding]) -> str:
    document = {
        "well": not any(finding.level == "problem" for finding in findings),
        "version": version("prompt-canvas"),
        "at": datetime.now(UTC),
        "findings": findings,
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()
