"""The only calls that serve makes: whose key is this, and is it an admin's? The answer is bounded in time and size."""

import asyncio
import base64
import re
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import structlog

from serve.caller import Scope
from shared.errors import FreshdeskLimited, FreshdeskUnavailable
from shared.settings import Settings
from shared.tenants import FRESHDESK_TIMEOUT

MAX_ANSWER_BYTES = 1_000_000
DEFAULT_RETRY_AFTER = timedelta(seconds=30)
OWN_AGENT = "/agents/me"
ADMINS_ONLY = "/agents?per_page=1"
"""`/agents/me` does not say who is an admin; every other call of agents is open to admins alone."""
SCOPES: dict[Any, Scope] = {1: "all", 2: "group", 3: "own"}

log = structlog.get_logger()


class Agent(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of a key; id 0 for one that Freshdesk refuses. `admin` is None until somebody asks."""

    agent_id: int
    scope: Scope = "all"
    groups: frozenset[int] = frozenset()
    admin: bool | None = None


REFUSED = Agent(0)


class AskedFreshdesk:
    """Asks a tenant's Freshdesk with the caller's own key, which goes to that host or nowhere."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient) -> None:
        """`http` must follow neither redirects nor proxies."""
        self._settings = settings
        self._http = http

    async def agent(self, host: str, api_key: str) -> Agent:
        """The agent whose key it is, or `REFUSED`.

        Raises:
            FreshdeskUnavailable, FreshdeskLimited: no answer that could be used.
        """
        status, body = await self._get(host, OWN_AGENT, api_key)
        if status != httpx.codes.OK:
            return REFUSED
        try:
            return _agent(msgspec.json.decode(body), host)
        except (msgspec.DecodeError, AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise FreshdeskUnavailable("Freshdesk answered with something unexpected") from error

    async def is_admin(self, host: str, api_key: str) -> bool | None:
        """Whether it is an admin's key; None if Freshdesk does not accept it any more. Raises like `agent`."""
        status, _ = await self._get(host, ADMINS_ONLY, api_key)
        return None if status == httpx.codes.UNAUTHORIZED else status == httpx.codes.OK

    async def _get(self, host: str, path: str, api_key: str) -> tuple[int, bytes]:
        """Status (200, 401, 403 or 404) and body of a GET."""
        token = base64.b64encode(f"{api_key}:X".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        url = f"{self._settings.freshdesk_url(host)}/api/v2{path}"
        try:
            # httpx's own time-out starts anew with every byte.
            async with (
                asyncio.timeout(FRESHDESK_TIMEOUT),
                self._http.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code in {401, 403, 404}:
                    return response.status_code, b""
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise FreshdeskLimited(retry_after=_retry_after(response))
                if response.status_code != httpx.codes.OK:
                    raise FreshdeskUnavailable(f"Freshdesk answered {response.status_code}")
                return response.status_code, await _body(response)
        except (httpx.HTTPError, TimeoutError) as error:
            raise FreshdeskUnavailable(f"Freshdesk does not answer ({type(error).__name__})") from error


async def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise FreshdeskUnavailable("Freshdesk's answer is too large")
    return bytes(body)


def _agent(said: Any, host: str) -> Agent:
    scope = SCOPES.get(said.get("ticket_scope"))
    if scope is None:
        # Documented, yet never seen by us for every plan: who may see what is not known sees the least.
        log.warning("Freshdesk names no known ticket_scope: own tickets only", host=host)
        scope = "own"
    groups = said.get("group_ids") or []
    return Agent(int(said["id"]), scope, frozenset(int(group) for group in groups))


def _retry_after(response: httpx.Response) -> timedelta:
    """Freshdesk's own word: who comes back earlier makes it worse, since refused calls count, too."""
    seconds = response.headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if re.fullmatch("[0-9]{1,4}", seconds) else DEFAULT_RETRY_AFTER
