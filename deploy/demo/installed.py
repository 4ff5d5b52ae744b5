"""The demo's desk with the app installed in it, on two ports as in Freshdesk: the desk's own, and that of app frames.

So a real origin lies between the frame and serve, and serve must allow it (CORS). Whoever can reach the first port only
(a forwarded one, say) gets the frame from there; then there is one origin, and everything else is the same.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from socket import socket
from typing import Any

import httpx

from deploy.demo.app_platform import AppPackage, AppPlatform, Settings, create_hosting, frontend_folder
from deploy.demo.desk_app import create_desk
from deploy.demo.desk_client import DeskClient
from deploy.http_server import bind, running
from deploy.settings import AllSettings
from shared.errors import StartupError

NAMES = ("127.0.0.1", "localhost")
"""What this machine is called in a browser on it; others get everything by one port."""
ANYWHERE_HERE = tuple(f"http://{name}:*" for name in NAMES)
IPARAMS = {"language": "auto", "tone": "", "forbidden_phrases": "", "search_period_days": "0", "show": ""}


@dataclass(frozen=True)
class Account:
    """The helpdesk account of a demo: its host, and the key with which its admin has installed the app."""

    domain: str
    app_key: str


@asynccontextmanager
async def installed(
    settings: AllSettings, account: Account, client: DeskClient, http: httpx.AsyncClient
) -> AsyncIterator[tuple[AllSettings, dict[str, Any]]]:
    """Serve the app's frames; yields the settings for everything else, and what it has to mount.

    Raises:
        StartupError: the desk's port can't be had.
    """
    host = settings.deploy.host
    port = _free_port(host, settings.deploy.port)
    sock = _beside(host, port)
    frames = [f"http://{name}:{sock.getsockname()[1]}" for name in NAMES]
    serve = settings.serve.model_copy(update={"cors_origins": [*settings.serve.cors_origins, *frames]})
    app = AppPackage.read(frontend_folder())
    hosting = create_hosting(app, ANYWHERE_HERE, ANYWHERE_HERE)
    backend = f"{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"  # noqa: S104 - compared, not bound
    platform = AppPlatform(app, Settings(_iparams(account, backend), {"api_key": account.app_key}), http)
    desk = create_desk(client, account.domain, platform, frames)
    deployed = settings.deploy.model_copy(update={"port": port})
    async with running(hosting, sock):
        yield replace(settings, serve=serve, deploy=deployed), {"desk": desk, "a": desk, "app-assets": hosting}


def _iparams(account: Account, backend: str) -> Mapping[str, str]:
    return {**IPARAMS, "backend": backend, "freshdesk_domain": account.domain}


def _free_port(host: str, port: int) -> int:
    probe = bind(host, port)
    with probe:
        return int(probe.getsockname()[1])


def _beside(host: str, port: int) -> socket:
    """The next port, so that it is the same at every start; any other where that one is taken."""
    try:
        return bind(host, port + 1 if port < 65_535 else 0)
    except StartupError:
        return bind(host, 0)
