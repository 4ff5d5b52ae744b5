"""Two accounts with the same tickets, each full of canaries: none of one's ever shows up where the other can look.

A canary is a word that exists once: in a subject, a customer's address, a private note, an API key, a webhook secret.
"""

import asyncio
import json
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
import structlog

from deploy.demo.helpdesk.faults import Fault
from ingest.jobs.articles import index_articles
from shared.logs import set_up_logging
from shared.settings import Settings
from tests.parts import credentials, own_redis
from tests.waiting import wait_until
from tests.world import ADMIN_KEY, AGENT_KEY, Account, World, parse_events, world

ACCEPTS = ("application/json", "text/event-stream", "*/*")
FAULTS: tuple[Literal["error", "html", "cut", "rate_limit"], ...] = ("error", "html", "cut", "rate_limit")
INTERNAL = "50 euros without asking"
"""What an article for agents only says; the seed has it."""


@dataclass
class House:
    """An account after a busy day: what it hides, and what somebody could ask for."""

    account: Account
    canaries: dict[str, str]
    tickets: list[int] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)
    etags: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.account.host

    def shown_in(self, answer: httpx.Response) -> list[str]:
        """Names of this house's canaries that an answer holds."""
        text = answer.text + str(answer.headers) + str(answer.url if answer.history else "")
        return [name for name, word in self.canaries.items() if word in text or json.dumps(word)[1:-1] in text]


@dataclass
class Town:
    acme: House
    other: House
    url: str

    @property
    def houses(self) -> tuple[House, House]:
        return self.acme, self.other


@pytest.fixture(scope="module")
async def town() -> AsyncIterator[Town]:
    """Both accounts live through the same day, each in its own words."""
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings) as made:
            houses = [
                await busy_day(account, word) for account, word in ((made.acme, "Kestrel"), (made.other, "Plover"))
            ]
            yield Town(houses[0], houses[1], made.running.url)


async def busy_day(account: Account, word: str) -> House:
    secret = next(iter(account.helpdesk.state.rules.values())).actions[0]["custom_headers"]["X-Canvas-Secret"]
    house = House(
        account,
        {
            "agent's key": AGENT_KEY + account.host,
            "admin's key": ADMIN_KEY + account.host,
            "webhook secret": secret,
            "subject": f"{word}subject",
            "description": f"{word}description",
            "customer": f"{word.lower()}.customer@example.com",
            "reply": f"{word}reply",
            "private note": f"{word}note",
            "host": account.host,
        },
    )
    worker = account.world.running.worker
    tenant = await worker.tenants.get(account.host)
    assert tenant is not None
    assert await index_articles(worker, tenant, worker.freshdesk(tenant)) == 3
    await solved_tickets(house)
    await open_tickets(house)
    await account.helpdesk.webhooks.settled()
    for number in house.tickets:
        await account.hit(number)
        house.etags.append((await account.init(number)).headers["etag"])
    await streamed_ticket(house)
    return house


async def solved_tickets(house: House) -> None:
    account, said = house.account, house.canaries
    # Solved tickets, whose answers are recommended on the next ones.
    for turn in range(3):
        number = await account.create_ticket(
            f"Export of {said['subject']} fails",
            f"The export {said['description']} stops at 99 %. Try {turn}.",
            said["customer"],
        )
        await note(
            account, number, f"Internal: {said['private note']}. The export is broken by our own bug, do not tell."
        )
        await account.agent_replies(
            number, f"Please export again without attachments; {said['reply']} explains every step."
        )
        await account.change(number, status=4)
        house.tickets.append(number)


async def open_tickets(house: House) -> None:
    account, said = house.account, house.canaries
    house.tickets.append(
        await account.create_ticket(
            "Refund limits", f"Who may refund my {said['description']}? Can agents refund 50 euros?", said["customer"]
        )
    )
    house.tickets.append(
        await account.create_ticket("The export fails", "The export stops at 99 %. What can I do?", said["customer"])
    )


async def streamed_ticket(house: House) -> None:
    account, said = house.account, house.canaries
    # One that streams: its run can be asked for by whoever learns its id.
    account.helpdesk.faults.add(Fault("webhook_drop", count=1))
    number = await account.create_ticket(
        f"Late {said['subject']}", f"Nobody has seen {said['description']}.", said["customer"]
    )
    streamed = await account.init(number, accept="text/event-stream")
    assert parse_events(streamed.text)[-1][0] == "done"
    house.runs.append(streamed.headers["canvas-run"])
    house.tickets.append(number)


async def note(account: Account, number: int, text: str) -> None:
    answer = await account.freshdesk.post(f"/api/v2/tickets/{number}/notes", json={"body": f"<p>{text}</p>"})
    assert answer.status_code == 201, answer.text


