"""Reads answers that are not trusted: bounded in size before and after decompression, and taken for nothing unseen.

300 KB of gzip can hold 300 MB, and httpx would unfold a chunk whole before anyone could count it; so it is unfolded
here, never further than the limit.
"""

import asyncio
import contextlib
import random
import zlib
from datetime import timedelta
from typing import Any

import httpx
import msgspec

from shared.errors import (
    FreshdeskInaccessible,
    FreshdeskLimited,
    FreshdeskRedirects,
    FreshdeskRefused,
    FreshdeskRejected,
    FreshdeskUnavailable,
)

MAX_ANSWER_BYTES = 10_000_000
ENCODINGS = "gzip"
"""What we ask for."""
GZIP = 16 + zlib.MAX_WBITS
SPREAD = timedelta(seconds=2)
SKIP_WITHIN_S = 1.0
SKIP_AT_MOST_BYTES = 100_000
TOO_LARGE = f"Freshdesk's answer is larger than {MAX_ANSWER_BYTES} bytes"


async def read_capped(response: httpx.Response) -> bytes:
    """The body, decompressed.

    Raises:
        FreshdeskUnavailable: it is too large, cut off, or compressed in a way that nobody asked for.
    """
    match response.headers.get("content-encoding", "identity").strip().lower():
        case "gzip" | "x-gzip":
            unfold = zlib.decompressobj(GZIP)
        case "identity" | "":
            return await _read_plain(response)
        case _:
            raise FreshdeskUnavailable("Freshdesk's answer is compressed in an unknown way")
    body = bytearray()
    try:
        async for chunk in response.aiter_raw():
            body += unfold.decompress(chunk, MAX_ANSWER_BYTES + 1 - len(body))
            if len(body) > MAX_ANSWER_BYTES:
                raise FreshdeskUnavailable(TOO_LARGE)
    except zlib.error as error:
        raise FreshdeskUnavailable("Freshdesk's answer can't be decompressed") from error
    if not unfold.eof:
        raise FreshdeskUnavailable("Freshdesk's answer was cut off")
    return bytes(body)


async def skip(response: httpx.Response) -> bytes:
    """Read a body that nobody looks at, so that the connection can be used again; a long or slow one ends it."""
    size = 0
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(SKIP_WITHIN_S):
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > SKIP_AT_MOST_BYTES:
                    break
    return b""


async def _read_plain(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise FreshdeskUnavailable(TOO_LARGE)
    return bytes(body)


def raise_for_status(status: int, blocked_for: timedelta | None) -> None:
    """Make one of our errors of any status but 2xx; `blocked_for` is how long Freshdesk refuses, on a 429."""
    if 200 <= status < 300:
        return
    if blocked_for is not None:
        # Calls that were refused together come back one by one, to find their places in the budget's queue.
        raise FreshdeskLimited(retry_after=blocked_for + SPREAD * random.random())  # noqa: S311 - no secret
    if 300 <= status < 400:
        raise FreshdeskRedirects
    if status == 401:
        raise FreshdeskRefused
    if status in {403, 404, 405}:
        raise FreshdeskInaccessible
    if 400 <= status < 500:
        raise FreshdeskRejected(f"Freshdesk answered {status}")
    raise FreshdeskUnavailable(f"Freshdesk answered {status}")


def decode(body: bytes) -> Any:
    """The answer's JSON.

    Raises:
        FreshdeskUnavailable: it is something else, such as a page that says that there is maintenance.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise FreshdeskUnavailable("Freshdesk answered with something that is not JSON") from error


def as_object(answer: Any) -> dict[str, Any]:
    """The answer, if it is a JSON object.

    Raises:
        FreshdeskUnavailable: it is something else.
    """
    if not isinstance(answer, dict):
        raise FreshdeskUnavailable("Freshdesk answered with something else than an object")
    return answer


def as_objects(answer: Any) -> list[dict[str, Any]]:
    """The answer, if it is a JSON array of objects.

    Raises:
        FreshdeskUnavailable: it is something else.
    """
    if not isinstance(answer, list):
        raise FreshdeskUnavailable("Freshdesk answered with something else than a list")
    return [as_object(item) for item in answer]
