"""Where a request comes from: the socket's address, or what trusted proxies say of it.

`X-Forwarded-For` counts from its right end, as far as proxies of ours wrote it: whoever stands further left has
written what it likes.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from shared.errors import StartupError

FORWARDED = b"x-forwarded-for"
MOST_REMEMBERED = 4096
ONE_SITE = 64
"""Bits of an IPv6 address: who has one has all 2^64 below them."""


class Addresses:
    """Reads addresses, knowing which proxies are trusted."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """`trusted` are addresses or networks (`10.0.0.0/8`).

        Raises:
            StartupError: one of them is neither.
        """
        try:
            self._trusted: list[IPv4Network | IPv6Network] = [ip_network(text) for text in trusted]
        except ValueError as error:
            raise StartupError(f"CANVAS_TRUSTED_PROXIES must hold addresses or networks: {error}") from error
        self._is_trusted = lru_cache(MOST_REMEMBERED)(self._in_network)

    def of(self, scope: Any) -> str:
        """The client's address of an ASGI scope (an IPv6 network of 64 bits as a whole); "" where there is none."""
        client = scope.get("client")
        address = client[0] if client else ""
        if self._trusted and self._is_trusted(address):
            address = self._forwarded(scope["headers"], address)
        return _site(address) if ":" in address else address

    def _forwarded(self, headers: Iterable[tuple[bytes, bytes]], address: str) -> str:
        said = b",".join(value for name, value in headers if name == FORWARDED).decode("latin-1")
        for hop in reversed([part.strip() for part in said.split(",") if part.strip()]):
            if not _is_address(hop):
                break
            address = hop
            if not self._is_trusted(hop):
                break
        return address

    def _in_network(self, address: str) -> bool:
        return _is_address(address) and any(ip_address(address) in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@lru_cache(MOST_REMEMBERED)
def _site(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed) >> ONE_SITE << ONE_SITE, ONE_SITE)).network_address)