def foreign_credentials(mine: House, theirs: House) -> dict[str, dict[str, str]]:
    """Every credential that somebody of one house can make up, and that must not open the other's."""
    agent, admin = AGENT_KEY + mine.host, ADMIN_KEY + mine.host
    return {
        "own agent": credentials(mine.host, agent),
        "own admin": credentials(mine.host, admin),
        "own key, their host": credentials(theirs.host, agent),
        "own admin key, their host": credentials(theirs.host, admin),
        "their secret as a key": credentials(theirs.host, theirs.canaries["webhook secret"]),
        "their host alone": {"X-Freshdesk-Domain": theirs.host},
        "nothing": {},
        "wrong key": credentials(theirs.host, "wrong"),
        "both hosts": credentials(f"{mine.host},{theirs.host}", agent),
        "their host as forwarded": credentials(mine.host, agent)
        | {
            "X-Forwarded-Host": theirs.host,
            "X-Forwarded-For": "127.0.0.1",
            "Host": theirs.host,
            "X-Tenant": theirs.host,
        },
    }


def probes(mine: House, theirs: House) -> list[tuple[str, str, dict[str, str]]]:
    """Requests that could touch the other house: method, path, headers."""
    numbers = sorted({*theirs.tickets, *mine.tickets, 424_242})
    found = [("GET", f"/init/{number}", {"Accept": accept}) for number, accept in product(numbers, ACCEPTS)]
    found += [("POST", f"/init/{number}", {"Accept": "application/json"}) for number in numbers]
    found += [("GET", f"/init/{number}", {"If-None-Match": ", ".join(theirs.etags)}) for number in theirs.tickets]
    for run in theirs.runs:
        found += [("GET", run, {}), ("GET", run, {"Last-Event-ID": "0-0"}), ("GET", run, {"Last-Event-ID": "9-9"})]
        found += [("GET", f"{run}/../{run.rsplit('/', 1)[1]}", {}), ("GET", f"{run}?tenant={theirs.host}", {})]
    found += [
        ("GET", f"/init/{number}?company_id={theirs.host}&domain={theirs.host}", {}) for number in theirs.tickets[:2]
    ]
    found += [("GET", path, {}) for path in ("/health", "/metrics", "/schema", "/nope", "/init/x", "/runs/x")]
    return found


async def test_no_canary_of_one_account_reaches_the_other(town: Town) -> None:
    leaks: list[str] = []
    cells = 0
    async with httpx.AsyncClient(base_url=town.url, timeout=20) as client:
        for mine, theirs in (town.houses, town.houses[::-1]):
            for (kind, given), (method, path, headers) in product(
                foreign_credentials(mine, theirs).items(), probes(mine, theirs)
            ):
                answer = await client.request(method, path, headers={**headers, **given})
                cells += 1
                leaks += [f"{kind}: {method} {path} {headers} shows {name}" for name in theirs.shown_in(answer)]
                if kind not in {"own agent", "own admin", "their host as forwarded"}:
                    assert answer.status_code in {200, 400, 401, 404}
                    leaks += [f"{kind}: {method} {path} shows own {name}" for name in mine.shown_in(answer)]
                assert answer.status_code < 500, (kind, method, path)
    assert cells >= 500
    assert leaks == []


async def test_the_tickets_of_both_accounts_have_the_same_numbers_and_other_canvases(town: Town) -> None:
    """Or the test above would prove little."""
    assert town.acme.tickets == town.other.tickets
    assert not set(town.acme.etags) & set(town.other.etags)
    for house in town.houses:
        shown = {name for number in house.tickets for name in house.shown_in(await house.account.init(number))}
        assert {"subject", "description", "reply", "host"} <= shown


async def test_nobody_is_shown_a_key_a_secret_or_an_address(town: Town) -> None:
    hidden = {"agent's key", "admin's key", "webhook secret"}
    for house in town.houses:
        for number, accept in product(house.tickets, ACCEPTS):
            assert not hidden & set(house.shown_in(await house.account.init(number, accept=accept)))
        for run in house.runs:
            assert not hidden & set(house.shown_in(await house.account.canvas.get(run)))


async def test_what_a_customer_would_read_holds_nothing_private(town: Town) -> None:
    for house in town.houses:
        canvases: list[dict[str, Any]] = [(await house.account.init(number)).json() for number in house.tickets]
        replies = [reply for canvas in canvases for reply in canvas["replies"]]
        assert any(house.canaries["reply"] in reply["text"] for reply in replies), "what was really sent is recommended"
        for reply in replies:
            assert house.canaries["private note"] not in reply["text"]
            assert "do not tell" not in reply["text"]
            assert INTERNAL not in reply["text"]
            assert house.canaries["customer"] not in reply["text"]
        internal = [found for canvas in canvases for found in canvas["solutions"] if INTERNAL in found["snippet"]]
        assert internal, "agents see their own articles"
        assert not any(found["public"] for found in internal)


async def test_similar_tickets_and_sources_are_the_accounts_own(town: Town) -> None:
    for house in town.houses:
        for number in house.tickets:
            canvas = (await house.account.init(number)).json()
            for ticket in canvas["similar_tickets"]:
                assert house.host in ticket["url"]
                assert ticket["ticket_id"] in house.tickets
            # A newer neighbour may have taken the place of one that a reply rests on.
            known = {f"ticket:{own}" for own in house.tickets}
            for reply in canvas["replies"]:
                assert {source for source in reply["sources"] if source.startswith("ticket:")} <= known | {
                    f"ticket:{number}"
                }


