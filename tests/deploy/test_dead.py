"""`canvas dead`: tickets that were given up are listed with their reason, shown, tried again or dropped."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from redis.asyncio import Redis

from deploy.cli import canvas
from deploy.ticket_record import MEANINGS, meaning
from deploy.up import everything
from shared.due import MAX_ATTEMPTS, DueLedger, Ending
from shared.errors import CanvasError
from shared.run_log import Event
from shared.settings import Settings
from tests.deploy.forking import Call, Said
from tests.deploy.test_cli import refused
from tests.parts import Desks, desks, register
from tests.shared.test_overview import give_up
from tests.waiting import wait_until
from tests.world import ACME, ADMIN_KEY, OTHER, all_settings

FAILED = Ending(satisfied=False, event=Event.ERROR, data=b"{}", error="internal")


@pytest.fixture
async def ledger(redis: Redis, settings: Settings) -> DueLedger:
    """Two accounts, nothing dead."""
    for host in (ACME, OTHER):
        await register(settings, host)
    return DueLedger(redis)


async def fail(ledger: DueLedger, host: str, ticket_id: int) -> None:
    """A ticket that our code can't take."""
    await ledger.mark(host, ticket_id)
    for _ in range(MAX_ATTEMPTS):
        claim = await ledger.claim(host, ticket_id)
        assert claim is not None
        await ledger.settle(claim, FAILED)
    assert await ledger.claim(host, ticket_id) is None
    assert await ledger.state_of(host, ticket_id) == "dead"


async def written(both: Desks, number: int) -> int:
    """A ticket that a customer writes to acme."""
    body = {"subject": f"Printer {number}", "description": "It jams.", "email": "mina@example.com"}
    async with httpx.AsyncClient(base_url=both.settings.freshdesk_url(ACME), auth=(ADMIN_KEY + ACME, "X")) as client:
        answer = await client.post("/api/v2/tickets", json={**body, "status": 2, "priority": 1})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def dead(call: Call, url: str, *arguments: str) -> Said:
    return await call("dead", *arguments, REDIS_URL=url)


def found(said: Said) -> Any:
    assert (said.code, said.err) == (0, "")
    return json.loads(said.out)


async def test_dead_tickets_are_listed_with_their_reasons_in_words(
    call: Call, valkey_url: str, redis: Redis, ledger: DueLedger
) -> None:
    await fail(ledger, ACME, 7)
    await give_up(ledger, redis, ACME, 8)
    await fail(ledger, OTHER, 7)

    cut = await dead(call, valkey_url, "list", "--limit", "1")
    acme = found(await dead(call, valkey_url, "list", ACME, "--json"))

    rows = [line for line in cut.out.splitlines() if line.startswith((ACME, OTHER))]
    assert [row.split()[:2] for row in rows] == [[ACME, "7"], [OTHER, "7"]]
    assert "internal" in rows[0]
    assert "internal  a bug of ours" in cut.out
    assert "and 1 more" in cut.out
    assert acme["total"] == 2
    assert [(row["host"], row["ticket_id"], row["code"]) for row in acme["dead"]] == [
        (ACME, 7, "internal"),
        (ACME, 8, "worker-lost"),
    ]
    assert "lost its worker" in acme["dead"][1]["meaning"]
    assert datetime.fromisoformat(acme["dead"][0]["since"]) <= datetime.now(UTC)
    assert acme["dead"][0]["attempts"] >= MAX_ATTEMPTS


@pytest.mark.usefixtures("ledger")
async def test_an_unknown_account_is_refused_with_what_to_do(call: Call, valkey_url: str) -> None:
    said = await dead(call, valkey_url, "list", "nobody.freshdesk.com")

    assert said.code == 1
    assert "canvas tenant add nobody.freshdesk.com" in said.err


