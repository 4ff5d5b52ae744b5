"""The webhook receiver under attack: who may mark a ticket as due, with what, and what Freshdesk is told."""

import base64
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

import ingest.webhook_auth
from ingest.last_webhook import last_webhook
from ingest.webhook_auth import REMEMBERED_FOR
from ingest.webhooks import MAX_BODY_BYTES
from shared import keys, lifetimes
from shared.vault import new_secret
from tests.clock import Clock
from tests.ingest.sending import NEW, OLD, THEIRS, counted, marks, naming, outcomes, send
from tests.parts import Receiving, register
from tests.quickest import quickest
from tests.serve.hosts import hostile_hosts
from tests.world import ACME, OTHER

pytestmark = pytest.mark.usefixtures("nobody_else")
BODIES = {path.name: path.read_text("utf-8") for path in sorted(Path(__file__).with_name("webhook_bodies").glob("*.*"))}
del BODIES["README.md"]
LONG = 40_000
"""Characters of a header below what the server cuts (`deploy.http_server`)."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock by which a secret that was right is remembered."""
    made = Clock()
    monkeypatch.setattr(ingest.webhook_auth, "time", made)
    return made


async def test_a_webhook_marks_its_ticket_and_says_so(receiver: Receiving, number: int) -> None:
    before = await outcomes(receiver)
    for generation in (1, 2):
        answer = await send(receiver, naming(number))
        assert answer.status_code == 202
        assert answer.json() == {"accepted": True, "ticket_id": number, "generation": generation}
    assert await receiver.context.ledger.is_due(ACME, number)
    assert await counted(receiver, before) == {"accepted": 2}


async def test_whatever_is_wrong_with_the_secret_the_answer_is_the_same(receiver: Receiving, number: int) -> None:
    before = await outcomes(receiver)
    body = naming(number)
    wrong: list[str | bytes | None] = [
        None, "", " ", "wrong", NEW[:-1], NEW + "x", NEW.upper(), NEW.swapcase(), " ".join(NEW), NEW + "=", NEW[1:],
        NEW + ", " + OLD, THEIRS, "k" * 20_000, "k" * LONG, NEW + " " * LONG + "x", "비밀".encode(),
        NEW.encode() + b"\xff", b"\xff" * 43, "null", "None", receiver.context.vault.keyed_hash(NEW, ACME),
    ]  # fmt: skip
    answers = [await send(receiver, body, secret.strip(" ") if isinstance(secret, str) else secret) for secret in wrong]
    answers += [await send(receiver, body, NEW, host=OTHER)]
    answers += [
        await send(receiver, body, NEW, host=host) for host in ("nobody.freshdesk.com", "127.0.0.1", "acme", "x" * 300)
    ]
    long = "Basic " + base64.b64encode(b":" + b"k" * LONG).decode()
    answers += [
        await send(receiver, body, None, Authorization=long),
        await send(receiver, body, NEW, host=f"{ACME}.evil.example"),
        await send(receiver, body, NEW, host="%00"),
    ]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].json()["type"] == "urn:prompt-canvas:unauthorized"
    assert await marks(receiver, number) == await marks(receiver, number, OTHER) == 0
    assert await counted(receiver, before) == {"unauthorized": len(answers)}


async def test_no_hostile_host_leaves_a_trace(receiver: Receiving, number: int) -> None:
    before = set(await receiver.context.redis.state.keys())
    for host in set(hostile_hosts(9)) - {f"{ACME}/"}:
        path = "".join(f"%{byte:02X}" for byte in host.encode())
        answer = await send(receiver, naming(number), NEW, host=path)
        assert answer.status_code in {401, 404}, host
    assert set(await receiver.context.redis.state.keys()) <= before


async def test_a_secret_is_taken_from_a_header_and_from_nowhere_else(receiver: Receiving, number: int) -> None:
    body = f'{{"ticket_id":{number},"secret":"{NEW}","X-Canvas-Secret":"{NEW}"}}'
    for path in (f"{ACME}?secret={NEW}", f"{ACME}?X-Canvas-Secret={NEW}", f"{NEW}@{ACME}"):
        assert (await send(receiver, body, None, host=path)).status_code == 401
    assert (await send(receiver, body, None, Cookie=f"X-Canvas-Secret={NEW}")).status_code == 401
    assert await marks(receiver, number) == 0


@pytest.mark.parametrize("user", ["", "canvas", "관리자"])
async def test_the_password_of_basic_auth_is_a_secret_too(receiver: Receiving, number: int, user: str) -> None:
    for scheme in ("Basic", "basic", "BASIC"):
        token = base64.b64encode(f"{user}:{NEW}".encode()).decode()
        answer = await send(receiver, naming(number), None, Authorization=f"{scheme} {token}")
        assert answer.status_code == 202


