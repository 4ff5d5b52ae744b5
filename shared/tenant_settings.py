"""What an operator may choose for one tenant, and what of it can be accepted.

Everything has a default that is right for most accounts, so a record written before a setting existed decodes to it.
"""

import re
from typing import Literal, get_args

import msgspec

from shared.errors import BadInput
from shared.models import Tone

Language = Literal["ko", "en"]
Task = Literal["summary", "reply", "answer"]
Redaction = Literal["card", "national_id", "secret", "email", "phone", "iban"]
"""Kinds of personal data: payment cards; resident, social security, passport and driving licence numbers; API keys,
tokens, private keys and passwords; and what an agent often needs to see, so that it is not masked unless asked for."""
DEFAULT_REDACTIONS: frozenset[Redaction] = frozenset({"card", "national_id", "secret"})

NO_MODEL = "extractive"
"""In place of a model: this tenant's texts are selected from what people wrote, and sent to nobody."""
MODEL = re.compile(r"[a-z][a-z0-9-]{0,31}/[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
MOST_MODELS = 5
STYLE_GUIDE_CHARACTERS = 8000
"""Some 2,000 tokens in each prompt of the tenant."""
MOST_PHRASES, PHRASE_CHARACTERS = 100, 200
MOST_DAYS = 36_500
LOWEST_BUDGET = 1000
"""Fewer tokens a day than one summary takes would be a way to write "no model"; that is what `models` is for."""


class TenantSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The choices of one tenant.

    `language` None is the ticket's own; `similar_days` and `daily_token_budget` None are without bound; `models` names
    for each task "provider/model" in order of preference, and a task that is missing takes the installation's models.
    """

    language: Language | None = None
    tone: Tone | None = None
    style_guide: str = ""
    forbidden_phrases: list[str] = msgspec.field(default_factory=list)
    similar_days: int | None = None
    redact: frozenset[Redaction] = DEFAULT_REDACTIONS
    models: dict[Task, list[str]] = msgspec.field(default_factory=dict)
    daily_token_budget: int | None = None


def check_settings(settings: TenantSettings) -> TenantSettings:
    """The settings, if all of them can be used.

    Raises:
        BadInput: one can't; the message names it and what it may be.
    """
    try:
        settings = msgspec.convert(msgspec.to_builtins(settings), TenantSettings)
    except msgspec.ValidationError as error:
        raise BadInput(f"This can't be set: {error}") from error
    if len(settings.style_guide) > STYLE_GUIDE_CHARACTERS:
        raise BadInput(f"The style guide may have {STYLE_GUIDE_CHARACTERS} characters, not {len(settings.style_guide)}")
    if len(settings.forbidden_phrases) > MOST_PHRASES:
        raise BadInput(f"At most {MOST_PHRASES} phrases can be forbidden")
    for phrase in settings.forbidden_phrases:
        if not phrase.strip() or len(phrase) > PHRASE_CHARACTERS:
            raise BadInput(f"A forbidden phrase has 1 to {PHRASE_CHARACTERS} characters")
    if settings.similar_days is not None and not 1 <= settings.similar_days <= MOST_DAYS:
        raise BadInput(f"Similar tickets may reach 1 to {MOST_DAYS} days back")
    if settings.daily_token_budget is not None and settings.daily_token_budget < LOWEST_BUDGET:
        raise BadInput(f"A daily token budget is at least {LOWEST_BUDGET} tokens")
    for task, models in settings.models.items():
        _check_models(task, models)
    return settings


def _check_models(task: str, models: list[str]) -> None:
    if not 1 <= len(models) <= MOST_MODELS:
        raise BadInput(f"For {task} 1 to {MOST_MODELS} models can be named")
    for model in models:
        if model != NO_MODEL and not MODEL.fullmatch(model):
            raise BadInput(
                f"{model!r} is no model: write provider/model, such as anthropic/claude-haiku-5-5, or {NO_MODEL}"
            )
    if NO_MODEL in models[:-1]:
        raise BadInput(f"What stands behind {NO_MODEL} would never be asked")
    if len(set(models)) < len(models):
        raise BadInput(f"A model is named twice for {task}")


def parse_redactions(text: str) -> frozenset[Redaction]:
    """The kinds in a comma-separated list; `none` and `default` stand for themselves.

    Raises:
        BadInput: a kind is unknown.
    """
    found: set[Redaction] = set()
    for word in filter(None, (part.strip().lower().replace("-", "_") for part in text.split(","))):
        if word == "default":
            found |= DEFAULT_REDACTIONS
        elif word in get_args(Redaction):
            found.add(msgspec.convert(word, Redaction))
        elif word != "none":
            raise BadInput(f"{word!r} can't be redacted: choose among {', '.join(get_args(Redaction))}, or none")
    return frozenset(found)


def parse_models(text: str) -> tuple[Task, list[str]]:
    """A task and its models from `summary=anthropic/a,openai/b`.

    Raises:
        BadInput: it is written otherwise, or the task is unknown.
    """
    task, equals, models = text.partition("=")
    if not equals or task not in get_args(Task):
        raise BadInput(f"Write TASK=provider/model[,provider/model]; TASK is one of {', '.join(get_args(Task))}")
    return msgspec.convert(task, Task), [model.strip() for model in models.split(",") if model.strip()]
