"""How an answer is generated, streamed and broken, the same for every protocol.

A `Wire` knows how one protocol writes an answer; this module knows when each piece is sent and what goes wrong instead.
"""

import asyncio
import inspect
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.lookalikes.answers import default_json, default_text
from tests.lookalikes.scripts import AT_ONCE, Answer, Fault, Kind, Script, Speed, Stop, as_answer
from tests.lookalikes.tokens import tokens_of
from tests.lookalikes.wire import Exchange, LoggedRequest

JSON = {"content-type": "application/json"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}
_PAGE = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center><hr><center>cloudflare</center></body></html>"
)


class Refused(Exception):
    """The request is answered with an error that the script did not ask for: a check found it wrong."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message or fault.name)
        self.fault = fault


@dataclass(frozen=True)
class ProviderError:
    """An error as the provider writes it; `body` is the whole JSON document."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


class Wire(Protocol):
    """One answer in one protocol's form. `tokens` are its text, in the pieces in which a stream sends them."""

    tokens: list[str]

    def document(self, tokens: list[str], stop: Stop | None) -> dict[str, Any]:
        """The answer to a request that does not stream; without a stop reason where `stop` is None."""

    def opening(self) -> Iterable[bytes]:
        """The events before the first token."""

    def delta(self, token: str) -> bytes:
        """The event for one token."""

    def closing(self) -> Iterable[bytes]:
        """The events after the last token."""

    def error(self, error: ProviderError, fault: Fault) -> bytes:
        """An error inside the stream."""

    def keep_alive(self) -> bytes:
        """What is sent so that the connection stays open."""


def document(value: Any) -> bytes:
    """JSON as it goes over the wire."""
    return json.dumps(value, ensure_ascii=False).encode()


def event(value: Any, name: str | None = None) -> bytes:
    """A server-sent event."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + document(value) + b"\n\n"


async def next_item(
    exchange: Exchange, script: Script, kind: Kind, *, limit: int | None = None
) -> tuple[Fault | None, Answer]:
    """What the script has for this request: a fault or none, and the answer that it happens to.

    `limit` is the request's own maximum of output tokens.
    """
    item = await _called(exchange, script.take(exchange.request, kind))
    fault = item if isinstance(item, Fault) else None
    if fault and not fault.can_befall(kind):
        raise ValueError(f"{fault.name} cannot happen to {exchange.request.path}")
    if kind != "generation" or (fault and fault.effect in AT_ONCE):
        return fault, Answer("")
    if item is None or fault:
        item = await _called(exchange, script.default)
    if isinstance(item, Fault):
        fault, item = fault or item, None
    answer = _derived(exchange.request) if item is None else as_answer(item)
    answer = replace(answer, speed=answer.speed or script.speed)
    return fault, _limited(_spoiled(answer, fault), limit)


async def fail_at_once(exchange: Exchange, fault: Fault, problem: Callable[[Fault], ProviderError]) -> bool:
    """Do what a fault does before any answer. False where the fault needs an answer to happen to."""
    match fault.effect:
        case "status":
            error = problem(fault)
            await exchange.respond(error.status, document(error.body), {**JSON, **error.headers})
        case "page":
            await exchange.respond(fault.status or 502, _PAGE, {"content-type": "text/html"})
        case "hang_up":
            exchange.hang_up(reset=fault.reset)
        case "silence":
            await exchange.pause(None)
        case _:
            return False
    return True


async def send_document(exchange: Exchange, body: bytes, fault: Fault | None) -> None:
    """Send a JSON document, or its first half where it is cut or stalls."""
    if fault is None or fault.effect not in ("cut", "stall"):
        await exchange.respond(200, body, JSON)
        return
    await exchange.respond(200, body[: len(body) // 2], JSON, declared=len(body))
    if fault.effect == "cut":
        exchange.hang_up(reset=fault.reset)
    else:
        await exchange.pause(None)


async def answer_whole(exchange: Exchange, wire: Wire, answer: Answer, fault: Fault | None) -> None:
    """Answer a request that does not stream, after the time that the whole text takes."""
    speed = answer.speed or Speed()
    await exchange.pause(speed.due(max(0, len(wire.tokens) - 1)))
    if fault and fault.effect == "early_end":
        body = wire.document(wire.tokens[: fault.after], None)
    else:
        body = wire.document(wire.tokens, answer.stop)
    await send_document(exchange, document(body), fault)


async def answer_stream(
    exchange: Exchange,
    wire: Wire,
    answer: Answer,
    fault: Fault | None,
    problem: Callable[[Fault], ProviderError],
) -> None:
    """Answer a request that streams: each token at its time, up to where the fault, if any, happens."""
    clock, speed = asyncio.get_running_loop().time, answer.speed or Speed()
    start = clock()
    breaks = fault if fault and fault.effect != "answer" else None
    await exchange.start(200, EVENTS)
    for data in wire.opening():
        await exchange.send(data)
    for index, token in enumerate(wire.tokens[: breaks.after if breaks else None]):
        await exchange.pause(start + speed.due(index) - clock())
        await exchange.send(wire.delta(token))
        exchange.request.tokens_sent += 1
        exchange.request.first_sent = exchange.request.first_sent or time.monotonic()
    if breaks:
        await _break(exchange, wire, breaks, problem)
        return
    for data in wire.closing():
        await exchange.send(data)
    await exchange.finish()


async def _break(exchange: Exchange, wire: Wire, fault: Fault, problem: Callable[[Fault], ProviderError]) -> None:
    match fault.effect:
        case "error_event":
            await exchange.send(wire.error(problem(fault), fault))
            await exchange.finish()
        case "early_end":
            await exchange.finish()
        case "cut":
            exchange.hang_up(reset=fault.reset)
        case "garbage":
            await exchange.send(_garbage(wire.delta("x"), fault.form))
            await exchange.finish()
        case _:
            while True:
                await exchange.pause(fault.pings)
                await exchange.send(wire.keep_alive())


def _garbage(delta: bytes, form: str) -> bytes:
    """An event spoiled: half of its JSON, no event at all, or its type alone."""
    if form == "bytes":
        return b"\x00\xff\xfe{{{ upstream said: \xc3\x28\n\n"
    if form == "json":
        return delta[: len(delta) // 2].rstrip(b"\n") + b"\n\n"
    head, _, data = delta.partition(b"data: ")
    value = json.loads(data)
    return head + b"data: " + document({"type": value["type"]} if "type" in value else {"choices": [{}]}) + b"\n\n"


async def _called(exchange: Exchange, item: Any) -> Any:
    """The value of an item; a callable gets the request, and may be async."""
    while callable(item):
        item = item(exchange.request)
        if inspect.isawaitable(item):
            item = await exchange.wait_for(item)
    return item


def _derived(request: LoggedRequest) -> Answer:
    source = request.prompt or request.text
    return Answer(default_text(source) if request.schema is None else default_json(source, request.schema))


def _spoiled(answer: Answer, fault: Fault | None) -> Answer:
    """The answer with what the fault changes in it."""
    if fault is None or fault.effect != "answer":
        return answer
    if fault.name == "invalid_json":
        return replace(answer, text=answer.text[: len(answer.text) * 2 // 3])
    if fault.speed:
        return replace(answer, speed=fault.speed)
    return replace(answer, text="".join(tokens_of(answer.text)[: fault.after]), stop=fault.stop)


def _limited(answer: Answer, limit: int | None) -> Answer:
    tokens = tokens_of(answer.text)
    if limit is None or len(tokens) <= limit:
        return answer
    return replace(answer, text="".join(tokens[:limit]), stop="max_tokens")
