"""Freshdesk's REST API v2, as far as we read it, for one tenant.

Answers are untrusted: sizes are capped (a 300 KB gzip can hold 300 MB), redirects are refused (the key would follow
them), and nothing is taken for JSON because of its status. Every failure becomes one of our own errors.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any

import httpx

from ingest.freshdesk.answer import ENCODINGS, as_object, as_objects, decode, raise_for_status, read_capped, skip
from ingest.freshdesk.budget import Calls, Spent
from ingest.freshdesk.limits import Cost, cost_of, reported
from ingest.freshdesk.listing import TicketPage, ticket_page
from ingest.freshdesk.transport import CheckedTransport
from shared.errors import (
    CanvasError,
    FreshdeskInaccessible,
    FreshdeskMisled,
    FreshdeskRejected,
    FreshdeskUnavailable,
    TicketMissing,
)
from shared.metrics import FRESHDESK_CALLS
from shared.tenants import FRESHDESK_TIMEOUT

PAGE_SIZE = 100
MAX_LIST_PAGE = 300
"""Freshdesk refuses page 301 of the ticket list; the walk moves `updated_since` instead."""
EMBEDDED_CONVERSATIONS = 10
EVER = "2005-01-01T00:00:00Z"
"""Before any ticket of Freshdesk's; without it lists end after 30 days."""
PUBLISHED = 2
AGENTS_ONLY = 3
EVERY_AGENT = 0
"""Of a canned response; 1 is its author's alone, 2 is for some groups."""
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?")
"""As Freshdesk names one (`ko`, `pt-BR`): it becomes a part of a path."""
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Failures by which Freshdesk never heard of a call, so that it costs nothing."""


def freshdesk_http() -> httpx.AsyncClient:
    """The process's HTTP client for Freshdesk: no redirects, no proxies from the environment."""
    connections = httpx.AsyncHTTPTransport(
        trust_env=False, limits=httpx.Limits(max_connections=50, max_keepalive_connections=20)
    )
    return httpx.AsyncClient(
        transport=CheckedTransport(connections), timeout=FRESHDESK_TIMEOUT, follow_redirects=False, trust_env=False
    )


