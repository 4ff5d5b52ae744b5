"""A run is one text, however its reader comes to it: late, cut, by another process, or after a worker died in it."""

import asyncio
import json
import random
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import httpx_sse
import pytest

from serve.streams.followed import ENTRY_BYTES
from shared import keys
from shared.due import Claim
from shared.run_log import Event, RunLog
from tests.parts import Desks, Serving, credentials, serving
from tests.serve.test_runs import begin, blocks, end, finished, say
from tests.waiting import wait_until
from tests.world import ACME, World

CURL, NGINX = shutil.which("curl"), shutil.which("nginx")
Told = list[tuple[str, str, str]]
"""Id, name and data of events, in order."""


def assembled(told: Told) -> str:
    """What the sidebar shows of a summary after these events."""
    text = ""
    for _, name, data in told:
        text = "" if name == "reset" else text + json.loads(data)["text"] if name == "summary.delta" else text
    return text


def as_told(body: str) -> Told:
    return [(block["id"], block["event"], block["data"]) for block in blocks(body)]


async def events_of(served: Serving, run_id: str, after: str = "") -> Told:
    answer = await served.acme.get(f"/runs/{run_id}", headers={"Last-Event-ID": after} if after else {})
    assert answer.status_code == 200
    return as_told(answer.text)


async def taken_over(served: Serving, claim: Claim) -> Claim:
    """The worker of a run dies, and another one takes the run over."""
    await served.context.redis.state.delete(keys.lease(ACME, claim.ticket_id))
    successor = await served.context.ledger.claim(ACME, claim.ticket_id)
    assert successor is not None
    assert successor.resumed
    await RunLog(served.context.redis.state).append(successor, [(Event.RESET, {"attempt": 2})])
    return successor


async def test_the_text_is_the_same_for_every_way_to_come_to_it(served: Serving, accounts: Desks, number: int) -> None:
    claim = await begin(served, number)
    live = asyncio.create_task(events_of(served, claim.run_id))
    await say(served, claim, "The printer ", "jams, an", "d it b")
    successor = await taken_over(served, claim)
    await say(served, successor, "A printer ", "that jams.")
    await end(served, successor)
    whole = await live
    assert assembled(whole) == "A printer that jams."
    async with serving(accounts.settings) as another:  # as after a restart
        for process in (served, another):
            assert await events_of(process, claim.run_id) == whole
            for place, (event_id, _, _) in enumerate(whole[:-1]):
                rest = await events_of(process, claim.run_id, after=event_id)
                assert assembled(whole[: place + 1] + rest) == "A printer that jams."


async def test_a_process_that_stops_sends_its_followers_to_another(
    served: Serving, accounts: Desks, number: int
) -> None:
    claim = await begin(served, number)
    async with (
        serving(accounts.settings) as stopping,
        stopping.acme.stream("GET", f"/runs/{claim.run_id}") as answer,
    ):
        pieces = answer.aiter_text()
        body = await anext(pieces)
        while "queued" not in body:  # sent away before it has read anything, it would have nothing to go on from
            body += await anext(pieces)
        await say(served, claim, "one ")
        await wait_until(lambda: stopping.context.followers.held > 2 * ENTRY_BYTES)
        stopping.context.followers.drain()
        body += "".join([piece async for piece in pieces])
    assert [name for _, name, _ in as_told(body)] in (["queued"], ["queued", "summary.delta"])
    assert 200 <= int(body.rsplit("retry: ", 1)[1]) <= 1500, "it comes back soon, and not with all others at once"
    await say(served, claim, "two")
    await end(served, claim)
    seen = as_told(body)
    assert assembled(seen + await events_of(served, claim.run_id, after=seen[-1][0])) == "one two"