async def test_a_secret_opens_its_own_accounts_webhook_alone(town: Town) -> None:
    async with httpx.AsyncClient(base_url=town.url) as client:
        for mine, theirs in (town.houses, town.houses[::-1]):
            for secret in (mine.canaries["webhook secret"], mine.canaries["admin's key"], mine.canaries["agent's key"]):
                answer = await client.post(
                    f"/webhooks/freshdesk/{theirs.host}", json={"ticket_id": 1}, headers={"X-Canvas-Secret": secret}
                )
                assert answer.status_code == 401
                assert theirs.shown_in(answer) == []


@contextmanager
def loud() -> Iterator[None]:
    """Our own logging as `CANVAS_LOG_LEVEL=debug` sets it up, and put back afterwards."""
    before = structlog.get_config()
    set_up_logging(Settings(log_level="debug", log_format="json"))
    try:
        yield
    finally:
        structlog.configure(**before)


async def test_no_log_line_of_a_whole_day_holds_a_secret_or_a_customers_word(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture, small_world: World
) -> None:
    """Everything that can go wrong goes wrong once, with canaries in it, and the libraries log at debug level, too."""
    with loud(), caplog.at_level(logging.DEBUG):
        house = await busy_day(small_world.acme, "Siskin")
        await everything_goes_wrong(house)
    captured = capfd.readouterr()
    lines = captured.out + captured.err + caplog.text
    assert '"event": "run postponed"' in lines, "things went wrong, and it was captured"
    assert '"event": "request"' in lines, "requests have lines, too"
    hidden = {name: word for name, word in house.canaries.items() if name != "host"}
    hidden |= {"wrong key": "SiskinWrongKey", "wrong secret": "SiskinWrongSecret", "body": "SiskinBody"}
    hidden |= {"query": "SiskinQuery", "question": "SiskinQuestion", "draft": "SiskinDraft", "token": "SiskinToken"}
    assert [name for name, word in hidden.items() if word in lines] == []


async def silently(client: httpx.AsyncClient, *lines: str) -> None:
    """A request that no client's own log tells of; httpx logs URLs."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    writer.write("\r\n".join([*lines, "Host: canvas", "Connection: close", "", ""]).encode())
    assert (await reader.read()).startswith(b"HTTP/1.1 4")
    writer.close()


async def opened(account: Account, number: int) -> bool:
    return (await account.init(number)).status_code == 200


async def everything_goes_wrong(house: House) -> None:
    account, desk = house.account, house.account.helpdesk
    said, url = house.canaries, f"/webhooks/freshdesk/{house.host}"
    canvas = account.canvas
    await canvas.get("/init/1", headers=credentials(house.host, "SiskinWrongKey"))
    await canvas.get("/init/not-a-number")
    await silently(canvas, "GET /init/x?subject=SiskinQuery HTTP/1.1", "X-Request-ID: Siskin Query")
    await silently(canvas, "GET /SiskinQuery HTTP/1.1", "Cookie: SiskinToken", "traceparent: SiskinToken")
    await silently(canvas, "GET /attachments/1/1?SiskinQuery HTTP/1.1", f"X-Freshdesk-Domain: {house.host}")
    await canvas.get("/init/1", headers={"Authorization": "Bearer SiskinToken.a.b"})
    await canvas.post("/query", json={"question": f"SiskinQuestion {said['description']}?"})
    await canvas.post("/query/stream", json={"question": "SiskinQuestion?", "types": ["SiskinBody"]})
    await canvas.post("/query", content=b'{"question": "SiskinBody\xff"}')
    await canvas.post("/generate_reply", json={"ticket_id": 1, "draft": "SiskinDraft", "instructions": "SiskinDraft"})
    await canvas.post("/feedback", json={"id": "SiskinBody", "ticket_id": 1, "kind": "reply", "action": "SiskinBody"})
    await canvas.get("/runs/not-a-run")
    await canvas.post(url, content=b"SiskinBody", headers={"X-Canvas-Secret": "SiskinWrongSecret"})
    await canvas.post(url, content=b'{"subject":"SiskinBody"}', headers={"X-Canvas-Secret": said["webhook secret"]})
    await canvas.post(url, content=b"SiskinBody" * 50_000, headers={"X-Canvas-Secret": said["webhook secret"]})
    await canvas.post(url, content=b"", headers={"Authorization": f"Basic {said['webhook secret']}"})
    for kind in FAULTS:
        desk.faults.add(Fault(kind, count=1, path="/api/v2/tickets/", method="GET"))
    text = f"{said['description']} once more."
    numbers = [await account.create_ticket(said["subject"], text, said["customer"]) for _ in FAULTS]
    for number in numbers:
        await note(account, number, said["private note"])
    await desk.webhooks.settled()
    # An agent who opens a ticket that has failed has it tried again at once.
    for number in numbers:
        await wait_until(partial(opened, account, number))
    desk.faults.add(Fault("html", count=1, path="/api/v2/agents/me"))
    await canvas.get("/init/1", headers=credentials(house.host, "SiskinWrongKey2"))