class FreshdeskClient:
    """Reads one tenant's tickets, articles and settings, and writes its automation rules.

    Every method raises `FreshdeskUnavailable`, `FreshdeskLimited`, `FreshdeskRefused`, `FreshdeskInaccessible`,
    `FreshdeskRejected` or `StoreUnavailable` as the case may be. Without `calls` nobody counts: for tools that have an
    account to themselves.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, api_key: str, calls: Calls | None = None) -> None:
        self._http = http
        self._base = base_url
        self._calls = calls
        # RFC 7617 with the key as user and any password.
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(f"{api_key}:X".encode()).decode(),
            "Accept": "application/json",
            "Accept-Encoding": ENCODINGS,
        }

    async def ticket(self, ticket_id: int, requester: str | None = None, *, archived: bool = False) -> dict[str, Any]:
        """A ticket with its requester and all its conversations (unordered, as Freshdesk returns them).

        Who knows the `requester`'s name from a list saves a credit. Deleted and spam tickets come back with `deleted`
        or `spam`; archived ones from their own endpoint, which alone is asked where `archived` is said.

        Raises:
            TicketMissing: unknown or inaccessible (403, 404 and 405 mean the same to us).
        """
        ticket, archive = None, ""
        if not archived:
            include = "conversations,requester" if requester is None else "conversations"
            with suppress(FreshdeskInaccessible):
                ticket = as_object(await self._get(f"/tickets/{ticket_id}", include=include))
        if ticket is None:
            archive = "archived/"
            try:
                ticket = as_object(await self._get(f"/tickets/{archive}{ticket_id}", begun=not archived))
            except FreshdeskInaccessible as error:
                raise TicketMissing from error
        if archive or len(ticket.get("conversations") or []) >= EMBEDDED_CONVERSATIONS:
            conversations = self._items(f"/tickets/{archive}{ticket_id}/conversations", begun=True)
            # Pages move on when a conversation is deleted or added meanwhile.
            ticket["conversations"] = list({item.get("id"): item async for item in conversations}.values())
        return ticket if requester is None else {"requester": {"name": requester}} | ticket

    async def ticket_page(self, since: datetime, page: int = 1, only: str = "", include: str = "") -> TicketPage:
        """One page of tickets by ascending `updated_at`, from `since` (inclusive) on; at most `MAX_LIST_PAGE` of them.

        What is `include`d costs two credits a page each. `only` is "deleted" or "spam"; without it Freshdesk lists
        neither these nor merged and archived ones.
        """
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        params = {"updated_since": stamp, "order_by": "updated_at", "order_type": "asc"}
        params |= {"page": str(page), "per_page": str(PAGE_SIZE)}
        params |= ({"filter": only} if only else {}) | ({"include": include} if include else {})
        rows, headers = await self._request("GET", "/tickets", params=params)
        return ticket_page(rows, headers, PAGE_SIZE)

    async def highest_id(self) -> int:
        """The highest id among the tickets that were made last, 0 where there are none; ids are counted up."""
        params = {"updated_since": EVER, "order_by": "created_at", "order_type": "desc", "per_page": str(PAGE_SIZE)}
        rows, headers = await self._request("GET", "/tickets", params=params)
        return max((row.id for row in ticket_page(rows, headers, PAGE_SIZE).tickets), default=0)

    async def agent(self) -> dict[str, Any]:
        """The agent whose key this is (`/agents/me`): `id`, `ticket_scope`, `contact` …"""
        return as_object(await self._get("/agents/me"))

    async def look(self, path: str) -> tuple[Any, httpx.Headers]:
        """The answer to a GET below `/api/v2` and its headers, for what an account tells only once."""
        return await self._request("GET", path)

    async def articles(self) -> AsyncIterator[tuple[dict[str, Any], int]]:
        """Every published article with the visibility of its folder (1 everybody … 3 agents only).

        Its `translations` are the same article in the account's other languages, where these say something else.
        """
        languages = await self._languages()
        async for category in self._items("/solutions/categories"):
            async for folder in self._items(f"/solutions/categories/{category['id']}/folders"):
                async for found in self._folder_articles(folder, languages):
                    yield found

    async def _languages(self) -> list[str]:
        """The account's languages beside its first one; none where its key may not know."""
        try:
            found = as_object(await self._get("/settings/helpdesk")).get("supported_languages")
        except (FreshdeskInaccessible, FreshdeskRejected):
            return []
        named = found if isinstance(found, list) else []
        return [code for code in named if isinstance(code, str) and LANGUAGE.fullmatch(code)]

    async def _folder_articles(
        self, folder: dict[str, Any], languages: Sequence[str]
    ) -> AsyncIterator[tuple[dict[str, Any], int]]:
        path, visibility = f"/solutions/folders/{folder['id']}", int(folder.get("visibility") or AGENTS_ONLY)
        versions = {int(article["id"]): [article] async for article in self._items(f"{path}/articles")}
        for language in languages:
            # A folder that is not translated is not there, nor is any where the account lacks the feature.
            with suppress(FreshdeskInaccessible, FreshdeskRejected):
                async for article in self._items(f"{path}/articles/{language}"):
                    versions.setdefault(int(article["id"]), []).append(article)
        for found in versions.values():
            published = [article for article in found if article.get("status") == PUBLISHED]
            others = [article for article in published[1:] if not _says_the_same(article, published[0])]
            if published:
                yield published[0] | {"translations": others}, visibility
        if folder.get("sub_folders_count"):
            async for child in self._items(f"{path}/subfolders"):
                async for nested in self._folder_articles(child, languages):
                    yield nested

    async def canned_responses(self) -> AsyncIterator[dict[str, Any]]:
        """Every canned response that all agents may use: `id`, `title`, `content_html`, placeholders unrendered.

        Raises:
            FreshdeskInaccessible: they are for admins' keys.
        """
        async for folder in self._items("/canned_response_folders"):
            if not folder.get("personal"):
                async for response in self._folder_responses(folder):
                    yield response

    async def _folder_responses(self, folder: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        with suppress(FreshdeskInaccessible):  # a folder that is gone by now
            async for response in self._items(f"/canned_response_folders/{folder['id']}/responses"):
                if (response.get("visibility") or EVERY_AGENT) == EVERY_AGENT:
                    yield response

    async def rules(self, rule_type: int) -> list[dict[str, Any]]:
        """Automation rules: 1 on creation, 4 on updates. Admins only."""
        return [rule async for rule in self._items(f"/automations/{rule_type}/rules")]

    async def put_rule(self, rule_type: int, rule: dict[str, Any], rule_id: int | None = None) -> dict[str, Any]:
        """Create an automation rule, or replace the one with `rule_id`."""
        path = f"/automations/{rule_type}/rules"
        if rule_id is None:
            return as_object((await self._request("POST", path, json=rule))[0])
        return as_object((await self._request("PUT", f"{path}/{rule_id}", json=rule))[0])

    async def _items(self, path: str, *, begun: bool = False) -> AsyncIterator[dict[str, Any]]:
        async for page in self._pages(path, begun=begun):
            for item in page:
                yield item

    async def _pages(
        self, path: str, query: dict[str, str] | None = None, *, begun: bool = False
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """Non-empty pages up to the list's last one: one that is not full and names no next one in its `Link` header.

        The header is not always there, so a full page alone lets us ask for another.
        """
        before: list[dict[str, Any]] = []
        for number in range(1, MAX_LIST_PAGE + 1):
            params = {**(query or {}), "page": str(number), "per_page": str(PAGE_SIZE)}
            answer, headers = await self._request("GET", path, begun=begun or number > 1, params=params)
            page = as_objects(answer)
            if not page or page == before:
                return
            yield page
            if 'rel="next"' not in headers.get("link", "") and len(page) < PAGE_SIZE:
                return
            before = page

    async def _get(self, path: str, *, begun: bool = False, **query: str) -> Any:
        return (await self._request("GET", path, begun=begun, params=query))[0]

    async def _request(
        self, method: str, path: str, *, begun: bool = False, **content: Any
    ) -> tuple[Any, httpx.Headers]:
        spent: Spent | None = None
        try:
            async with self._spending(cost_of(method, path, content.get("params") or {}), begun) as spent:
                status, headers, body = await self._send(spent, method, path, content)
                spent.said = reported(status, headers)
                raise_for_status(status, spent.said.blocked_for)
                answer = decode(body)
                spent.sound = True
        except CanvasError as error:
            FRESHDESK_CALLS.labels(outcome=error.code if spent else "postponed").inc()
            raise
        FRESHDESK_CALLS.labels(outcome="ok").inc()
        return answer, headers

    def _spending(self, cost: Cost, begun: bool) -> AbstractAsyncContextManager[Spent]:
        return self._calls.spending(cost, begun=begun) if self._calls else nullcontext(Spent())

    async def _send(
        self, spent: Spent, method: str, path: str, content: dict[str, Any]
    ) -> tuple[int, httpx.Headers, bytes]:
        """Status, headers and body; the body of anything but 2xx is not looked at."""
        url = f"{self._base}/api/v2{path}"
        try:
            # httpx's own time-outs start anew with every byte: a dripping answer would never end.
            async with (
                asyncio.timeout(FRESHDESK_TIMEOUT),
                self._http.stream(method, url, headers=self._headers, **content) as response,
            ):
                body = await read_capped(response) if response.is_success else await skip(response)
                return response.status_code, response.headers, body
        except NEVER_SENT as error:
            spent.never_sent = True
            raise FreshdeskUnavailable(f"Freshdesk can't be reached ({type(error).__name__})") from error
        except FreshdeskMisled:
            spent.never_sent = True
            raise
        except (httpx.HTTPError, TimeoutError) as error:
            raise FreshdeskUnavailable(f"Freshdesk does not answer ({type(error).__name__})") from error


def _says_the_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one.get(field) == other.get(field) for field in ("title", "description"))
