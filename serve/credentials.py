"""Who is asking? The tenant always comes from a checked credential, never from what a request merely says.

An API key that was not seen before is checked once with Freshdesk's `/agents/me`; the answer is remembered for a few
minutes under a keyed hash of the key, in Redis and in the process. Wrong keys are remembered for a shorter time.
"""

import asyncio
import base64
import re
import time
from collections import OrderedDict
from datetime import timedelta

import httpx
import msgspec
from redis.asyncio import Redis

from shared import keys
from shared.errors import BadInput, FreshdeskLimited, FreshdeskUnavailable, Unauthorized
from shared.problems import store_answers
from shared.settings import Settings
from shared.tenants import FRESHDESK_TIMEOUT, TenantRegistry, parse_host
from shared.vault import Vault

REFUSED_LIFETIME = timedelta(seconds=30)
"""A wrong key costs one Freshdesk call in this time; different ones cost one each, without a limit as yet."""
LOCAL_LIFETIME_S = 30.0
LOCAL_ENTRIES = 10_000
MAX_KEY_CHARACTERS = 200
MAX_ANSWER_BYTES = 1_000_000
DEFAULT_RETRY_AFTER = timedelta(seconds=30)


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
        self._asking: dict[str, asyncio.Task[Caller]] = {}

    async def check(self, domain: str | None, api_key: str | None) -> Caller:
        """The caller behind a domain and an API key.

        Raises:
            Unauthorized: missing or wrong, or the tenant is not registered: the answer is the same.
            FreshdeskUnavailable, FreshdeskLimited: the key is new and Freshdesk can't be asked.
            StoreUnavailable: Redis does not answer.
        """
        if not domain or not api_key or not _could_be_a_key(api_key):
            raise Unauthorized
        try:
            host = parse_host(domain)
        except BadInput as error:
            raise Unauthorized from error
        name = keys.credential(host, self._vault.keyed_hash(api_key, host))
        local = self._local.get(name)
        if local and local[0] > time.monotonic():
            return local[1]
        # Of many requests with a new key, one asks Freshdesk. The others share its answer, or its failure: one after
        # the other, each would wait for a Freshdesk that hangs.
        asking = self._asking.get(name)
        if asking is None:
            asking = asyncio.create_task(self._remembered(name, host, api_key))
            self._asking[name] = asking
            asking.add_done_callback(lambda _: self._asking.pop(name, None))
        return await asyncio.shield(asking)

    async def _remembered(self, name: str, host: str, api_key: str) -> Caller:
        async with store_answers():
            known = await self._state.get(name)
            # Of a host that is no tenant nothing is remembered, or strangers could fill Redis.
            if known is None and await self._tenants.get(host) is None:
                raise Unauthorized
        if known is None:
            agent_id = await self._ask_freshdesk(host, api_key)
            lifetime = keys.CREDENTIAL_LIFETIME if agent_id else REFUSED_LIFETIME
            async with store_answers():
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
        """The id of the agent whose key it is, or 0 if Freshdesk refuses it."""
        token = base64.b64encode(f"{api_key}:X".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Accept": "application/json"}
        url = f"{self._settings.freshdesk_url(host)}/api/v2/agents/me"
        try:
            # httpx's own time-out starts anew with every byte.
            async with (
                asyncio.timeout(FRESHDESK_TIMEOUT),
                self._http.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code in {401, 403, 404}:
                    return 0
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise FreshdeskLimited(retry_after=_retry_after(response))
                if response.status_code != httpx.codes.OK:
                    raise FreshdeskUnavailable(f"Freshdesk answered {response.status_code}")
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise FreshdeskUnavailable("Freshdesk's answer is too large")
            return int(msgspec.json.decode(bytes(body))["id"])
        except (httpx.HTTPError, TimeoutError) as error:
            raise FreshdeskUnavailable(f"Freshdesk does not answer ({type(error).__name__})") from error
        except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise FreshdeskUnavailable("Freshdesk answered with something unexpected") from error


def _retry_after(response: httpx.Response) -> timedelta:
    """Freshdesk's own word: who comes back earlier makes it worse, since refused calls count, too."""
    seconds = response.headers.get("retry-after", "")
    return timedelta(seconds=int(seconds)) if re.fullmatch("[0-9]{1,4}", seconds) else DEFAULT_RETRY_AFTER


def _could_be_a_key(text: str) -> bool:
    """Short and ASCII. With a colon it would be a user and half a password (RFC 7617), so an alias of another key."""
    return len(text) <= MAX_KEY_CHARACTERS and text.isascii() and ":" not in text
