"""Freshdesk's REST API v2, as far as we read it, for one tenant.

Answers are untrusted: sizes are capped (a 300 KB gzip can hold 300 MB), redirects are refused (the key would follow
them), and nothing is taken for JSON because of its status. Every failure becomes one of our own errors.
"""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec

from ingest.retry_after import retry_after
from shared.errors import (
    FreshdeskInaccessible,
    FreshdeskLimited,
    FreshdeskRefused,
    FreshdeskRejected,
    FreshdeskUnavailable,
    TicketMissing,
)
from shared.tenants import FRESHDESK_TIMEOUT

MAX_ANSWER_BYTES = 10_000_000
PAGE_SIZE = 100
MAX_LIST_PAGE = 300
"""Freshdesk refuses page 301 of the ticket list; the walk moves `updated_since` instead."""
EMBEDDED_CONVERSATIONS = 10
PUBLISHED = 2
AGENTS_ONLY = 3
DEFAULT_RETRY_AFTER = timedelta(seconds=30)


def freshdesk_http() -> httpx.AsyncClient:
    """The process's HTTP client for Freshdesk: no redirects, no proxies from the environment."""
    return httpx.AsyncClient(
        timeout=FRESHDESK_TIMEOUT,
        follow_redirects=False,
        trust_env=False,
        limits=httpx.Limits(max_connections=50, max_keepalive_connections=20),
    )


