"""How tests send webhooks, and what they can tell afterwards."""

from typing import Any

import httpx

from shared.vault import new_secret
from tests.parts import Receiving
from tests.world import ACME

OLD, NEW, THEIRS = new_secret(), new_secret(), new_secret()


async def send(
    receiver: Receiving, body: bytes | str, secret: str | bytes | None = NEW, host: str = ACME, **headers: str
) -> httpx.Response:
    """A webhook as a rule sends it, with any body, secret and host."""
    given: list[tuple[str, Any]] = list(headers.items())
    if secret is not None:
        given.append(("X-Canvas-Secret", secret))
    return await receiver.client.post(f"/webhooks/freshdesk/{host}", content=body, headers=given)


def naming(number: int) -> str:
    """The body of our own rule."""
    return f'{{"ticket_id":"{number}","event":"{{ticket_action:created}}"}}'


async def marks(receiver: Receiving, number: int, host: str = ACME) -> int:
    """How often a ticket was marked."""
    return await receiver.context.ledger.generation(host, number)


async def outcomes(receiver: Receiving) -> dict[str, float]:
    """Webhooks by outcome, as the metrics count them."""
    lines = (await receiver.client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith("canvas_webhooks_total{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in found}


async def counted(receiver: Receiving, before: dict[str, float]) -> dict[str, float]:
    """What was counted since `before`."""
    after = await outcomes(receiver)
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}
