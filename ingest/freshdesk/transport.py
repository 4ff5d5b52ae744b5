"""Where Freshdesk's calls may go: to a public address, checked at each connection and then pinned.

A name server that we don't control decides where `<name>.freshdesk.com` leads. An address inside our own network would
get the account's API key, and could be made to answer in Freshdesk's stead. Look-alikes have other names (they are
listed in CANVAS_FRESHDESK_URLS) and are not checked.
"""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from shared.errors import FreshdeskMisled

Resolver = Callable[[str, int], Awaitable[list[str]]]

REAL = ".freshdesk.com"
NAT64 = IPv6Network("64:ff9b::/96")
REMEMBER = timedelta(seconds=30)
"""How long a checked address is used without asking again, so that connections are kept."""


class CheckedTransport(httpx.AsyncBaseTransport):
    """Resolves real hosts itself, refuses what is not a public address, and connects to the address it checked."""

    def __init__(self, inner: httpx.AsyncBaseTransport, resolve: Resolver | None = None) -> None:
        self._inner = inner
        self._resolve = resolve or _resolve
        self._known: dict[str, tuple[float, str]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the checked address; TLS and the `Host` header still carry the name.

        Raises:
            FreshdeskMisled: the name leads to an address that can't be Freshdesk's.
            httpx.ConnectError: the name leads nowhere.
        """
        host = request.url.host
        if host.endswith(REAL):
            address = await self._address(host, request.url.port or 443)
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host=address)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _address(self, host: str, port: int) -> str:
        until, address = self._known.get(host, (0.0, ""))
        now = time.monotonic()
        if now < until:
            return address
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("The host's name can't be resolved") from error
        if not addresses or not all(is_public(address) for address in addresses):
            raise FreshdeskMisled(retry_after=timedelta(minutes=1))
        self._known[host] = (now + REMEMBER.total_seconds(), addresses[0])
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the open Internet's; an IPv4 address in IPv6's clothes is taken for what it is."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        found = IPv4Address(found.packed[-4:]) if found in NAT64 else found.ipv4_mapped or found.sixtofour or found
    return found.is_global and not found.is_multicast


async def _resolve(host: str, port: int) -> list[str]:
    """The host's addresses, IPv4 first: a machine may have IPv6 addresses and no way out for them."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in sorted(found, key=lambda info: info[0] != socket.AF_INET)]
