"""Sends the app's templated requests as Freshworks' proxy does: buffered, at most 15 s and 6 MB, 50 a minute.

Where Freshworks' documents leave the shape of a rejection open, it is `status`, `headers`, `response` (text),
`attempts` and `errorSource`, as its answers look in public apps.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

from deploy.demo.app_platform.package import AppPackage
from deploy.demo.app_platform.requests import Settings, TemplateRequest, build

MINUTE_S = 60.0
PASSED_ON = ("content-type", "etag", "cache-status", "canvas-run", "canvas-newer", "location", "retry-after")
TEXT = ("application/json", "application/problem+json", "application/xml", "application/vnd.api+json",
        "application/jsonp", "text/xml", "text/html", "text/plain", "text/javascript")  # fmt: skip


class PlatformLimits(msgspec.Struct, frozen=True):
    """Freshworks' limits for one app in one account: seconds, calls a minute, bytes."""

    timeout_s: float = 15.0
    per_minute: int = 50
    request_bytes: int = 100 * 1024
    response_bytes: int = 6 * 1024 * 1024


class TemplateAnswer(msgspec.Struct, frozen=True):
    """What `invokeTemplate` resolves to."""

    status: int
    headers: dict[str, str]
    response: str


class Rejection(Exception):
    """What `invokeTemplate` rejects with; `source` is APP where the backend has answered, else PLATFORM."""

    def __init__(self, status: int, response: str, source: str = "PLATFORM", headers: Any = None) -> None:
        super().__init__(response)
        self.status = status
        self.response = response
        self.source = source
        self.headers: dict[str, str] = headers or {}

    def document(self) -> dict[str, Any]:
        """As the app's frame gets it."""
        return {"status": self.status, "headers": self.headers, "response": self.response, "errorSource": self.source}


class AppPlatform:
    """One app, installed in one account."""

    def __init__(
        self, app: AppPackage, settings: Settings, http: httpx.AsyncClient, limits: PlatformLimits | None = None
    ) -> None:
        self.app = app
        self.settings = settings
        self._http = http
        self._limits = limits or PlatformLimits()
        self._calls: deque[float] = deque()

    async def invoke(
        self, name: str, context: Mapping[str, Any], body: str | None = None, *, installing: bool = False
    ) -> TemplateAnswer:
        """Send the request of a template.

        Raises:
            Rejection: the backend refused it, did not answer as it should, or the platform did not even ask.
        """
        template = self.app.templates.get(name)
        if template is None:
            raise Rejection(404, "Requested function/Request template not found")
        if len(msgspec.json.encode(dict(context))) + len((body or "").encode()) > self._limits.request_bytes:
            raise Rejection(413, "The request is larger than the platform takes")
        try:
            request = build(template, self.settings, context, installing=installing)
        except (KeyError, ValueError) as error:
            raise Rejection(400, f"The template {name} can't be filled in: {error}") from error
        self._count()
        try:
            async with asyncio.timeout(self._limits.timeout_s):
                return await self._send(request, body)
        except TimeoutError as error:
            raise Rejection(504, "Timeout while processing the request") from error

    def _count(self) -> None:
        now = time.monotonic()
        while self._calls and self._calls[0] <= now - MINUTE_S:
            self._calls.popleft()
        if len(self._calls) >= self._limits.per_minute:
            wait = str(round(self._calls[0] + MINUTE_S - now + 0.5))
            raise Rejection(429, "Too many requests: the app's limit for a minute is reached", headers={
                "retry-after": wait})  # fmt: skip
        self._calls.append(now)

    async def _send(self, request: TemplateRequest, body: str | None) -> TemplateAnswer:
        for attempt in range(1, request.attempts + 1):
            last = attempt == request.attempts
            try:
                answer = await self._once(request, body)
            except httpx.HTTPError as error:
                if last:
                    raise Rejection(502, f"The backend does not answer ({type(error).__name__})") from error
            else:
                if answer.status < 400:
                    return answer
                if last or not (answer.status == 429 or answer.status >= 500):
                    raise Rejection(answer.status, answer.response, "APP", answer.headers)
            await asyncio.sleep(request.pause_s)
        raise AssertionError("a request is tried once at least")

    async def _once(self, request: TemplateRequest, body: str | None) -> TemplateAnswer:
        content = None if body is None or request.method == "GET" else body.encode()
        sent = self._http.stream(
            request.method, request.url, headers=dict(request.headers), content=content, timeout=self._limits.timeout_s
        )
        async with sent as answer:
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind and kind not in TEXT:
                raise Rejection(415, f"The platform does not pass on {kind}")
            buffered = bytearray()
            async for chunk in answer.aiter_bytes():
                buffered += chunk
                if len(buffered) > self._limits.response_bytes:
                    raise Rejection(413, "The response is larger than the platform takes")
        headers = {name: answer.headers[name] for name in PASSED_ON if name in answer.headers}
        return TemplateAnswer(answer.status_code, headers, buffered.decode("utf-8", "replace"))
