"""Who is asking? The tenant always comes from a checked credential, never from what a request merely says.

Two credentials are known: domain and API key (headers (a)), and a session token that was minted from them. An API key
that was not seen before is checked once with Freshdesk; the answer is remembered for a few minutes under a keyed hash
of the key, in Redis and in the process. Wrong keys are remembered for a shorter time, and different ones are bounded
for each tenant and address. That the tenant is still registered is looked up once a second a process, for all callers.
"""

import contextlib
import time
from collections import OrderedDict
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import msgspec
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from serve.caller import Caller, Scope
from serve.credentials.asked_freshdesk import REFUSED, Agent, AskedFreshdesk
from serve.credentials.once import Once
from serve.credentials.presented import Headers, Presented, presented
from serve.credentials.registered import RegisteredTenants
from serve.credentials.tokens import SessionTokens
from serve.limits.limits import Limits, UnknownKey
from shared import keys, lifetimes
from shared.errors import Forbidden, StoreUnavailable, Unauthorized
from shared.problems import store_answers
from shared.vault import Vault

__all__ = ["Caller", "CredentialChecker", "Headers", "Scope"]

REFUSED_LIFETIME = timedelta(seconds=30)
"""A wrong key costs one Freshdesk call in this time; how many different ones may, `Limits.unknown_key` says."""
LOCAL_LIFETIME_S = 30.0
LOCAL_ENTRIES = 10_000
OUTAGE_S = 5.0
"""While Redis does not answer, a key that this process knows is taken for so long before Redis is asked again ..."""
OUTAGE_LONGEST_S = lifetimes.CREDENTIAL_LIFETIME.total_seconds()
"""... and for so long in all."""

