"""What an account holds, as msgspec structs: the whole `State` turns into JSON and back without further code.

Times are UTC and cut to the second, as Freshdesk serves them, so that comparisons (`updated_since` is inclusive) behave
alike. Optional fields are null in the API too, never omitted.
"""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

OPEN, PENDING, RESOLVED, CLOSED = 2, 3, 4, 5
REPLY_SOURCE, NOTE_SOURCE = 0, 2

ConversationKind = Literal["reply", "note", "customer"]


def to_second(at: datetime) -> datetime:
    """Cut to the second, in UTC."""
    return at.astimezone(UTC).replace(microsecond=0)


class Agent(Struct):
    """An agent of the account; `key` is the name that seed files and settings use."""

    id: int
    key: str
    name: str
    email: str
    language: str
    job_title: str
    admin: bool
    ticket_scope: int
    created_at: datetime
    group_ids: list[int] = field(default_factory=list)


class Contact(Struct):
    """A customer."""

    id: int
    name: str
    email: str | None
    created_at: datetime
    updated_at: datetime
    phone: str | None = None
    mobile: str | None = None
    language: str = "en"
    company_id: int | None = None
    job_title: str | None = None
    unique_external_id: str | None = None
    deleted: bool = False


class Company(Struct):
    """A customer's company."""

    id: int
    name: str
    created_at: datetime


class Conversation(Struct):
    """One reply, note or customer's message of a ticket; `source`, `incoming` and `private` tell which."""

    id: int
    ticket_id: int
    body: str
    body_text: str
    incoming: bool
    private: bool
    user_id: int | None
    source: int
    created_at: datetime
    updated_at: datetime
    from_email: str | None = None
    to_emails: list[str] = field(default_factory=list)
    cc_emails: list[str] = field(default_factory=list)
    bcc_emails: list[str] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    last_edited_at: datetime | None = None
    last_edited_user_id: int | None = None


class Stats(Struct):
    """What `include=stats` serves."""

    agent_responded_at: datetime | None = None
    requester_responded_at: datetime | None = None
    first_responded_at: datetime | None = None
    status_updated_at: datetime | None = None
    reopened_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    pending_since: datetime | None = None


class Ticket(Struct):
    """A ticket; `merged_into`, `key` and `archived` are the look-alike's own book-keeping."""

    id: int
    subject: str
    description: str
    description_text: str
    requester_id: int
    created_at: datetime
    updated_at: datetime
    status: int = OPEN
    priority: int = 1
    source: int = 2
    type: str | None = None
    responder_id: int | None = None
    group_id: int | None = None
    company_id: int | None = None
    product_id: int | None = None
    tags: list[str] = field(default_factory=list)
    cc_emails: list[str] = field(default_factory=list)
    custom_fields: dict[str, Any] = field(default_factory=dict)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    due_by: datetime | None = None
    fr_due_by: datetime | None = None
    spam: bool = False
    deleted: bool = False
    archived: bool = False
    merged_into: int | None = None
    key: str | None = None
    stats: Stats = field(default_factory=Stats)
    conversations: list[Conversation] = field(default_factory=list)


class Rule(Struct):
    """An automation rule as its author wrote it; `type` 1 creation, 3 hourly, 4 updates."""

    id: int
    type: int
    name: str
    position: int
    created_at: datetime
    updated_at: datetime
    actions: list[dict[str, Any]]
    active: bool = True
    description: str | None = None
    performer: dict[str, Any] | None = None
    events: list[dict[str, Any]] = field(default_factory=list)
    conditions: list[dict[str, Any]] = field(default_factory=list)
    operator: str | None = None
    last_updated_by: int | None = None


class Category(Struct):
    """A category of the knowledge base."""

    id: int
    name: str
    language: str
    created_at: datetime
    description: str | None = None


class Folder(Struct):
    """A folder of articles; `visibility` 1 all, 2 logged-in, 3 agents."""

    id: int
    name: str
    category_id: int
    language: str
    visibility: int
    created_at: datetime
    parent_folder_id: int | None = None
    description: str | None = None


class Article(Struct):
    """A solution article; `status` 1 draft, 2 published; `type` 1 permanent, 2 workaround."""

    id: int
    key: str
    title: str
    description: str
    description_text: str
    folder_id: int
    category_id: int
    language: str
    status: int
    type: int
    agent_id: int | None
    created_at: datetime
    updated_at: datetime
    tags: list[str] = field(default_factory=list)
    hits: int = 0
    thumbs_up: int = 0
    thumbs_down: int = 0


class CannedFolder(Struct):
    """A folder of canned responses."""

    id: int
    name: str
    created_at: datetime


class CannedResponse(Struct):
    """A canned response; placeholders inside come unrendered. `visibility` 0 all agents, 1 its author's, 2 groups."""

    id: int
    folder_id: int
    title: str
    content: str
    content_html: str
    created_at: datetime
    visibility: int = 0
    group_ids: list[int] = field(default_factory=list)


class Delivery(Struct):
    """One rendered webhook on its way; kept in the state, so that a restart doesn't lose it."""

    id: int
    rule_id: int
    ticket_id: int
    event: str
    method: str
    url: str
    headers: dict[str, str]
    body: str
    attempts: int = 0


class State(Struct):
    """All data of one account."""

    agents: dict[int, Agent] = field(default_factory=dict)
    contacts: dict[int, Contact] = field(default_factory=dict)
    companies: dict[int, Company] = field(default_factory=dict)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    rules: dict[int, Rule] = field(default_factory=dict)
    categories: dict[int, Category] = field(default_factory=dict)
    folders: dict[int, Folder] = field(default_factory=dict)
    articles: dict[int, Article] = field(default_factory=dict)
    canned_folders: dict[int, CannedFolder] = field(default_factory=dict)
    canned_responses: dict[int, CannedResponse] = field(default_factory=dict)
    deliveries: dict[int, Delivery] = field(default_factory=dict)
    products: list[str] = field(default_factory=list)
    last_ids: dict[str, int] = field(default_factory=dict)

    def next_id(self, kind: str) -> int:
        """Count up; each kind has its own range (see `FIRST_IDS`), so that a mixed-up id is noticed."""
        number = self.last_ids.get(kind, FIRST_IDS[kind] - 1) + 1
        self.last_ids[kind] = number
        return number

    def dump(self) -> dict[str, Any]:
        """JSON-able copy."""
        data: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        return data

    @classmethod
    def load(cls, data: dict[str, Any]) -> "State":
        """Inverse of `dump`.

        Raises:
            msgspec.ValidationError: the data is not a state of this version.

        """
        return msgspec.convert(data, cls, str_keys=True)


# Real ids of everything but tickets have eleven digits or more, beyond 32 bits: whoever stores them must cope.
FIRST_IDS = {
    "ticket": 1,
    "agent": 82_000_000_001,
    "contact": 103_000_000_001,
    "company": 107_000_000_001,
    "conversation": 201_000_000_001,
    "rule": 151_000_000_001,
    "category": 151_000_100_001,
    "folder": 151_000_200_001,
    "article": 151_000_300_001,
    "canned_folder": 151_000_400_001,
    "canned_response": 151_000_500_001,
}
