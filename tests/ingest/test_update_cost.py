"""What an update costs: models are asked about what is new in a ticket's words, and about nothing else."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from pydantic import SecretStr

from deploy.demo.helpdesk import Fault as DeskFault
from ingest.content import content_of
from ingest.settings import IngestSettings
from ingest.stages import embed
from ingest.thread import Message, Thread
from shared.settings import Settings
from tests.faults import current, desk, postponed, tick, time_passes
from tests.ground import lay_ground
from tests.ingest.writers.threads import REPLIES, document, message, thread
from tests.lookalikes import LoggedRequest, OpenAILookalike, Script
from tests.world import ADMIN_TOKEN, Account, World, world

PRINTER = "The printer is offline since Monday. I restarted it twice and it says error 0x6100004A every time."
RECIPE = "openai/gpt-6-luna|openai/text-embedding-3-small|1"


@dataclass
class Bill:
    """An account whose embeddings and texts come from a provider, and what that was asked since the last look."""

    account: Account
    provider: OpenAILookalike
    seen: int = 0

    def asked(self) -> dict[str, int]:
        """How many texts and embeddings were asked for since the last time."""
        new = self.provider.requests[self.seen :]
        self.seen = len(self.provider.requests)
        embeddings = sum(request.path.endswith("/embeddings") for request in new)
        return {"texts": len(new) - embeddings, "embeddings": embeddings}

    async def new_ticket(self, subject: str = "Printer is offline", text: str = PRINTER) -> tuple[int, dict[str, Any]]:
        number = await self.account.create_ticket(subject, text)
        return number, await current(self.account, number)


@pytest.fixture
async def bill(settings: Settings) -> AsyncIterator[Bill]:
    async with OpenAILookalike() as provider:
        ingest = IngestSettings(openai_api_key=SecretStr("any"), openai_base_url=provider.base_url)
        async with world(settings, ingest) as made:
            tick(made.acme)
            await lay_ground(made.acme, f"Printer is offline\n{PRINTER}")
            yield Bill(made.acme, provider, seen=len(provider.requests))


async def customer_writes(account: Account, ticket_id: int, text: str) -> None:
    url = str(account.freshdesk.base_url).rstrip("/")
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=20) as house:
        answer = await house.post(f"/_desk/tickets/{ticket_id}/customer_reply", json={"body": f"<p>{text}</p>"})
        assert answer.status_code == 201, answer.text


def reused(canvas: dict[str, Any]) -> set[str]:
    return {stage["name"] for stage in canvas["provenance"]["stages"] if stage.get("reused")}


async def status_beside(account: Account, ticket_id: int, other: int) -> str | None:
    """What the Canvas of a ticket shows as the status of another one, at this moment."""
    shown = (await account.init(ticket_id)).json()["similar_tickets"]
    return next((ticket["status"] for ticket in shown if ticket["ticket_id"] == other), None)


async def test_a_new_status_asks_no_model_and_shows_at_once_wherever_the_ticket_is_listed(bill: Bill) -> None:
    account = bill.account
    older, _ = await bill.new_ticket()
    number, before = await bill.new_ticket("Printer offline again", PRINTER)
    assert await status_beside(account, older, number) == "Open"
    assert bill.asked() == {"texts": 4, "embeddings": 2}
    calls = len(account.helpdesk.log.requests)

    await account.change(number, status=4)
    after = await current(account, number)
    assert bill.asked() == {"texts": 0, "embeddings": 0}
    assert await status_beside(account, older, number) == "Resolved"
    fetched = [call for call in list(account.helpdesk.log.requests)[calls:] if call.method == "GET"]
    assert [call.path for call in fetched] == [f"/api/v2/tickets/{number}"]

    assert after["revision"] > before["revision"]
    same = ("summary", "replies", "solutions", "similar_tickets", "status", "language")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert reused(after) == {"embed", "summarize", "recommend"}
    assert after["provenance"]["models"] == before["provenance"]["models"]
    assert after["provenance"]["tokens"] == {"input": 0, "cached": 0, "output": 0}
    assert before["provenance"]["tokens"]["output"] > 0


async def test_a_ticket_that_is_only_moved_asks_no_model(bill: Bill) -> None:
    number, _ = await bill.new_ticket()
    bill.asked()
    for change in ({"priority": 4}, {"tags": ["vip"]}, {"status": 3}, {"status": 2}):
        await bill.account.change(number, **change)
        await current(bill.account, number)
    assert bill.asked() == {"texts": 0, "embeddings": 0}


async def test_a_customers_reply_is_read_and_embedded(bill: Bill) -> None:
    number, before = await bill.new_ticket()
    bill.asked()
    await customer_writes(bill.account, number, "Now the scanner fails as well.")
    after = await current(bill.account, number)
    assert bill.asked() == {"texts": 2, "embeddings": 1}
    assert reused(after) == set()
    assert after["summary"] != before["summary"]


async def test_what_an_agent_writes_is_read_but_not_embedded(bill: Bill) -> None:
    number, _ = await bill.new_ticket()
    bill.asked()
    answer = await bill.account.freshdesk.post(
        f"/api/v2/tickets/{number}/reply", json={"body": "Driver 7.2 ends this."}
    )
    assert answer.status_code == 201
    after = await current(bill.account, number)
    assert reused(after) == {"embed"}
    assert (after["replies"], after["no_replies"]) == ([], "answered"), "nobody waits for an answer"
    assert bill.asked() == {"texts": 1, "embeddings": 0}


async def test_a_private_note_is_read_for_the_summary_and_replies_stay(bill: Bill) -> None:
    number, _ = await bill.new_ticket()
    bill.asked()
    answer = await bill.account.freshdesk.post(
        f"/api/v2/tickets/{number}/notes", json={"body": "Driver 7.2 ends this."}
    )
    assert answer.status_code == 201
    assert reused(await current(bill.account, number)) == {"embed", "recommend"}
    assert bill.asked() == {"texts": 1, "embeddings": 0}


async def test_doubled_webhooks_ask_a_model_once(bill: Bill) -> None:
    bill.account.helpdesk.faults.add(DeskFault("webhook_double"))
    number, _ = await bill.new_ticket()
    await bill.account.change(number, status=3)
    await current(bill.account, number)
    assert bill.asked() == {"texts": 2, "embeddings": 1}


async def test_a_ticket_that_comes_back_from_the_trash_is_written_anew(bill: Bill) -> None:
    number, _ = await bill.new_ticket()
    await desk(bill.account, number, "delete")
    await bill.account.until_gone(number)
    bill.asked()
    await desk(bill.account, number, "restore")
    assert reused(await current(bill.account, number)) == set()
    assert bill.asked() == {"texts": 2, "embeddings": 1}


async def test_only_the_part_that_failed_is_written_again(bill: Bill) -> None:
    def half(request: LoggedRequest) -> str:
        return document(REPLIES["en"]) if "replies" in str(request.schema) else "I only speak prose."

    bill.provider.script = Script(default=half)
    number = await bill.account.create_ticket("Printer is offline", PRINTER)
    await postponed(bill.account, number)
    degraded = (await bill.account.init(number)).json()
    assert degraded["status"] == "degraded"
    assert bill.asked()["texts"] == 2
    bill.provider.script = Script()
    await time_passes(bill.account)
    healed = await current(bill.account, number)
    assert healed["status"] == "ready"
    assert healed["replies"] == degraded["replies"]
    assert reused(healed) == {"embed", "recommend"}
    assert bill.asked() == {"texts": 1, "embeddings": 0}


async def test_without_a_model_a_solved_ticket_is_summarized_as_solved(small_world: World) -> None:
    """The extractive writer reads from the status whose turn it is, and costs no call."""
    acme = small_world.acme
    tick(acme)
    number = await acme.create_ticket("Printer is offline", PRINTER)
    await current(acme, number)
    await acme.change(number, status=3)
    assert reused(await current(acme, number)) == {"embed", "summarize"}
    await acme.change(number, status=4)
    solved = await current(acme, number)
    assert reused(solved) == {"embed"}
    assert "Solved." in solved["summary"]["text"]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "Closed", "resolved": True},
        {"revision": thread().revision + timedelta(days=1)},
        {"ticket_id": 72},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_move_is_no_new_content(change: dict[str, Any]) -> None:
    moved = msgspec.structs.replace(thread(), **change)
    assert content_of(moved, RECIPE) == content_of(thread(), RECIPE)
    assert embed.matter(moved) == embed.matter(thread())


def with_message(index: int, **fields: Any) -> Callable[[Thread], Thread]:
    def change(before: Thread) -> Thread:
        messages: list[Message] = list(before.messages)
        messages[index] = msgspec.structs.replace(messages[index], **fields)
        return msgspec.structs.replace(before, messages=messages)

    return change


CHANGES: dict[str, Callable[[Thread], Thread]] = {
    "subject": lambda before: msgspec.structs.replace(before, subject="Another"),
    "language": lambda before: msgspec.structs.replace(before, language="ko"),
    "requester": lambda before: msgspec.structs.replace(before, requester_name="Grace"),
    "a message more": lambda before: thread("en", message("note", "더 있어요", 30)),
    "a message less": lambda before: msgspec.structs.replace(before, messages=before.messages[:-1]),
    "order": lambda before: msgspec.structs.replace(before, messages=before.messages[::-1]),
    "text": with_message(0, text="redacted: [card number]"),
    "author": with_message(1, author="note"),
    "name": with_message(1, author_name="Someone else"),
    "time": with_message(1, created_at=datetime.fromisoformat("2026-01-01T00:00:00Z")),
    "words that move to the next message": lambda before: with_message(1, text="b" + before.messages[1].text)(
        with_message(0, text=before.messages[0].text[:-1])(before)
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_a_writer_reads_is_content(name: str) -> None:
    assert content_of(CHANGES[name](thread()), RECIPE) != content_of(thread(), RECIPE)


def test_another_recipe_makes_everything_again() -> None:
    assert content_of(thread(), "another|1") != content_of(thread(), RECIPE)
