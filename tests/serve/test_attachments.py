"""`/attachments`: a fresh address for who may see the ticket, to Freshdesk's own files and nowhere else."""

from datetime import UTC, datetime
from typing import Any

import pytest

from serve.routes.attachments import check_address
from shared.errors import AttachmentUnsafe
from tests.faults import worker_of
from tests.serve.agents import GROUP, OWN
from tests.serve.answering import Answering

SIGNED = "https://s3.amazonaws.com/cdn.freshdesk.com/data/helpdesk/attachments/production/901/original/log.txt"
QUERY = "?X-Amz-Date=20260105T093000Z&X-Amz-Expires=300&X-Amz-Signature=abc"


def file(number: int, url: str = SIGNED + QUERY) -> dict[str, Any]:
    made = "2026-01-05T09:30:00Z"
    return {
        "id": number,
        "name": "로그.txt",
        "content_type": "text/plain",
        "size": 12,
        "attachment_url": url,
        "created_at": made,
        "updated_at": made,
    }


async def with_files(answering: Answering, *files: dict[str, Any], **fields: Any) -> int:
    return await answering.ticket(answering.acme, "Login fails", "See the log.", attachments=list(files), **fields)


async def test_a_file_is_a_redirect_that_leaves_no_trace(answering: Answering) -> None:
    number = await with_files(answering, file(901))
    agent = await answering.agent(answering.acme)
    answer = await agent.get(f"/attachments/{number}/901")
    assert (answer.status_code, answer.headers["location"]) == (302, SIGNED + QUERY)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    link = (await agent.get(f"/attachments/{number}/901", headers={"Accept": "application/json"})).json()
    assert link == {
        "url": SIGNED + QUERY,
        "name": "로그.txt",
        "content_type": "text/plain",
        "size": 12,
        "expires_at": "2026-01-05T09:35:00Z",
    }


async def test_files_of_conversations_are_found_and_addresses_are_not_kept(answering: Answering) -> None:
    number = await with_files(answering)
    url = f"{answering.acme.freshdesk.base_url}/files/902?signature=SECRET902"
    await answering.acme.agent_replies(number, "See the picture.")
    answering.acme.helpdesk.state.tickets[number].conversations[0].attachments.append(file(902, url))
    agent = await answering.agent(answering.acme)
    answer = await agent.get(f"/attachments/{number}/902", headers={"Accept": "application/json"})
    assert answer.json()["url"] == url, "the look-alike that the operator has named is allowed"
    assert datetime.fromisoformat(answer.json()["expires_at"]) > datetime.now(UTC)
    state = worker_of(answering.acme).redis.state
    async for key in state.scan_iter(match="pc:*run:ask-*"):
        if any(b"SECRET902" in fields[b"data"] for _, fields in await state.xrange(key)):
            assert 0 < await state.ttl(key) <= 60


async def test_what_is_not_yours_is_not_there(answering: Answering) -> None:
    number = await with_files(answering, file(903), group_id=5)
    own, group = await answering.agent(answering.acme, OWN), await answering.agent(answering.acme, GROUP, (5,))
    stranger = await answering.agent(answering.other)
    hidden, unknown = await own.get(f"/attachments/{number}/903"), await own.get("/attachments/999999/903")
    foreign = await stranger.get(f"/attachments/{number + 50_000}/903")
    assert hidden.status_code == unknown.status_code == foreign.status_code == 404
    assert hidden.content == unknown.content == foreign.content
    assert (await group.get(f"/attachments/{number}/903")).status_code == 302
    other_ticket = await with_files(answering)
    for place in (f"{other_ticket}/903", f"{other_ticket}/x", f"{other_ticket}/{'9' * 30}"):
        missing = await group.get(f"/attachments/{place}")
        assert missing.status_code == 404, "the ticket must be one that it may see, and the file of this ticket"
    assert (await own.get("/attachments/0x1/903")).json()["type"] == "urn:prompt-canvas:malformed-ticket-id"


async def test_nobody_is_sent_to_an_address_that_is_not_freshdesks(answering: Answering) -> None:
    number = await with_files(answering, file(904, "https://evil.example.net/x"), file(905, "javascript:alert(1)"))
    agent = await answering.agent(answering.acme)
    for attachment in (904, 905):
        answer = await agent.get(f"/attachments/{number}/{attachment}")
        assert (answer.status_code, answer.json()["type"]) == (502, "urn:prompt-canvas:attachment-unsafe")
        assert "location" not in answer.headers


async def test_a_ticket_in_the_trash_has_no_files(answering: Answering) -> None:
    number = await with_files(answering, file(906), deleted=True)
    agent = await answering.agent(answering.acme)
    assert (await agent.get(f"/attachments/{number}/906")).status_code == 410


@pytest.mark.parametrize(
    "url",
    [
        SIGNED,
        "https://s3-eu-central-1.amazonaws.com/euc-cdn.freshdesk.com/data/x",
        "https://euc-cdn.freshdesk.com.s3.eu-central-1.amazonaws.com/data/x",
        "https://attachment.freshdesk.com/inline/attachment?token=a",
    ],
)
def test_files_of_freshdesk_are_trusted(url: str) -> None:
    check_address(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://attachment.freshdesk.com/x",
        "https://attachment.freshdesk.com:8443/x",
        "https://attachment.freshdesk.com@evil.example/x",
        "https://attachment.freshdesk.com.evil.example/x",
        "https://evil.example\\@attachment.freshdesk.com/x",
        "https://s3.amazonaws.com/evil/cdn.freshdesk.com/x",
        "https://s3.amazonaws.com//cdn.freshdesk.com/x",
        "https://evil.s3.amazonaws.com/cdn.freshdesk.com/x",
        "https://cdn.freshdesk.com.evil.s3.amazonaws.com/x",
        "https://s3.amazonaws.com/cdn.freshdesk.com/../evil/x",
        "https://s3.amazonaws.com/cdn.freshdesk.com/a/%2E./.%2e/evil/x",
        "https://attachment.freshdesk.com/\r\nSet-Cookie: a=b",
        "https://[::1",
        "//evil.example/x",
        "",
    ],
)
def test_what_only_looks_like_freshdesk_is_not(url: str) -> None:
    with pytest.raises(AttachmentUnsafe):
        check_address(url)
