"""Calls go to public addresses only, and to the very address that was checked."""

import httpx
import pytest
from pydantic import SecretStr

from ingest.context import receiver_context
from ingest.freshdesk.client import FreshdeskClient
from ingest.freshdesk.transport import CheckedTransport, Resolver, is_public
from shared.errors import BadInput, FreshdeskMisled, FreshdeskUnavailable
from shared.settings import Settings

REAL = "https://acme.freshdesk.com"


class Network(httpx.AsyncBaseTransport):
    """Keeps what would have been sent."""

    def __init__(self) -> None:
        self.sent: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))


def names(*answers: list[str]) -> tuple[Resolver, list[str]]:
    """A name server that gives these answers, one after the other, and the names it was asked for."""
    left, asked = list(answers), []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(f"{host}:{port}")
        if not left:
            raise OSError("no such name")
        return left.pop(0)

    return resolve, asked


async def agent(network: Network, resolve: Resolver, url: str = REAL) -> None:
    async with httpx.AsyncClient(transport=CheckedTransport(network, resolve)) as connections:
        await FreshdeskClient(connections, url, "key").agent()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::",
    ],
)
async def test_an_address_inside_a_network_gets_no_call_and_no_key(address: str) -> None:
    network = Network()
    # One bad address among good ones is enough: which one is taken would be the name server's choice.
    for answer in ([address], ["52.1.2.3", address]):
        with pytest.raises(FreshdeskMisled):
            await agent(network, names(answer)[0])
    assert network.sent == []


@pytest.mark.parametrize("address", ["52.1.2.3", "2600:9000::1", "64:ff9b::3401:203"])
def test_addresses_of_the_open_internet_are_public(address: str) -> None:
    assert is_public(address)


async def test_the_checked_address_is_the_one_that_is_called_and_tls_still_knows_the_name() -> None:
    network = Network()
    # Asked again, the name server would say something else: it is not asked again for what is open already.
    resolve, asked = names(["52.1.2.3", "52.1.2.4"], ["127.0.0.1"])
    async with httpx.AsyncClient(transport=CheckedTransport(network, resolve)) as connections:
        client = FreshdeskClient(connections, REAL, "key")
        for _ in range(3):
            await client.agent()
    assert asked == ["acme.freshdesk.com:443"]
    for request in network.sent:
        assert str(request.url) == "https://52.1.2.3/api/v2/agents/me"
        assert request.headers["host"] == "acme.freshdesk.com"
        assert request.extensions["sni_hostname"] == "acme.freshdesk.com"


async def test_an_address_in_ipv6_is_called_as_such() -> None:
    network = Network()
    await agent(network, names(["2600:9000::1"])[0])
    assert str(network.sent[0].url) == "https://[2600:9000::1]/api/v2/agents/me"


async def test_a_name_that_leads_nowhere_is_an_outage() -> None:
    for resolve, _ in (names(), names([])):
        with pytest.raises(FreshdeskUnavailable):
            await agent(Network(), resolve)


async def test_a_look_alike_has_another_name_and_is_called_as_it_is() -> None:
    network = Network()
    resolve, asked = names()
    await agent(network, resolve, "http://127.0.0.1:9000")
    assert asked == []
    assert str(network.sent[0].url) == "http://127.0.0.1:9000/api/v2/agents/me"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "acme.freshdesk.com.evil.com",
        "acme.freshdesk.com:80",
        "x@acme.freshdesk.com",
        "127.0.0.1",
        "",
    ],
)
async def test_a_client_is_only_made_for_a_freshdesk_host(settings: Settings, host: str) -> None:
    async with receiver_context(settings) as context, httpx.AsyncClient() as connections:
        with pytest.raises(BadInput):
            context.freshdesk_over(connections, host, SecretStr("key"))
