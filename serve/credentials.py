"""Who is asking? The tenant always comes from a checked credential, never from what a request merely says.

An API key that was not seen before is checked once with Freshdesk's `/agents/me`; the answer is remembered for a few
minutes under a keyed hash of the key, in Redis and in the process. Wrong keys are remembered for a shorter time.
"""

import asyncio
import base64
import time
from collections import OrderedDict
from datetime import timedelta

import httpx
import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.errors import BadInput, FreshdeskUnavailable, Unauthorized
from shared.settings import Settings
from shared.tenants import TenantRegistry, parse_host
from shared.vault import Vault

REFUSED_LIFETIME = timedelta(seconds=30)
"""A wrong key costs one Freshdesk call in this time, so that nobody can use up an account's calls through us."""
LOCAL_LIFETIME_S = 30.0
LOCAL_ENTRIES = 10_000
MAX_KEY_CHARACTERS = 200
MAX_ANSWER_BYTES = 1_000_000


class Caller(msgspec.Struct, frozen=True):
    """A checked credential: the tenant, and the agent whose key it is."""

    host: str
    agent_id: int


class CredentialChecker:
    """Checks `X-Freshdesk-Domain` with `X-Freshdesk-API-Key`."""

    def __init__(
        self, settings: Settings, state: Redis, tenants: TenantRegistry, vault: Vault, http: httpx.AsyncClient
    ) -> None:
        self._settings = settings
        self._state = state
        self._tenants = tenants
        self._vault = vault
        self._http = http
        self._local: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        self._checking: dict[str, asyncio.Lock] = {}

    async def check(self, domain: str | None, api_key: str | None) -> Caller:
        """The caller behind a domain and an API key.

        Raises:
            Unauthorized: missing or wrong, or the tenant is not registered: the answer is the same.
            FreshdeskUnavailable: the key is new and Freshdesk can't be asked.
        """
        if not domain or not api_key or len(api_key) > MAX_KEY_CHARACTERS or not api_key.isascii():
            raise Unauthorized
        try:
            host = parse_host(domain)
        except BadInput as error:
            raise Unauthorized from error
        name = keys.credential(host, self._vault.keyed_hash(api_key, host))
        local = self._local.get(name)
        if local and local[0] > time.monotonic():
            return local[1]
        # Of many requests with a new key, one asks Freshdesk and the others wait for its answer.
        lock = self._checking.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                return await self._remembered(name, host, api_key)
        finally:
            if not lock.locked():
                self._checking.pop(name, None)

    async def _remembered(self, name: str, host: str, api_key: str) -> Caller:
        known = await self._state.get(name)
        if known is None:
            agent_id = await self._ask_freshdesk(host, api_key)
            lifetime = keys.CREDENTIAL_LIFETIME if agent_id else REFUSED_LIFETIME
            await self._state.set(name, str(agent_id), ex=lifetime)
        else:
            agent_id = int(known)
        if not agent_id:
            raise Unauthorized
        caller = Caller(host, agent_id)
        self._local[name] = (time.monotonic() + LOCAL_LIFETIME_S, caller)
        while len(self._local) > LOCAL_ENTRIES:
            self._local.popitem(last=False)
        return caller

    async def _ask_freshdesk(self, host: str, api_key: str) -> int:
        """The id of the agent whose key it is, or 0 if Freshdesk refuses it or the tenant is not registered."""
        if await self._tenants.get(host) is None:
            return 0
        token = base64.b64encode(f"{api_key}:X".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        url = f"{self._settings.freshdesk_url(host)}/api/v2/agents/me"
        try:
            async with self._http.stream("GET", url, headers=headers) as response:
                if response.status_code in {401, 403, 404}:
                    return 0
                if response.status_code != httpx.codes.OK:
                    raise FreshdeskUnavailable(f"Freshdesk answered {response.status_code}")
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise FreshdeskUnavailable("Freshdesk's answer is too large")
            return int(msgspec.json.decode(bytes(body))["id"])
        except httpx.HTTPError as error:
            raise FreshdeskUnavailable(f"Freshdesk does not answer ({type(error).__name__})") from error
        except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
            raise FreshdeskUnavailable("Freshdesk answered with something unexpected") from error
