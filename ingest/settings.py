"""Settings that only the thinking side needs: models, embeddings, vectors, and how Freshdesk reaches the webhook."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from shared.settings import SETTINGS_CONFIG


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
