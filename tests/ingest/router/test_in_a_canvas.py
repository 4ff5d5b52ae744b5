"""What the router's work looks like in a Canvas: the calls, what they cost, and a tenant whose tokens are used up."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from pydantic import SecretStr

from ingest.settings import IngestSettings
from shared.settings import Settings
from tests.faults import current, postponed, time_passes, worker_of
from tests.ground import lay_ground
from tests.lookalikes import AnthropicLookalike, Fault, OpenAILookalike
from tests.world import Account, world

WORDS = "The printer is offline since Monday. I restarted it twice and it says error 0x6100004A every time."


@pytest.fixture
async def anthropic() -> AsyncIterator[AnthropicLookalike]:
    async with AnthropicLookalike() as fake:
        yield fake


@pytest.fixture
async def account(settings: Settings, anthropic: AnthropicLookalike) -> AsyncIterator[Account]:
    async with OpenAILookalike() as openai:
        ingest = IngestSettings(
            anthropic_api_key=SecretStr("any"),
            anthropic_base_url=anthropic.base_url,
            openai_api_key=SecretStr("any"),
            openai_base_url=openai.base_url,
            embeddings="local",
            outage_wait_s=0,
        )
        async with world(settings, ingest) as made:
            await lay_ground(made.acme, f"Printer is offline\n{WORDS}")
            yield made.acme


async def limit(account: Account, tokens: int | None) -> None:
    """Give the tenant a daily budget."""
    tenants = worker_of(account).tenants
    tenant = await tenants.get(account.host)
    assert tenant is not None
    chosen = msgspec.structs.replace(tenant.settings, daily_token_budget=tokens)
    await tenants.put(msgspec.structs.replace(tenant, settings=chosen))


async def test_a_canvas_says_which_calls_were_made_for_it_and_what_they_cost(
    account: Account, anthropic: AnthropicLookalike
) -> None:
    anthropic.script.add(Fault.overloaded())
    canvas = await account.hit(await account.create_ticket("Printer is offline", WORDS))
    provenance = canvas["provenance"]
    assert canvas["status"] == "ready", "another model wrote it: nothing is missing"
    assert sorted(call["outcome"] for call in provenance["calls"]) == ["ok", "ok", "overloaded"]
    assert provenance["cost"] == pytest.approx(sum(call["cost"] for call in provenance["calls"]))
    assert provenance["cost"] > 0
    assert provenance["tokens"]["output"] == sum(call.get("output_tokens", 0) for call in provenance["calls"])
    shown = (await account.canvas.get("/metrics")).text
    assert 'canvas_model_calls_total{model="anthropic/claude-haiku-5-5",outcome="ok",task="reply"}' in shown
    assert account.host not in shown, "a tenant's name is nobody's business"


async def test_a_tenant_over_its_budget_is_degraded_until_it_has_tokens_again(
    account: Account, anthropic: AnthropicLookalike
) -> None:
    await limit(account, 1_000)
    assert await worker_of(account).router._budget.reserve(account.host, None), "something else takes today's tokens"
    number = await account.create_ticket("Printer is offline", WORDS)
    await postponed(account, number)
    canvas = (await account.init(number)).json()
    assert canvas["status"] == "degraded"
    assert canvas["provenance"]["models"]["summary"] == "extractive"
    assert canvas["provenance"]["calls"] == []
    assert anthropic.requests == []
    await limit(account, None)
    await time_passes(account)
    assert (await current(account, number))["status"] == "ready"
