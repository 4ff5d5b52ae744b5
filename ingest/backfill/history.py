"""What texts that were written before tell an estimate: how long answers are, and how the provider counts tokens."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from ingest.backfill.prompting import summary_tokens
from ingest.content import content_of
from ingest.freshdesk.client import FreshdeskClient
from ingest.stages import clean
from shared.canvas_store import CanvasStore, StoredCanvas
from shared.errors import CanvasError
from shared.models import Canvas
from shared.tenants import Tenant

TYPICAL = {"summary": 230.0, "reply": 300.0}
"""Tokens of an answer where nothing was written yet and no ticket says more (`prompting.drafted`): the demo's."""
ENOUGH = 5
"""Texts of a kind from which their mean counts."""
COMPARED = 10
"""Tickets that are read to compare our count of tokens with the provider's: a call each."""


@dataclass
class History:
    """Mean tokens of an answer by task, and by how much a provider counts more than we do (1.0: just as we do)."""

    output: dict[str, float] = field(default_factory=lambda: dict(TYPICAL))
    known: frozenset[str] = frozenset()
    """Tasks of which answers were measured; of others `output` is a guess."""
    factor: float = 1.0
    learnt: bool = False
    """Whether answers of all tasks are known."""
    compared: bool = False


async def history_of(
    canvases: CanvasStore, tenant: Tenant, freshdesk: FreshdeskClient, ticket_ids: Sequence[int], recipe: str
) -> History:
    """What the Canvases of these tickets tell; `recipe` is that of their summaries.

    Raises:
        FreshdeskRefused: the key is no longer good.
    """
    found: dict[int, tuple[StoredCanvas, Canvas]] = {}
    for ticket_id, snapshot in (await canvases.read(tenant.host, ticket_ids)).items():
        if not snapshot.stored.tombstone:
            found[ticket_id] = snapshot.stored, await asyncio.to_thread(_canvas, snapshot.stored)
    history = History()
    known = {task: _outputs([canvas for _, canvas in found.values()], task) for task in TYPICAL}
    history.known = frozenset(task for task, outputs in known.items() if len(outputs) >= ENOUGH)
    history.learnt = history.known == known.keys()
    history.output |= {task: sum(known[task]) / len(known[task]) for task in history.known}
    whole = {ticket_id: canvas for ticket_id, (stored, canvas) in found.items() if not stored.updates}
    pairs: list[tuple[int, int]] = []
    for ticket_id, canvas in list(whole.items())[: 2 * COMPARED]:
        said = [
            call.input_tokens for call in canvas.provenance.calls if call.task == "summary" and call.outcome == "ok"
        ]
        if len(said) == 1 and len(pairs) < COMPARED:
            ours = await _counted(tenant, freshdesk, ticket_id, found[ticket_id][0], recipe)
            pairs += [(said[0], ours)] if ours else []
    if len(pairs) >= ENOUGH:
        history.factor = sum(theirs for theirs, _ in pairs) / sum(ours for _, ours in pairs)
        history.compared = True
    return history


async def _counted(
    tenant: Tenant, freshdesk: FreshdeskClient, ticket_id: int, stored: StoredCanvas, recipe: str
) -> int:
    """Our count of what a summary has read; 0 where the ticket is another one now."""
    try:
        ticket = await freshdesk.ticket(ticket_id)
    except CanvasError:
        return 0
    thread = await asyncio.to_thread(clean.clean_for, tenant, ticket)
    if content_of(thread, recipe) != stored.summary_of:
        return 0
    return await asyncio.to_thread(summary_tokens, thread, tenant.settings)


def _canvas(stored: StoredCanvas) -> Canvas:
    return msgspec.json.decode(stored.body, type=Canvas)


def _outputs(canvases: Sequence[Canvas], task: str) -> list[int]:
    calls = [call for canvas in canvases for call in canvas.provenance.calls]
    return [call.output_tokens for call in calls if call.task == task and call.outcome == "ok" and call.output_tokens]
