"""What agents may ask of a worker beside a ticket's Canvas: an answer, a reply in their own words, a file's address.

Each is a run without a ticket of its own in the ledger, see `shared.questions`. It carries who asks (`Access`), because
the worker looks with the tenant's own key and must not show what the agent's key would not show.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from shared.errors import BadInput
from shared.models import Tone

Scope = Literal["tickets", "solutions", "images", "attachments"]
SCOPES: tuple[Scope, ...] = ("tickets", "solutions", "images", "attachments")

MOST_CHARACTERS = 2000
"""Of a question, and of what an agent wishes of a reply: a page. What is longer is a ticket, and has a Canvas."""
DRAFT_CHARACTERS = 20_000
"""Of a reply that an agent has begun to write."""
YEARS = range(1970, 10_000 - 1)
"""Of times in requests: at both ends of Python's calendar, a time can't be had in another time zone."""
PATIENCE = timedelta(minutes=2)
"""Nobody waits for longer."""
FILE_LIFETIME = timedelta(minutes=1)
"""How long a file's pre-signed address stands in Redis: Freshdesk's own are valid for about 5 minutes."""


class Access(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which tickets an agent may see, in Freshdesk's words: all, those of its groups and its own, or its own."""

    scope: Literal["all", "group", "own"] = "all"
    agent_id: int = 0
    groups: list[int] = msgspec.field(default_factory=list)

    @property
    def of_groups(self) -> bool:
        """Whether tickets of its groups are among them."""
        return self.scope == "group" and bool(self.groups)

    def allows(self, group_id: int | None, responder_id: int | None) -> bool:
        """Whether the agent may see a ticket of this group that is assigned to this agent."""
        if self.scope == "all" or (responder_id == self.agent_id != 0):
            return True
        return self.of_groups and bool(group_id) and group_id in self.groups


EVERYTHING = Access()


class Question(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind"):
    """What an agent wants to know. `types` is where to look (empty: everywhere); times bound when it was created.

    `language` is the answer's, None for the question's own. `ticket_id` is the ticket that the agent has open, 0 for
    none: a question about "this ticket" means it.
    """

    text: str
    types: list[Scope] = msgspec.field(default_factory=list)
    since: datetime | None = None
    until: datetime | None = None
    language: Literal["ko", "en"] | None = None
    ticket_id: int = 0
    access: Access = EVERYTHING


class WantedReply(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind"):
    """A reply to a ticket's customer that an agent asks for.

    `instructions` are the agent's wishes, `draft` what it has written already and wants to have improved. `language`
    is None for the tenant's (or the ticket's own, where it has none), `customer` for the ticket's own in any case.
    """

    ticket_id: int
    tone: Tone | None = None
    instructions: str = ""
    language: Literal["ko", "en", "customer"] | None = None
    draft: str = ""
    access: Access = EVERYTHING


class WantedFile(msgspec.Struct, frozen=True, kw_only=True, tag=True, tag_field="kind"):
    """An attachment of a ticket whose address of this moment an agent wants."""

    ticket_id: int
    attachment_id: int
    access: Access = EVERYTHING


Wanted = Question | WantedReply | WantedFile
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Wanted).decode


def checked(wanted: Wanted) -> Wanted:
    """What is wanted, if it can be done.

    Raises:
        BadInput: a text is empty or too long, or times are no span.
    """
    if isinstance(wanted, Question):
        return check_question(wanted)
    if isinstance(wanted, WantedReply):
        if len(wanted.instructions) > MOST_CHARACTERS:
            raise BadInput(f"Instructions have at most {MOST_CHARACTERS} characters")
        if len(wanted.draft) > DRAFT_CHARACTERS:
            raise BadInput(f"A draft has at most {DRAFT_CHARACTERS} characters")
    return wanted


def check_question(question: Question) -> Question:
    """The question, if it can be answered.

    Raises:
        BadInput: it is empty or too long, or its times are no span.
    """
    if not question.text.strip() or len(question.text) > MOST_CHARACTERS:
        raise BadInput(f"A question has 1 to {MOST_CHARACTERS} characters")
    check_span(question.since, question.until)
    return question


def check_span(since: datetime | None, until: datetime | None) -> None:
    """Check two times of a request.

    Raises:
        BadInput: one has no time zone or no sense, or the first is not before the second.
    """
    for moment in (since, until):
        if moment is not None and moment.tzinfo is None:
            raise BadInput("A time needs its time zone, such as 2026-11-23T00:00:00Z")
        if moment is not None and moment.year not in YEARS:
            raise BadInput(f"A time lies in the years {YEARS[0]} to {YEARS[-1]}")
    if since and until and since >= until:
        raise BadInput("The time from which on to look must be before the one until which to look")


def access_of(scope: Literal["all", "group", "own"], agent_id: int, groups: Collection[int]) -> Access:
    """The access of a caller; an agent who may see everything needs no name."""
    return EVERYTHING if scope == "all" else Access(scope=scope, agent_id=agent_id, groups=sorted(groups))
