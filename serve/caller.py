"""The caller of a request: what a checked credential says, in a form that holds no secret unless one is needed."""

from typing import Literal

import msgspec
from pydantic import SecretStr

Scope = Literal["all", "group", "own"]
"""Freshdesk's `ticket_scope`: 1 all tickets, 2 those of the agent's groups and its own, 3 its own."""


class Caller(msgspec.Struct, frozen=True):
    """A checked credential: the tenant, the agent, which tickets it may see (`groups`: of its group ids).

    `registration` is the tenant's under which the token was minted (see `serve.credentials.registered`), None for an
    API key: Freshdesk itself has checked that. `admin` is None as long as nobody has asked Freshdesk. `key` is the API
    key where it came with this very request (it is never stored with the caller, and can't be encoded or printed), None
    for a bearer token.
    """

    host: str
    agent_id: int
    scope: Scope = "all"
    groups: frozenset[int] = frozenset()
    admin: bool | None = None
    registration: int | None = None
    key: SecretStr | None = None

    @property
    def restricted(self) -> bool:
        """Whether there are tickets of its tenant that this agent may not see."""
        return self.scope != "all"
