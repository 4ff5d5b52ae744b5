"""Errors on the wire: every one is an RFC 9457 problem document with a stable `type`.

A Redis that says nothing is an error like one that is gone: `store_answers` ends the wait at the edge, where the
clients' own time-outs and retries would add up to minutes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from litestar import Request
from litestar.exceptions import HTTPException
from litestar.openapi import ResponseSpec
from litestar.openapi.spec import Example
from litestar.response import Response
from litestar.types import ExceptionHandlersMap
from redis.exceptions import RedisError

from shared.errors import CanvasError, StoreUnavailable, Transient
from shared.logs import failure
from shared.request_ids import instance

PROBLEM_JSON = "application/problem+json"

STORE_WITHIN_S = 3.0
"""Redis answers in a millisecond, and may hold a write for 2 s where the disk is behind (appendfsync everysec).

A frozen one held a single GET for more than 100 s: time-outs times nested retries.
"""

log = structlog.get_logger()


@asynccontextmanager
async def store_answers() -> AsyncIterator[None]:
    """Bound what a block may wait for Redis; nothing else may be awaited in it.

    Raises:
        StoreUnavailable: the time is over.
    """
    try:
        async with asyncio.timeout(STORE_WITHIN_S):
            yield
    except TimeoutError as error:
        raise StoreUnavailable from error


class Problem(msgspec.Struct, frozen=True):
    """The document of every error (RFC 9457); `type` never changes its meaning.

    `instance` is there where the client has named its request (`X-Request-ID` or `traceparent`).
    """

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""


def documented(*errors: type[CanvasError]) -> dict[int, ResponseSpec]:
    """What OpenAPI says of a route's errors, by status."""
    found: dict[int, list[type[CanvasError]]] = {}
    for error in errors:
        found.setdefault(error.status, []).append(error)
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description="; ".join(error.title for error in same),
            media_type=PROBLEM_JSON,
            examples=[Example(id=error.code, value=error().problem()) for error in same],
        )
        for status, same in found.items()
    }


def problem_response(error: CanvasError) -> Response[dict[str, Any]]:
    """The response for one of our own errors; transient ones say when to come back."""
    headers = {"Cache-Control": "no-store"}
    if isinstance(error, Transient):
        headers["Retry-After"] = str(max(1, round(error.retry_after.total_seconds())))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(error.problem() | instance(), status_code=error.status, media_type=PROBLEM_JSON, headers=headers)


def problem_of_run(document: bytes) -> Response[bytes]:
    """The response for the problem document (JSON) that a run has ended with."""
    problem = msgspec.json.decode(document)
    status = int(problem["status"])
    headers = {"Cache-Control": "no-store"}
    if status >= 500:
        headers["Retry-After"] = str(round(Transient().retry_after.total_seconds()))
    body = msgspec.json.encode(problem | instance())
    return Response(body, status_code=status, media_type=PROBLEM_JSON, headers=headers)


def _canvas_error(_: Request[Any, Any, Any], error: CanvasError) -> Response[dict[str, Any]]:
    return problem_response(error)


def _store_error(_: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.warning("store unavailable", reason=type(error).__name__)
    return problem_response(StoreUnavailable())


def _http_error(_: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Litestar's own refusals (unknown path, wrong method, body too large …) in the same form."""
    status = error.status_code
    problem = {
        "type": f"urn:prompt-canvas:http-{status}",
        "title": error.detail if status < 500 else "Something went wrong on our side",
        "status": status,
    } | instance()
    return Response(problem, status_code=status, media_type=PROBLEM_JSON, headers=dict(error.headers or {}))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("unexpected error", route=request.scope.get("path_template", ""), **failure(error))
    return problem_response(CanvasError())


def canvas_error_handlers() -> ExceptionHandlersMap:
    """Litestar's exception handlers for an app of ours."""
    return {
        CanvasError: _canvas_error,
        RedisError: _store_error,
        HTTPException: _http_error,
        Exception: _unexpected,
    }
