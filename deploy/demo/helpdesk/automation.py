"""Runs automation rules: which of them an event fires, and the webhooks that come of it.

All matching update rules run, top to bottom, each with its own webhook; of several changes in one update a rule
reports the first that matches. Nothing runs for archived tickets or when the requester is an agent. Only the webhook
action has an effect; others are stored and ignored.
"""

from dataclasses import dataclass
from typing import Any, Literal

from deploy.demo.helpdesk.conditions import conditions_hold
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import Agent, Contact, Rule, Ticket
from deploy.demo.helpdesk.payloads import UnusableAction, build_delivery
from deploy.demo.helpdesk.placeholders import Moment

CREATION, HOURLY, UPDATES = 1, 3, 4
WEBHOOK_ACTION = "trigger_webhook"
ANY = "--"
OUTBOUND_EMAIL = 10

_PERFORMERS: dict[int, tuple[str, ...]] = {1: ("agent",), 2: ("requester",), 3: ("agent", "requester"), 4: ("system",)}


@dataclass(frozen=True)
class Actor:
    """Who does something; calls with an API key count as the key's agent."""

    kind: Literal["agent", "requester", "system"]
    person: Agent | Contact | None = None

    @classmethod
    def agent(cls, agent: Agent) -> "Actor":
        """An agent, or whoever has the agent's key."""
        return cls("agent", agent)

    @classmethod
    def requester(cls, contact: Contact) -> "Actor":
        """A customer."""
        return cls("requester", contact)

    @property
    def id(self) -> int | None:
        """The person's id."""
        return self.person.id if self.person else None


@dataclass(frozen=True)
class Event:
    """One thing that happened to a ticket: either `value` (note_type: public) or a change from `old` to `new`."""

    field: str
    value: str | None = None
    old: Any = None
    new: Any = None

    def __str__(self) -> str:
        """Freshdesk's notation of `{{triggered_event}}`, which is not JSON."""
        if self.value is not None:
            return f"{{{self.field}:{self.value}}}"
        old = "" if self.old is None else self.old
        new = "" if self.new is None else self.new
        return f"{{{self.field}:{{from:{old},to:{new}}}}}"

    def matches(self, wanted: dict[str, Any]) -> bool:
        """Tell whether a rule's event means this one; `--`, and an absent key, mean any value."""
        if wanted.get("field_name") != self.field:
            return False
        pairs = ((wanted.get("value"), self.value), (wanted.get("from"), self.old), (wanted.get("to"), self.new))
        return all(want in (None, "", ANY) or str(want) == str(have) for want, have in pairs)


CREATED = Event("ticket_action", "created")
# "Ticket is updated" of the rule editor; it stands for changed properties, not for replies and notes.
UPDATED = Event("ticket_action", "update")
DELETED = Event("ticket_action", "delete")
SPAMMED = Event("ticket_action", "marked_spam")
REPLIED = Event("reply_sent", "sent")


def created(desk: Helpdesk, ticket: Ticket, actor: Actor) -> None:
    """Run the creation rules; outbound mails skip them."""
    if ticket.source == OUTBOUND_EMAIL or _exempt(desk, ticket):
        return
    for rule in _active(desk, CREATION):
        if conditions_hold(rule, ticket, desk):
            _act(desk, rule, Moment(desk, ticket, actor.person, str(CREATED)))
            if not desk.settings.all_creation_rules:
                return


def updated(desk: Helpdesk, ticket: Ticket, actor: Actor, *events: Event) -> None:
    """Run the update rules that wait for one of these events, done by this actor."""
    if not events or _exempt(desk, ticket):
        return
    for rule in _active(desk, UPDATES):
        event = _first_match(rule, events)
        if event and _performed_by(rule, actor) and conditions_hold(rule, ticket, desk):
            _act(desk, rule, Moment(desk, ticket, actor.person, str(event)))


def _exempt(desk: Helpdesk, ticket: Ticket) -> bool:
    if ticket.archived:
        return True
    email = desk.state.contacts[ticket.requester_id].email
    return bool(email) and any(agent.email == email for agent in desk.state.agents.values())


def _active(desk: Helpdesk, kind: int) -> list[Rule]:
    rules = [rule for rule in desk.state.rules.values() if rule.type == kind and rule.active]
    return sorted(rules, key=lambda rule: (rule.position, rule.id))


def _first_match(rule: Rule, events: tuple[Event, ...]) -> Event | None:
    return next((event for event in events if any(event.matches(wanted) for wanted in rule.events)), None)


def _performed_by(rule: Rule, actor: Actor) -> bool:
    performer = rule.performer or {}
    if actor.kind not in _PERFORMERS.get(performer.get("type", 0), ()):
        return False
    members = performer.get("members") or []
    return not members or actor.kind != "agent" or actor.id in members


def _act(desk: Helpdesk, rule: Rule, moment: Moment) -> None:
    for action in rule.actions:
        if action.get("field_name") != WEBHOOK_ACTION:
            continue
        try:
            delivery = build_delivery(rule, action, moment)
        except UnusableAction as problem:
            desk.webhooks.refuse(rule.id, moment.ticket.id, moment.triggered_event, str(problem))
        else:
            desk.webhooks.send(delivery)
