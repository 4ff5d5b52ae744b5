"""The one place where a provider's failure becomes a `StageFailed`: what went wrong, in one word of ours.

Nothing of the provider's error goes along, neither as a message nor as a cause: error bodies quote prompts and keys.
Errors are told apart by their attributes, so that whoever uses one SDK does not import the other (0.9 s).
Facts: both SDKs' exceptions and the failures that were tried against them (anthropic 2.12, openai 3.54).
"""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Literal, TypeVar

import httpx2

from ingest.retry_after import retry_after
from ingest.writers.call import Call
from shared.errors import StageFailed

T = TypeVar("T")
Kind = Literal[
    "rate_limited", "overloaded", "timeout", "connection", "truncated", "refused", "context_too_long", "auth",
    "spend_limit", "budget", "bad_request", "invalid_output", "unknown",
]  # fmt: skip

DETAILS: dict[Kind, str] = {
    "rate_limited": "The model provider's rate limit is reached",
    "overloaded": "The model provider can't serve at the moment",
    "timeout": "The model provider took too long",
    "connection": "The connection to the model provider failed",
    "truncated": "The model's answer ended too early",
    "refused": "The model declined to answer",
    "context_too_long": "The prompt does not fit the model",
    "auth": "The model provider does not accept the key",
    "spend_limit": "The model provider's account has no money left",
    "budget": "The tenant's tokens of today are used up",
    "bad_request": "The model provider calls the request invalid",
    "invalid_output": "The model's answer does not have the form that was asked for",
    "unknown": "The model provider failed in an unknown way",
}

WORDS: dict[str, Kind] = {
    # Anthropic: `error.details.error_code`
    "enforced_spend_limit_reached": "spend_limit",
    "contract_spend_limit_reached": "spend_limit",
    "linked_organization_spend_limit_reached": "spend_limit",
    "linked_organization_billing_unavailable": "spend_limit",
    "organization_on_hold": "auth",
    "ramp_limit_exceeded": "rate_limited",
    "request_body_too_large_after_decoding": "context_too_long",
    # Anthropic: `error.type`; an event in the middle of a stream has status 200 and nothing else to go by
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "api_error": "overloaded",
    "timeout_error": "timeout",
    "billing_error": "spend_limit",
    "authentication_error": "auth",
    "permission_error": "auth",
    "not_found_error": "bad_request",
    "request_too_large": "context_too_long",
    # OpenAI: `error.code`, or `error.type`
    "rate_limit_exceeded": "rate_limited",
    "server_is_overloaded": "overloaded",
    "service_unavailable_error": "overloaded",
    "slow_down": "overloaded",
    "server_error": "overloaded",
    "insufficient_quota": "spend_limit",
    "organization_spend_limit_exceeded": "spend_limit",
    "organization_usage_limit_exceeded": "spend_limit",
    "billing_hard_limit_reached": "spend_limit",
    "billing_not_active": "spend_limit",
    "context_length_exceeded": "context_too_long",
    "invalid_api_key": "auth",
    "account_deactivated": "auth",
    "model_not_found": "bad_request",
    "invalid_prompt": "refused",
    "content_filter": "refused",
    "content_policy_violation": "refused",
    "bio_policy": "refused",
    "misalignment_policy_violation": "refused",
}
STATUSES: dict[int, Kind] = {
    401: "auth",
    402: "spend_limit",
    403: "auth",
    408: "timeout",
    413: "context_too_long",
    429: "rate_limited",
    504: "timeout",
}
# What only the message of a 400 tells: Anthropic's own spend limit, and the prompt's length at Anthropic and at
# servers that speak OpenAI's protocol without its codes.
SPENT = re.compile(r"usage limit|credit balance|spend(?:ing)? limit", re.IGNORECASE)
TOO_LONG = re.compile(
    r"(?:prompt|input|request) is too (?:long|large)|context (?:length|window|size)|too many tokens", re.IGNORECASE
)

RAISED_WHILE_STREAMING = (
    *(httpx2.HTTPError, httpx2.StreamError, TimeoutError, json.JSONDecodeError, UnicodeDecodeError),
    *(AttributeError, TypeError, KeyError),
)
"""What SDKs let through beside their own errors: a cut stream (Anthropic's), bytes that are no event, and events of any
form: they build their types from JSON without a check, so that a part that is missing shows when it is read."""


def failed(kind: Kind, retry_after: timedelta | None = None) -> StageFailed:
    """The failure of this kind; `retry_after` is the provider's own word, if it gave one. Of a rate limit without one
    something is assumed; all else may be tried at once.
    """
    if retry_after is None:
        return StageFailed(DETAILS[kind], kind=kind) if kind == "rate_limited" else failed(kind, timedelta(0))
    return StageFailed(DETAILS[kind], kind=kind, retry_after=retry_after)


def failed_with_code(code: str | None) -> StageFailed:
    """The failure that a provider names by a code, in an event of its stream."""
    return failed(WORDS.get(code or "", "unknown"))


def as_failure(error: Exception) -> StageFailed:
    """Any error of an SDK or of its HTTP client as our own."""
    response = getattr(error, "response", None)
    headers = response.headers if isinstance(response, httpx2.Response) else {}
    return failed(_kind(error), retry_after(headers))


async def guarded(pieces: AsyncGenerator[T, None], call: Call, sdk_error: type[Exception]) -> AsyncGenerator[T, None]:
    """The pieces of one call within its limits; text is a sign of life. Closing this generator closes `pieces`.

    The time-out wraps each step and not the whole loop: in a generator it would otherwise cancel whoever reads it.
    Keep-alives never get here, so that they don't keep a stalled call alive.

    Raises:
        StageFailed: whatever went wrong, without a cause.
    """
    clock = asyncio.get_running_loop().time
    started = clock()
    end = started + call.limits.whole.total_seconds()
    patience = started + call.limits.first_token.total_seconds()
    async with aclosing(pieces):
        while True:
            try:
                async with asyncio.timeout_at(min(end, patience)):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except (sdk_error, *RAISED_WHILE_STREAMING) as error:
                failure = as_failure(error)
            else:
                if isinstance(piece, str):
                    patience = clock() + call.limits.idle.total_seconds()
                    if call.first_token_s is None:
                        call.first_token_s = clock() - started
                yield piece
                continue
            raise failure  # outside of `except`, so that it does not carry the provider's error as its context


def _kind(error: BaseException) -> Kind:
    if isinstance(error, TimeoutError | httpx2.TimeoutException):
        return "timeout"
    if isinstance(error, httpx2.HTTPError):
        return "connection"
    status: int | None = getattr(error, "status_code", None)
    for word in (getattr(error, name, None) for name in ("error_code", "code", "type")):
        if isinstance(word, str) and word in WORDS:
            return WORDS[word]
    if status is not None:
        return _kind_of_status(status, str(getattr(error, "message", "")))
    if isinstance(error.__cause__, httpx2.HTTPError):
        return _kind(error.__cause__)  # both SDKs raise their connection errors from the HTTP client's
    return "unknown"


def _kind_of_status(status: int, message: str) -> Kind:
    if status in STATUSES:
        return STATUSES[status]
    if status == 400 and SPENT.search(message):
        return "spend_limit"
    if status == 400 and TOO_LONG.search(message):
        return "context_too_long"
    if status >= 500:
        return "overloaded"
    return "bad_request" if status >= 400 else "unknown"
