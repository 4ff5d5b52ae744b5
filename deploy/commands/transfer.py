"""`canvas export HOST FILE` and `canvas import FILE`: a tenant moves to another installation, or into a backup."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.data_folder import redis_asked, redis_ready
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from deploy.standard_streams import one_line
from deploy.transfer.archive import KEYS, SECRETS, ArchiveReader, reading
from deploy.transfer.exporting import Told, export_tenant
from deploy.transfer.importing import Checked, check_archive, import_tenant
from ingest.context import worker_context
from shared.errors import BadInput
from shared.tenants import parse_host

PLAIN_EVERY_S = 5.0
file_type = click.Path(dir_okay=False, path_type=Path)
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs")
passphrase_option = click.option(
    "--passphrase",
    envvar="CANVAS_PASSPHRASE",
    help="Passphrase of the secrets; - reads it from standard input; asked for if it is needed and not given",
)


@click.command("export")
@click.argument("host")
@click.argument("file", type=file_type)
@click.option("--with-secrets", is_flag=True, help="Take the API key and the webhook secrets along, encrypted")
@passphrase_option
@json_option
@data_option
def export(host: str, file: Path, with_secrets: bool, passphrase: str | None, as_json: bool, data: Path | None) -> None:
    """Write all of an account into a file.

    Settings, Canvases, what is due, vectors and feedback of HOST, for `canvas import` or as a backup. FILE holds what
    was written about tickets: keep it as you keep the tickets. With the embedded vectors no `canvas up` may run on the
    data folder meanwhile.

    Example:  canvas export acme.freshdesk.com acme.canvas --with-secrets
    """
    settings, host = load_settings(data), parse_host(host)
    phrase = _typed(passphrase, "passphrase", confirm=True) if with_secrets else None
    run(settings, _export(settings, host, file, phrase, as_json=as_json))


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Erase the account here first, if it is connected already")
@passphrase_option
@click.option(
    "--api-key", envvar="FRESHDESK_API_KEY", help="API key, for an archive without secrets; - reads standard input"
)
@json_option
@data_option
def import_command(
    file: Path, replace: bool, passphrase: str | None, api_key: str | None, as_json: bool, data: Path | None
) -> None:
    """Read an account from a file that was exported elsewhere.

    All of FILE is checked before anything is written. Tickets are current at once where the same models are used here;
    otherwise they are computed anew, like a backfill.

    Example:  canvas import acme.canvas
    """
    settings = load_settings(data)
    with reading(file) as reader:
        sealed = SECRETS in reader.manifest.entries
        phrase = _typed(passphrase, "passphrase") if sealed else None
        checked = check_archive(reader, phrase)
        key = "" if sealed else _typed(api_key, "API key")
        run(settings, _import(settings, reader, checked, key, replace=replace, as_json=as_json))


def _typed(given: str | None, label: str, *, confirm: bool = False) -> str:
    """A secret: from the option, the environment, a prompt, or standard input."""
    if given is None and sys.stdin.isatty():
        given = str(click.prompt(label[0].upper() + label[1:], hide_input=True, confirmation_prompt=confirm))
    found = one_line(None if given == "-" else given, label)
    if not found:
        raise BadInput(f"The {label} is missing: pipe it in, or see --help")
    return found


async def _export(settings: AllSettings, host: str, file: Path, phrase: str | None, *, as_json: bool) -> None:
    async with (
        redis_ready(settings.shared) as shared,
        worker_context(shared, settings.ingest) as context,
        redis_asked(),
    ):
        with _progress({"vectors": await context.vectors.count(host)}) as told:
            manifest = await export_tenant(context, host, file, phrase, told)
    size = await asyncio.to_thread(lambda: file.stat().st_size)
    if as_json:
        document = {"file": str(file), "bytes": size, **msgspec.to_builtins(manifest)}
        click.echo(msgspec.json.encode(document).decode())
        return
    secrets = "with its secrets" if phrase else "without its secrets: the import asks for an API key"
    click.echo(f"{host}: {manifest.entries[KEYS].records:,} records, {size / 1e6:,.1f} MB, {secrets}")


async def _import(
    settings: AllSettings, reader: ArchiveReader, checked: Checked, key: str, *, replace: bool, as_json: bool
) -> None:
    async with (
        redis_ready(settings.shared) as shared,
        worker_context(shared, settings.ingest) as context,
        redis_asked(),
    ):
        with _progress({"keys": reader.manifest.entries[KEYS].records}) as told:
            done = await import_tenant(context, reader, checked, told, api_key=key, replace=replace)
    if as_json:
        click.echo(msgspec.json.encode(done).decode())
        return
    again = f"; {done.due:,} tickets are computed anew, since other models are used here" if done.due else ""
    click.echo(f"{done.host}: {done.keys:,} records, {done.vectors:,} vectors{again}")
    click.echo(f"Now let its rules call this installation:  canvas tenant install-webhooks {done.host}", err=True)
    click.echo(f"and look:  canvas doctor {done.host}", err=True)


@contextmanager
def _progress(totals: Mapping[str, int]) -> Iterator[Told]:
    """Bars on a terminal, with an end where the total is known; elsewhere a line every few seconds."""
    console, done, said_at = Console(stderr=True), Counter[str](), [time.monotonic()]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        tasks = {name: shown.add_task(f"{name:<8}", total=totals.get(name)) for name in ("keys", "vectors")}

        def told(name: str, count: int) -> None:
            shown.advance(tasks[name], count)
            done[name] += count
            if not console.is_terminal and time.monotonic() - said_at[0] >= PLAIN_EVERY_S:
                said_at[0] = time.monotonic()
                click.echo(_line(done, totals), err=True)

        yield told


def _line(done: Mapping[str, int], totals: Mapping[str, int]) -> str:
    """`1,000 of 4,000 keys, 20 vectors`."""
    ends = {name: f" of {totals[name]:,}" if name in totals else "" for name in done}
    return ", ".join(f"{count:,}{ends[name]} {name}" for name, count in done.items())
