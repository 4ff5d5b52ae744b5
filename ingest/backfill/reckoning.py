"""An estimate as figures: what was counted of a sample, brought to the whole backfill, and how far it may be off."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from ingest.backfill.history import History
from ingest.backfill.prompting import Prompts, TicketPrompts
from ingest.freshdesk.budget import Tally
from ingest.router.models import TaskName
from ingest.writers.caching import cacheable
from ingest.writers.llm import LlmWriter
from ingest.writers.prices import batch_share, cost_of
from ingest.writers.prompts import LANGUAGES, system_prompt
from ingest.writers.protocol import Usage

BACKFILL_SHARE = 0.9
"""Of the account's calls: the rest is what agents and live tickets take, and what it leaves free for them
(`ingest.freshdesk.limits.Priority`)."""
PAGE_CREDITS = 2
SURE = 1.96
"""Standard errors to either side: the true figure lies between in 95 of 100 samples."""
COUNT_ERROR, LEARNT_ERROR, TYPICAL_ERROR, GROUND_ERROR = 0.10, 0.05, 0.40, 0.20
"""Shares by which a figure may be wrong beside the sample's own error: our count of tokens against a provider's that
was not compared, the length of answers where some were written before, and where none were; and what replies read,
since similar tickets are only found once all are indexed."""


class TextEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """One task of one model; `cached_tokens` are part of the input, `cost` is in US dollars (None: unknown price)."""

    task: str
    model: str
    calls: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost: float | None


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a backfill would take; `tickets` are those that are not `current`, which it would skip.

    `credits` are what the `calls` cost of the account's limit (`calls_limit` a minute, 0: unknown or none), `minutes`
    how long they take within it. With 95 % the tokens lie between `tokens_low` and `tokens_high`, and so the cost.
    `unlisted` ids are on no list: one of the `calls` each tells which of them are archived tickets, and what these take
    is not counted. `learnt` says that answers of earlier texts were measured, `compared` that the provider's count of
    tokens was.
    """

    tickets: int
    current: int
    sample: int
    calls: int
    credits: int
    unlisted: int
    calls_limit: int
    minutes: float | None
    texts: list[TextEstimate]
    tokens: int
    tokens_low: int
    tokens_high: int
    cost: float | None
    cost_low: float | None
    cost_high: float | None
    learnt: bool
    compared: bool
    batch: bool


@dataclass(frozen=True)
class Sampled:
    """What was counted: `counted` of a sample's tickets, the calls that reading these took, and how many tickets there
    are to be read (`tickets`), written (`texts`), and on how many pages they are listed. `limit` are the account's
    credits a minute, `embedder` is the embedding model.
    """

    counted: Sequence[TicketPrompts]
    spent: Tally
    listing: Tally
    """What looking for articles took; at least so much it takes a backfill."""
    tickets: int
    texts: int
    current: int
    pages: int
    limit: int
    embedder: str
    unlisted: int = 0
    """Ids that are tried because no list shows them, a call each."""


def reckon(sampled: Sampled, models: Mapping[TaskName, LlmWriter], written: History, *, batch: bool) -> Estimate:
    """The estimate of all texts, by the models that are preferred for them."""
    counted = sampled.counted
    prompts: dict[TaskName, list[Prompts]] = {
        "summary": [found.summary for found in counted],
        "reply": [found.reply for found in counted],
    }
    texts = [
        _text(task, models[task], prompts[task], sampled.texts, written, batch=batch)
        for task in prompts
        if task in models and counted
    ]
    tokens = sum(text.input_tokens + text.output_tokens for text in texts)
    costs = [text.cost for text in texts]
    cost = None if any(found is None for found in costs) else sum(found or 0.0 for found in costs)
    share = min(1.0, _error(counted, sampled.texts, written))
    each = sampled.tickets / max(1, len(counted))
    calls = sampled.pages + sampled.unlisted + sampled.listing.calls + sampled.spent.calls * each
    spent = sampled.pages * PAGE_CREDITS + sampled.unlisted + sampled.listing.credits + sampled.spent.credits * each
    return Estimate(
        tickets=sampled.tickets,
        current=sampled.current,
        sample=len(counted),
        calls=round(calls),
        credits=round(spent),
        unlisted=sampled.unlisted,
        calls_limit=sampled.limit,
        minutes=spent / (sampled.limit * BACKFILL_SHARE) if sampled.limit else None,
        texts=[*texts, *_embedding(sampled)],
        tokens=tokens,
        tokens_low=round(tokens * (1 - share)),
        tokens_high=round(tokens * (1 + share)),
        cost=cost,
        cost_low=None if cost is None else cost * (1 - share),
        cost_high=None if cost is None else cost * (1 + share),
        learnt=written.learnt,
        compared=written.compared,
        batch=batch,
    )


def _embedding(sampled: Sampled) -> list[TextEstimate]:
    """What a provider's embedding model reads; one of our own costs nothing."""
    if not sampled.embedder.startswith("openai/") or not sampled.counted:
        return []
    tokens = sum(found.embedding for found in sampled.counted) * sampled.tickets / len(sampled.counted)
    usage = Usage(input_tokens=round(tokens))
    return [_line("embedding", sampled.embedder, sampled.tickets, usage, cost_of(sampled.embedder, usage))]


def _text(
    task: TaskName, model: LlmWriter, prompts: Sequence[Prompts], tickets: int, written: History, *, batch: bool
) -> TextEstimate:
    scale = tickets / len(prompts)
    calls = sum(prompt.calls for prompt in prompts) * scale
    read = sum(prompt.input for prompt in prompts) * scale * written.factor
    prefix = sum(prompt.prefix for prompt in prompts) * scale * written.factor
    cached = all(cacheable(model.name, system_prompt(task, language)) for language in LANGUAGES)
    usage = Usage(
        input_tokens=round(read),
        cached_tokens=round(prefix) if cached else 0,
        output_tokens=round(calls * written.output[task]),
    )
    cost = cost_of(model.name, usage)
    if cost is not None and batch and model.batches:
        cost *= batch_share()
    return _line(task, model.name, round(calls), usage, cost)


def _line(task: str, model: str, calls: int, usage: Usage, cost: float | None) -> TextEstimate:
    return TextEstimate(
        task=task,
        model=model,
        calls=calls,
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        cost=cost,
    )


def _error(counted: Sequence[TicketPrompts], tickets: int, written: History) -> float:
    """The share by which the tokens may be off to either side."""
    read = [c.summary.input + c.reply.input for c in counted]
    wrote = [c.summary.calls * written.output["summary"] + c.reply.calls * written.output["reply"] for c in counted]
    whole = [both[0] + both[1] for both in zip(read, wrote, strict=True)]
    mean = sum(whole) / len(whole) if whole else 0.0
    if len(whole) < 2 or not mean:
        return 1.0
    spread = math.sqrt(sum((tokens - mean) ** 2 for tokens in whole) / (len(whole) - 1))
    unseen = math.sqrt(max(0.0, 1 - len(whole) / max(len(whole), tickets)))  # all of few tickets are no sample
    sampled = SURE * spread / math.sqrt(len(whole)) * unseen / mean
    of_input = (0.0 if written.compared else COUNT_ERROR) * sum(read) / sum(whole)
    of_output = (LEARNT_ERROR if written.learnt else TYPICAL_ERROR) * sum(wrote) / sum(whole)
    of_ground = GROUND_ERROR * sum(c.reply.input for c in counted) / sum(whole)
    return math.sqrt(sampled**2 + of_input**2 + of_output**2 + of_ground**2)