async def test_what_the_ledger_knows_of_a_ticket_is_shown(call: Call, valkey_url: str, ledger: DueLedger) -> None:
    await fail(ledger, ACME, 7)

    shown = await dead(call, valkey_url, "show", ACME, "7")
    unknown = await dead(call, valkey_url, "show", ACME, "9")

    assert shown.code == 0
    said = {line[:15].strip(): line[15:].strip() for line in shown.out.splitlines()}
    assert (said["state"], said["code"], said["lane"]) == ("dead", "internal", "live")
    assert said["dead since"].endswith("s ago)")
    assert "revision" not in said, "what there is not is not shown"
    assert unknown.code == 1
    assert "no ticket 9" in unknown.err


async def test_all_dead_tickets_of_one_account_are_dropped_after_a_question(
    call: Call, valkey_url: str, ledger: DueLedger
) -> None:
    for ticket_id in (7, 8):
        await fail(ledger, ACME, ticket_id)
    await fail(ledger, OTHER, 7)

    unasked = await dead(call, valkey_url, "drop", ACME, "--all")
    assert unasked.code == 130, "nobody answers"
    assert f"Drop 2 tickets of {ACME} until the next change?" in unasked.err
    alive = await dead(call, valkey_url, "drop", ACME, "42")
    assert (alive.code, alive.out) == (0, "0 tickets dropped until the next change\n"), "nothing to ask about"
    assert "1 of those that you named is not dead" in alive.err
    assert await ledger.state_of(ACME, 7) == "dead"

    said = await dead(call, valkey_url, "drop", ACME, "--all", "--yes")
    assert (said.code, said.out) == (0, "2 tickets dropped until the next change\n")
    assert [await ledger.state_of(ACME, ticket_id) for ticket_id in (7, 8)] == ["current", "current"]
    assert await ledger.state_of(OTHER, 7) == "dead"
    await ledger.mark(ACME, 7)
    assert await ledger.state_of(ACME, 7) == "due"


@pytest.mark.parametrize("command", ["replay", "drop"])
@pytest.mark.parametrize("tickets", [[], ["7", "--all"], ["0"], ["x"], ["9" * 16]])
def test_which_tickets_must_be_said(command: str, tickets: list[str]) -> None:
    assert CliRunner().invoke(canvas, ["dead", command, ACME, *tickets]).exit_code == 2


async def test_a_redis_that_is_stopped_is_one_line(call: Call, tmp_path: Path) -> None:
    refused(await dead(call, f"unix://{tmp_path}/none.sock", "list"), "REDIS_URL")


async def test_a_replayed_ticket_is_computed_by_a_real_worker_and_a_dropped_one_is_not(
    call: Call, valkey_url: str, redis: Redis, settings: Settings
) -> None:
    ledger = DueLedger(redis)
    async with desks(settings) as both:
        replayed, dropped = [await written(both, number) for number in (1, 2)]
        for host, ticket_id in ((ACME, replayed), (ACME, dropped), (OTHER, replayed)):
            await fail(ledger, host, ticket_id)

        said = await dead(call, valkey_url, "replay", ACME, str(replayed), "424242")
        assert (said.code, said.out) == (0, "1 ticket due again\n")
        assert "1 of those that you named is not dead" in said.err
        assert "No worker is alive" in said.err
        assert (await dead(call, valkey_url, "drop", ACME, str(dropped), "--yes")).code == 0

        async with everything(all_settings(both.settings)):

            async def is_current() -> bool:
                return await ledger.state_of(ACME, replayed) == "current"

            await wait_until(is_current, 90)
        shown = found(await dead(call, valkey_url, "show", ACME, str(replayed), "--json"))

        assert (shown["state"], shown["code"], shown["attempts"]) == ("current", "", 0)
        assert shown["revision"]
        assert set(await ledger.committed(ACME, [replayed, dropped])) == {replayed}
        assert (await dead(call, valkey_url, "list", ACME)).out == "No ticket is given up.\n"
        assert await ledger.state_of(OTHER, replayed) == "dead", "another account's tickets are left alone"


def test_every_error_that_may_end_a_ticket_has_a_meaning() -> None:
    classes = [CanvasError]
    for error in classes:
        classes += error.__subclasses__()
        assert meaning(error.code) != meaning("no-such-code")
    assert all(MEANINGS.values())
