"""Who is asking: whatever is wrong with a credential, the answer is the same, and costs Freshdesk next to nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import httpx
import pytest
from redis.exceptions import RedisError

from deploy.demo.helpdesk import Helpdesk
from deploy.demo.helpdesk.faults import Fault
from shared.errors import Forbidden, StoreUnavailable, Unauthorized
from tests.parts import Desks, OwnRedis, Serving, credentials, register, serving, store
from tests.serve.agents import ALL, GROUP, OWN, colleague, revoke
from tests.serve.hosts import hostile_hosts
from tests.world import ACME, ADMIN_KEY, AGENT_KEY, OTHER

Headers = dict[str, str] | list[tuple[bytes, bytes]]

_keys = count(1)


@pytest.fixture(autouse=True)
def no_faults(accounts: Desks) -> None:
    accounts.acme.faults.clear()


def new_key(desk: Helpdesk, host: str) -> str:
    """A key that is right, and that nobody has used yet."""
    key = f"fresh{next(_keys)}{host}"
    desk._agents_by_api_key[key] = desk._agents_by_api_key[AGENT_KEY + host]
    return key


def key_checks(desk: Helpdesk) -> int:
    return sum(entry.path == "/api/v2/agents/me" for entry in desk.log.requests)


async def open_as(served: Serving, headers: Headers, ticket: int = 1) -> httpx.Response:
    return await served.nobody.get(f"/init/{ticket}", headers=headers)


async def test_everything_that_is_wrong_is_answered_alike(served: Serving) -> None:
    right, key = credentials(ACME), AGENT_KEY + ACME
    wrong = [
        {},
        {"X-Freshdesk-Domain": ACME},
        {"X-Freshdesk-API-Key": key},
        {**right, "X-Freshdesk-API-Key": ""},
        {**right, "X-Freshdesk-Domain": ""},
        credentials(ACME, "wrong"),
        credentials(ACME, key[:-1]),
        credentials(ACME, key + "x"),
        credentials(ACME, key.upper()),
        credentials(ACME, key + ":X"),
        credentials(ACME, AGENT_KEY + OTHER),
        credentials(OTHER, key),
        credentials("nobody.freshdesk.com", key),
        credentials("169.254.169.254", key),
        credentials(ACME, "k" * 201),
        credentials(ACME, "k" * 30_000),
        {"Authorization": f"Bearer {key}"},
        {"Authorization": "Basic YTpi", "Cookie": f"key={key}"},
    ]
    answers = [await open_as(served, headers) for headers in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(sorted(set(answer.headers) - {"date"})) for answer in answers}) == 1
    document = answers[0].json()
    assert (document["type"], document["status"]) == ("urn:prompt-canvas:unauthorized", 401)
    assert answers[0].headers["content-type"] == "application/problem+json"
    assert answers[0].headers["cache-control"] == "no-store"
    assert "www-authenticate" in answers[0].headers, "RFC 9110 wants a challenge with every 401"


async def test_credentials_in_the_url_are_none(served: Serving) -> None:
    answer = await served.nobody.get(
        "/init/1", params={"X-Freshdesk-Domain": ACME, "X-Freshdesk-API-Key": AGENT_KEY + ACME}
    )
    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/init/1", "/runs/AAAAAAAAAAAAAAAAAAAAAA", "/runs/x"])
async def test_nobody_learns_anything_anywhere(served: Serving, path: str) -> None:
    assert (await served.nobody.get(path)).status_code == 401


async def test_the_host_is_read_as_freshdesk_writes_it_in_any_case(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    for host in (ACME.upper(), "Acme.Freshdesk.com"):
        assert (await open_as(served, credentials(host, AGENT_KEY + ACME), number)).status_code == 200


async def test_bytes_that_are_no_text_are_a_wrong_credential(served: Serving) -> None:
    domain, key = ACME.encode(), (AGENT_KEY + ACME).encode()
    for pair in [
        (domain, key + b"\xff"),
        (domain, "키".encode()),
        (b"\xff\xfe", key),
        (domain + b"\xc2\xa0", key + b"\xc2\xa0"),
        (domain, b"\x7f" + key),
    ]:
        headers = [(b"X-Freshdesk-Domain", pair[0]), (b"X-Freshdesk-API-Key", pair[1])]
        # A control character is refused by the HTTP parser already, before anything of ours sees it.
        refused = 400 if b"\x7f" in pair[1] else 401
        assert (await open_as(served, headers)).status_code == refused, pair


async def test_a_second_domain_beside_the_first_opens_no_second_door(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    await store(served.context, OTHER, number, "A canary of the other account.")
    mine = (b"X-Freshdesk-API-Key", (AGENT_KEY + ACME).encode())
    domains = [(b"X-Freshdesk-Domain", ACME.encode()), (b"X-Freshdesk-Domain", OTHER.encode())]
    for headers in (
        [*domains, mine],
        [*reversed(domains), mine],
        [(b"X-Freshdesk-Domain", f"{ACME}, {OTHER}".encode()), mine],
    ):
        answer = await served.nobody.get(f"/init/{number}", headers=headers)
        assert "canary" not in answer.text
        assert answer.status_code in {401, 200}


async def test_a_wrong_key_costs_one_call_however_often_it_comes(served: Serving, accounts: Desks) -> None:
    before = key_checks(accounts.acme)
    at_once = await asyncio.gather(*(open_as(served, credentials(ACME, "wrong-20")) for _ in range(10)))
    one_by_one = [await open_as(served, credentials(ACME, "wrong-20")) for _ in range(10)]
    assert {answer.status_code for answer in [*at_once, *one_by_one]} == {401}
    assert key_checks(accounts.acme) - before == 1


async def test_a_right_key_costs_one_call_for_all_who_come_at_once(
    served: Serving, accounts: Desks, number: int
) -> None:
    await store(served.context, ACME, number)
    before, key = key_checks(accounts.acme), new_key(accounts.acme, ACME)
    answers = await asyncio.gather(*(open_as(served, credentials(ACME, key), number) for _ in range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert key_checks(accounts.acme) - before == 1


async def test_wrong_keys_are_kept_apart_from_right_ones(served: Serving, accounts: Desks, number: int) -> None:
    await store(served.context, ACME, number)
    key = new_key(accounts.acme, ACME)
    keys = [f"{key}{turn}" for turn in range(5)] + [key] * 5
    answers = await asyncio.gather(*(open_as(served, credentials(ACME, each), number) for each in keys))
    assert [answer.status_code for answer in answers] == [401] * 5 + [200] * 5
    again = await asyncio.gather(*(open_as(served, credentials(ACME, each), number) for each in keys))
    assert [answer.status_code for answer in again] == [401] * 5 + [200] * 5


async def test_what_is_remembered_holds_neither_the_key_nor_a_plain_hash_of_it(
    served: Serving, accounts: Desks
) -> None:
    key = new_key(accounts.acme, ACME)
    state = served.context.redis.state
    await store(served.context, ACME, 1)
    assert (await open_as(served, credentials(ACME, key))).status_code == 200
    remembered = [name async for name in state.scan_iter("pc:{*}:credential:*")]
    assert remembered
    for name in remembered:
        assert key.encode() not in name + await state.get(name)
        assert 0 < await state.ttl(name) <= 300


async def test_of_a_host_that_is_no_tenant_nothing_is_remembered(served: Serving) -> None:
    before = set(await served.context.redis.state.keys())
    for turn in range(20):
        assert (await open_as(served, credentials(f"stranger{turn}.freshdesk.com"))).status_code == 401
    assert set(await served.context.redis.state.keys()) <= before, "what others left may end meanwhile"


async def test_a_tenant_can_be_used_as_soon_as_it_is_registered(accounts: Desks, number: int) -> None:
    late = "late.freshdesk.com"
    settings = accounts.settings.model_copy(deep=True)
    settings.freshdesk_urls[late] = settings.freshdesk_urls[ACME]
    async with serving(settings) as mine:
        await store(mine.context, late, number)
        assert (await open_as(mine, credentials(late, AGENT_KEY + ACME), number)).status_code == 401
        await register(settings, late)
        assert (await open_as(mine, credentials(late, AGENT_KEY + ACME), number)).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [Fault("error", status=500), Fault("error", status=503), Fault("html"), Fault("cut"), Fault("rate_limit")],
    ids=lambda fault: f"{fault.kind}{fault.status if fault.kind == 'error' else ''}",
)
async def test_while_freshdesk_fails_only_known_keys_open_doors(
    served: Serving, accounts: Desks, number: int, fault: Fault
) -> None:
    await store(served.context, ACME, number)
    seen, unseen = new_key(accounts.acme, ACME), new_key(accounts.acme, ACME)
    assert (await open_as(served, credentials(ACME, seen), number)).status_code == 200
    accounts.acme.faults.add(Fault("delay", seconds=0.25))
    accounts.acme.faults.add(fault)
    before = key_checks(accounts.acme)
    answers = await asyncio.gather(*(open_as(served, credentials(ACME, unseen), number) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["content-type"] for answer in answers} == {"application/problem+json"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
    # One call for all who wait at that moment; a straggler may come after its failure and make another.
    assert 1 <= key_checks(accounts.acme) - before <= 3, "ten agents at once don't make ten failing calls"
    assert (await open_as(served, credentials(ACME, seen), number)).status_code == 200
    accounts.acme.faults.clear()
    # The failure was not taken for a refusal.
    assert (await open_as(served, credentials(ACME, unseen), number)).status_code == 200


async def test_a_used_up_rate_limit_is_passed_on_in_freshdesks_own_words(served: Serving, accounts: Desks) -> None:
    accounts.acme.faults.add(Fault("rate_limit", retry_after=17))
    answer = await open_as(served, credentials(ACME, new_key(accounts.acme, ACME)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "17")
    assert answer.json()["type"] == "urn:prompt-canvas:freshdesk-limited"


async def test_nobody_waits_in_line_for_a_freshdesk_that_hangs(served: Serving, accounts: Desks, number: int) -> None:
    await store(served.context, ACME, number)
    key = new_key(accounts.acme, ACME)
    accounts.acme.faults.add(Fault("delay", seconds=0.2, path="/api/v2/agents/me"))
    async with asyncio.timeout(12):  # one after the other they would wait for 20 s
        answers = await asyncio.gather(*(open_as(served, credentials(ACME, key), number) for _ in range(100)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_seen_key_is_known_to_every_serve_process(served: Serving, accounts: Desks, number: int) -> None:
    await store(served.context, ACME, number)
    key = new_key(accounts.acme, ACME)
    await open_as(served, credentials(ACME, key), number)
    before = key_checks(accounts.acme)
    async with serving(accounts.settings) as second:
        assert (await open_as(second, credentials(ACME, key), number)).status_code == 200
    assert key_checks(accounts.acme) == before


async def test_a_redirect_by_freshdesk_takes_the_key_nowhere(accounts: Desks) -> None:
    async with noticing_socket(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n") as (
        port,
        heard,
    ):
        settings = accounts.settings.model_copy(update={"freshdesk_urls": {ACME: f"http://127.0.0.1:{port}"}})
        async with serving(settings) as mine:
            answer = await open_as(mine, credentials(ACME, "unseen-redirected"))
        assert answer.status_code == 503
        assert len(heard) == 1


async def test_an_answer_that_is_no_agent_is_freshdesks_failure(accounts: Desks) -> None:
    bodies = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"id":null}',
        b'{"id":"x"}',
        b"{",
        b"\xff",
        b"[" * 5000,
        b'{"id":' + b"9" * 5000,
    ]
    answers = [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body) for body in bodies
    ]
    async with noticing_socket(*answers) as (port, heard):
        settings = accounts.settings.model_copy(update={"freshdesk_urls": {ACME: f"http://127.0.0.1:{port}"}})
        async with serving(settings) as mine:
            for body in bodies:
                answer = await open_as(mine, credentials(ACME, f"unseen{next(_keys)}"))
                assert answer.status_code == 503, body[:20]
    assert len(heard) == len(bodies)


async def test_no_hostile_host_is_ever_called(served: Serving, accounts: Desks) -> None:
    async with noticing_socket() as (port, heard):
        hosts = hostile_hosts(port)
        assert len(hosts) >= 130
        calls = len(accounts.acme.log.requests) + len(accounts.other.log.requests)
        before = set(await served.context.redis.state.keys())
        for host in hosts:
            raw = [(b"X-Freshdesk-Domain", host.encode()), (b"X-Freshdesk-API-Key", ADMIN_KEY.encode())]
            answer = await open_as(served, raw)
            assert answer.status_code == 401, host
        assert heard == []
        assert len(accounts.acme.log.requests) + len(accounts.other.log.requests) == calls
        assert set(await served.context.redis.state.keys()) <= before


@asynccontextmanager
async def noticing_socket(*answers: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server that keeps what it hears, says one answer a connection and hangs up."""
    heard: list[bytes] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(65536))
        writer.write(answers[len(heard) - 1])
        await writer.drain()
        writer.close()

    sock = socket.create_server(("127.0.0.1", 0))
    server = await asyncio.start_server(hear, sock=sock)
    async with server:
        yield sock.getsockname()[1], heard


