"""The webhook receiver under attack: who may mark a ticket as due, with what, and what Freshdesk is told."""

import asyncio
import base64
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.webhooks import MAX_BODY_BYTES
from shared.problems import STORE_WITHIN_S
from shared.vault import new_secret
from tests.conftest import leaked_keys
from tests.parts import OwnRedis, Receiving, own_redis, receiving, register
from tests.serve.hosts import hostile_hosts
from tests.waiting import wait_until
from tests.world import ACME, OTHER

OLD, NEW, THEIRS = new_secret(), new_secret(), new_secret()
_numbers = count(1)


@pytest.fixture(scope="module")
async def module_redis() -> AsyncIterator[OwnRedis]:
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis:
            yield redis


@pytest.fixture(scope="module")
async def receiver(module_redis: OwnRedis) -> AsyncIterator[Receiving]:
    """The receiver alone: acme has two valid secrets, other has one."""
    await register(module_redis.settings, ACME, NEW, OLD)
    await register(module_redis.settings, OTHER, THEIRS)
    async with receiving(module_redis.settings) as made:
        yield made
        leaked = [key async for key in leaked_keys(made.context.redis.state)]
    assert not leaked


@pytest.fixture(autouse=True)
def thawed(module_redis: OwnRedis) -> Iterator[None]:
    yield
    module_redis.thaw()


@pytest.fixture
def number() -> int:
    return next(_numbers)


async def send(
    receiver: Receiving, body: bytes | str, secret: str | bytes | None = NEW, host: str = ACME, **headers: str
) -> httpx.Response:
    given: list[tuple[str, Any]] = list(headers.items())
    if secret is not None:
        given.append(("X-Canvas-Secret", secret))
    return await receiver.client.post(f"/webhooks/freshdesk/{host}", content=body, headers=given)


def naming(number: int) -> str:
    return f'{{"ticket_id":"{number}","event":"{{ticket_action:created}}"}}'


async def marks(receiver: Receiving, number: int, host: str = ACME) -> int:
    return await receiver.context.ledger.generation(host, number)


async def outcomes(receiver: Receiving) -> dict[str, float]:
    lines = (await receiver.client.get("/metrics")).text.splitlines()
    found = [line for line in lines if line.startswith("canvas_webhooks_total{")]
    return {line.split('"')[1]: float(line.rsplit(" ", 1)[1]) for line in found}


