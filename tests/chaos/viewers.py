"""Agents who watch a run: they lose the line at random, come back with the last id, and keep what they were told."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import httpx
import httpx_sse

from tests.world import ADMIN_KEY

COME_BACK_S = 0.05
"""Sooner than a browser, so that a scenario takes less."""


@dataclass
class Viewer:
    """One agent: which words the sidebar shows, and how often the line was cut."""

    host: str
    ticket_id: int
    base: Callable[[], str]
    random: Random
    cut_share: float
    text: str = ""
    run: str = ""
    last_id: str = ""
    summary: str = ""
    cuts: int = 0
    resets: int = 0
    names: list[str] = field(default_factory=list)

    async def watch(self, client: httpx.AsyncClient) -> None:
        """Open the ticket and follow its run to the end, over as many connections as it takes."""
        while not self.names or self.names[-1] not in {"done", "error"}:
            try:
                await self._listen(client)
            except httpx.TransportError:
                self.cuts += 1
            await asyncio.sleep(COME_BACK_S)

    async def _listen(self, client: httpx.AsyncClient) -> None:
        headers = {"X-Freshdesk-Domain": self.host, "X-Freshdesk-API-Key": ADMIN_KEY + self.host}
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        path = self.run or f"/init/{self.ticket_id}"
        async with httpx_sse.aconnect_sse(client, "GET", self.base() + path, headers=headers) as source:
            source.response.raise_for_status()
            self.run = self.run or source.response.headers["canvas-run"]
            async for event in source.aiter_sse():
                self._hear(event)
                if self.random.random() < self.cut_share:
                    self.cuts += 1
                    return

    def _hear(self, event: httpx_sse.ServerSentEvent) -> None:
        self.last_id = event.id or self.last_id
        self.names.append(event.event)
        if event.event == "reset":
            self.text, self.resets = "", self.resets + 1
        elif event.event == "summary.delta":
            self.text += json.loads(event.data)["text"]
        elif event.event == "summary":
            self.summary = json.loads(event.data)["text"]