async def test_an_answer_to_nobody_names_the_headers_that_are_wanted(served: Serving) -> None:
    detail = (await open_as(served, {})).json()["detail"]
    for wanted in ("X-Freshdesk-Domain", "X-Freshdesk-API-Key", "Authorization: Bearer", "POST /session"):
        assert wanted in detail


async def test_what_freshdesk_says_of_an_agents_rights_is_remembered(served: Serving, accounts: Desks) -> None:
    async with serving(accounts.settings) as second:
        for scope, said in ((ALL, "all"), (GROUP, "group"), (OWN, "own"), (9, "own")):
            who = colleague(accounts.acme, ACME, scope, (4, 5))
            headers = [(name.lower().encode(), value.encode()) for name, value in who.headers.items()]
            caller = await served.context.credentials.caller(headers)
            assert (caller.agent_id, str(caller.scope), set(caller.groups)) == (who.agent_id, said, {4, 5})
            assert who.key not in repr(caller)
            assert await second.context.credentials.caller(headers) == caller
            known = served.context.credentials.known(headers)
            assert known is not None
            assert (known.agent_id, str(known.scope), known.key) == (who.agent_id, said, None)


async def test_only_admins_pass_where_admins_are_wanted(served: Serving, accounts: Desks) -> None:
    checker = served.context.credentials
    await checker.require_admin(await checker.caller(credentials(ACME, ADMIN_KEY + ACME)))
    agent = await checker.caller(credentials(ACME))
    with pytest.raises(Forbidden):
        await checker.require_admin(agent)
    calls = len(accounts.acme.log.requests)
    with pytest.raises(Forbidden):
        await checker.require_admin(await checker.caller(credentials(ACME)))
    assert len(accounts.acme.log.requests) == calls, "Freshdesk is asked once"