async def counted(receiver: Receiving, before: dict[str, float]) -> dict[str, float]:
    after = await outcomes(receiver)
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


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
        NEW + ", " + OLD, THEIRS, "k" * 20_000, "비밀".encode(), NEW.encode() + b"\xff", b"\xff" * 43, "null", "None",
        receiver.context.vault.keyed_hash(NEW, ACME),
    ]  # fmt: skip
    answers = [await send(receiver, body, secret.strip(" ") if isinstance(secret, str) else secret) for secret in wrong]
    answers += [await send(receiver, body, NEW, host=OTHER)]
    answers += [
        await send(receiver, body, NEW, host=host) for host in ("nobody.freshdesk.com", "127.0.0.1", "acme", "x" * 300)
    ]
    answers += [
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
    assert set(await receiver.context.redis.state.keys()) == before


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
    ids=lambda value: str(value)[:12],
)  # fmt: skip
async def test_an_authorization_that_is_none_is_refused(receiver: Receiving, number: int, value: str | bytes) -> None:
    headers = [("Authorization", value)]
    answer = await receiver.client.post(f"/webhooks/freshdesk/{ACME}", content=naming(number), headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert await marks(receiver, number) == 0


async def test_both_secrets_open_the_door_during_a_rotation_and_a_third_does_not(
    receiver: Receiving, number: int
) -> None:
    assert [(await send(receiver, naming(number), secret)).status_code for secret in (NEW, OLD)] == [202, 202]
    newest = new_secret()
    await register(receiver.context.settings, ACME, newest, NEW)
    try:
        answers = [await send(receiver, naming(number), secret) for secret in (newest, NEW, OLD)]
        assert [answer.status_code for answer in answers] == [202, 202, 401]
    finally:
        await register(receiver.context.settings, ACME, NEW, OLD)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ('{{"freshdesk_webhook":{{"ticket_id":{0},"ticket_subject":"Hi"}}}}', "application/json"),
        ('{{"ticket_id":"{0}","event":"x"}}', "application/json"),
        ('{{"ticket_id":"{0}"}}', "text/plain"),
        ('{{"ticket_id":"{0}"}}', ""),
        ('{{"ticket_id":"{0}"}}', "application/x-foo; charset=utf-7"),
        ("freshdesk_webhook%5Bticket_id%5D={0}&freshdesk_webhook%5Bx%5D=1", "application/x-www-form-urlencoded"),
        ("ticket_id={0}", "application/x-www-form-urlencoded"),
        ("<freshdesk_webhook><ticket_id>{0}</ticket_id></freshdesk_webhook>", "application/xml"),
        ('{{"group_id":,"ticket_id":"{0}"}}', "application/json"),
        ('{{"ticket_subject":"a "quoted" word\n","ticket_id":{0}}}', "application/json"),
        ('{{"ticket_id":"{0}"}} trailing rubbish', "application/json"),
        ('{{"ticket_id":"{0}","ticket_id":"x"', "application/json"),
    ],
)  # fmt: skip
async def test_however_a_rule_writes_its_body_the_ticket_is_marked(
    receiver: Receiving, number: int, body: str, content_type: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = await send(receiver, body.format(number), **headers)
    assert (answer.status_code, answer.json()["ticket_id"]) == (202, number)
    assert await marks(receiver, number) == 1


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
    "bytes": bytes(range(256)) * 100, "utf-16": '{"ticket_id":7}'.encode("utf-16"), "a bomb": b"ticket_id" * 20_000,
    "an entity": b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><ticket_id>&a;</ticket_id>',
    "slow for a pattern": b"ticket_id" + b"=" * 200_000 + b"x", "gzip": bytes.fromhex("1f8b0800000000000003"),
    "an id of a list of tickets": b'{"tickets":[{"id":7}]}',
}  # fmt: skip


@pytest.mark.parametrize("body", UNUSABLE.values(), ids=UNUSABLE.keys())
async def test_what_can_never_be_used_is_accepted_once_and_counted(receiver: Receiving, body: bytes) -> None:
    """Anything but 2xx would be sent again for a day."""
    before, due = await outcomes(receiver), await receiver.context.ledger.count_due(ACME)
    began = time.perf_counter()
    answer = await send(receiver, body)
    assert time.perf_counter() - began < 1
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


async def test_a_sender_is_told_to_come_back_while_redis_is_gone_and_is_heard_afterwards(
    receiver: Receiving, module_redis: OwnRedis, number: int
) -> None:
    before = await outcomes(receiver)
    await module_redis.stop()
    async with asyncio.timeout(5):
        answers = [await send(receiver, naming(number)), await send(receiver, naming(number), "wrong")]
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) >= 1
    assert await counted(receiver, before) == {"unavailable": 2}
    await module_redis.start()

    async def heard() -> bool:
        return (await send(receiver, naming(number))).status_code == 202

    await wait_until(heard)
    assert await marks(receiver, number) == 1
    assert (await send(receiver, naming(number), "wrong")).status_code == 401


async def test_a_frozen_redis_holds_no_sender(receiver: Receiving, module_redis: OwnRedis, number: int) -> None:
    assert (await send(receiver, naming(number))).status_code == 202
    module_redis.freeze()
    async with asyncio.timeout(2 * STORE_WITHIN_S):
        answers = await asyncio.gather(*(send(receiver, naming(number)) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {503}
    module_redis.thaw()
    assert (await send(receiver, naming(number))).status_code == 202
    assert await receiver.context.ledger.is_due(ACME, number)
