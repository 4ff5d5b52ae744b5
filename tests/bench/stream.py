"""One agent who opens a ticket that has no Canvas yet: `/init` as a stream, on a socket of our own, with a clock."""

import asyncio
import re
import time
from dataclasses import dataclass

from deploy.demo.run import ADMIN_KEY, DOMAIN

EVENT = re.compile(rb"(?:^|\n)event: ([\w.]+)\n(?:[^\n]+\n)*\n")
RUN = re.compile(rb"\r\ncanvas-run: (\S+)\r\n", re.IGNORECASE)
HEADERS = (
    "Host: 127.0.0.1",
    "Connection: close",
    "Accept: text/event-stream",
    f"X-Freshdesk-Domain: {DOMAIN}",
    f"X-Freshdesk-API-Key: {ADMIN_KEY}",
)
STREAM_S = 30.0


@dataclass(frozen=True)
class Opened:
    """What the agent saw: the run, ms from the request to the first and the last whole event, and the last one's name.

    `first_word_at` is when (monotonic seconds) a model's first words were there, 0 where there were none. A ticket that
    was a hit after all has no run and no event.
    """

    run: str
    first_ms: float
    last_ms: float
    last: str
    first_word_at: float = 0.0


async def open_ticket(port: int, ticket_id: int) -> Opened:
    """Open a ticket on a connection that is there already, and read its stream to the end.

    Raises:
        ValueError: the answer is no stream of a run.
        TimeoutError: no end within 30 s.
    """
    async with asyncio.timeout(STREAM_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            request = [f"GET /init/{ticket_id} HTTP/1.1", *HEADERS, "", ""]
            writer.write("\r\n".join(request).encode())
            began = time.perf_counter()
            first = last = first_word = 0.0
            received = bytearray()
            names: list[bytes] = []
            while not names or names[-1] not in {b"done", b"error"}:
                chunk = await reader.read(1 << 16)
                now = time.perf_counter()
                received += chunk
                # Chunk sizes are lines of their own between events; an event is never split by its server.
                names = EVENT.findall(received.replace(b"\r\n", b"\n"))
                first = first or (now if names else 0.0)
                first_word = first_word or (
                    time.monotonic() if any(name.endswith(b".delta") for name in names) else 0.0
                )
                last = now
                if not chunk:
                    break
        finally:
            writer.close()
    run = RUN.search(received)
    if run is None or not names:
        raise ValueError(f"not a stream: {bytes(received[:200])!r}")
    return Opened(run[1].decode(), (first - began) * 1000, (last - began) * 1000, names[-1].decode(), first_word)
