"""What a call costs, and how long a prefix must be to be cached: read from `prices.toml`, the one place with prices.

A model that is not in the file has an unknown cost, never a guessed one; it is named once in the log.
"""

import re
import tomllib
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec
import structlog

from ingest.writers.protocol import Usage

SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8})$")
"""The date that names a snapshot of a model, as OpenAI and Anthropic write it."""
UNKNOWN_MINIMUM = 4096
"""Tokens from which a prefix counts as cacheable where nothing is known: the highest minimum of all known models."""
MILLION = 1_000_000

log = structlog.get_logger()


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars a million tokens, by kind; `cache_minimum` is in tokens."""

    input: float
    cached: float
    cache_write: float
    output: float
    cache_minimum: int

    @property
    def charges_for_writing(self) -> bool:
        """Whether a prefix that is written to the cache costs more than one that is only read."""
        return self.cache_write > self.input


class PriceList(msgspec.Struct, frozen=True):
    """The file: prices by `provider/model`, the day on which they were looked up, and where.

    `batch` is the share of a price that a call by the provider's batch interface costs.
    """

    as_of: date
    sources: list[str]
    models: dict[str, Price]
    batch: float


@cache
def price_list() -> PriceList:
    """The prices that this version knows."""
    text = (files("ingest.writers") / "prices.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), PriceList)


def price_of(model: str) -> Price | None:
    """The price of `provider/model` or of a dated snapshot of it; None where it is unknown."""
    models = price_list().models
    return models.get(model) or models.get(SNAPSHOT.sub("", model))


def cost_of(model: str, usage: Usage) -> float | None:
    """US dollars that a call has cost; None where the model's price is unknown, 0 where no token was counted."""
    if not usage.input_tokens and not usage.output_tokens:
        return 0.0
    price = price_of(model)
    if price is None:
        _say_once(model)
        return None
    fresh = max(0, usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens)
    dollars = (
        fresh * price.input
        + usage.cached_tokens * price.cached
        + usage.cache_write_tokens * price.cache_write
        + usage.output_tokens * price.output
    )
    return dollars / MILLION


def batch_share() -> float:
    """The share of a price that a call by a provider's batch interface costs."""
    return price_list().batch


def cache_minimum(model: str) -> int:
    """Tokens from which the provider caches a prefix for `provider/model`."""
    price = price_of(model)
    return price.cache_minimum if price else UNKNOWN_MINIMUM


@cache
def _say_once(model: str) -> None:
    log.warning("no price for this model: its cost is unknown", model=model, prices_of=str(price_list().as_of))
