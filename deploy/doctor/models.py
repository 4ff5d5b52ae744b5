"""Access to each model that writes: the provider knows key and model, the price is known, the way is open.

Models are looked up and not called: that costs nothing. Whether an account has money left is only known from calls,
which the workers make; what came of those stands in the breakers.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

from anthropic import AnthropicError
from openai import OpenAIError
from redis.asyncio import Redis

from deploy.doctor.clock import ahead_of_ours, of_clock
from deploy.doctor.finding import Finder, Finding
from ingest.providers import check_models, open_models
from ingest.router.models import TaskName
from ingest.settings import IngestSettings
from ingest.writers.anthropic import anthropic_client
from ingest.writers.openai import compatible_client, openai_client
from ingest.writers.prices import price_list, price_of
from shared import keys
from shared.errors import BadInput
from shared.tenants import Tenant

TASKS: tuple[TaskName, ...] = ("summary", "reply", "answer")
WITHIN_S = 8.0
KEY_REFUSED = {401, 403}
NOT_FOUND = 404
KEYS = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
BASES = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}
finder = Finder("models")


class Named(NamedTuple):
    """A model that the settings, or an account's own, name."""

    provider: str
    model: str

    @property
    def name(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"


async def models_of(ingest: IngestSettings, tenants: Sequence[Tenant]) -> list[Named]:
    """All models that may be asked, in no particular order.

    Raises:
        StartupError: a list names a model whose provider is not set up.
    """
    async with open_models(ingest) as models:
        wanted = [names for tenant in tenants for names in tenant.settings.models.values()]
        found = [writer for task in TASKS for names in ([], *wanted) for writer in models.of(task, names)]
        return list(dict.fromkeys(Named(writer.provider, writer.model) for writer in found))


async def of_models(ingest: IngestSettings, tenants: Sequence[Tenant], *, calls: bool) -> list[Finding]:
    """Prices, accounts' own lists, and (with `calls`) what each provider says about each model."""
    models = await models_of(ingest, tenants)
    if not models:
        return [finder.ok("models", "No model is set up: the extractive writer writes, and costs nothing")]
    found = [*_prices(models), *_of_tenants(ingest, tenants)]
    if calls:
        async with AsyncExitStack() as stack:
            clients = await _clients(stack, ingest)
            for model in models:
                found += await _looked_up(clients[model.provider], model, own=_is_own_server(ingest, model.provider))
    return found


async def of_breakers(state: Redis, models: Sequence[Named]) -> list[Finding]:
    """The models that the workers have stopped to call, and why."""
    async with state.pipeline(transaction=False) as pipe:
        for model in models:
            pipe.hgetall(keys.breaker(model.provider))
            pipe.hgetall(keys.breaker_of_model(model.provider, model.model))
        rows = await pipe.execute()
    found = []
    for model, provider, own in zip(models, rows[::2], rows[1::2], strict=True):
        row: Mapping[bytes, bytes] = provider if b"opened" in provider else own
        if b"opened" in row:
            minutes = max(0.0, time.time() - int(row[b"opened"]) / 1000) / 60
            kind = row.get(b"kind", b"?").decode()
            text = f"The workers stopped to call {model.name} {minutes:.0f} minutes ago ({kind})"
            found.append(finder.problem("model-out-of-use", text, REMEDIES.get(kind, "see the provider's status page")))
    return found


REMEDIES = {
    "auth": "set another key; it is tried again every minute",
    "spend_limit": "pay, or raise the limit at the provider; it is tried again every minute",
    "rate_limited": "ask the provider for a higher limit, or name a second model in CANVAS_SUMMARY_MODELS",
}


def _prices(models: Sequence[Named]) -> list[Finding]:
    unknown = [model.name for model in models if price_of(model.name) is None]
    known = len(models) - len(unknown)
    found = [finder.ok("prices", f"{known} of {len(models)} models have a price (of {price_list().as_of})")]
    if unknown:
        text = f"No price is known for {', '.join(unknown)}: costs are counted as unknown"
        found = [finder.warning("prices", text, "update Prompt Canvas, or watch the cost at the provider")]
    return found


def _of_tenants(ingest: IngestSettings, tenants: Sequence[Tenant]) -> list[Finding]:
    found = []
    for tenant in tenants:
        try:
            check_models(ingest, tenant.settings.models)
        except BadInput as error:
            remedy = f"set the provider up, or `canvas tenant set {tenant.host} --unset model`"
            found.append(Finder("models", tenant.host).warning("models", error.detail, remedy))
    return found


async def _clients(stack: AsyncExitStack, ingest: IngestSettings) -> dict[str, Any]:
    """The SDKs' clients by provider."""
    clients: dict[str, Any] = {}
    if ingest.anthropic_api_key is not None:
        clients["anthropic"] = await stack.enter_async_context(anthropic_client(ingest))
    if ingest.openai_api_key is not None:
        clients["openai"] = await stack.enter_async_context(openai_client(ingest))
    for name, url in ingest.compatible_urls.items():
        key = ingest.compatible_keys[name].get_secret_value() if name in ingest.compatible_keys else ""
        clients[name] = await stack.enter_async_context(compatible_client(url, key))
    return clients


def _is_own_server(ingest: IngestSettings, provider: str) -> bool:
    """Whether this is a compatible server, which need not have a list of its models."""
    return {"anthropic": ingest.anthropic_base_url, "openai": ingest.openai_base_url}.get(provider, "own") is not None


async def _looked_up(client: Any, model: Named, *, own: bool) -> list[Finding]:
    """What the provider says about one model; `own` is a server that may have no list of models."""
    try:
        answer = await client.models.with_raw_response.retrieve(model.model, timeout=WITHIN_S)
    except (AnthropicError, OpenAIError) as error:
        return [_refused(model, getattr(error, "status_code", None), own=own)]
    ahead_s = ahead_of_ours(answer.headers)
    found = [finder.ok("model", f"{model.name} is there for this key")]
    return found if ahead_s is None else [*found, *of_clock(finder, f"The clock of {model.provider}", ahead_s)]


def _refused(model: Named, status: int | None, *, own: bool) -> Finding:
    key = KEYS.get(model.provider, "CANVAS_COMPATIBLE_KEYS")
    if status is None:
        base = BASES.get(model.provider, "CANVAS_COMPATIBLE_URLS")
        remedy = f"see {base}, this machine's way to the internet, and the provider's status page"
        return finder.problem("model", f"{model.provider} does not answer: {model.name} can't be asked", remedy)
    if status in KEY_REFUSED:
        return finder.problem("model", f"{model.provider} refuses the key for {model.name}", f"set another {key}")
    if status == NOT_FOUND and own:
        text = f"The server of {model.provider} does not say whether it has {model.name}"
        return finder.warning("model", text, "see its own list of models; `canvas status` tells failing stages")
    if status == NOT_FOUND:
        remedy = f"name another one: `CANVAS_{model.provider.upper()}_MODEL`, or CANVAS_SUMMARY_MODELS and the like"
        return finder.problem("model", f"{model.provider} has no model {model.model} for this key", remedy)
    return finder.warning("model", f"{model.provider} answers HTTP {status} for {model.name}", "try again in a minute")
