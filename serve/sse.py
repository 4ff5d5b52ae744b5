"""Server-sent events: a run's entries as the wire wants them.

`id` is the Redis Stream id, so a browser that comes back says where it was. A comment is sent at once and every 15 s,
for proxies that hold headers until the first byte or cut silent connections.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import msgspec
from litestar.response import Stream
from redis.exceptions import RedisError

from shared.errors import CanvasError, StoreUnavailable
from shared.run_log import Entry

HEADERS = {
    "Cache-Control": "no-cache, no-transform",
    "X-Accel-Buffering": "no",
}
OPENING = b": canvas\nretry: 1000\n\n"
HEARTBEAT = b": heartbeat\n\n"


def encode_entry(entry: Entry) -> bytes:
    """One event; the final one of a ticket that changed meanwhile tells the reader that its Canvas is already behind.

    A run that is to be repeated because a part failed does not say so: whoever asked again at once would drive a loop.
    """
    data = entry.data
    if entry.final and entry.result == "again" and data.endswith(b"}"):
        data = data[:-1] + b',"stale":true}'
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (entry.id.encode(), entry.event.encode(), data)


async def encode(batches: AsyncGenerator[list[Entry]]) -> AsyncIterator[bytes]:
    """The bytes of a stream of batches; what goes wrong after the first byte becomes an `error` event."""
    yield OPENING
    try:
        # Closed here, so that a client that left while we were sending leaves no follower behind.
        async with aclosing(batches):
            async for batch in batches:
                yield b"".join(encode_entry(entry) for entry in batch) or HEARTBEAT
    except CanvasError as error:
        yield _encode_error(error)
    except (RedisError, OSError):
        yield _encode_error(StoreUnavailable())


def _encode_error(error: CanvasError) -> bytes:
    return b"event: error\ndata: %b\n\n" % msgspec.json.encode(error.problem())


def sse_response(batches: AsyncGenerator[list[Entry]], headers: dict[str, str] | None = None) -> Stream:
    """A streaming response of a run's batches."""
    return Stream(encode(batches), media_type="text/event-stream", headers={**HEADERS, **(headers or {})})
