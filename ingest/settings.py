"""Settings that only the thinking side needs: models, embeddings, vectors, and how Freshdesk reaches the webhook."""

import json
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode

from shared.settings import SETTINGS_CONFIG


def _split(value: object) -> object:
    """A list from the environment, comma-separated or as JSON, which is how the defaults are written."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [name.strip() for name in value.split(",") if name.strip()]


Names = Annotated[list[str], NoDecode, BeforeValidator(_split)]


class IngestSettings(BaseSettings):
    """Settings of ingest and its workers; the README's table is checked against this class by a test."""

    model_config = SETTINGS_CONFIG

    qdrant_url: str | None = Field(
        default=None, validation_alias="QDRANT_URL", description="Qdrant server; empty = the embedded vector store"
    )
    qdrant_api_key: SecretStr | None = Field(
        default=None, validation_alias="QDRANT_API_KEY", description="Key of the Qdrant server, if it wants one"
    )
    anthropic_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="ANTHROPIC_API_KEY",
        description="Summaries and replies are written by Anthropic's model",
    )
    anthropic_base_url: str | None = Field(
        default=None, validation_alias="ANTHROPIC_BASE_URL", description="Another server that speaks the Messages API"
    )
    anthropic_model: str = Field(
        default="claude-haiku-5-5", validation_alias="CANVAS_ANTHROPIC_MODEL", description="Model of Anthropic's calls"
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OPENAI_API_KEY",
        description="Embeddings by OpenAI; text too where there is no Anthropic key",
    )
    openai_base_url: str | None = Field(
        default=None, validation_alias="OPENAI_BASE_URL", description="Any OpenAI-compatible server, with its /v1"
    )
    openai_model: str = Field(
        default="gpt-5.4-mini", validation_alias="CANVAS_OPENAI_MODEL", description="Model of OpenAI's text calls"
    )
    openai_api: Literal["auto", "responses", "chat"] = Field(
        default="auto",
        validation_alias="CANVAS_OPENAI_API",
        description="auto = Responses at OpenAI, Chat Completions at another base URL",
    )
    compatible_urls: dict[str, str] = Field(
        default_factory=dict,
        validation_alias="CANVAS_COMPATIBLE_URLS",
        description="JSON map from a name to the base URL of a server that speaks OpenAI's Chat Completions, such as "
        '{"vllm":"http://10.0.0.7:8000/v1"}; its models are `vllm/<model>`',
    )
    compatible_keys: dict[str, SecretStr] = Field(
        default_factory=dict,
        validation_alias="CANVAS_COMPATIBLE_KEYS",
        description="JSON map from such a name to its API key, where it wants one",
    )
    summary_models: Names = Field(
        default_factory=list,
        validation_alias="CANVAS_SUMMARY_MODELS",
        description="Comma-separated `provider/model` that write summaries, the preferred one first; empty = the "
        "models of the keys that are set; `extractive` = none",
    )
    reply_models: Names = Field(
        default_factory=list, validation_alias="CANVAS_REPLY_MODELS", description="The same for replies"
    )
    answer_models: Names = Field(
        default_factory=list, validation_alias="CANVAS_ANSWER_MODELS", description="The same for answers"
    )
    first_token_s: float = Field(
        default=15.0,
        gt=0,
        le=600,
        validation_alias="CANVAS_FIRST_TOKEN_S",
        description="Seconds until a model must have begun to write or to think; then the next one is asked",
    )
    idle_s: float = Field(
        default=20.0,
        gt=0,
        le=600,
        validation_alias="CANVAS_IDLE_S",
        description="Seconds between two tokens after which a call counts as stalled",
    )
    call_s: float = Field(
        default=60.0,
        gt=0,
        le=600,
        validation_alias="CANVAS_CALL_S",
        description="Seconds that one call may take in all",
    )
    text_s: float = Field(
        default=90.0,
        gt=0,
        le=120,
        validation_alias="CANVAS_TEXT_S",
        description="Seconds that one text may take in all, whatever models are asked for it",
    )
    outage_wait_s: float = Field(
        default=6.0,
        ge=0,
        le=10,
        validation_alias="CANVAS_OUTAGE_WAIT_S",
        description="Seconds that the text of a changed ticket waits for a model that is out of use before the "
        "extractive writer does it; history waits six times as long, an agent at most 2 s",
    )
    hedge_after_s: float = Field(
        default=0.0,
        ge=0,
        le=60,
        validation_alias="CANVAS_HEDGE_AFTER_S",
        description="Seconds of silence after which the next model starts beside the first where an agent waits; "
        "0 = never",
    )
    provider_calls: int = Field(
        default=16,
        ge=2,
        le=200,
        validation_alias="CANVAS_PROVIDER_CALLS",
        description="Calls of one provider at once from one process; a quarter is kept for agents who wait",
    )
    embedding_model: str = Field(
        default="text-embedding-3-small",
        validation_alias="CANVAS_EMBEDDING_MODEL",
        description="OpenAI embedding model; used where OPENAI_API_KEY is set",
    )
    embedding_size: int = Field(
        default=512, ge=64, le=4096, validation_alias="CANVAS_EMBEDDING_SIZE", description="Its number of dimensions"
    )
    embeddings: Literal["auto", "local", "openai"] = Field(
        default="auto",
        validation_alias="CANVAS_EMBEDDINGS",
        description="auto = OpenAI where its key is set, else the local model",
    )
    reconcile_s: float = Field(
        default=300.0,
        ge=1,
        le=86_400,
        validation_alias="CANVAS_RECONCILE_S",
        description="Seconds between two looks at a tenant's ticket lists for what webhooks missed",
    )
