"""What makes a Canvas beside the ticket's own words: who writes, by which prompts, and what the tenant has chosen.

Where a text's recipe changes the text is written anew with the ticket's next change; where any part of a Canvas's
recipe changes, a backfill makes the Canvas again. Each names its writer first.
"""

import hashlib
from typing import NamedTuple

import msgspec

from ingest.router.models import Models, TaskName
from ingest.writers import prompts
from ingest.writers.extractive import NAME as EXTRACTIVE
from ingest.writers.protocol import Voice
from ingest.writers.replies import VERSION as RULES
from shared.tenant_settings import TenantSettings

DIGEST_BYTES = 8


class Recipe(NamedTuple):
    """What the summary, the replies and the whole Canvas are made by, as strings that are only compared.

    The embedding model is part of the Canvas alone: no text has to be written again for it.
    """

    summary: str
    replies: str
    canvas: str


def recipe_of(models: Models, embedder: str, chosen: TenantSettings, store: str = "") -> Recipe:
    """The recipe of a tenant's Canvases; `embedder` is the embedding model's name.

    `store` is what keeps the vectors, "" for the embedded one: another one has to be filled, without a text anew.
    """
    language = chosen.language or ""
    summary = "|".join([*_written(models, "summary", chosen, ("summary", "update")), language])
    voice = _digest(voice_of(chosen))
    # Whoever writes a reply, the rules have the last word on it.
    replies = "|".join([*_written(models, "reply", chosen, ("reply",)), RULES, language, voice])
    shown = [summary, replies, embedder, chosen.similar_days, sorted(chosen.redact), *([store] if store else [])]
    return Recipe(summary, replies, f"{summary.partition('|')[0]}|{embedder}|{_digest(shown)}")


def voice_of(chosen: TenantSettings) -> Voice:
    """How a tenant wants customers to be spoken to. Summaries are for agents, and know nothing of it."""
    return Voice(tone=chosen.tone, style_guide=chosen.style_guide, forbidden_phrases=tuple(chosen.forbidden_phrases))


def _written(models: Models, task: TaskName, chosen: TenantSettings, names: tuple[str, ...]) -> list[str]:
    """The preferred writer of a task and the versions of what it writes by."""
    found = models.of(task, chosen.models.get(task, ()))
    if not found:
        return [EXTRACTIVE, RULES]
    return [found[0].name, *(prompts.VERSIONS[name] for name in names)]


def _digest(content: object) -> str:
    return hashlib.blake2b(msgspec.json.encode(content), digest_size=DIGEST_BYTES).hexdigest()
