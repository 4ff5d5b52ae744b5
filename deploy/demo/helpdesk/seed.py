"""Reads a seed folder: agents.json, tickets.*.jsonl, articles.json and, where there is one, canned_responses.json.

Ids are given here: tickets of all files, oldest first, count from 1; everything else counts on in the same order, so
the same files always give the same ids. Ages are hours before the moment of seeding.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.demo.helpdesk.models import (
    CLOSED,
    NOTE_SOURCE,
    PENDING,
    REPLY_SOURCE,
    RESOLVED,
    Agent,
    CannedFolder,
    CannedResponse,
    Company,
    Contact,
    Conversation,
    State,
    Ticket,
    to_second,
)
from deploy.demo.helpdesk.seed_articles import load_articles
from deploy.demo.helpdesk.text import html_to_text


def support_email(domain: str) -> str:
    """Address that the account answers from."""
    return f"support@{domain}"


def load_seed(folder: Path, now: datetime, domain: str) -> State:
    """Read the folder into a state.

    Raises:
        FileNotFoundError: no agents.json.
        ValueError: an unusable line; its file and key are named.

    """
    state = State()
    now = to_second(now)
    for data in json.loads((folder / "agents.json").read_text("utf-8")):
        agent = Agent(id=state.next_id("agent"), created_at=now, **data)
        state.agents[agent.id] = agent
    lines = sorted(_lines(folder), key=lambda line: (-line[1]["age_hours"], line[1]["key"]))
    loader = _Tickets(state, now, domain)
    for file, data in lines:
        try:
            loader.add(data)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file.name}: ticket {data.get('key')!r} is unusable: {error!r}") from error
    load_articles(state, folder / "articles.json", now)
    _load_canned(state, folder / "canned_responses.json", now)
    return state


def _lines(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted(folder.glob("tickets.*.jsonl")):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if not line.strip():
                continue
            data = json.loads(line)
            if not isinstance(data, dict) or not {"key", "age_hours"} <= set(data):
                raise ValueError(f"{file.name}:{number}: a ticket needs key and age_hours")
            yield file, data


class _Tickets:
    """Adds tickets, oldest first, with the contacts and companies that they name."""

    def __init__(self, state: State, now: datetime, domain: str) -> None:
        self.state = state
        self.now = now
        self.support = support_email(domain)
        self.agents = {agent.key: agent for agent in state.agents.values()}
        self.contacts: dict[str, Contact] = {}
        self.companies: dict[str, Company] = {}

    def add(self, data: dict[str, Any]) -> None:
        created = self.now - timedelta(hours=data["age_hours"])
        created = to_second(created)
        requester = self._requester(data, created)
        agent = self.agents[data["agent"]] if data.get("agent") else None
        product = data.get("product")
        if product and product not in self.state.products:
            self.state.products.append(product)
        ticket = Ticket(
            id=self.state.next_id("ticket"),
            key=data["key"],
            subject=data["subject"],
            description=data["description_html"],
            description_text=html_to_text(data["description_html"]),
            requester_id=requester.id,
            responder_id=agent.id if agent else None,
            company_id=requester.company_id,
            status=data["status"],
            priority=data["priority"],
            type=data.get("type"),
            source=data["source"],
            tags=data.get("tags", []),
            custom_fields={"cf_product": product},
            attachments=data.get("attachments", []),
            created_at=created,
            updated_at=created,
        )
        set_due(ticket)
        for entry in data.get("conversations", []):
            self._converse(ticket, requester, entry)
        _finish(ticket)
        self.state.tickets[ticket.id] = ticket

    def _requester(self, data: dict[str, Any], created: datetime) -> Contact:
        given = data["requester"]
        contact = self.contacts.get(given["email"])
        if contact is None:
            company = self._company(given.get("company"), created)
            contact = Contact(
                id=self.state.next_id("contact"),
                name=given["name"],
                email=given["email"],
                language=data.get("language", "en"),
                company_id=company.id if company else None,
                created_at=created,
                updated_at=created,
            )
            self.contacts[given["email"]] = self.state.contacts[contact.id] = contact
        return contact

    def _company(self, name: str | None, created: datetime) -> Company | None:
        if not name:
            return None
        if name not in self.companies:
            company = Company(self.state.next_id("company"), name, created)
            self.companies[name] = self.state.companies[company.id] = company
        return self.companies[name]

    def _converse(self, ticket: Ticket, requester: Contact, entry: dict[str, Any]) -> None:
        at = to_second(ticket.created_at + timedelta(hours=entry["after_hours"]))
        if at > self.now:
            raise ValueError(f"conversation after {entry['after_hours']} h lies in the future")
        kind = entry["kind"]
        if kind not in ("reply", "note", "customer"):
            raise ValueError(f"unknown kind of conversation {kind!r}")
        customer = kind == "customer"
        address = requester.email or ""
        mail = {"customer": (address, [self.support]), "reply": (self.support, [address]), "note": (None, [])}
        ticket.conversations.append(
            Conversation(
                id=self.state.next_id("conversation"),
                ticket_id=ticket.id,
                body=entry["body_html"],
                body_text=html_to_text(entry["body_html"]),
                incoming=customer,
                private=kind == "note",
                user_id=requester.id if customer else self.agents[entry["author"]].id,
                source=NOTE_SOURCE if kind == "note" else REPLY_SOURCE,
                from_email=mail[kind][0],
                to_emails=mail[kind][1],
                attachments=entry.get("attachments", []),
                created_at=at,
                updated_at=at,
            )
        )


def set_due(ticket: Ticket) -> None:
    """Due times by priority; no SLA policy covers untyped low tickets: their `due_by` is null, as happens live."""
    if ticket.type is None and ticket.priority == 1:
        return
    ticket.fr_due_by = ticket.created_at + timedelta(hours=48 // ticket.priority)
    ticket.due_by = ticket.created_at + timedelta(hours=96 // ticket.priority)


def _finish(ticket: Ticket) -> None:
    stats = ticket.stats
    for entry in ticket.conversations:
        ticket.updated_at = max(ticket.updated_at, entry.created_at)
        if entry.incoming:
            stats.requester_responded_at = entry.created_at
        elif not entry.private:
            stats.first_responded_at = stats.first_responded_at or entry.created_at
            stats.agent_responded_at = entry.created_at
    stats.status_updated_at = ticket.updated_at
    if ticket.status in (RESOLVED, CLOSED):
        stats.resolved_at = ticket.updated_at
    if ticket.status == CLOSED:
        stats.closed_at = ticket.updated_at
    if ticket.status == PENDING:
        stats.pending_since = ticket.updated_at


def _load_canned(state: State, file: Path, now: datetime) -> None:
    """`{"folders": [{"name", "responses": [{"title", "content_html", "visibility"?}]}]}`; the file is optional."""
    if not file.exists():
        return
    for data in json.loads(file.read_text("utf-8"))["folders"]:
        folder = CannedFolder(state.next_id("canned_folder"), data["name"], now)
        state.canned_folders[folder.id] = folder
        for entry in data["responses"]:
            number = state.next_id("canned_response")
            html = entry["content_html"]
            text, seen_by = html_to_text(html), entry.get("visibility", 0)
            response = CannedResponse(number, folder.id, entry["title"], text, html, now, visibility=seen_by)
            state.canned_responses[number] = response
