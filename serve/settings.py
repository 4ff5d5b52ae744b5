"""Settings that only the answering side needs."""

from pydantic import Field
from pydantic_settings import BaseSettings

from shared.settings import SETTINGS_CONFIG


class ServeSettings(BaseSettings):
    """Settings of serve; the README's table is checked against this class by a test."""

    model_config = SETTINGS_CONFIG

    cors_origins: list[str] = Field(
        default_factory=lambda: ["https://d3h0owdjgzys62.cloudfront.net", "http://localhost:10001"],
        validation_alias="CANVAS_CORS_ORIGINS",
        description="JSON list of origins whose pages may call serve: the frame of Freshdesk apps, `fdk run`",
    )
    log_hits: float = Field(
        default=0.0,
        ge=0,
        le=1,
        validation_alias="CANVAS_LOG_HITS",
        description="Share of /init's hits that get a log line, 0 to 1; every other request gets one",
    )
