"""Hits from process memory: right at every moment, bounded, and never in the way of what is no plain hit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any
from unittest.mock import ANY

import httpx
import pytest

from serve.app import create_serve
from serve.hits.answer import FROM_MEMORY, VARY
from serve.settings import ServeSettings
from shared import keys
from shared.models import SimilarTicket
from tests.parts import Desks, OwnRedis, Serving, credentials, serving, store
from tests.waiting import PATIENCE_S, wait_until
from tests.world import ACME, ADMIN_KEY, OTHER

pytestmark = pytest.mark.usefixtures("outages")
ORIGIN = ServeSettings().cors_origins[0]


@pytest.fixture(autouse=True)
def thawed(module_redis: OwnRedis) -> Iterator[None]:
    yield
    module_redis.thaw()


@pytest.fixture
async def neighbour(accounts: Desks) -> AsyncIterator[Serving]:
    """A second serve process, as far as Redis can tell."""
    async with serving(accounts.settings) as made:
        yield made


async def kept(served: Serving, number: int) -> httpx.Response:
    """A hit that came from memory."""
    found: list[httpx.Response] = []

    async def from_memory() -> bool:
        found.append(await served.acme.get(f"/init/{number}"))
        return found[-1].headers["server-timing"] == "mem"

    await wait_until(from_memory)
    return found[-1]


async def commands(served: Serving, name: str) -> int:
    """How many commands of a name Redis has answered."""
    found = await served.context.redis.cache.info("commandstats")
    return int(found.get(f"cmdstat_{name}", {}).get("calls", 0))


async def test_a_newer_canvas_is_seen_in_every_process_as_soon_as_it_is_written(
    served: Serving, neighbour: Serving, number: int
) -> None:
    old = await store(served.context, ACME, number, "Before.")
    for process in (served, neighbour):
        assert (await kept(process, number)).headers["etag"][:25] == old[:25]
    new = await store(served.context, ACME, number, "After.")

    async def seen() -> bool:
        answers = [await process.acme.get(f"/init/{number}") for process in (served, neighbour)]
        return all(answer.headers["etag"][:25] == new[:25] for answer in answers)

    await wait_until(seen)


async def test_a_change_of_the_ticket_makes_its_copy_stale_and_no_other(served: Serving, number: int) -> None:
    other = number + 300_000
    for one in (number, other):
        await store(served.context, ACME, one)
        await kept(served, one)
    await served.context.ledger.mark(ACME, number)

    async def stale() -> bool:
        return (await served.acme.get(f"/init/{number}")).headers["cache-status"].endswith("detail=stale")

    await wait_until(stale)
    assert (await served.acme.get(f"/init/{other}")).headers["server-timing"] == "mem"
    answer = await served.acme.get(f"/init/{number}")
    assert (answer.headers["canvas-newer"], answer.headers["canvas-run"]) == ("1", ANY)
    told = (await served.acme.get(f"/init/{number}", headers={"Origin": ORIGIN})).headers
    assert told["access-control-allow-origin"] == ORIGIN
    assert {"x-request-id", "age", "vary", "etag"} <= set(told)


async def test_a_patched_an_expired_and_an_erased_canvas_leave_memory(served: Serving, number: int) -> None:
    patched, expired, erased = (number + add for add in (300_000, 300_001, 300_002))
    etag = await store(served.context, ACME, patched)
    for one in (expired, erased):
        await store(served.context, ACME, one)
    for one in (patched, expired, erased):
        await kept(served, one)
    canvases = served.context.canvases
    snapshot = (await canvases.read(ACME, [patched]))[patched]
    similar = [SimilarTicket(ticket_id=9, subject="New", status="Open", score=0.9, resolution="", url="")]
    assert await canvases.patch(ACME, patched, snapshot, similar, await canvases.fence(ACME, patched)) == "written"
    await served.context.redis.cache.pexpire(keys.canvas(ACME, expired), 1)
    await served.context.redis.cache.delete(keys.canvas(ACME, erased), keys.record(ACME, erased))

    async def gone() -> bool:
        await served.context.redis.cache.exists(keys.canvas(ACME, expired))
        first = await served.acme.get(f"/init/{patched}")
        left = [served.context.reads.remembered(ACME, one) for one in (expired, erased)]
        return first.headers["etag"][:25] != etag[:25] and left == [None, None]

    await wait_until(gone)
    assert b'"subject":"New"' in (await served.acme.get(f"/init/{patched}")).content


async def test_what_is_changed_between_question_and_answer_is_not_kept(served: Serving, number: int) -> None:
    """Reads and writes of one ticket at the same moment, many times: memory never ends up with an old one."""
    for turn in range(30):
        texts = [f"{turn}", f"{turn} again"]
        await store(served.context, ACME, number, texts[0])
        _, etag, _ = await asyncio.gather(
            served.acme.get(f"/init/{number}"),
            store(served.context, ACME, number, texts[1]),
            served.acme.get(f"/init/{number}"),
        )
        # Its news is sent at the latest before the next answer: a read which begins then is of the new one.
        await served.context.redis.cache.ping()
        assert (await served.acme.get(f"/init/{number}")).headers["etag"][:25] == etag[:25]


async def test_a_word_of_change_that_comes_before_the_answer_wins(served: Serving, number: int) -> None:
    for name in (keys.record(ACME, number), keys.canvas(ACME, number)):
        await store(served.context, ACME, number, name)
        reads = served.context.reads
        reading = asyncio.ensure_future(reads.read(ACME, number))
        await asyncio.sleep(0)
        reads._changed([name.encode()])
        joined = asyncio.ensure_future(reads.read(ACME, number))
        await asyncio.sleep(0)
        reads._changed([name.encode()])
        before, after = await reading, await joined
        assert before.copy is not None, "whoever asked before gets what was true then"
        assert before.copy is not after.copy, "whoever asks after the word does not join"
        assert reads.remembered(ACME, number) is None


async def test_agents_who_open_tickets_at_once_share_the_trips_to_redis(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    await served.acme.get("/init/x")
    before = await commands(served, "get")
    answers = await asyncio.gather(*(served.acme.get(f"/init/{number}") for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert await commands(served, "get") - before < 20, "who asks for what is being read waits for the same answer"


async def test_memory_is_bounded_and_what_is_not_in_it_is_read_again(accounts: Desks, number: int) -> None:
    async with serving(accounts.settings) as small:
        small.context.reads._memory._most_bytes = 40_000
        tickets = range(number, number + 300_020, 30_000)
        for one in tickets:
            await store(small.context, ACME, one, "A long text. " * 100)
            assert (await small.acme.get(f"/init/{one}")).status_code == 200
        kept = small.context.reads.memory
        assert 0 < kept["bytes"] <= 40_000
        assert 0 < kept["copies"] < len(tickets)
        came = [(await small.acme.get(f"/init/{one}")).headers["server-timing"] for one in tickets]
        assert any(timing.startswith("redis") for timing in came)


async def test_a_lost_connection_empties_the_memory(served: Serving, module_redis: OwnRedis, number: int) -> None:
    old = await store(served.context, ACME, number, "Before.")
    await kept(served, number)
    reads = served.context.reads
    # Whoever writes meanwhile tells a process nothing that is not connected.
    await served.context.redis.state.client_kill_filter(_type="normal", skipme=True)
    new = await store(served.context, ACME, number, "After.")
    assert new != old

    async def new_one() -> bool:
        with contextlib.suppress(httpx.TransportError):
            answer = await served.acme.get(f"/init/{number}")
            return answer.status_code == 200 and answer.headers["etag"][:25] == new[:25]
        return False

    await wait_until(new_one)
    await wait_until(lambda: reads.trusted)


async def test_a_silent_redis_makes_copies_doubtful_and_its_next_word_makes_them_good(
    served: Serving, module_redis: OwnRedis, number: int
) -> None:
    await store(served.context, ACME, number)
    body = (await kept(served, number)).content
    module_redis.freeze()
    await wait_until(lambda: not served.context.reads.alive)
    for ask in (served.acme.get, served.acme.post):
        answer = await ask(f"/init/{number}")
        assert (answer.status_code, answer.content) == (200, body)
        assert answer.headers["cache-status"] == "prompt-canvas; hit; detail=stale"
        assert int(answer.headers["age"]) >= 0
    missing = await served.acme.get(f"/init/{number + 5_000_000}")
    assert missing.status_code == 503, missing.text
    assert missing.json()["type"] == "urn:prompt-canvas:store-unavailable"
    module_redis.thaw()
    await wait_until(lambda: served.context.reads.trusted)
    answer = await served.acme.get(f"/init/{number}")
    assert (answer.headers["cache-status"], answer.headers["server-timing"]) == ("prompt-canvas; hit", "mem")


async def test_a_copy_is_for_its_own_tenant_alone(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    await kept(served, number)
    async with served.other.stream("GET", f"/init/{number}", headers={"Accept": "text/event-stream"}) as miss:
        assert miss.headers["cache-status"] == "prompt-canvas; fwd=uri-miss"
    stolen = await served.nobody.get(f"/init/{number}", headers=credentials(OTHER, ADMIN_KEY + ACME))
    assert stolen.status_code == 401
    assert (await served.nobody.get(f"/init/{number}")).status_code == 401


async def test_a_browser_may_read_a_hit_from_the_settings_origins_alone(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    await kept(served, number)
    for headers in ({}, {"X-Request-ID": "other-way"}):
        ours = await served.acme.get(f"/init/{number}", headers={"Origin": ORIGIN, **headers})
        assert ours.headers["access-control-allow-origin"] == ORIGIN
        assert "ETag" in ours.headers["access-control-expose-headers"]
        for origin in ("https://evil.example", "null"):
            theirs = await served.acme.get(f"/init/{number}", headers={"Origin": origin, **headers})
            assert "access-control-allow-origin" not in theirs.headers


async def test_a_browsers_hit_varies_with_the_same_headers_whichever_way_it_goes(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    await served.context.ledger.mark(ACME, number)
    for headers in ({}, {"X-Request-ID": "by-the-app"}):
        answer = await served.acme.get(f"/init/{number}", headers={"Origin": ORIGIN, **headers})
        assert "stale" in answer.headers["cache-status"]
        assert answer.headers["vary"] == VARY


async def conversation(served: Serving, wire: bytes, answers: int) -> list[bytes]:
    """What comes back for raw requests on one connection, split into answers."""
    port = int(served.url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(wire)
    found = []
    for _ in range(answers):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
        length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0)
        found.append(head + await reader.readexactly(length))
    writer.close()
    await writer.wait_closed()
    return found


def request(number: int, method: str = "GET", **more: Any) -> bytes:
    headers = {**credentials(ACME), "Accept": "application/json", "Host": "serve", **more}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"{method} /init/{number} HTTP/1.1\r\n{lines}\r\n".encode()


async def test_requests_that_are_sent_without_waiting_are_answered_in_order(served: Serving, number: int) -> None:
    """From memory, from Redis, by a task of its own, and refused: none overtakes another."""
    cold = [number + 300_000 + turn for turn in range(3)]
    for one in (number, *cold):
        await store(served.context, ACME, one, f"Ticket {one}.")
    await kept(served, number)
    order = [cold[0], number, cold[1], cold[2], number]
    wire = [request(one) for one in order]
    wire.insert(2, request(number, X_Request_ID="slow-way"))
    wire.insert(4, request(number, "POST", Content_Length=2) + b"{}")
    wire.append(request(number, Connection="close"))
    answers = await conversation(served, b"".join(wire), len(wire))
    expected = [order[0], order[1], number, order[2], number, *order[3:], number]
    assert [f"Ticket {one}.".encode() in answer for one, answer in zip(expected, answers, strict=True)] == [True] * 8
    assert b"connection: close" in answers[-1].lower()


async def test_a_client_that_leaves_while_redis_is_asked_harms_nobody(
    served: Serving, module_redis: OwnRedis, number: int
) -> None:
    for one in (number, number + 300_000):
        await store(served.context, ACME, one)
    await kept(served, number + 300_000)
    module_redis.freeze()
    port = int(served.url.rsplit(":", 1)[1])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(number))
    await writer.drain()
    await wait_until(lambda: bool(served.context.reads._open))
    writer.close()
    await writer.wait_closed()
    module_redis.thaw()
    await wait_until(lambda: not served.context.reads._open)
    assert (await served.acme.get(f"/init/{number}")).status_code == 200


async def test_a_redis_that_tells_of_no_changes_is_read_every_time(accounts: Desks, number: int) -> None:
    async with serving(accounts.settings) as plain:
        reads = plain.context.reads
        reads.state.refused = "ERR unknown command"
        reads._changed(None)
        await wait_until(lambda: not reads.trusted)
        await store(plain.context, ACME, number)
        for _ in range(2):
            answer = await plain.acme.get(f"/init/{number}")
            assert answer.headers["cache-status"] == "prompt-canvas; hit"
            assert answer.headers["server-timing"].startswith("redis")
        assert reads.memory["ready"] is False


async def test_a_stale_answer_that_redis_holds_up_ends_with_its_process(
    accounts: Desks, module_redis: OwnRedis, number: int
) -> None:
    """Left alone it would open a connection when all of them are closed."""
    async with serving(accounts.settings) as made:
        await store(made.context, ACME, number)
        await kept(made, number)
        await made.context.ledger.mark(ACME, number)

        async def is_kept() -> bool:
            read = await made.context.reads.read(ACME, number)
            state = read.copy.state if read.copy is not None else ""
            return (state, read.timing, read.doubtful) == ("due", FROM_MEMORY, False)

        front = create_serve(made.context, ServeSettings())
        head = front.head([(name.lower().encode(), value.encode()) for name, value in credentials(ACME).items()])
        assert head is not None
        await wait_until(is_kept)
        module_redis.freeze()
        before, answers = asyncio.all_tasks(), list[Any]()
        assert front.instant(head, ("127.0.0.1", 1), f"/init/{number}".encode(), answers.append) == "later"
        [answering] = asyncio.all_tasks() - before
        assert "StaleAnswers" in repr(answering)
    assert answering.done()
