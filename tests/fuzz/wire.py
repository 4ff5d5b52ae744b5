"""Hypothesis on the wire: whole requests of odd parts, and known ones that are cut, doubled and bent byte by byte."""

import contextlib
import json
import re
import socket
from urllib.parse import quote_from_bytes

from hypothesis import given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.heard import Heard
from tests.fuzz.schema import QUIET
from tests.serve.malformed import HOST, REQUESTS

PATIENCE_S = 0.15
"""Longer than any refusal takes; what is silent for as long waits for the rest of a request."""
WHOLE_S = 10.0
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
PATHS = (
    "/init/", "/runs/", "/query", "/query/stream", "/generate_reply", "/generate_reply/stream", "/attachments/1/",
    "/session", "/feedback", "/ingest", "/ingest/", "/health", "/metrics", "/schema", "/webhooks/freshdesk/", "/",
)  # fmt: skip
METHODS = ("GET", "POST", "POST", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "TRACE")
NAMES = (
    "Accept", "Accept-Encoding", "Authorization", "Cache-Control", "Content-Encoding", "Cookie", "Forwarded",
    "If-None-Match", "Last-Event-ID", "Origin", "Range", "traceparent", "X-Canvas-Secret", "X-Forwarded-For",
    "X-Request-ID", "X-Freshdesk-Domain", "X-Freshdesk-API-Key",
)  # fmt: skip
KINDS = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "multipart/form-data",
    "application/xml",
    "",
)
KEYS = (
    "question", "types", "since", "until", "language", "ticket_id", "tone", "instructions", "draft", "id", "kind",
    "action", "item", "reason", "etag", "run", "data_types", "date_range",
)  # fmt: skip


def _as_json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("2026-01-01T00:00:00Z")
)
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)
_deep = st.sampled_from((b"[", b'{"question":', b'[{"a":')).flatmap(
    lambda part: st.integers(1, 20_000).map(lambda times: part * times)
)
_bodies = st.one_of(
    _values.map(lambda value: repr(value).replace("'", '"').encode("utf-8", "surrogatepass")),
    st.dictionaries(st.sampled_from(KEYS), _values, min_size=1, max_size=6).map(_as_json),
    st.binary(max_size=200),
    st.binary(max_size=20).map(lambda odd: b'{"question":"' + odd + b'"}'),
    st.just(b'{"question":"\xff\xfe"}'),
    _deep,
)
_texts = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=40)


@st.composite
def whole_requests(draw: st.DrawFn, credentials: dict[str, str]) -> bytes:
    """A request that is well-formed HTTP, and odd in every other way."""
    path = draw(st.sampled_from(PATHS))
    tail = draw(st.binary(max_size=12) | st.sampled_from((b"1", b"12345", b"..", b"AAAAAAAAAAAAAAAAAAAAAA")))
    url = path + quote_from_bytes(tail, safe="") if path.endswith("/") or draw(st.booleans()) else path
    given_headers = dict(credentials) if draw(st.integers(0, 3)) else {}
    names = draw(st.lists(st.sampled_from(NAMES), max_size=3, unique=True))
    given_headers |= {name: draw(_texts) for name in names if draw(st.booleans()) or name not in given_headers}
    body = draw(_bodies)
    lines = [f"{draw(st.sampled_from(METHODS))} {url} HTTP/1.1", "Host: canvas", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in given_headers.items()]
    lines += [f"Content-Type: {draw(st.sampled_from(KINDS))}", f"Content-Length: {len(body)}"]
    return b"".join(["\r\n".join(lines).encode("latin-1"), b"\r\n\r\n", body])


@st.composite
def bent_requests(draw: st.DrawFn) -> bytes:
    """A known malformed request, or a good one, with some bytes cut, doubled, changed or put in."""
    good = (
        b"POST /query HTTP/1.1\r\n"
        + HOST
        + b'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"question":"a"}'
    )
    found = bytearray(draw(st.sampled_from([*REQUESTS.values(), good, good]))[:4000])
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(found)))
        how = draw(st.sampled_from(("cut", "double", "change", "insert")))
        if how == "cut":
            del found[place : place + draw(st.integers(1, 20))]
        elif how == "double":
            found[place:place] = found[place : place + draw(st.integers(1, 60))]
        elif how == "insert":
            found[place:place] = draw(
                st.binary(min_size=1, max_size=8) | st.sampled_from((b"\r\n", b"\0", b"\r", b":"))
            )
        elif place < len(found):
            found[place] = draw(st.integers(0, 255))
    return bytes(found)


def by_dice(address: tuple[str, int], credentials: dict[str, str], count: int, start: int) -> Heard:
    """Send `count` whole requests."""
    heard = Heard()

    @seed(start)
    @settings(QUIET, max_examples=count)
    @given(whole_requests(credentials))
    def send(request: bytes) -> None:
        _exchange(address, request, WHOLE_S, heard)

    send()
    return heard


def by_socket(address: tuple[str, int], count: int, start: int) -> Heard:
    """Send `count` bent ones."""
    heard = Heard()

    @seed(start)
    @settings(QUIET, max_examples=count)
    @given(bent_requests())
    def send(request: bytes) -> None:
        _exchange(address, request, PATIENCE_S, heard)

    send()
    return heard


def _exchange(address: tuple[str, int], request: bytes, patience_s: float, heard: Heard) -> None:
    """Write a request as it stands, and note what came back until the server closed, had answered, or was silent."""
    what = repr(request[:400])
    said, ended = _answer(address, request, patience_s)
    if not ended and patience_s > 1:
        heard.find(f"no end within {patience_s} s to {what}")
    found = STATUS.findall(said)
    if not found:
        heard.silence("cut off")
    for status in found[:1]:
        heard.answer(int(status), said, what)
    for status in found[1:]:
        if status.startswith(b"5"):
            heard.find(f"{status!r} in a pipeline to {what}")


def _answer(address: tuple[str, int], request: bytes, patience_s: float) -> tuple[bytes, bool]:
    """What came back, and whether the server has ended it."""
    said = b""
    try:
        with socket.create_connection(address, timeout=patience_s) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(request)
                if patience_s < 1:
                    connection.shutdown(socket.SHUT_WR)  # it need not wait for a rest that never comes
            while part := connection.recv(65_536):
                said += part
    except TimeoutError:
        return said, False
    except OSError:
        pass
    return said, True
