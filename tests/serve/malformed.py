"""Requests as no client library sends them: each is written to a raw socket as it stands."""

HOST = b"Host: canvas.example.com\r\n"
CREDENTIALS = b"X-Freshdesk-Domain: acme.freshdesk.com\r\nX-Freshdesk-API-Key: agent-keyacme.freshdesk.com\r\n"
GET = b"GET /init/1 HTTP/1.1\r\n"
POST = b"POST /webhooks/freshdesk/acme.freshdesk.com HTTP/1.1\r\n" + HOST
INIT = b"POST /init/x HTTP/1.1\r\n" + HOST + CREDENTIALS

REQUESTS: dict[str, bytes] = {
    "nothing": b"",
    "line ends": b"\r\n\r\n\r\n\r\n",
    "no version": b"GET /init/1\r\n\r\n",
    "an old version": b"GET /init/1 HTTP/1.0\r\n\r\n",
    "an ancient version": b"GET /init/1 HTTP/0.9\r\n\r\n",
    "a later version": b"GET /init/1 HTTP/3.0\r\n" + HOST + b"\r\n",
    "no number of a version": b"GET /init/1 HTTP/x.y\r\n" + HOST + b"\r\n",
    "http2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls hello": bytes.fromhex("16030100c8010000c40303") + b"\x00" * 200,
    "another protocol": b"EHLO example.com\r\nMAIL FROM:<a@b>\r\n",
    "redis commands": b"*1\r\n$8\r\nFLUSHALL\r\n",
    "bytes": bytes(range(256)),
    "nul in the path": b"GET /init/\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "raw utf-8 in the path": "GET /init/티켓 HTTP/1.1\r\n".encode() + HOST + b"\r\n",
    "spaces in the path": b"GET /init/1 2 3 HTTP/1.1\r\n" + HOST + b"\r\n",
    "tabs in the line": b"GET\t/init/1\tHTTP/1.1\r\n" + HOST + b"\r\n",
    "a broken escape": b"GET /init/%zz HTTP/1.1\r\n" + HOST + CREDENTIALS + b"\r\n",
    "half an escape": b"GET /init/%e2%82 HTTP/1.1\r\n" + HOST + CREDENTIALS + b"\r\n",
    "an escaped line end": b"GET /init/1%0d%0aX-A:%201 HTTP/1.1\r\n" + HOST + CREDENTIALS + b"\r\n",
    "path without a slash": b"GET init/1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an absolute url": b"GET http://evil.example/init/x HTTP/1.1\r\n" + HOST + CREDENTIALS + b"\r\n",
    "an absolute url without a path": b"GET http://evil.example HTTP/1.1\r\n" + HOST + b"\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "connect": b"CONNECT 127.0.0.1:6379 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a query alone": b"GET ?x HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /init/1#x HTTP/1.1\r\n" + HOST + b"\r\n",
    "an endless path": b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "an endless query": b"GET /init/x?" + b"a=1&" * 15_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "an odd method": b"\xff\xfe /init/1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a lower-case method": b"get /init/1 HTTP/1.1\r\n" + HOST + CREDENTIALS + b"\r\n",
    "no host": GET + b"\r\n",
    "two hosts": GET + HOST + HOST + b"\r\n",
    "a bad host": GET + b"Host: a b\x7f\r\n\r\n",
    "an endless header": GET + HOST + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n",
    "endless headers": GET + HOST + b"X-A: 1\r\n" * 20_000 + b"\r\n",
    "a header without a colon": GET + HOST + b"X-Freshdesk-Domain\r\n\r\n",
    "a header without a name": GET + HOST + b": x\r\n\r\n",
    "a space before the colon": GET + HOST + b"X-Freshdesk-Domain : acme.freshdesk.com\r\n\r\n",
    "a folded header": GET + HOST + b"X-Freshdesk-Domain: acme.\r\n freshdesk.com\r\n\r\n",
    "a nul in a header": GET + HOST + b"X-Freshdesk-Domain: acme\x00.freshdesk.com\r\n\r\n",
    "a bare line feed": b"GET /init/x HTTP/1.1\nHost: x\n\n",
    "a bare carriage return": GET + HOST + b"X-A: 1\rX-Freshdesk-Domain: acme.freshdesk.com\r\n\r\n",
    "latin-1 headers": GET + HOST + b"X-Freshdesk-Domain: \xe4cme.freshdesk.com\r\nX-Freshdesk-API-Key: \xff\r\n\r\n",
    "a negative length": INIT + b"Content-Length: -1\r\n\r\n",
    "no number as length": INIT + b"Content-Length: abc\r\n\r\n",
    "a huge length": INIT + b"Content-Length: 99999999999999999999\r\n\r\n",
    "two lengths": INIT + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length and chunks": INIT
    + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    "an unknown coding": INIT + b"Transfer-Encoding: bogus\r\n\r\n",
    "a bad chunk": INIT + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
    "half a body": POST + b"X-Canvas-Secret: wrong\r\nContent-Length: 100\r\n\r\n{",
    "a body nobody asked for": b"GET /health HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc",
    "an expectation": INIT + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "a strange expectation": INIT + b"Expect: miracles\r\nContent-Length: 0\r\n\r\n",
    "a webhook of no tenant": b"POST /webhooks/freshdesk// HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    "a webhook beside its path": b"POST /webhooks/freshdeskx/a HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    "a webhook for a nul": b"POST /webhooks/freshdesk/%00 HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n",
    "a webhook that climbs": b"POST /webhooks/freshdesk/..%2f..%2finit/1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a webhook with two secrets": POST + b"X-Canvas-Secret: a\r\nX-Canvas-Secret: b\r\nContent-Length: 2\r\n\r\n{}",
    "a webhook with a megabyte of secret": POST + b"X-Canvas-Secret: " + b"k" * 1_000_000 + b"\r\n\r\n",
    "a webhook with bytes as secret": POST + b"X-Canvas-Secret: \xff\xfe\x80\r\nContent-Length: 2\r\n\r\n{}",
    "a webhook as a websocket": b"GET /webhooks/freshdesk/acme.freshdesk.com HTTP/1.1\r\n"
    + HOST
    + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n\r\n",
    "many webhooks at once": (POST + b"Content-Length: 2\r\n\r\n{}") * 50,
    "a gzip body that is none": POST + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    "a websocket": GET + HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "an upgrade to http2": GET
    + HOST
    + b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "many requests at once": (b"GET /init/x HTTP/1.1\r\n" + HOST + b"\r\n") * 50,
    "a request after rubbish": b"\x00\x01\x02\r\n\r\n" + GET + HOST + b"\r\n",
    "half a request": b"GET /init/1 HTTP/1.1\r\nHost: x\r\nX-Fresh",
}