Reference = bytes | str
"""A token, or what an API key is remembered under: its keyed hash."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Agent).decode


class Remembered(NamedTuple):
    """A right key in process memory: asked again after `fresh_until`, of use until `usable_until` (monotonic s)."""

    fresh_until: float
    usable_until: float
    caller: Caller


class CredentialChecker:
    """Checks credentials of all tenants; `known` for the fast path, `caller` for everybody else."""

    def __init__(
        self,
        state: Redis,
        vault: Vault,
        asked: AskedFreshdesk,
        tokens: SessionTokens,
        limits: Limits,
        once: Once,
    ) -> None:
        self._state = state
        self._vault = vault
        self._asked = asked
        self._tokens = tokens
        self._limits = limits
        self._once = once
        self._tenants = RegisteredTenants(state, once)
        self._local: OrderedDict[str, Remembered] = OrderedDict()

    def reference(self, headers: Iterable[tuple[bytes, bytes]]) -> Reference | None:
        """What a credential is remembered by; None where there is none that could be right."""
        credential = presented(headers)
        if credential is None:
            return None
        return credential.token if credential.token is not None else self._name(credential)

    def known(self, headers: Iterable[tuple[bytes, bytes]]) -> Caller | None:
        """The caller, from process memory alone; None means "ask `caller`", not that it is refused. About 4 µs."""
        reference = self.reference(headers)
        return None if reference is None else self.known_by(reference)

    def known_by(self, reference: Reference) -> Caller | None:
        """The same of headers that were read before. About 1 µs."""
        if isinstance(reference, bytes):
            caller = self._tokens.remembered(reference)
        else:
            local = self._local.get(reference)
            caller = local.caller if local is not None and local.fresh_until > time.monotonic() else None
        return caller if caller is not None and self._tenants.known(caller.host, caller.registration) else None

    async def caller(self, headers: Headers, address: str = "") -> Caller:
        """The caller behind a bearer token or a domain and an API key; `address` is whose wrong keys are counted.

        Raises:
            Unauthorized: missing or wrong, or the tenant is not registered: the answer is the same.
            RateLimited: too many different wrong keys.
            FreshdeskUnavailable, FreshdeskLimited: the key is new and Freshdesk can't be asked.
            StoreUnavailable: Redis does not answer.
        """
        credential = presented(headers)
        if credential is None:
            raise Unauthorized
        if credential.token is None:
            return await self._holder(credential, address)
        caller = self._tokens.verify(credential.token)
        if caller is None or not await self._tenants.confirmed(caller.host, caller.registration):
            raise Unauthorized
        return caller

    async def key_holder(self, headers: Headers, address: str = "") -> Caller:
        """Like `caller`, for API keys alone: a bearer token must not bring forth another one."""
        credential = presented(headers)
        if credential is None or credential.token is not None:
            raise Unauthorized
        return await self._holder(credential, address)

    def registration(self, host: str) -> int:
        """Since when the tenant of a caller is registered (ms since the epoch): what its tokens name."""
        return self._tenants.registration(host)

    async def is_admin(self, caller: Caller) -> bool:
        """Whether Freshdesk counts the agent as an admin: as its token says, else by asking with its key.

        Of a caller that came from `known` with an API key it can't be told: use the one that `caller` returns.

        Raises:
            Unauthorized: the key was revoked meanwhile, and is forgotten now.
            FreshdeskUnavailable, FreshdeskLimited: Freshdesk can't be asked.
        """
        if caller.admin is not None or caller.key is None:
            return caller.admin is True
        key = caller.key.get_secret_value()
        admin = await self._asked.is_admin(caller.host, key)
        if admin is None:
            await self.forget(caller.host, key)
            raise Unauthorized
        name = keys.credential(caller.host, self._vault.keyed_hash(key, caller.host))
        self._keep(name, msgspec.structs.replace(caller, admin=admin, key=None))
        agent = Agent(caller.agent_id, caller.scope, caller.groups, admin)
        async with store_answers():
            await self._state.set(name, _encode(agent), keepttl=True, xx=True)
        return admin

    async def require_admin(self, caller: Caller) -> None:
        """Let admins pass.

        Raises:
            Forbidden: an agent who is none; and what `is_admin` raises.
        """
        if not await self.is_admin(caller):
            raise Forbidden

    async def forget(self, host: str, api_key: str) -> None:
        """Forget a key that Freshdesk refuses: in this process and in Redis at once, elsewhere within 30 s."""
        hashed = self._vault.keyed_hash(api_key, host)
        self._local.pop(keys.credential(host, hashed), None)
        async with store_answers():
            await self._state.delete(keys.credential(host, hashed), keys.proven(host, hashed))

    async def _holder(self, credential: Presented, address: str) -> Caller:
        name = self._name(credential)
        local = self._local.get(name)
        if local is not None and local.fresh_until > time.monotonic():
            if not await self._tenants.confirmed(credential.host):
                raise Unauthorized
            caller = local.caller
        else:
            # Of many requests with a new key, one asks. The others share its answer, or its failure: one after the
            # other, each would wait for a Freshdesk that hangs.
            try:
                caller = await self._once(name, lambda: self._ask(name, credential, address))
            except (RedisError, OSError, StoreUnavailable):
                caller = self._through_outage(name)
        return msgspec.structs.replace(caller, key=SecretStr(credential.api_key))

    def _through_outage(self, name: str) -> Caller:
        local = self._local.get(name)
        if local is None or local.usable_until <= time.monotonic():
            raise StoreUnavailable
        self._local[name] = local._replace(fresh_until=time.monotonic() + OUTAGE_S)
        self._tenants.still(local.caller.host)
        return local.caller

    async def _ask(self, name: str, credential: Presented, address: str) -> Caller:
        host = credential.host
        async with store_answers(), self._state.pipeline(transaction=False) as pipe:
            pipe.get(name)
            pipe.get(keys.tenant(host))
            value, record = await pipe.execute()
        # Of a host that is no tenant nothing is remembered, or strangers could fill Redis.
        if record is None:
            raise Unauthorized
        self._tenants.found(host, record)
        agent = None if value is None else _agent_of(value)
        if agent is None:
            agent = await self._checked(name, credential, address)
        if agent.agent_id == 0:
            self._local.pop(name, None)
            raise Unauthorized
        caller = Caller(host, agent.agent_id, agent.scope, agent.groups, agent.admin)
        self._keep(name, caller)
        return caller

    async def _checked(self, name: str, credential: Presented, address: str) -> Agent:
        """What Freshdesk says of a key, remembered; it counts as a wrong one until it has proved right."""
        host, proven = credential.host, keys.proven(credential.host, name.rpartition(":")[2])
        async with store_answers():
            trusted = await self._state.exists(proven)
        counted = contextlib.nullcontext(UnknownKey()) if trusted else self._limits.unknown_key(host, address)
        async with counted as tried:
            agent = await self._asked.agent(host, credential.api_key)
            tried.right = agent != REFUSED
        async with store_answers(), self._state.pipeline(transaction=False) as pipe:
            if agent == REFUSED:
                pipe.set(name, _encode(agent), ex=REFUSED_LIFETIME)
                pipe.delete(proven)
            else:
                pipe.set(name, _encode(agent), ex=lifetimes.CREDENTIAL_LIFETIME)
                pipe.set(proven, b"1", ex=lifetimes.PROVEN_LIFETIME)
            await pipe.execute()
        return agent

    def _keep(self, name: str, caller: Caller) -> None:
        now = time.monotonic()
        self._local[name] = Remembered(now + LOCAL_LIFETIME_S, now + OUTAGE_LONGEST_S, caller)
        while len(self._local) > LOCAL_ENTRIES:
            self._local.popitem(last=False)

    def _name(self, credential: Presented) -> str:
        return keys.credential(credential.host, self._vault.keyed_hash(credential.api_key, credential.host))


def _agent_of(value: bytes) -> Agent | None:
    try:
        return _decode(value)
    except msgspec.DecodeError:  # of another version of ours: ask again
        return None
