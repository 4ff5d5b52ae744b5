"""Stale answers, given before the app: the old Canvas, as soon as the run that makes the new one has its name.

While history comes in every Canvas is stale that an agent opens, just when the machine has the least time for it: the
way through the app (routing, validation, a span, a response object) cost more than asking Redis for the run.
"""

import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from serve.caller import Caller
from serve.context import ServeContext
from serve.edge.observed import Hits
from serve.hits.answer import STALE, STATUS_LINES, Copy, Headers, as_lines
from serve.hits.reads import Read
from serve.routes.miss import refresh
from shared.request_ids import HEADER, about, enter, request_id

Parts = tuple[bytes, bytes]
Later = Callable[[Parts | None], None]

log = structlog.get_logger()


def is_stale(copy: Copy) -> bool:
    """Whether this is an old Canvas whose new one is on its way: not of a ticket that is gone, or was given up."""
    return copy.state == "due" and not copy.stored.tombstone


class StaleAnswers:
    """What is being answered; the tasks end with their context, and the dispatcher makes up for a lost wake-up."""

    def __init__(self, context: ServeContext, hits: Hits) -> None:
        self._context = context
        self._hits = hits

    def begin(
        self, caller: Caller, ticket_id: int, read: Read, asked: tuple[bytes, bytes], extra: Headers, later: Later
    ) -> None:
        """Answer a stale `read`; `later` gets it, or None where the app has to. `extra` are headers that it gets.

        `asked` is what the request says as `Accept-Encoding` and `If-None-Match`.
        """
        answer = self._answer(caller, ticket_id, read, asked, extra, later)
        self._context.unattended.begin(self._answered(later, answer))

    async def _answered(self, later: Later, answer: Coroutine[Any, Any, None]) -> None:
        try:
            await answer
        finally:
            later(None)  # does nothing after an answer, and whatever went wrong is the app's to say

    async def _answer(
        self, caller: Caller, ticket_id: int, read: Read, asked: tuple[bytes, bytes], extra: Headers, later: Later
    ) -> None:
        began, found = time.perf_counter(), request_id(())
        enter(found)
        about(host=caller.host)
        named, wake = await refresh(self._context, caller.host, ticket_id)
        copy = read.copy
        if copy is None:
            return
        run = [(name.lower().encode(), value.encode()) for name, value in named.items()]
        accepted, condition = asked
        said = copy.answer(accepted, condition, STALE, read.timing, [*extra, *run, (HEADER, found.text.encode())])
        later((STATUS_LINES[said.status] + as_lines(said.headers), said.body))
        self._hits.started(said.status, time.perf_counter() - began)
        if wake is not None:
            await wake()
