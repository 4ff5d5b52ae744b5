"""`/runs`: the stream to the letter, resumed, replayed, cut, and seen by nobody whom it does not concern."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest

from shared.due import Claim, Ending
from shared.run_log import Event, RunLog
from tests.parts import Desks, Serving, credentials, serving
from tests.waiting import wait_until
from tests.world import ACME

NO_SUCH_RUN = "A" * 22


async def begin(served: Serving, number: int) -> Claim:
    """A run that a worker (the test) has claimed; its log holds `queued`."""
    await served.context.ledger.open_run(ACME, number, now=True)
    claim = await served.context.ledger.claim(ACME, number)
    assert claim is not None
    return claim


async def say(served: Serving, claim: Claim, *words: str) -> None:
    """Append words, one event each."""
    log = RunLog(served.context.redis.state)
    await log.append(claim, [(Event.SUMMARY_DELTA, {"text": word}) for word in words])


async def end(served: Serving, claim: Claim, event: Event = Event.DONE) -> None:
    await served.context.ledger.settle(claim, Ending(satisfied=True, event=event, data=b'{"status":"ready"}'))


async def finished(served: Serving, number: int, *words: str) -> Claim:
    """A run that is over."""
    claim = await begin(served, number)
    await say(served, claim, *words)
    await end(served, claim)
    return claim


def blocks(body: str) -> list[dict[str, str]]:
    """The events of an SSE body, field by field; comments and `retry` left out."""
    body = re.sub(r"^(:|retry: ).*\n", "", body, flags=re.MULTILINE)
    found = [dict(line.split(": ", 1) for line in block.split("\n")) for block in body.split("\n\n") if "id: " in block]
    assert all(set(block) == {"id", "event", "data"} for block in found)
    return found


def texts(body: str) -> list[str]:
    return [json.loads(block["data"])["text"] for block in blocks(body) if block["event"] == "summary.delta"]


async def resume(served: Serving, claim: Claim, last_event_id: str) -> str:
    answer = await served.acme.get(f"/runs/{claim.run_id}", headers={"Last-Event-ID": last_event_id})
    assert answer.status_code == 200
    return answer.text


async def test_the_stream_is_what_proxies_and_browsers_need(served: Serving, number: int) -> None:
    claim = await finished(served, number, "one", "zwei\r\ndrei", "네\n\ndata: x\nevent: error")
    answer = await served.acme.get(f"/runs/{claim.run_id}", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] in {"text/event-stream", "text/event-stream; charset=utf-8"}
    assert {"no-cache", "no-transform"} <= {part.strip() for part in answer.headers["cache-control"].split(",")}
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-length" not in answer.headers
    assert "content-encoding" not in answer.headers
    assert answer.text.startswith(": "), "a comment at once, for proxies that hold headers until the first byte"
    assert "\nretry: " in answer.text
    assert "\r" not in answer.text
    assert answer.text.endswith("\n\n")
    assert [block["event"] for block in blocks(answer.text)] == ["queued", *["summary.delta"] * 3, "done"]
    # Words with line ends in them stay in their event.
    assert texts(answer.text) == ["one", "zwei\r\ndrei", "네\n\ndata: x\nevent: error"]
    ids = [tuple(map(int, block["id"].split("-"))) for block in blocks(answer.text)]
    assert ids == sorted(set(ids))


async def test_a_stream_goes_on_after_the_last_event_that_was_seen(served: Serving, number: int) -> None:
    claim = await finished(served, number, *"abcdef")
    whole = blocks((await served.acme.get(f"/runs/{claim.run_id}")).text)
    for place, block in enumerate(whole[:-1]):
        assert blocks(await resume(served, claim, block["id"])) == whole[place + 1 :]


@pytest.mark.parametrize(
    "last_event_id", ["the last one", "99999999999999-0", "18446744073709551615-18446744073709551615"]
)
async def test_who_has_seen_the_end_is_told_it_again_and_not_kept_waiting(
    served: Serving, number: int, last_event_id: str
) -> None:
    """A browser's EventSource reconnects after every end: it would hang on a silent stream for ever."""
    claim = await finished(served, number, "a", "b")
    if last_event_id == "the last one":
        last_event_id = blocks((await served.acme.get(f"/runs/{claim.run_id}")).text)[-1]["id"]
    async with asyncio.timeout(10):  # a heartbeat comes after 15 s
        assert [block["event"] for block in blocks(await resume(served, claim, last_event_id))] == ["done"]


@pytest.mark.parametrize(
    "last_event_id",
    [
        "x",
        "-",
        "1",
        "1-",
        "-1",
        "1-2-3",
        "0-0",
        "1.5-0",
        "0x1-0",
        "9" * 5000 + "-0",
        "0-" + "9" * 5000,
        "$",
        "+",
        "(0-0",
        "*",
    ],
    ids=lambda text: text[:8],
)
async def test_an_id_that_is_none_begins_at_the_start(served: Serving, number: int, last_event_id: str) -> None:
    claim = await finished(served, number, "a", "b")
    assert texts(await resume(served, claim, last_event_id)) == ["a", "b"]


async def test_bytes_that_are_no_id_begin_at_the_start(served: Serving, number: int) -> None:
    claim = await finished(served, number, "a", "b")
    for value in (b"\xff\xfe", "١-٠".encode(), b"1\xb2-0"):
        answer = await served.acme.get(f"/runs/{claim.run_id}", headers=[(b"Last-Event-ID", value)])
        assert texts(answer.text) == ["a", "b"]


