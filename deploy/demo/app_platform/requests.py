"""From a request template to a request: what may be named where, and what a template must look like."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from deploy.demo.app_platform.expressions import substitute

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?")
LOCAL = re.compile(r".+:\d+")
"""Only what runs on this machine has a port: as with `fdk run`, it may be asked without TLS."""


@dataclass(frozen=True)
class Settings:
    """The app's settings of one installation; what is `secure` reaches headers alone, and never a browser."""

    plain: Mapping[str, str]
    secure: Mapping[str, str]


@dataclass(frozen=True)
class TemplateRequest:
    """A request that is ready to be sent, and how often it may be tried."""

    method: str
    url: str
    headers: Mapping[str, str]
    attempts: int
    pause_s: float


def build(
    template: Mapping[str, Any], settings: Settings, context: Mapping[str, Any], *, installing: bool
) -> TemplateRequest:
    """The request that a template makes of settings and `context`; only a page that installs the app names a host.

    Raises:
        ValueError: the template can't be filled in, or what comes out is no request.
    """
    plain = {f"iparam.{name}": value for name, value in settings.plain.items()}
    secret = {f"iparam.{name}": value for name, value in settings.secure.items()}
    given = {f"context.{name}": str(value) for name, value in context.items()}
    escaped = {name: quote(value, safe="") for name, value in given.items()}
    schema, options = template["schema"], template.get("options", {})
    host = substitute(schema["host"], plain | given if installing else plain).lower()
    path = substitute(schema.get("path", "/"), plain | escaped)
    query = {name: substitute(value, plain | given) for name, value in schema.get("query", {}).items()}
    named = plain | secret | given if installing else plain | secret
    headers = {name: substitute(value, named) for name, value in schema.get("headers", {}).items()}
    if schema["method"] not in METHODS or not HOST.fullmatch(host) or not path.startswith("/"):
        raise ValueError(f"Not a request: {schema['method']} {host}")
    scheme = "http" if LOCAL.fullmatch(host) else schema.get("protocol", "https")
    url = f"{scheme}://{host}{path}" + (f"?{urlencode(query)}" if query else "")
    attempts = min(5, max(1, int(options.get("maxAttempts", 1))))
    return TemplateRequest(schema["method"], url, headers, attempts, min(1500, options.get("retryDelay", 0)) / 1000)
