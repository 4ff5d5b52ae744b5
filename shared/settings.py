"""What both sides must know, read from the environment (or a `.env` file) once per process.

Settings that only one side needs live with that side: `ingest.settings`, `serve.settings`, `deploy.settings`.
The names of the real services' own settings are theirs (`REDIS_URL`, `OPENAI_API_KEY` …); ours begin with `CANVAS_`.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SETTINGS_CONFIG = SettingsConfigDict(
    env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True, populate_by_name=True
)


class Settings(BaseSettings):
    """Settings of every process; the README's table is checked against this class by a test."""

    model_config = SETTINGS_CONFIG

    data_dir: Path = Field(
        default=Path(".canvas"),
        validation_alias="CANVAS_DATA_DIR",
        description="Folder of the embedded default: Redis, vectors and keys live in it",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        validation_alias="REDIS_URL",
        description="Redis 6.2 or later for what must not be lost; empty = the embedded Valkey",
    )
    redis_cache_url: SecretStr | None = Field(
        default=None,
        validation_alias="REDIS_CACHE_URL",
        description="Redis for Canvases alone, where eviction is allowed; empty = the same server",
    )
    master_keys: SecretStr | None = Field(
        default=None,
        validation_alias="CANVAS_MASTER_KEYS",
        description="Comma-separated base64 keys of 32 bytes that encrypt stored credentials; the first one "
        "encrypts, the others still decrypt; empty = one is made in the data folder",
    )
    freshdesk_urls: dict[str, str] = Field(
        default_factory=dict,
        validation_alias="CANVAS_FRESHDESK_URLS",
        description='JSON map from tenant to base URL, for look-alikes only: {"demo.freshdesk.com": "http://127.0.0.1:9000"}',
    )
    freshdesk_window_s: float = Field(
        default=60.0,
        gt=0,
        le=3600,
        validation_alias="CANVAS_FRESHDESK_WINDOW_S",
        description="Seconds in which an account's rate limit counts; look-alikes only may have another than a minute",
    )
    debounce_s: float = Field(
        default=1.5,
        ge=0,
        le=60,
        validation_alias="CANVAS_DEBOUNCE_S",
        description="Seconds without another change before a changed ticket is computed; an agent who opens it "
        "cuts this short",
    )
    debounce_longest_s: float = Field(
        default=10.0,
        ge=0,
        le=600,
        validation_alias="CANVAS_DEBOUNCE_LONGEST_S",
        description="Seconds after the first change at which it is computed even if the changes go on",
    )
    metrics_token: SecretStr | None = Field(
        default=None,
        validation_alias="CANVAS_METRICS_TOKEN",
        description="Bearer token that lets a scrape of /metrics see figures by tenant; without it there are totals",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", validation_alias="CANVAS_LOG_LEVEL", description="How much is logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        default="auto",
        validation_alias="CANVAS_LOG_FORMAT",
        description="auto = console on a terminal, JSON lines elsewhere",
    )

    def freshdesk_url(self, host: str) -> str:
        """Base URL of a tenant's Freshdesk, without a trailing slash; built from the registered host alone."""
        return self.freshdesk_urls.get(host, f"https://{host}").rstrip("/")
