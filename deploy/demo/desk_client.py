"""The demo desk's own way to the helpdesk look-alike: what an agent does by REST v2, what a customer does by `/_desk`.

The browser gets compact rows and plain text only; HTML of tickets stays on this side.
"""

import html
import json
import re
from collections.abc import AsyncIterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx

PAGE_SIZE = 100
EVERYTHING = "2000-01-01T00:00:00Z"
"""Without `updated_since` the list shows tickets of the last 30 days only."""
BURST_UPDATES = 20
MESSAGE_EVERY = 4
"""Every fourth update of a burst is a message of the customer, the rest are changes of priority."""
HANGUL = re.compile(r"[\uac00-\ud7a3]")
SAMPLES = Path(__file__).parent / "desk" / "samples.json"


class DeskError(Exception):
    """The helpdesk refused or did not answer; `status` is what the page gets (the helpdesk's own, or 502)."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class DeskClient:
    """Everything that the desk's page can do; all methods raise `DeskError`."""

    def __init__(self, helpdesk_url: str, api_key: str, admin_token: str, http: httpx.AsyncClient) -> None:
        self._url = helpdesk_url
        self._auth = httpx.BasicAuth(api_key, "X")
        self._admin = {"Authorization": f"Bearer {admin_token}"}
        self._http = http
        self._agents: dict[int, str] = {}
        self.samples: dict[str, Any] = json.loads(SAMPLES.read_text("utf-8"))
        self._by_id = {sample["id"]: sample for sample in self.samples["tickets"]}
        self._next = {
            language: cycle([sample for sample in self.samples["tickets"] if sample["language"] == language])
            for language in self.samples["own"]
        }

    async def me(self) -> dict[str, Any]:
        """The agent whose desk this is: `{id, name, email, language}`."""
        agent = await self._api("GET", "/agents/me")
        contact = agent["contact"]
        return {"id": agent["id"], **{name: contact.get(name) or "" for name in ("name", "email", "language")}}

    async def tickets(self, since: str = EVERYTHING) -> list[dict[str, Any]]:
        """Rows of all tickets changed at or after `since` (ISO 8601), newest change first."""
        params = {"updated_since": since, "order_by": "updated_at", "include": "requester,description"}
        return [_row(ticket) async for ticket in self._pages("/tickets", params)]

    async def ticket(self, ticket_id: int) -> dict[str, Any]:
        """A ticket as the page shows it: its row, and all messages as plain text, oldest first."""
        ticket = await self._api("GET", f"/tickets/{ticket_id}", params={"include": "requester"})
        entries = [entry async for entry in self._pages(f"/tickets/{ticket_id}/conversations", {})]
        agents = await self._agent_names()
        customer = (ticket.get("requester") or {}).get("name") or ""
        first = {
            "id": 0,
            "author": "customer",
            "name": customer,
            "text": ticket["description_text"],
            "at": ticket["created_at"],
        }
        messages = [first, *(_message(entry, customer, agents) for entry in entries)]
        gone = "deleted" if ticket.get("deleted") else "spam" if ticket.get("spam") else ""
        return _row(ticket) | {"messages": messages, "tags": ticket["tags"], "gone": gone}

    async def create(self, sample_id: str, language: str, subject: str, text: str) -> int:
        """Make a ticket: the named sample, else the typed one, else the language's next sample; returns its id."""
        if sample_id:
            sample = self._by_id.get(sample_id)
            if sample is None:
                raise DeskError(400, f"There is no prepared ticket {sample_id}")
        elif text:
            spoken = language_of(f"{subject} {text}")
            sample = {"subject": subject or text[:60], "text": text, "requester": self.samples["own"][spoken]}
        else:
            sample = next(self._next[language])
        body = {
            "subject": sample["subject"],
            "description": as_html(sample["text"]),
            "email": sample["requester"]["email"],
            "name": sample["requester"]["name"],
            "type": sample.get("type", "Question"),
            "priority": sample.get("priority", 2),
            "status": 2,
            "source": 1,
            "custom_fields": {"cf_product": sample.get("product")},
        }
        return int((await self._api("POST", "/tickets", json=body))["id"])

    async def customer_reply(self, ticket_id: int, text: str = "") -> str:
        """Let the requester write; without a text a prepared one that the thread does not hold yet. Returns it."""
        if not text:
            ticket = await self.ticket(ticket_id)
            said = {message["text"] for message in ticket["messages"]}
            prepared = self.samples["replies"][ticket["language"]]
            text = next((reply for reply in prepared if reply not in said), prepared[0])
        await self._customer_writes(ticket_id, text)
        return text

    async def agent_reply(self, ticket_id: int, text: str) -> None:
        """Answer the requester as the demo's agent."""
        await self._api("POST", f"/tickets/{ticket_id}/reply", json={"body": as_html(text)})

    async def set_status(self, ticket_id: int, status: int) -> None:
        """Change a ticket's status (Freshdesk's number)."""
        await self._api("PUT", f"/tickets/{ticket_id}", json={"status": status})

    async def burst(self, ticket_id: int) -> int:
        """Change a ticket many times as fast as the helpdesk takes it; returns how often."""
        ticket = await self._api("GET", f"/tickets/{ticket_id}")
        messages = cycle(self.samples["burst"][language_of(ticket["subject"] + ticket["description_text"])])
        priority = ticket["priority"]
        for number in range(BURST_UPDATES):
            if number % MESSAGE_EVERY == 0:
                await self._customer_writes(ticket_id, next(messages))
            else:
                priority = priority % 4 + 1
                await self._api("PUT", f"/tickets/{ticket_id}", json={"priority": priority})
        return BURST_UPDATES

    async def article(self, article_id: int) -> dict[str, Any]:
        """A solution article: title and plain text."""
        article = await self._api("GET", f"/solutions/articles/{article_id}")
        return {"id": article["id"], "title": article["title"], "text": article["description_text"]}

    async def _customer_writes(self, ticket_id: int, text: str) -> None:
        url = f"/_desk/tickets/{ticket_id}/customer_reply"
        await self._send("POST", url, json={"body": as_html(text)}, headers=self._admin)

    async def _agent_names(self) -> dict[int, str]:
        if not self._agents:
            # Ordinary agents may not list agents, but the ticket form shows them their names.
            fields = await self._api("GET", "/ticket_fields")
            choices: dict[str, int] = next((field["choices"] for field in fields if field["name"] == "agent"), {})
            self._agents = {number: name for name, number in choices.items()}
        return self._agents

    async def _pages(self, path: str, params: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        page = 1
        while True:
            rows = await self._api("GET", path, params={**params, "per_page": PAGE_SIZE, "page": page})
            for row in rows:
                yield row
            if len(rows) < PAGE_SIZE:
                return
            page += 1

    async def _api(self, method: str, path: str, **request: Any) -> Any:
        return await self._send(method, f"/api/v2{path}", auth=self._auth, **request)

    async def _send(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = await self._http.request(method, f"{self._url}{path}", **request)
            if answer.is_error:
                raise DeskError(answer.status_code, f"The helpdesk answered {answer.status_code}")
            return answer.json()
        except httpx.HTTPError as error:
            raise DeskError(502, f"The helpdesk does not answer ({type(error).__name__})") from error
        except ValueError as error:
            raise DeskError(502, "The helpdesk answered with something that is not JSON") from error


def as_html(text: str) -> str:
    """Typed text as the HTML that Freshdesk stores."""
    return "<div>" + html.escape(text.strip()).replace("\n", "<br>") + "</div>"


def language_of(text: str) -> str:
    """A guess that is good enough to label a row: "ko" where there is Hangul, else "en"."""
    return "ko" if HANGUL.search(text) else "en"


def _row(ticket: dict[str, Any]) -> dict[str, Any]:
    words = f"{ticket['subject']} {ticket.get('description_text') or ''}"
    return {
        "id": ticket["id"],
        "subject": ticket["subject"],
        "status": ticket["status"],
        "priority": ticket["priority"],
        "requester": (ticket.get("requester") or {}).get("name") or "",
        "product": (ticket.get("custom_fields") or {}).get("cf_product") or "",
        "language": language_of(words),
        "created_at": ticket["created_at"],
        "updated_at": ticket["updated_at"],
    }


def _message(entry: dict[str, Any], customer: str, agents: dict[int, str]) -> dict[str, Any]:
    author = "note" if entry["private"] else "customer" if entry["incoming"] else "agent"
    name = customer if author == "customer" else agents.get(entry["user_id"], "")
    return {"id": entry["id"], "author": author, "name": name, "text": entry["body_text"], "at": entry["created_at"]}
