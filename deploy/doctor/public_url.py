"""The way by which Freshdesk reaches the webhook receiver: HTTPS, a good certificate, our receiver behind it."""

import ssl
from collections.abc import Sequence

import httpx

from deploy.doctor.finding import Finder, Finding
from ingest.rules import webhook_url

WITHIN_S = 8.0
NOBODY = "unknown.freshdesk.com"
UNAUTHORIZED = 401
finder = Finder("settings")


async def of_public_url(url: str, hosts: Sequence[str]) -> list[Finding]:
    """Knock at the receiver from outside, without a secret: our own receiver refuses that in its own words."""
    if not url:
        text = "CANVAS_PUBLIC_URL is not set: the rules' address and the way to it can't be checked"
        return [finder.warning("public-url", text, "set it to the HTTPS address by which Freshdesk reaches us")]
    if not url.startswith("https://"):
        text = "CANVAS_PUBLIC_URL is no HTTPS address, and Freshdesk calls no other"
        return [finder.problem("public-url", text, "put a proxy with a certificate in front, and name its address")]
    # httpx reads the certificates of all authorities when a client is made: only here, where they are needed.
    async with httpx.AsyncClient(timeout=WITHIN_S) as client:
        return [await _knock(client, webhook_url(url, hosts[0] if hosts else NOBODY))]


async def _knock(client: httpx.AsyncClient, address: str) -> Finding:
    try:
        answer = await client.post(address, json={})
    except httpx.ConnectError as error:
        if isinstance(error.__cause__, ssl.SSLError) or "CERTIFICATE" in str(error).upper():
            text = "The certificate of CANVAS_PUBLIC_URL is not good: Freshdesk sends nothing to it"
            return finder.problem("public-url", text, "renew it, and let the server send the whole chain")
        return _unreached("no connection")
    except httpx.HTTPError as error:
        return _unreached(type(error).__name__)
    if answer.status_code == UNAUTHORIZED and b"prompt-canvas" in answer.content:
        return finder.ok("public-url", "CANVAS_PUBLIC_URL leads to a webhook receiver of Prompt Canvas")
    text = f"CANVAS_PUBLIC_URL leads to something else than the webhook receiver (HTTP {answer.status_code})"
    remedy = "let the proxy pass /webhooks/ on to `canvas up`, or to `canvas ingest`"
    return finder.problem("public-url", text, remedy)


def _unreached(why: str) -> Finding:
    text = f"CANVAS_PUBLIC_URL can't be reached from here ({why})"
    remedy = "try it from outside: some networks don't let a machine reach its own public address"
    return finder.warning("public-url", text, remedy)