async def test_a_revoked_key_is_forgotten_as_soon_as_freshdesk_refuses_it(served: Serving, accounts: Desks) -> None:
    checker, who = served.context.credentials, colleague(accounts.acme, ACME)
    caller = await checker.caller(who.headers)
    revoke(accounts.acme, who)
    assert (await checker.caller(who.headers)).agent_id == who.agent_id, "remembered for a few minutes"
    with pytest.raises(Unauthorized):
        await checker.require_admin(caller)
    with pytest.raises(Unauthorized):
        await checker.caller(who.headers)


async def test_without_redis_a_key_that_was_just_right_is_still_right(accounts: Desks, module_redis: OwnRedis) -> None:
    who, stranger = colleague(accounts.acme, ACME), colleague(accounts.acme, ACME)
    async with serving(accounts.settings) as mine:
        checker = mine.context.credentials
        headers = [(name.lower().encode(), value.encode()) for name, value in who.headers.items()]
        assert checker.known(headers) is None
        await checker.caller(headers)
        (name,) = checker._local
        checker._local[name] = checker._local[name]._replace(fresh_until=0)
        assert checker.known(headers) is None
        await module_redis.stop()
        try:
            assert (await checker.caller(headers)).agent_id == who.agent_id
            assert checker.known(headers) is not None
            with pytest.raises((StoreUnavailable, RedisError)):
                await checker.caller(stranger.headers)
        finally:
            await module_redis.start()
        assert (await checker.caller(stranger.headers)).agent_id == stranger.agent_id
