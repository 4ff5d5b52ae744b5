"""Settings of the processes: where they listen, how Freshdesk reaches them; and the settings of all parts together."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsError

from ingest.settings import IngestSettings
from serve.settings import ServeSettings
from shared.errors import StartupError
from shared.settings import SETTINGS_CONFIG, Settings


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
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        validation_alias="CANVAS_METRICS_PORT",
        description="Port of /metrics of workers that run alone (`canvas worker`); empty = none, 0 = a free one",
    )
    public_url: str = Field(
        default="",
        validation_alias="CANVAS_PUBLIC_URL",
        description="HTTPS URL by which Freshdesk reaches the webhook receiver",
    )


@dataclass(frozen=True)
class AllSettings:
    """The settings of every part, as one process needs them."""

    shared: Settings
    ingest: IngestSettings
    serve: ServeSettings
    deploy: DeploySettings


def load_settings(
    data: Path | None = None,
    port: int | None = None,
    ingest_port: int | None = None,
    metrics_port: int | None = None,
) -> AllSettings:
    """Settings from the environment and `.env`, with what the command line says on top.

    Raises:
        StartupError: a variable holds something that can't be used; its name is said, its value is not.
    """
    try:
        found = AllSettings(Settings(), IngestSettings(), ServeSettings(), DeploySettings())
    except ValidationError as error:
        wrong = "; ".join(f"{item['loc'][0]}: {item['msg']}" for item in error.errors())
        raise StartupError(f"The settings can't be used: {wrong}") from error
    except SettingsError as error:
        raise StartupError(f"The settings can't be used: {_variable(error)}: Input should be valid JSON") from error
    shared = found.shared.model_copy(update={"data_dir": data} if data else {})
    ports = {"port": port, "ingest_port": ingest_port, "metrics_port": metrics_port}
    deploy = found.deploy.model_copy(update={name: value for name, value in ports.items() if value is not None})
    return AllSettings(shared, found.ingest, found.serve, deploy)


def _variable(error: SettingsError) -> str:
    """The variable that can't be parsed; pydantic-settings names the field, in quotes, in the middle of its message."""
    groups = (Settings, IngestSettings, ServeSettings, DeploySettings)
    names = {name: field.validation_alias for group in groups for name, field in group.model_fields.items()}
    return next(str(alias) for name, alias in names.items() if f'"{name}"' in str(error))
