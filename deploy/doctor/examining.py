"""Checks beside each other, each with a deadline: one part that hangs costs its own findings and nobody else's."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import NamedTuple

from deploy.doctor.finding import Finder, Finding
from shared.errors import CanvasError
from shared.tasks import stop

DEADLINE = timedelta(seconds=10)
"""Above a connection's own time-outs (Redis 5 s with one retry, Qdrant and models 5 s), below a person's patience."""


class Check(NamedTuple):
    """A look at one thing: its name for people, whose findings they are, and what finds them."""

    name: str
    finder: Finder
    look: Callable[[], Awaitable[Sequence[Finding]]]
    deadline: timedelta = DEADLINE


async def examine(checks: Sequence[Check]) -> list[Finding]:
    """The findings of all checks, in the order of the checks."""
    found = await asyncio.gather(*map(_examine, checks))
    return [finding for findings in found for finding in findings]


async def _examine(check: Check) -> Sequence[Finding]:
    task = asyncio.ensure_future(_looked(check))
    try:
        await asyncio.wait([task], timeout=check.deadline.total_seconds())
        if task.done():
            return task.result()
        seconds = f"{check.deadline.total_seconds():.0f} s"
        remedy = "see whether it is overloaded, or whether a firewall drops the connection; then run this again"
        return [check.finder.problem("no-answer", f"{check.name}: no answer within {seconds}", remedy)]
    finally:
        await stop(task)


async def _looked(check: Check) -> Sequence[Finding]:
    """A check's findings. A check that fails is a finding, too: the others' must not be lost with it."""
    try:
        return await check.look()
    except CanvasError as error:
        remedy = "settle this first, and run the doctor again"
        return [check.finder.problem(error.code, f"{check.name}: {error.detail}", remedy)]
    except Exception as error:  # noqa: BLE001 - the doctor's edge; the message may hold a secret, its type does not
        remedy = "run it again; if it stays, please report it with this line"
        return [check.finder.problem("check-failed", f"{check.name} failed ({type(error).__name__})", remedy)]