@pytest.mark.parametrize(
    "value",
    ["", "Basic", "Basic %%%", "Basic YQ", f"Basic {NEW}", f"Bearer {NEW}", NEW, "Basic " + "A" * 9000,
     b"Basic \xfc\xfc", "Basic " + base64.b64encode(b"\xff:\xfe").decode(),
     "Basic " + base64.b64encode(NEW.encode()).decode(),
     "Basic " + base64.b64encode(f"{NEW}:".encode()).decode(),
     "Basic " + base64.b64encode(f":{NEW}:".encode()).decode(),
     "Digest username=x", "Basic\t" + base64.b64encode(f":{NEW}".encode()).decode()],
    ids=lambda value: f"{len(value)} characters",  # not the secret: it is another one in each process
)  # fmt: skip
async def test_an_authorization_that_is_none_is_refused(receiver: Receiving, number: int, value: str | bytes) -> None:
    headers = [("Authorization", value)]
    answer = await receiver.client.post(f"/webhooks/freshdesk/{ACME}", content=naming(number), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert await marks(receiver, number) == 0


async def test_both_secrets_open_the_door_during_a_rotation_and_a_third_does_not(
    receiver: Receiving, number: int, clock: Clock
) -> None:
    assert [(await send(receiver, naming(number), secret)).status_code for secret in (NEW, OLD)] == [202, 202]
    newest = new_secret()
    await register(receiver.context.settings, ACME, newest, NEW)
    try:
        # The new one works at once, the dropped one no longer than what is right is remembered.
        answers = [await send(receiver, naming(number), secret) for secret in (newest, NEW)]
        assert [answer.status_code for answer in answers] == [202, 202]
        clock.passes(REMEMBERED_FOR.total_seconds())
        assert (await send(receiver, naming(number), OLD)).status_code == 401
    finally:
        await register(receiver.context.settings, ACME, NEW, OLD)


async def test_a_tenant_that_was_removed_is_refused_within_a_second(
    receiver: Receiving, number: int, clock: Clock
) -> None:
    assert REMEMBERED_FOR.total_seconds() <= 1
    secret, host = new_secret(), "leaving.freshdesk.com"
    assert (await send(receiver, naming(number), secret, host)).status_code == 401
    await register(receiver.context.settings, host, secret)
    assert (await send(receiver, naming(number), secret, host)).status_code == 202
    await receiver.context.redis.state.delete(keys.tenant(host))
    await receiver.context.redis.state.srem(keys.TENANTS, host)  # type: ignore[misc]
    clock.passes(REMEMBERED_FOR.total_seconds())
    assert (await send(receiver, naming(number), secret, host)).status_code == 401


async def test_a_refusal_takes_the_same_time_whatever_is_wrong(receiver: Receiving) -> None:
    kinds = {
        "a wrong secret": ("k" * 43, ACME), "a near miss": (NEW[:-1] + "#", ACME), "another's": (THEIRS, ACME),
        "a wrong secret of one without rotation": ("k" * 43, OTHER), "an unknown tenant": (NEW, "no.freshdesk.com"),
    }  # fmt: skip

    async def refused(secret: str, host: str) -> None:
        assert (await send(receiver, naming(1), secret, host)).status_code == 401

    took = await quickest({kind: partial(refused, *wrong) for kind, wrong in kinds.items()}, apart=1.4)
    assert max(took.values()) < 1.4 * min(took.values()), took


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
async def test_whatever_the_content_type_says_the_ticket_is_marked(receiver: Receiving, number: int, body: str) -> None:
    body = body.replace("4711", str(number))
    for generation, content_type in enumerate(("application/json", "application/xml", "x; charset=utf-7", ""), 1):
        answer = await send(receiver, body, **{"Content-Type": content_type} if content_type else {})
        assert (answer.status_code, answer.json()["ticket_id"]) == (202, number)
        assert await marks(receiver, number) == generation


UNUSABLE = {
    "empty": b"", "null": b"null", "a list": b"[1]", "a number": b"12", "no id": b'{"hello":"world"}',
    "zero": b'{"ticket_id":0}',
    "negative": b'{"ticket_id":-7}', "a fraction": b'{"ticket_id":1.5}', "true": b'{"ticket_id":true}',
    "huge": b'{"ticket_id":' + b"9" * 400 + b"}", "very huge": b'{"ticket_id":' + b"9" * 20_000 + b"}",
    "an exponent": b'{"ticket_id":1e3}', "infinity": b'{"ticket_id":1e999}',
    "an object": b'{"ticket_id":{"ticket_id":[]}}',
    "a list as id": b'{"ticket_id":[7]}', "other digits": '{"ticket_id":"١٢"}'.encode(),
    "a nul": b'{"ticket_id":"1\\u0000"}',
    "a surrogate": b'{"ticket_id":"\\ud800"}', "deep": b"[" * 100_000,
    "deep objects": b'{"freshdesk_webhook":' * 10_000,
    "bytes": bytes(range(256)) * 100, "a bomb": b"ticket_id" * 20_000,
    "an entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><ticket_id>&a;</ticket_id>',
    "slow for a pattern": b"ticket_id" + b"=" * 200_000 + b"x", "gzip": bytes.fromhex("1f8b0800000000000003"),
    "an id of a list of tickets": b'{"tickets":[{"id":7}]}',
}  # fmt: skip


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_what_can_never_be_used_is_accepted_once_and_counted(receiver: Receiving, body: bytes) -> None:
    """Anything but 2xx would be sent again for a day."""
    before, due = await outcomes(receiver), await receiver.context.ledger.count_due(ACME)
    began = time.process_time()  # of this process alone: a machine that is busy with others is no slow pattern
    answer = await send(receiver, body)
    assert time.process_time() - began < 5  # minutes, if a pattern looked back
    assert (answer.status_code, answer.json()) == (202, {"accepted": False, "reason": "no-ticket-id"})
    assert await counted(receiver, before) == {"unusable": 1}
    assert await receiver.context.ledger.count_due(ACME) == due


async def test_a_body_that_is_too_large_is_refused_and_marks_nothing(receiver: Receiving, number: int) -> None:
    body = naming(number)

    async def chunks(size: int) -> AsyncIterator[bytes]:
        yield body.encode()
        for _ in range(size // 1000 + 1):
            yield b" " * 1000

    too_large = [await send(receiver, body + " " * MAX_BODY_BYTES)]
    too_large += [await receiver.client.post(
        f"/webhooks/freshdesk/{ACME}", content=chunks(MAX_BODY_BYTES), headers={"X-Canvas-Secret": NEW}
    )]  # fmt: skip
    for answer in too_large:
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 413
    assert await marks(receiver, number) == 0
    assert (await send(receiver, body + " " * (MAX_BODY_BYTES - len(body)))).status_code == 202
    # Who has no secret learns nothing about limits.
    assert (await send(receiver, body + " " * MAX_BODY_BYTES, "wrong")).status_code == 401


async def test_a_ticket_number_of_another_account_marks_only_the_senders_own(receiver: Receiving, number: int) -> None:
    body = f'{{"ticket_id":{number},"company_id":"{OTHER}","freshdesk_domain":"{OTHER}","tenant":"{OTHER}"}}'
    assert (await send(receiver, body)).status_code == 202
    assert (await marks(receiver, number), await marks(receiver, number, OTHER)) == (1, 0)


async def test_the_host_in_the_path_is_read_in_any_case(receiver: Receiving, number: int) -> None:
    assert (await send(receiver, naming(number), host=ACME.upper())).status_code == 202
    assert await marks(receiver, number) == 1


async def test_other_methods_and_paths_are_problem_documents(receiver: Receiving) -> None:
    for method, path, status in [
        ("GET", f"/webhooks/freshdesk/{ACME}", 405), ("PUT", f"/webhooks/freshdesk/{ACME}", 405),
        ("POST", "/webhooks/freshdesk", 404), ("POST", "/webhooks/freshdesk/", 404), ("POST", "/webhooks", 404),
        ("POST", f"/webhooks/freshdesk/{ACME}/x", 404), ("POST", f"/webhooks/zendesk/{ACME}", 404),
    ]:  # fmt: skip
        answer = await receiver.client.request(method, path, headers={"X-Canvas-Secret": NEW})
        assert answer.status_code == answer.json()["status"] == status, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_when_the_last_webhook_came_is_known_to_ten_seconds(receiver: Receiving, number: int) -> None:
    secret, host = new_secret(), "busy.freshdesk.com"
    await register(receiver.context.settings, host, secret)
    state = receiver.context.redis.state
    assert (await send(receiver, b"{}", secret, host)).json()["accepted"] is False
    assert await last_webhook(state, host) is None
    began = time.time()
    for _ in range(5):
        assert (await send(receiver, naming(number), secret, host)).status_code == 202
    noted = await last_webhook(state, host)
    assert noted is not None
    assert began - 0.001 <= noted.timestamp() <= time.time()
    assert 0 < await state.ttl(keys.last_webhook(host)) <= lifetimes.LAST_WEBHOOK_LIFETIME.total_seconds()
    # Not written again for each of them.
    await state.delete(keys.last_webhook(host))
    assert (await send(receiver, naming(number), secret, host)).status_code == 202
    assert await last_webhook(state, host) is None


async def test_how_long_webhooks_take_is_measured(receiver: Receiving, number: int) -> None:
    async def measured() -> float:
        lines = (await receiver.client.get("/metrics")).text.splitlines()
        return float(next(line for line in lines if line.startswith("canvas_webhook_seconds_count")).split()[1])

    before = await measured()
    await send(receiver, naming(number))
    await send(receiver, naming(number), "wrong")
    assert await measured() == before + 2


async def test_every_answer_names_its_request_whatever_it_says(receiver: Receiving, number: int) -> None:
    body = naming(number)
    for secret, size, status in ((NEW, 0, 202), ("wrong", 0, 401), (NEW, MAX_BODY_BYTES, 413)):
        answer = await send(receiver, body + " " * size, secret, **{"X-Request-ID": "mine-1"})
        assert (answer.status_code, answer.headers.get_list("x-request-id")) == (status, ["mine-1"])
