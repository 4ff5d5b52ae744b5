"""`canvas tenant set`: what an operator chooses for one account."""

from pathlib import Path
from typing import Any, TextIO

import msgspec
import rich_click as click

from deploy.commands.tenant_opened import console, facts, redis_opened
from deploy.process import data_option, run
from deploy.settings import AllSettings, load_settings
from ingest.providers import check_models
from shared.errors import BadInput
from shared.tenant_settings import TenantSettings, check_settings, parse_models, parse_redactions
from shared.tenants import Tenant, parse_host

FIELDS = {
    "language": "language",
    "tone": "tone",
    "style-guide": "style_guide",
    "forbid": "forbidden_phrases",
    "similar-days": "similar_days",
    "redact": "redact",
    "model": "models",
    "daily-tokens": "daily_token_budget",
}
"""Fields of `TenantSettings` by the option that sets them."""


@click.command("set")
@click.argument("host")
@click.option("--language", type=click.Choice(["ko", "en"]), help="Language to write in (default: the ticket's)")
@click.option("--tone", type=click.Choice(["friendly", "formal", "brief"]), help="Tone of replies (default: as is)")
@click.option("--style-guide", type=click.File(encoding="utf-8-sig"), help="File with rules for the style of replies")
@click.option("--forbid", multiple=True, metavar="PHRASE", help="Phrase that replies must not hold; may be repeated")
@click.option("--similar-days", type=int, help="How many days back similar tickets may reach (default: no bound)")
@click.option(
    "--redact",
    metavar="KINDS",
    help="Data to mask: card, national_id, secret, email, phone, iban, or none (default: the first three)",
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="TASK=MODELS",
    help="Models of summary, reply or answer in order of preference, such as summary=anthropic/claude-haiku-5-5; "
    "extractive = no model",
)
@click.option("--daily-tokens", type=int, help="Tokens that models may use in a day (default: no bound)")
@click.option("--unset", multiple=True, type=click.Choice(list(FIELDS)), help="Back to the default; may be repeated")
@data_option
def change(host: str, unset: tuple[str, ...], data: Path | None, **options: Any) -> None:
    """Change the settings of HOST; what is not named stays.

    It takes effect with the next change of each ticket; a backfill brings it to all of them.

    Example:  canvas tenant set acme.freshdesk.com --language ko --similar-days 365 --redact default,email
    """
    settings = load_settings(data)
    values = _values(**options)
    if not values and not unset:
        raise BadInput("Name what to set, or --unset it; `canvas tenant set --help` lists what there is")
    both = ", ".join(name for name in FIELDS if name in unset and FIELDS[name] in values)
    if both:
        raise BadInput(f"Both set and unset: {both}. Say one of the two; nothing was changed")
    run(settings, _change(settings, parse_host(host), [FIELDS[name] for name in unset], values))


def chosen(settings: TenantSettings) -> list[tuple[str, str]]:
    """The settings for a person, label and value."""
    models = {f"model {task}": ", ".join(names) for task, names in settings.models.items()}
    guide, days, tokens = settings.style_guide, settings.similar_days, settings.daily_token_budget
    return [
        ("language", settings.language or "the ticket's"),
        ("tone", settings.tone or "the model's choice"),
        ("style guide", f"{len(guide)} characters: {' '.join(guide.split())[:60]}" if guide else "none"),
        ("forbidden phrases", "; ".join(settings.forbidden_phrases) or "none"),
        ("similar tickets", "of any age" if days is None else f"created in the last {days} days"),
        ("masked", ", ".join(sorted(settings.redact)) or "nothing"),
        *(models.items() or [("models", "the installation's")]),
        ("tokens a day", "without bound" if tokens is None else str(tokens)),
    ]


def _values(**options: Any) -> dict[str, Any]:
    """What the options set, by field of `TenantSettings`."""
    models = dict(parse_models(text) for text in options["models"])
    found = {
        "language": options["language"],
        "tone": options["tone"],
        "style_guide": _text(options["style_guide"]) if options["style_guide"] else None,
        "forbidden_phrases": [phrase.strip() for phrase in options["forbid"]] or None,
        "similar_days": options["similar_days"],
        "redact": None if options["redact"] is None else parse_redactions(options["redact"]),
        "models": models or None,
        "daily_token_budget": options["daily_tokens"],
    }
    return {field: value for field, value in found.items() if value is not None}


def _text(file: TextIO) -> str:
    """A file of text.

    Raises:
        BadInput: it is not in UTF-8.
    """
    try:
        return file.read().strip()
    except UnicodeDecodeError:
        raise BadInput(f"{file.name} is not in UTF-8: save it so") from None


async def _change(settings: AllSettings, host: str, unset: list[str], values: dict[str, Any]) -> None:
    defaults = TenantSettings()

    def changed(tenant: Tenant) -> Tenant:
        kept = msgspec.structs.replace(tenant.settings, **{field: getattr(defaults, field) for field in unset})
        new = dict(values)
        if "models" in new:
            new["models"] = kept.models | new["models"]
        wanted = check_settings(msgspec.structs.replace(kept, **new))
        check_models(settings.ingest, values.get("models", {}))
        return msgspec.structs.replace(tenant, settings=wanted)

    async with redis_opened(settings) as (_, context):
        tenant = await context.tenants.update(host, changed)
    console.print(
        f"Settings of {host}; they take effect with the next change of each ticket (a backfill brings them to all):"
    )
    console.print(facts(chosen(tenant.settings)))
