"""A bare ASGI function: what the HTTP server itself costs, and so the most that any service on it can reach."""

from typing import Any

BODY = b'{"text":"' + b"x" * 5989 + b'"}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer anything with 6,000 bytes."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