async def test_a_run_tells_which_canvas_is_there_now_and_what_it_has_read(small_world: World) -> None:
    acme = small_world.acme
    ticket_id = await acme.create_ticket("Printer jams", "My printer jams with every second page.")
    stream = await acme.init(ticket_id, accept="text/event-stream")
    told = {name: json.loads(data) for _, name, data in as_told(stream.text)}
    assert list(told)[-2:] == ["canvas", "done"]
    assert told["queued"]["newer"] >= 1
    hit = await acme.init(ticket_id)
    canvas = hit.json()
    assert hit.headers["etag"].startswith(told["canvas"]["etag"][:-1])
    assert canvas["freshness"]["covers"] == 1
    assert canvas["freshness"]["covers_until"] is not None
    assert set(told["canvas"]) == {"etag", "revision", "generated_at"}


# --- Real clients, and what stands between ---


@pytest.mark.skipif(CURL is None, reason="curl is not installed")
async def test_curl_shows_events_as_they_come(served: Serving, number: int) -> None:
    claim = await begin(served, number)
    headers = [part for name, value in credentials(ACME).items() for part in ("-H", f"{name}: {value}")]
    command = [str(CURL), "-sN", *headers, f"{served.url}/runs/{claim.run_id}"]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    await process.stdout.readuntil(b"event: queued\n")
    await say(served, claim, "at once")
    assert b"at once" in await process.stdout.readuntil(b"\n\n") + await process.stdout.readuntil(b"\n\n")
    await end(served, claim)
    assert b"event: done" in await process.stdout.read()
    assert await process.wait() == 0


async def test_httpx_sse_reads_and_resumes(served: Serving, number: int) -> None:
    claim = await finished(served, number, "one ", "zwei\r\n", "네")
    seen: list[httpx_sse.ServerSentEvent] = []
    while not seen or seen[-1].event != "done":
        headers = {"Last-Event-ID": seen[-1].id} if seen else {}
        async with httpx_sse.aconnect_sse(served.acme, "GET", f"/runs/{claim.run_id}", headers=headers) as source:
            async for event in source.aiter_sse():
                seen.append(event)
                if random.random() < 0.5:
                    break
    assert [event.event for event in seen] == ["queued", *["summary.delta"] * 3, "done"]
    assert assembled([(event.id, event.event, event.data) for event in seen]) == "one zwei\r\n네"


NGINX_CONF = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors warn;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
  uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5; gzip on; gzip_types *; gzip_min_length 1;
  server {{ listen unix:{folder}/sock; location / {{ proxy_pass {url}; }} }}
}}
"""


@asynccontextmanager
async def behind_nginx(url: str, folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of serve behind an nginx that nobody has set up for streams: HTTP/1.0, buffers, gzip."""
    assert NGINX is not None
    (folder / "conf").write_text(NGINX_CONF.format(folder=folder, url=url))
    process = await asyncio.create_subprocess_exec(NGINX, "-p", str(folder), "-c", str(folder / "conf"))
    transport = httpx.AsyncHTTPTransport(uds=str(folder / "sock"))
    try:
        await wait_until((folder / "sock").exists)
        async with httpx.AsyncClient(transport=transport, base_url="http://canvas", timeout=10) as client:
            client.headers.update(credentials(ACME))
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


@pytest.mark.skipif(NGINX is None, reason="nginx is not installed: streams behind a real proxy are left out")
async def test_events_come_at_once_through_an_nginx_that_buffers_and_compresses(
    served: Serving, number: int, tmp_path: Path
) -> None:
    claim = await begin(served, number)
    async with behind_nginx(served.url, tmp_path) as client:
        async with client.stream("GET", f"/runs/{claim.run_id}") as stream:
            lines = stream.aiter_lines()
            for word in ("one", "two", "three"):
                await say(served, claim, word)
                async with asyncio.timeout(30):
                    while word not in await anext(lines):
                        pass
        # Who leaves the proxy has left serve, too.
        await wait_until(lambda: served.context.followers.followed == 0)
        await end(served, claim)
        assert assembled(as_told((await client.get(f"/runs/{claim.run_id}")).text)) == "onetwothree"
