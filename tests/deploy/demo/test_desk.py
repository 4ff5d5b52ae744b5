"""The demo's desk over HTTP, in front of a real look-alike: its page and files, and the buttons' small JSON API."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar

import deploy.demo
from deploy.demo.app_platform import AppPackage, AppPlatform, Settings, frontend_folder
from deploy.demo.desk_app import create_desk, served_files
from deploy.demo.desk_client import DeskClient
from deploy.demo.helpdesk import Helpdesk, HelpdeskSettings, running_helpdesk, serving

DOMAIN = "demo.freshdesk.com"
SECRET = "installed-key"
FRAMES = "http://127.0.0.1:8001"
DATA = Path(deploy.demo.__file__).parent / "data"
SETTINGS = HelpdeskSettings(
    domain=DOMAIN, api_keys={"admin-key": "admin", "agent-key": "jisoo"}, plan=None, admin_token="switch"
)


def desk_of(helpdesk_url: str, http: httpx.AsyncClient) -> Litestar:
    """A desk with the app installed; the app's backend is not there."""
    settings = Settings({"backend": "127.0.0.1:9", "freshdesk_domain": DOMAIN}, {"api_key": SECRET})
    platform = AppPlatform(AppPackage.read(frontend_folder()), settings, http)
    return create_desk(DeskClient(helpdesk_url, "agent-key", "switch", http), DOMAIN, platform, [FRAMES])


@pytest.fixture(scope="session")
async def seeded() -> AsyncIterator[tuple[Helpdesk, httpx.AsyncClient]]:
    """The demo's helpdesk, and a client of the desk in front of it."""
    helpdesk = Helpdesk.from_seed(DATA, SETTINGS, datetime.now(UTC))
    async with (
        running_helpdesk(helpdesk) as helpdesk_url,
        httpx.AsyncClient(timeout=20, trust_env=False) as http,
        serving(desk_of(helpdesk_url, http)) as url,
        httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client,
    ):
        yield helpdesk, client


@pytest.fixture(scope="session")
def snapshot(seeded: tuple[Helpdesk, httpx.AsyncClient]) -> dict[str, Any]:
    return seeded[0].snapshot()


@pytest.fixture
def desk(seeded: tuple[Helpdesk, httpx.AsyncClient], snapshot: dict[str, Any]) -> Iterator[httpx.AsyncClient]:
    """A client of the desk; what a test changes in the helpdesk is put back."""
    helpdesk, client = seeded
    changed = helpdesk.changed
    yield client
    if helpdesk.changed != changed:
        helpdesk.restore(snapshot)


async def newest(desk: httpx.AsyncClient) -> dict[str, Any]:
    rows: list[dict[str, Any]] = (await desk.get("/desk/api/tickets")).json()["tickets"]
    return rows[0]


async def ticket(desk: httpx.AsyncClient, number: int) -> dict[str, Any]:
    answer = await desk.get(f"/desk/api/tickets/{number}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def create(desk: httpx.AsyncClient, **fields: Any) -> int:
    answer = await desk.post("/desk/api/tickets", json=fields)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def raw_status(desk: httpx.AsyncClient, target: str) -> int:
    """The status of a request whose path no client has tidied up."""
    url = urlsplit(str(desk.base_url))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    writer.close()
    await writer.wait_closed()
    return status


@pytest.mark.parametrize("path", ["/desk", "/desk/"])
async def test_the_page_may_run_only_its_own_scripts_and_talk_only_to_its_origin(
    desk: httpx.AsyncClient, path: str
) -> None:
    page = await desk.get(path)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} < set(policy)
    assert {f"connect-src 'self' {FRAMES}", f"frame-src 'self' {FRAMES}"} < set(policy)
    assert {"img-src 'self' data:", "frame-ancestors 'none'"} < set(policy)
    assert "unsafe" not in page.headers["content-security-policy"]


