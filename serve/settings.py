"""Settings that only the answering side needs."""

import re

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

from shared.settings import SETTINGS_CONFIG

ORIGIN = re.compile(r"https?://[a-z0-9.\-]+(:[0-9]{1,5})?")
"""As browsers send it: lower case, no path, no port where it is the scheme's own."""


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
    memory_mb: int = Field(
        default=64,
        ge=0,
        validation_alias="CANVAS_MEMORY_MB",
        description="Megabytes of Canvases that a serve process keeps, about 100 in each; 0 = every hit asks Redis",
    )
    answer_s: float = Field(
        default=60.0,
        gt=0,
        le=110,
        validation_alias="CANVAS_ANSWER_S",
        description="Seconds that /query and /generate_reply wait for the whole answer; below the limit of any proxy",
    )
    attachment_hosts: list[str] = Field(
        default_factory=list,
        validation_alias="CANVAS_ATTACHMENT_HOSTS",
        description="JSON list of further hosts where Freshdesk keeps files, besides its usual ones",
    )
    session_minutes: float = Field(
        default=15.0,
        gt=0,
        le=15,
        validation_alias="CANVAS_SESSION_MINUTES",
        description="How long a token of POST /session is good",
    )
    trusted_proxies: list[str] = Field(
        default_factory=list,
        validation_alias="CANVAS_TRUSTED_PROXIES",
        description='JSON list of addresses and networks of proxies, whose X-Forwarded-For counts: ["10.0.0.0/8"]; '
        "empty = the socket's address counts",
    )
    limit_agent: float = Field(
        default=200.0,
        ge=0,
        validation_alias="CANVAS_LIMIT_AGENT",
        description="Requests a second of one agent, five times as many at once; 0 = no limit. An agent is a key's "
        "owner: all users of the Freshdesk app share the key that it was installed with",
    )
    limit_tenant: float = Field(
        default=500.0,
        ge=0,
        validation_alias="CANVAS_LIMIT_TENANT",
        description="Requests a second of one tenant, four times as many at once; 0 = no limit",
    )
    limit_address: float = Field(
        default=200.0,
        ge=0,
        validation_alias="CANVAS_LIMIT_ADDRESS",
        description="Requests a second of one address, four times as many at once; 0 = no limit",
    )
    limit_costly: float = Field(
        default=120.0,
        ge=0,
        validation_alias="CANVAS_LIMIT_COSTLY",
        description="Questions, reply drafts and the like a minute of one agent; 0 = no limit",
    )
    limit_sessions: float = Field(
        default=60.0,
        ge=0,
        validation_alias="CANVAS_LIMIT_SESSIONS",
        description="Session tokens a minute of one agent; 0 = no limit",
    )
    limit_wrong_keys: float = Field(
        default=10.0,
        ge=0,
        validation_alias="CANVAS_LIMIT_WRONG_KEYS",
        description="Different wrong API keys a minute of one address, three times as many for one tenant: each "
        "costs a Freshdesk call; 0 = no limit",
    )
    streams_agent: int = Field(
        default=500,
        ge=0,
        validation_alias="CANVAS_STREAMS_AGENT",
        description="Streams that one agent may have open; 0 = no limit",
    )
    streams_tenant: int = Field(
        default=2000,
        ge=0,
        validation_alias="CANVAS_STREAMS_TENANT",
        description="Streams that one tenant may have open; 0 = no limit",
    )

    @field_validator("cors_origins")
    @classmethod
    def _exact(cls, origins: list[str]) -> list[str]:
        """No patterns, and not `null`: that is what any page in a sandboxed frame sends."""
        wrong = [origin for origin in origins if not ORIGIN.fullmatch(origin)]
        if wrong:
            raise ValueError(f"not an exact origin like https://example.com: {', '.join(wrong)}")
        return origins
