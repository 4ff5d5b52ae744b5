"""Settings of the processes themselves: where they listen, and how Freshdesk reaches them."""

from pydantic import Field
from pydantic_settings import BaseSettings

from shared.settings import SETTINGS_CONFIG


class DeploySettings(BaseSettings):
    """Settings of the `canvas` command; the README's table is checked against this class by a test."""

    model_config = SETTINGS_CONFIG

    host: str = Field(default="127.0.0.1", validation_alias="CANVAS_HOST", description="Address to listen on")
    port: int = Field(
        default=8080, ge=0, le=65535, validation_alias="CANVAS_PORT", description="Port of serve; 0 = a free one"
    )
    ingest_port: int = Field(
        default=8081,
        ge=0,
        le=65535,
        validation_alias="CANVAS_INGEST_PORT",
        description="Port of the webhook receiver where it runs alone (`canvas ingest`)",
    )
    public_url: str = Field(
        default="",
        validation_alias="CANVAS_PUBLIC_URL",
        description="HTTPS URL by which Freshdesk reaches the webhook receiver",
    )
