"""What Anthropic and OpenAI have in common: check the request, ask the script, fail or answer.

A provider adds its paths, its checks, its errors and its wires.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, NamedTuple

from tests.lookalikes.batches import Batches
from tests.lookalikes.generation import (
    ProviderError,
    Refused,
    Wire,
    answer_stream,
    answer_whole,
    document,
    fail_at_once,
    next_item,
    send_document,
)
from tests.lookalikes.provider_errors import require
from tests.lookalikes.scripts import Answer, Fault, Kind, Script
from tests.lookalikes.wire import Exchange, Head, LoggedRequest

__all__ = ["KnownError", "Provider", "require"]


class KnownError(NamedTuple):
    """How a provider says one thing that can be wrong."""

    status: int
    type: str
    message: str
    code: str | None = None


class Provider(ABC):
    """One provider's protocol. With `api_key` other keys are refused, else any will do."""

    errors: ClassVar[Mapping[str, KnownError]]  # by the names that `Fault.error` uses
    routes: ClassVar[Mapping[str, tuple[str, Kind]]]  # path: method and kind

    def __init__(self, *, api_key: str | None = None) -> None:
        self._api_key = api_key
        self.batches: Batches | None = None

    @abstractmethod
    def claims(self, head: Head) -> bool:
        """Whether a request is meant for this provider, where one port serves several."""

    @abstractmethod
    def headers(self, request_id: str) -> dict[str, str]:
        """What every answer carries."""

    @abstractmethod
    def check(self, request: LoggedRequest, kind: Kind) -> None:
        """Read the request into its log entry (text, prompt, schema). Raises Refused where it is wrong."""

    @abstractmethod
    def limit(self, request: LoggedRequest) -> int | None:
        """The most tokens that the request wants."""

    @abstractmethod
    def wire(self, request: LoggedRequest, answer: Answer) -> Wire:
        """The form in which this request is answered."""

    @abstractmethod
    def look_up(self, request: LoggedRequest, kind: Kind) -> dict[str, Any]:
        """The answer to a request that generates nothing."""

    @abstractmethod
    def error_body(self, known: KnownError, fault: Fault, request: LoggedRequest) -> dict[str, Any]:
        """An error as a JSON document."""

    async def answer(self, exchange: Exchange, script: Script) -> None:
        """Answer one request, or misbehave as the script wants it."""
        request = exchange.request
        if self.batches is not None and self.batches.claims(request):
            await self._answer_batches(self.batches, exchange, script)
            return
        try:
            kind = self._route(request)
            self.check(request, kind)
        except Refused as refused:
            await fail_at_once(exchange, refused.fault, partial(self._problem, request))
            return
        limit = self.limit(request) if kind == "generation" else None
        fault, answer = await next_item(exchange, script, kind, limit=limit)
        request.fault = fault.name if fault else None
        if fault and fault.effect == "error_event" and not request.stream:
            fault = replace(fault, effect="status")
        if fault and await fail_at_once(exchange, fault, partial(self._problem, request)):
            return
        if kind == "generation":
            await self._generate(exchange, answer, fault)
        else:
            await exchange.pause(script.speed.embeddings if kind == "embeddings" else 0)
            await send_document(exchange, document(self.look_up(request, kind)), fault)

    async def _answer_batches(self, batches: Batches, exchange: Exchange, script: Script) -> None:
        request = exchange.request
        try:
            self.check_key(request)
            fault = batches.fault(request)
            if fault and await fail_at_once(exchange, fault, partial(self._problem, request)):
                return
            body = await batches.answer(request, script)
        except Refused as refused:
            await fail_at_once(exchange, refused.fault, partial(self._problem, request))
            return
        if body is None:
            exchange.hang_up()  # it was done, and nobody is told so
        else:
            kind = "application/json" if body.startswith(b"{") and b"\n" not in body else "application/x-jsonl"
            await exchange.respond(200, body, {"content-type": kind})

    def problem_body(self, request: LoggedRequest, fault: Fault) -> tuple[int, dict[str, Any]]:
        """A fault as an error document, with its status: for one call of a batch."""
        error = self._problem(request, fault)
        return error.status, error.body

    async def _generate(self, exchange: Exchange, answer: Answer, fault: Fault | None) -> None:
        request = exchange.request
        wire = self.wire(request, answer)
        if request.stream:
            await answer_stream(exchange, wire, answer, fault, partial(self._problem, request))
        else:
            await answer_whole(exchange, wire, answer, fault)

    def check_key(self, request: LoggedRequest) -> None:
        """Raise Refused for a request without a key, or with a wrong one."""
        key = request.headers.get("authorization", "").removeprefix("Bearer ") or request.headers.get("x-api-key")
        if not key or key != (self._api_key or key):
            raise Refused(Fault.unauthorized())

    def _route(self, request: LoggedRequest) -> Kind:
        self.check_key(request)
        path = "/v1/models" if request.path.startswith("/v1/models/") else request.path
        if path not in self.routes:
            raise Refused(replace(Fault.unknown_model(), message=f"Invalid URL ({request.method} {request.path})"))
        method, kind = self.routes[path]
        if request.method != method:
            raise Refused(replace(Fault.bad_request("Method Not Allowed"), status=405))
        if method == "POST" and not isinstance(request.body, dict):
            raise Refused(Fault.bad_request("The request body is not valid JSON"))
        return kind

    def _problem(self, request: LoggedRequest, fault: Fault) -> ProviderError:
        known = self.errors[fault.error]
        known = known._replace(status=fault.status or known.status, message=fault.message or known.message)
        headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
        return ProviderError(known.status, self.error_body(known, fault, request), headers)