class FreshdeskClient:
    """Reads one tenant's tickets, articles and settings, and writes its automation rules.

    Every method raises `FreshdeskUnavailable`, `FreshdeskLimited`, `FreshdeskRefused`, `FreshdeskInaccessible` or
    `FreshdeskRejected` as the case may be.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, api_key: str) -> None:
        self._http = http
        self._base = base_url
        # RFC 7617 with the key as user and any password.
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(f"{api_key}:X".encode()).decode(),
            "Accept": "application/json",
        }

    async def ticket(self, ticket_id: int) -> dict[str, Any]:
        """A ticket with its requester and all its conversations (unordered, as Freshdesk returns them).

        Deleted and spam tickets come back with `deleted` or `spam`; archived ones from their own endpoint.

        Raises:
            TicketMissing: unknown or inaccessible (403, 404 and 405 mean the same to us).
        """
        archive = ""
        try:
            ticket = await self._get(f"/tickets/{ticket_id}", include="conversations,requester")
        except FreshdeskInaccessible:
            archive = "archived/"
            try:
                ticket = await self._get(f"/tickets/{archive}{ticket_id}")
            except FreshdeskInaccessible as error:
                raise TicketMissing from error
        if archive or len(ticket.get("conversations") or []) >= EMBEDDED_CONVERSATIONS:
            pages = self._pages(f"/tickets/{archive}{ticket_id}/conversations")
            ticket["conversations"] = [conversation async for page in pages for conversation in page]
        return _as_object(ticket)

    async def tickets_updated_since(self, since: datetime) -> AsyncIterator[list[dict[str, Any]]]:
        """Pages of tickets by ascending `updated_at`, from `since` (inclusive) on, without their text.

        A ticket may come twice where the walk moves past page 300.
        """
        while True:
            stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            query = {"updated_since": stamp, "order_by": "updated_at", "order_type": "asc"}
            pages, last = 0, since
            async for page in self._pages("/tickets", **query):
                yield page
                pages, last = pages + 1, datetime.fromisoformat(page[-1]["updated_at"])
            if pages < MAX_LIST_PAGE or last <= since:
                return
            since = last

    async def agent(self) -> dict[str, Any]:
        """The agent whose key this is (`/agents/me`): `id`, `ticket_scope`, `contact` …"""
        return _as_object(await self._get("/agents/me"))

    async def helpdesk_language(self) -> str:
        """The account's primary language code, such as `ko`."""
        settings = await self._get("/settings/helpdesk")
        return str(settings.get("primary_language") or "en")

    async def status_names(self) -> dict[int, str]:
        """The account's own names of ticket statuses, by number."""
        fields = await self._get("/ticket_fields")
        for field in fields:
            if field.get("name") == "status" and isinstance(field.get("choices"), dict):
                return {int(number): _label(labels) for number, labels in field["choices"].items()}
        return {}

    async def articles(self) -> AsyncIterator[tuple[dict[str, Any], int]]:
        """Every published article with the visibility of its folder (1 everybody … 3 agents only)."""
        async for category in self._items("/solutions/categories"):
            async for folder in self._items(f"/solutions/categories/{category['id']}/folders"):
                async for found in self._folder_articles(folder):
                    yield found

    async def _folder_articles(self, folder: dict[str, Any]) -> AsyncIterator[tuple[dict[str, Any], int]]:
        async for article in self._items(f"/solutions/folders/{folder['id']}/articles"):
            if article.get("status") == PUBLISHED:
                yield article, int(folder.get("visibility") or AGENTS_ONLY)
        if folder.get("sub_folders_count"):
            async for child in self._items(f"/solutions/folders/{folder['id']}/subfolders"):
                async for found in self._folder_articles(child):
                    yield found

    async def rules(self, rule_type: int) -> list[dict[str, Any]]:
        """Automation rules: 1 on creation, 4 on updates. Admins only."""
        return [rule async for rule in self._items(f"/automations/{rule_type}/rules")]

    async def put_rule(self, rule_type: int, rule: dict[str, Any], rule_id: int | None = None) -> dict[str, Any]:
        """Create an automation rule, or replace the one with `rule_id`."""
        path = f"/automations/{rule_type}/rules"
        if rule_id is None:
            return _as_object((await self._request("POST", path, json=rule))[0])
        return _as_object((await self._request("PUT", f"{path}/{rule_id}", json=rule))[0])

    async def _items(self, path: str) -> AsyncIterator[dict[str, Any]]:
        async for page in self._pages(path):
            for item in page:
                yield item

    async def _pages(self, path: str, **query: str) -> AsyncIterator[list[dict[str, Any]]]:
        """Non-empty pages, following Freshdesk's `Link` header by counting, up to the list's last page."""
        for number in range(1, MAX_LIST_PAGE + 1):
            params = {**query, "page": str(number), "per_page": str(PAGE_SIZE)}
            page, headers = await self._request("GET", path, params=params)
            if page:
                yield page
            if 'rel="next"' not in headers.get("link", ""):
                return

    async def _get(self, path: str, **query: str) -> Any:
        return (await self._request("GET", path, params=query))[0]

    async def _request(self, method: str, path: str, **content: Any) -> tuple[Any, httpx.Headers]:
        url = f"{self._base}/api/v2{path}"
        try:
            # httpx's own time-outs start anew with every byte: a dripping answer would never end.
            async with (
                asyncio.timeout(FRESHDESK_TIMEOUT),
                self._http.stream(method, url, headers=self._headers, **content) as response,
            ):
                body = await _read_capped(response)
        except (httpx.HTTPError, TimeoutError) as error:
            raise FreshdeskUnavailable(f"Freshdesk does not answer ({type(error).__name__})") from error
        _raise_for_status(response)
        try:
            return msgspec.json.decode(body), response.headers
        except msgspec.DecodeError as error:
            raise FreshdeskUnavailable("Freshdesk answered with something that is not JSON") from error


def _label(labels: Any) -> str:
    """The agents' label of a status: `["Open", "Being Processed"]` is [agents', customers']."""
    return str(labels[0]) if isinstance(labels, list) and labels else str(labels)


def _as_object(answer: Any) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise FreshdeskUnavailable("Freshdesk answered with something else than an object")
    return answer


async def _read_capped(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise FreshdeskUnavailable(f"Freshdesk's answer is larger than {MAX_ANSWER_BYTES} bytes")
    return bytes(body)


def _raise_for_status(response: httpx.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status == 429:
        raise FreshdeskLimited(retry_after=retry_after(response.headers) or DEFAULT_RETRY_AFTER)
    if status == 401:
        raise FreshdeskRefused
    if status in {403, 404, 405}:
        raise FreshdeskInaccessible
    if 400 <= status < 500:
        raise FreshdeskRejected(f"Freshdesk answered {status}")
    raise FreshdeskUnavailable(f"Freshdesk answered {status}")