async def test_a_cut_line_loses_nothing_and_repeats_nothing(served: Serving, number: int) -> None:
    claim = await begin(served, number)
    words = [f"word {turn}" for turn in range(40)]
    seen: list[str] = []
    last_event_id = ""
    for turn in range(0, 40, 4):
        await say(served, claim, *words[turn : turn + 4])
        async with served.acme.stream(
            "GET", f"/runs/{claim.run_id}", headers={"Last-Event-ID": last_event_id}
        ) as stream:
            async for line in stream.aiter_lines():
                if line.startswith("id: "):
                    last_event_id = line[4:]
                if line.startswith("data: ") and "text" in line:
                    seen.append(json.loads(line[6:])["text"])
                    if len(seen) == turn + 4:
                        break
    assert seen == words


async def test_a_run_belongs_to_its_tenant_alone(served: Serving, number: int) -> None:
    claim = await finished(served, number, "a canary")
    foreign = await served.other.get(f"/runs/{claim.run_id}")
    missing = await served.other.get(f"/runs/{NO_SUCH_RUN}")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content
    assert set(foreign.headers) == set(missing.headers)
    assert foreign.json()["type"] == "urn:prompt-canvas:run-missing"
    # Also while somebody of the tenant follows it.
    going_on = await begin(served, number + 500_000)
    async with served.acme.stream("GET", f"/runs/{going_on.run_id}"):
        await wait_until(lambda: served.context.followers.followed > 0)
        assert (await served.other.get(f"/runs/{going_on.run_id}")).content == missing.content


@pytest.mark.parametrize(
    "run_id",
    ["x", "-", "_", "A" * 41, "A" * 5000, "{acme}", "*", "?", "[a-z]", "..", "한글", "\0", " ", "a b", "a:b", "a\r\nb",
     "}:canvas:1", "%", "AAAA/BBBB", "\udc80".encode("utf-8", "surrogatepass")],
    ids=lambda text: repr(text)[:10],
)  # fmt: skip
async def test_a_malformed_run_id_is_a_run_that_does_not_exist(served: Serving, run_id: str | bytes) -> None:
    answer = await served.acme.get(f"/runs/{quote(run_id, safe='')}")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_run_can_be_read_many_times_to_its_last_hour(served: Serving, number: int) -> None:
    claim = await finished(served, number, *"xyz")
    bodies = {(await served.acme.get(f"/runs/{claim.run_id}")).text for _ in range(3)}
    assert len(bodies) == 1
    assert 0 < await served.context.redis.state.ttl(f"pc:{{{ACME}}}:run:{claim.run_id}") <= 3600


async def test_a_silent_run_is_kept_open_by_comments(accounts: Desks, number: int) -> None:
    async with serving(accounts.settings, heartbeat_s=0.02) as mine:
        claim = await begin(mine, number)
        async with mine.acme.stream("GET", f"/runs/{claim.run_id}") as stream:
            lines = stream.aiter_lines()
            beats = 0
            while beats < 3:
                beats += await anext(lines) == ": heartbeat"
            await end(mine, claim)
            assert "event: done" in [line async for line in lines]


async def test_an_error_ends_the_stream_as_an_event(served: Serving, number: int) -> None:
    claim = await begin(served, number)
    await end(served, claim, Event.ERROR)
    assert [block["event"] for block in blocks((await served.acme.get(f"/runs/{claim.run_id}")).text)] == [
        "queued",
        "error",
    ]


async def test_whoever_leaves_is_forgotten(served: Serving, number: int) -> None:
    claim = await begin(served, number)
    async with asyncio.TaskGroup() as group:
        readers = [group.create_task(read_for_ever(served, claim.run_id)) for _ in range(50)]
        await wait_until(lambda: followers_of(served, claim) == 50)
        for reader in readers:
            reader.cancel()
    await wait_until(lambda: not served.context.followers.followed)
    await end(served, claim)


async def test_whoever_asked_for_json_and_left_is_forgotten_too(served: Serving, number: int) -> None:
    waiting = asyncio.create_task(served.acme.get(f"/init/{number}"))
    await wait_until(lambda: served.context.followers.followed > 0)
    waiting.cancel()
    # An ordinary handler is not cancelled when its client leaves; it ends by itself.
    await end(served, await begin(served, number))
    await wait_until(lambda: not served.context.followers.followed)


async def test_a_slow_reader_holds_up_nobody_and_leaves_no_trace(served: Serving, number: int) -> None:
    claim = await begin(served, number)
    async with stalled_reader(served, claim.run_id):
        await wait_until(lambda: followers_of(served, claim) == 1)
        # Far more than the sockets between us hold.
        quick = asyncio.create_task(read_for_ever(served, claim.run_id))
        for _ in range(40):
            await say(served, claim, *["x" * 10_000] * 50)
        await end(served, claim)
        async with asyncio.timeout(30):
            assert len(texts(await quick)) == 2000
        assert (await served.nobody.get("/health")).status_code == 200
    await wait_until(lambda: not served.context.followers.followed)


async def read_for_ever(served: Serving, run_id: str) -> str:
    return (await served.acme.get(f"/runs/{run_id}", timeout=None)).text


@asynccontextmanager
async def stalled_reader(served: Serving, run_id: str) -> AsyncIterator[None]:
    """Someone who asks for a run, and then neither reads nor leaves."""
    url = httpx.URL(served.url)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (url.host, url.port))
        wanted = "".join(f"{name}: {value}\r\n" for name, value in credentials(ACME).items())
        await asyncio.get_running_loop().sock_sendall(
            sock, f"GET /runs/{run_id} HTTP/1.1\r\nHost: x\r\n{wanted}\r\n".encode()
        )
        yield


def followers_of(served: Serving, claim: Claim) -> int:
    return sum(run.followers for run in served.context.followers._runs.values() if run.run_id == claim.run_id)
