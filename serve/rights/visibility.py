"""What a restricted agent may see: Freshdesk's `ticket_scope`, applied to what we have made of tickets.

A ticket that an agent may not see answers as if it were not there. What names other tickets (similar ones, replies made
from them, an incident's) loses those that the agent may not see. Agents with the scope `all`, nearly everybody, never
come here: they get the stored bytes. All of these are pure functions; `serve.rights.restricted` finds out who may see
what.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from serve.caller import Caller
from shared.errors import TicketMissing
from shared.run_log import Entry, Event

NOT_YET = frozenset({Event.QUEUED, Event.STARTED, Event.RESET, "waiting"})
"""Events that tell nothing of a ticket: those of one that does not exist are the same."""
_decode = msgspec.json.decode
_encode = msgspec.json.encode


def may_see(caller: Caller, group_id: int, responder_id: int) -> bool:
    """Whether an agent may see a ticket that is assigned to this group and this agent (0: to none).

    Its own, and with the scope `group` also those of its groups.
    """
    if caller.scope == "all":
        return True
    if responder_id == caller.agent_id:
        return True
    return caller.scope == "group" and group_id > 0 and group_id in caller.groups


def named_in(body: bytes) -> set[int]:
    """The other tickets that a Canvas (JSON) names."""
    canvas = _decode(body)
    incident = canvas.get("incident") or {}
    found = {ticket["ticket_id"] for ticket in canvas["similar_tickets"]} | set(incident.get("tickets", ()))
    for reply in canvas["replies"]:
        found |= _sources(reply)
    return found - {canvas["ticket_id"]}


def canvas_for(body: bytes, visible_ids: Collection[int]) -> bytes:
    """A Canvas (JSON) without what comes from tickets that are not visible; its own ticket is."""
    canvas = _decode(body)
    visible = {canvas["ticket_id"], *visible_ids}
    canvas["similar_tickets"] = _listed(canvas["similar_tickets"], visible)
    replies = _written(canvas["replies"], visible)
    if canvas["replies"] and not replies:
        canvas["no_replies"] = "no_ground"
    canvas["replies"] = replies
    canvas["incident"] = _incident(canvas.get("incident"), visible)
    return _encode(canvas)


def etag_for(body: bytes) -> str:
    """The strong ETag of a Canvas that was made for one agent."""
    return f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'


def named_in_entry(entry: Entry) -> set[int]:
    """The tickets that an entry of a ticket's run names."""
    if entry.event == Event.SIMILAR:
        return {ticket["ticket_id"] for ticket in _decode(entry.data)}
    if entry.event == Event.REPLIES:
        return {number for reply in _decode(entry.data) for number in _sources(reply)}
    return set()


def entries_for(entries: Sequence[Entry], visible_ids: Collection[int], *, deltas: bool) -> list[Entry]:
    """Entries of a ticket's run without what comes from tickets that are not visible.

    `deltas` says whether replies may be shown while they are being written: only where all similar tickets are visible,
    since which of them a reply rests on is known at its end.
    """
    return [_entry(entry, visible_ids) for entry in entries if deltas or entry.event != Event.REPLY_DELTA]


def missing(entry: Entry) -> Entry:
    """The end of a run whose ticket the agent may not see: as of one that does not exist."""
    return Entry(entry.id, Event.ERROR, _encode(TicketMissing().problem()), "done")


def _entry(entry: Entry, visible: Collection[int]) -> Entry:
    if entry.event == Event.SIMILAR:
        return Entry(entry.id, entry.event, _encode(_listed(_decode(entry.data), visible)), entry.result)
    if entry.event == Event.REPLIES:
        return Entry(entry.id, entry.event, _encode(_written(_decode(entry.data), visible)), entry.result)
    return entry


def _listed(similar: list[Any], visible: Collection[int]) -> list[Any]:
    return [ticket for ticket in similar if ticket["ticket_id"] in visible]


def _written(replies: list[Any], visible: Collection[int]) -> list[Any]:
    return [reply for reply in replies if _sources(reply) <= set(visible)]


def _sources(reply: Any) -> set[int]:
    named = (source.partition(":") for source in reply["sources"])
    return {int(number) for kind, _, number in named if kind == "ticket"}


def _incident(incident: Any, visible: Collection[int]) -> Any:
    """With the visible tickets alone, counted anew; None where none is left."""
    if incident is None:
        return None
    tickets = [number for number in incident["tickets"] if number in visible]
    return {**incident, "tickets": tickets, "count": len(tickets) + 1} if tickets else None
