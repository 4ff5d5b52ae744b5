"""`canvas backfill HOST --dry-run`: what a backfill would take, without a model being asked; and `--budget`'s words."""

import re

import msgspec
import rich_click as click
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from ingest.backfill.estimate import Asked, estimate
from ingest.backfill.reckoning import Estimate
from ingest.context import ReceiverContext
from ingest.freshdesk.budget import Tally
from ingest.freshdesk.client import freshdesk_http
from ingest.freshdesk.limits import Priority
from ingest.providers import embedder_name, open_models, store_name
from ingest.settings import IngestSettings
from shared.backfill import BackfillOptions

BUDGET = re.compile(
    r"\$?\s*(?P<usd>\d{1,15}(?:\.\d+)?)\s*(?:usd|\$)?|(?P<tokens>\d{1,15}(?:\.\d+)?)\s*(?P<unit>[km]?)\s*tok(?:ens?)?",
    re.IGNORECASE,
)
UNITS = {"": 1, "k": 1_000, "m": 1_000_000}


class Budget(click.ParamType[dict[str, float]]):
    """What a backfill may cost, in US dollars or in tokens: `25usd`, `25`, `2Mtok`, `500ktok`."""

    name = "25usd|2Mtok"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, float]:
        """The field of `BackfillOptions` that it sets, and its value."""
        if isinstance(value, dict):
            return value
        found = BUDGET.fullmatch(str(value).strip())
        if found and found["usd"] and float(found["usd"]):
            return {"budget_usd": float(found["usd"])}
        tokens = round(float(found["tokens"]) * UNITS[found["unit"].lower()]) if found and found["tokens"] else 0
        if not tokens:
            self.fail(f"{value!r} is no budget: write dollars (25usd) or tokens (2Mtok, 500ktok)", param, ctx)
        return {"budget_tokens": tokens}


async def tell_estimate(
    context: ReceiverContext, ingest: IngestSettings, host: str, options: BackfillOptions, *, as_json: bool
) -> None:
    """Estimate a backfill and print it.

    Raises:
        CanvasError: there is no such tenant, or Freshdesk does not answer.
    """
    async with freshdesk_http() as http, open_models(ingest) as models:
        tenant = await context.tenants.require(host)
        tally, key = Tally(), SecretStr(context.tenants.api_key(tenant))
        freshdesk = context.freshdesk_over(http, host, key, Priority.BACKFILL, patient=True, tally=tally)
        asked = Asked(context, tenant, models, embedder_name(ingest), freshdesk, tally, store_name(ingest))
        found = await estimate(asked, options)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        _print(host, found)


def _print(host: str, found: Estimate) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"A backfill of {host} would read {found.tickets:,} tickets; {found.current:,} are current already.")
    limit = f"at {found.calls_limit:,} a minute" if found.calls_limit else "within a limit that is not known yet"
    minutes = "" if found.minutes is None else f": about {_minutes(found.minutes)} for Freshdesk alone"
    console.print(f"{found.calls:,} calls to Freshdesk ({found.credits:,} credits, {limit}){minutes}.")
    if found.unlisted:
        console.print(
            f"{found.unlisted:,} of the calls try ids that are on no list; what archived tickets among them take "
            "is not in these figures."
        )
    if not found.texts:
        console.print("No model is set up: the texts cost nothing.")
        return
    table = Table(box=None, pad_edge=False)
    for name in ("text", "model", "calls", "read", "cached", "written", "USD"):
        words = name in {"text", "model"}
        table.add_column(name, justify="left" if words else "right", overflow="fold", no_wrap=not words)
    for text in found.texts:
        tokens = [f"{count:,}" for count in (text.calls, text.input_tokens, text.cached_tokens, text.output_tokens)]
        table.add_row(text.task, text.model, *tokens, _dollars(text.cost))
    console.print("Tokens by model; those that are cached are part of what is read:")
    console.print(table)
    console.print(
        f"In all {found.tokens:,} tokens (95 %: {found.tokens_low:,} to {found.tokens_high:,}), {_dollars(found.cost)} "
        f"dollars ({_dollars(found.cost_low)} to {_dollars(found.cost_high)}){' by batches' if found.batch else ''}, "
        f"from {found.sample} tickets."
    )
    if not found.learnt:
        console.print(
            "How long answers are is guessed from the tickets: a backfill of some (--ids, --since) would tell."
        )
    if not found.compared:
        console.print("Tokens are counted by ourselves; the provider's own count may differ by a tenth or more.")


def _minutes(minutes: float) -> str:
    whole = max(1, round(minutes))
    return f"{whole:,} minute{'' if whole == 1 else 's'}"


def _dollars(cost: float | None) -> str:
    return "unknown" if cost is None else f"{cost:,.2f}"
