"""Faults on demand: what networks, proxies and a busy Freshdesk do to API calls and webhooks.

A fault hits the next `count` matching calls, or a `share` of them, until it is used up or cleared. Choices come from
one seeded generator, so that a failing test can be repeated.
"""

import asyncio
from random import Random
from typing import Annotated, Literal

from msgspec import Meta, Struct

REQUEST_FAULTS = frozenset({"delay", "rate_limit", "error", "html", "cut"})


class Fault(Struct, forbid_unknown_fields=True):
    """One fault; the first `after` matching calls pass.

    delay: the answer comes `seconds` later. rate_limit: 429 with `retry_after` seconds. error: an empty 5xx `status`.
    html: a 200 page where JSON is due. cut: the socket closes in the middle of the body.
    webhook_drop, webhook_double: never sent, sent twice. webhook_shuffle: webhooks of `seconds` (0.1 s unless given)
    are collected and sent in another order.
    """

    kind: Literal[
        "delay",
        "rate_limit",
        "error",
        "html",
        "cut",
        "webhook_drop",
        "webhook_double",
        "webhook_shuffle",
    ]
    count: Annotated[int, Meta(ge=1)] | None = None
    after: Annotated[int, Meta(ge=0)] = 0
    share: Annotated[float, Meta(ge=0, le=1)] = 1.0
    path: str = ""
    method: str | None = None
    seconds: Annotated[float, Meta(ge=0)] = 0.1
    status: Annotated[int, Meta(ge=500, le=599)] = 500
    retry_after: Annotated[int, Meta(ge=0)] = 1


class Faults:
    """The faults that are switched on; `waiting` counts the calls that are being delayed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - chooses victims, not secrets
        self.active: list[Fault] = []
        self.waiting = 0
        self._cleared = asyncio.Event()

    def add(self, fault: Fault) -> None:
        """Switch a fault on, beside those already there."""
        self.active.append(fault)

    def clear(self) -> None:
        """Switch all off and let delayed calls go on at once."""
        self.active.clear()
        self._cleared.set()
        self._cleared = asyncio.Event()

    def for_request(self, method: str, path: str) -> tuple[float, Fault | None]:
        """Seconds to wait, and the fault that takes the place of the answer."""
        delay = 0.0
        for fault in list(self.active):
            if fault.kind not in REQUEST_FAULTS or not path.startswith(fault.path):
                continue
            if (fault.method and fault.method.upper() != method) or not self._strikes(fault):
                continue
            if fault.kind != "delay":
                return delay, fault
            delay += fault.seconds
        return delay, None

    def for_webhook(self) -> dict[str, Fault]:
        """Faults that strike this webhook, by kind."""
        return {
            fault.kind: fault
            for fault in list(self.active)
            if fault.kind not in REQUEST_FAULTS and self._strikes(fault)
        }

    async def delay(self, seconds: float) -> None:
        """Wait, but no longer than until the faults are cleared."""
        self.waiting += 1
        try:
            await asyncio.wait_for(self._cleared.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self.waiting -= 1

    def _strikes(self, fault: Fault) -> bool:
        if fault.after:
            fault.after -= 1
            return False
        if fault.share < 1.0 and self.random.random() >= fault.share:
            return False
        if fault.count is not None:
            fault.count -= 1
            if fault.count == 0:
                self.active.remove(fault)
        return True
