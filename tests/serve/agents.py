"""Agents of a look-alike account with rights of their own, each with a key that nobody has used yet."""

from dataclasses import dataclass
from itertools import count

import msgspec

from deploy.demo.helpdesk import Helpdesk
from tests.parts import credentials
from tests.world import AGENT_KEY

ALL, GROUP, OWN = 1, 2, 3
_numbers = count(1)


@dataclass(frozen=True)
class Colleague:
    """An agent, its key, and the headers by which it is known."""

    agent_id: int
    key: str
    headers: dict[str, str]


def colleague(desk: Helpdesk, host: str, scope: int = ALL, groups: tuple[int, ...] = ()) -> Colleague:
    """A new agent of the account."""
    number = next(_numbers)
    like = desk._agents_by_api_key[AGENT_KEY + host]
    agent = msgspec.structs.replace(
        like, id=82_500_000_000 + number, key=f"colleague{number}", ticket_scope=scope, group_ids=list(groups)
    )
    key = f"colleague{number}{host}"
    desk.state.agents[agent.id] = agent
    desk._agents_by_api_key[key] = agent
    return Colleague(agent.id, key, credentials(host, key))


def revoke(desk: Helpdesk, who: Colleague) -> None:
    """From now on Freshdesk refuses the key."""
    del desk._agents_by_api_key[who.key]