@pytest.mark.parametrize("name", sorted(served_files()))
async def test_every_file_is_served_with_its_type_and_revalidated(desk: httpx.AsyncClient, name: str) -> None:
    answer = await desk.get(f"/desk/{name}")
    types = {"js": "text/javascript", "css": "text/css", "svg": "image/svg", "png": "image/png"}
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(types[name.rpartition(".")[2]])
    assert answer.headers["x-content-type-options"] == "nosniff"
    again = await desk.get(f"/desk/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


async def test_what_the_page_and_its_modules_load_is_there(desk: httpx.AsyncClient) -> None:
    page = (await desk.get("/desk")).text
    files = served_files()
    for module in ("desk.js", "list.js", "ticket.js", "dialogs.js", "app_pane.js", "app_frames.js", "platform.js"):
        page += files[f"static/{module}"].read_text("utf-8")
    addresses = {part.split('"')[0] for part in page.split('"/desk/')[1:] if part.split('"')[0]}
    assert {"static/desk.js", "static/app_pane.js", "app/scripts/elements/dom.js"} < addresses
    assert addresses <= set(files)


@pytest.mark.parametrize(
    "target",
    [
        "/desk/static/../desk_app.py",
        "/desk/static/%2e%2e/desk_app.py",
        "/desk/static/..%2fdesk_app.py",
        "/desk/static/....//desk_app.py",
        "/desk/app/../../../pyproject.toml",
        "/desk/app/%2e%2e/%2e%2e/pyproject.toml",
        "/desk/app//etc/passwd",
        "/desk/static/samples.json",
        "/desk/static/index.html",
        "/desk/unknown/desk.js",
    ],
)
async def test_nothing_but_the_listed_files_is_served(desk: httpx.AsyncClient, target: str) -> None:
    assert await raw_status(desk, target) == 404


async def test_the_page_learns_what_the_app_may_know_and_no_credential(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/desk/api/config")
    config = answer.json()
    assert (config["domain"], config["agent"]["language"]) == (DOMAIN, "ko")
    assert config["app"]["frames"] == [FRAMES]
    assert config["app"]["locations"]["ticket_sidebar"] == "index.html"
    assert config["app"]["iparams"] == {"backend": "127.0.0.1:9", "freshdesk_domain": DOMAIN}
    assert not [key for key in ("switch", "admin-key", "agent-key", SECRET) if key in answer.text]
    languages = [sample["language"] for sample in config["samples"]]
    assert (languages.count("ko"), languages.count("en")) == (6, 6)


async def test_addresses_of_freshdesks_own_desk_lead_to_the_same_thing_here(desk: httpx.AsyncClient) -> None:
    for path in ("tickets/7", "solutions/articles/12"):
        answer = await desk.get(f"/a/{path}")
        assert (answer.status_code, answer.headers["location"]) == (302, f"/desk#/{path}")


async def test_the_list_shows_every_ticket_newest_change_first(desk: httpx.AsyncClient) -> None:
    rows = (await desk.get("/desk/api/tickets")).json()["tickets"]
    times = [row["updated_at"] for row in rows]
    assert sorted(row["id"] for row in rows) == list(range(1, 301))
    assert times == sorted(times, reverse=True)
    assert {row["language"] for row in rows} == {"ko", "en"}


async def test_a_poll_brings_only_what_changed_since(desk: httpx.AsyncClient) -> None:
    before = await newest(desk)
    number = await create(desk)
    answer = await desk.get("/desk/api/tickets", params={"since": (await ticket(desk, number))["updated_at"]})
    assert [row["id"] for row in answer.json()["tickets"]] == [number]
    assert number != before["id"]
    assert (await desk.get("/desk/api/tickets", params={"since": "yesterday"})).status_code == 400


async def test_new_tickets_come_from_the_prepared_ones_in_turn(desk: httpx.AsyncClient) -> None:
    subjects = [(await ticket(desk, await create(desk, language="ko")))["subject"] for _ in range(6)]
    assert len(set(subjects)) == 6
    chosen = await ticket(desk, await create(desk, sample="en-junk"))
    assert (chosen["subject"], chosen["language"]) == ("Mails from my doctor keep landing in Junk", "en")
    assert (await desk.post("/desk/api/tickets", json={"sample": "nothing"})).status_code == 400


async def test_typed_text_stays_text(desk: httpx.AsyncClient) -> None:
    words = "Is <b>this</b> & that\nsafe? <script>alert(1)</script>"
    shown = await ticket(desk, await create(desk, subject="<i>Hi</i>", text=words))
    assert shown["messages"][0]["text"] == words
    assert shown["subject"] == "<i>Hi</i>"


async def test_a_customers_reply_reopens_the_ticket_and_never_repeats_a_prepared_one(desk: httpx.AsyncClient) -> None:
    number = await create(desk, sample="ko-otp")
    assert (await desk.put(f"/desk/api/tickets/{number}", json={"status": 4})).status_code == 204
    said = [(await desk.post(f"/desk/api/tickets/{number}/customer-replies", json={})).json()["text"] for _ in "12"]
    shown = await ticket(desk, number)
    assert shown["status"] == 2
    assert [message["text"] for message in shown["messages"][1:]] == said
    assert said[0] != said[1]
    assert {message["author"] for message in shown["messages"]} == {"customer"}


async def test_the_agent_answers_under_a_name(desk: httpx.AsyncClient) -> None:
    number = await create(desk, sample="en-junk")
    assert (await desk.post(f"/desk/api/tickets/{number}/replies", json={"text": "Hello!"})).status_code == 204
    answer = (await ticket(desk, number))["messages"][-1]
    assert (answer["author"], answer["text"]) == ("agent", "Hello!")
    assert answer["name"]
    assert (await desk.post(f"/desk/api/tickets/{number}/replies", json={"text": " "})).status_code == 400


async def test_a_burst_is_twenty_updates_of_the_open_ticket(desk: httpx.AsyncClient) -> None:
    number = await create(desk, sample="en-junk")
    before = await ticket(desk, number)
    assert (await desk.post(f"/desk/api/tickets/{number}/burst")).json() == {"updates": 20}
    after = await ticket(desk, number)
    assert len(after["messages"]) == len(before["messages"]) + 5
    assert after["priority"] != before["priority"]


async def test_an_article_is_plain_text(desk: httpx.AsyncClient, seeded: tuple[Helpdesk, httpx.AsyncClient]) -> None:
    known = next(iter(seeded[0].state.articles.values()))
    article = (await desk.get(f"/desk/api/articles/{known.id}")).json()
    assert article["title"] == known.title
    assert "<p>" not in article["text"]


async def test_the_helpdesks_refusals_reach_the_page(desk: httpx.AsyncClient) -> None:
    answer = await desk.get("/desk/api/tickets/999999")
    assert (answer.status_code, answer.json()) == (404, {"detail": "The helpdesk answered 404"})
    assert (await desk.put("/desk/api/tickets/1", json={"status": 99})).status_code == 400
    assert (await desk.get("/desk/api/nothing")).status_code == 404


async def test_a_silent_helpdesk_is_a_bad_gateway() -> None:
    async with httpx.AsyncClient(trust_env=False) as http, serving(desk_of("http://127.0.0.1:9", http)) as url:
        answer = await http.get(f"{url}/desk/api/tickets")
    assert answer.status_code == 502


async def test_other_sites_can_link_to_the_page_but_press_none_of_its_buttons(desk: httpx.AsyncClient) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert (await desk.get("/desk", headers=foreign)).status_code == 200
    assert (await desk.post("/desk/api/tickets/1/burst", headers=foreign)).status_code == 403
    assert (await desk.get("/desk/api/config", headers=foreign)).status_code == 403
