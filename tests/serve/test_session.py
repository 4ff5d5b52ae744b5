"""Session tokens: what the browser holds, how long it is good, and what is not one."""

import base64
import hashlib
import hmac
import json
import os
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

import serve.credentials.registered
import serve.credentials.tokens
from serve.caller import Caller
from serve.credentials.tokens import LONGEST, SessionTokens
from shared.tenants import TenantRegistry
from shared.vault import Vault
from tests.clock import Clock
from tests.parts import Desks, Serving, credentials, register, serving, store
from tests.serve.agents import GROUP, OWN, colleague, revoke
from tests.waiting import wait_until
from tests.world import ACME, ADMIN_KEY, OTHER

AGENT = Caller(ACME, 7, "group", frozenset({3, 4}), admin=False, registration=1)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def mint(served: Serving, headers: dict[str, str], query: str = "") -> dict[str, object]:
    answer = await served.nobody.post("/session" + query, headers=headers)
    assert answer.status_code == 200, answer.text
    said: dict[str, object] = answer.json()
    return said


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(head: dict[str, str], payload: str, key: bytes = b"") -> str:
    signed = f"{b64(json.dumps(head, separators=(',', ':')).encode())}.{payload}"
    return f"{signed}.{b64(hmac.digest(key, signed.encode(), hashlib.sha256)) if key else ''}"


async def test_a_token_opens_what_its_key_opens(served: Serving, number: int) -> None:
    etag = await store(served.context, ACME, number)
    began = time.time()
    answer = await served.nobody.post("/session", headers=credentials(ACME))
    said = answer.json()
    assert set(said) == {"token", "expires_at", "expires_in", "host", "agent_id", "admin"}
    assert (said["host"], said["admin"]) == (ACME, False)
    assert 890 <= said["expires_in"] <= 900
    assert began - 1 <= said["expires_at"] - said["expires_in"] <= time.time() + 1
    assert answer.headers["cache-control"] == "no-store"
    opened = await served.nobody.get(f"/init/{number}", headers=bearer(said["token"]))
    assert (opened.status_code, opened.headers["etag"][:25]) == (200, etag[:25])
    assert (await served.nobody.get(f"/init/{number}", headers={"Authorization": f"bearer {said['token']}"})).is_success


async def test_a_token_has_an_admins_rights_only_where_it_was_asked_for_with_them(served: Serving) -> None:
    key = credentials(ACME, ADMIN_KEY + ACME)
    for query, opens in {"": False, "?admin=false": False, "?admin=true": True}.items():
        said = await mint(served, key, query)
        assert said["admin"] is opens
        for answer in (
            await served.nobody.get("/settings", headers=bearer(str(said["token"]))),
            await served.nobody.put("/settings", headers=bearer(str(said["token"])), json={}),
            await served.nobody.get("/ingest/latest", headers=bearer(str(said["token"]))),
            await served.nobody.post("/ingest/latest/cancel", headers=bearer(str(said["token"]))),
        ):
            assert (answer.status_code == 403) is not opens, (query, answer.text)
    assert (await served.nobody.get("/settings", headers=key)).status_code == 200


async def test_who_is_no_admin_gets_no_admins_token(served: Serving) -> None:
    answer = await served.nobody.post("/session?admin=true", headers=credentials(ACME))
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:prompt-canvas:forbidden")
    assert "token" not in answer.text
    assert (await mint(served, credentials(ACME)))["admin"] is False


async def test_a_body_a_header_or_a_second_word_brings_no_admins_token(served: Serving) -> None:
    """Of a request template the caller chooses these; the address is the template's."""
    key = credentials(ACME, ADMIN_KEY + ACME)
    for request in ({"json": {"admin": True}}, {"data": {"admin": "true"}}, {"headers": key | {"Admin": "true"}}):
        answer = await served.nobody.post("/session?admin=false", **({"headers": key} | request))
        assert (answer.status_code, answer.json()["admin"]) == (200, False)
    for query in ("?admin=false&admin=true", "?admin=true&admin=false", "?admin=maybe", "?admin="):
        answer = await served.nobody.post("/session" + query, headers=key)
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:prompt-canvas:bad-input"), query


async def test_a_token_is_of_one_tenant(served: Serving, number: int) -> None:
    await store(served.context, OTHER, number, "A canary of the other account.")
    await store(served.context, ACME, number)
    token = str((await mint(served, credentials(ACME)))["token"])
    answer = await served.nobody.get(f"/init/{number}", headers={**bearer(token), "X-Freshdesk-Domain": OTHER})
    assert answer.status_code == 200
    assert "canary" not in answer.text


async def test_a_token_is_known_to_every_serve_process(served: Serving, accounts: Desks, number: int) -> None:
    await store(served.context, ACME, number)
    token = str((await mint(served, credentials(ACME)))["token"])
    calls = len(accounts.acme.log.requests)
    async with serving(accounts.settings) as second:
        assert (await second.nobody.get(f"/init/{number}", headers=bearer(token))).status_code == 200
    assert len(accounts.acme.log.requests) == calls


async def test_a_token_holds_nothing_secret(served: Serving, accounts: Desks) -> None:
    who = colleague(accounts.acme, ACME, GROUP, (31, 32))
    token = str((await mint(served, who.headers))["token"])
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert set(claims) == {"iss", "aud", "reg", "sub", "scope", "groups", "admin", "iat", "exp"}
    assert (claims["aud"], claims["sub"]) == (ACME, str(who.agent_id))
    assert (claims["scope"], claims["groups"]) == ("group", [31, 1])
    assert who.key not in json.dumps(claims)


async def test_a_token_brings_forth_no_other_token(served: Serving) -> None:
    token = str((await mint(served, credentials(ACME)))["token"])
    for headers in (bearer(token), {**bearer(token), **credentials(ACME)}, {}, credentials(ACME, "wrong-for-session")):
        assert (await served.nobody.post("/session", headers=headers)).status_code == 401


async def test_no_other_token_is_one(served: Serving, number: int) -> None:
    await store(served.context, ACME, number)
    nothing = await served.nobody.get(f"/init/{number}")
    good = str((await mint(served, credentials(ACME)))["token"])
    head, payload, signature = good.split(".")
    said = json.loads(base64.urlsafe_b64decode(head + "=="))
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    other = b64(json.dumps({**claims, "aud": OTHER, "admin": True}).encode())
    stranger, _ = SessionTokens(Vault([os.urandom(32)])).mint(AGENT)
    expired, _ = served.context.tokens.mint(AGENT, time.time() - 900)
    tokens = [
        expired,
        stranger,
        f"{stranger.split('.')[0]}.{payload}.{signature}",
        f"{head}.{other}.{signature}",
        f"{head}.{payload}.",
        f"{head}.{payload}.{signature[:-1]}{'A' if signature[-1] != 'A' else 'B'}",
        f"{head}.{payload}.{signature}=",
        f"{head}.{payload}",
        good + ".",
        "." + good,
        forged({"alg": "none", "typ": "JWT"}, payload),
        forged({**said, "alg": "none"}, payload),
        forged({**said, "alg": "HS256"}, payload, b"secret"),
        forged({**said, "alg": "RS256"}, payload, said["kid"].encode()),
        "..",
        "x" * 20_000,
        "키".encode().decode("latin-1"),
    ]
    for token in tokens:
        raw = [(b"Authorization", b"Bearer " + token.encode("latin-1"))]
        answer = await served.nobody.get(f"/init/{number}", headers=raw)
        assert (answer.status_code, answer.content) == (401, nothing.content), token
    twice = [(b"Authorization", b"Bearer " + good.encode()), (b"Authorization", b"Bearer " + expired.encode())]
    assert (await served.nobody.get(f"/init/{number}", headers=twice)).status_code == 401
    assert (await served.nobody.get(f"/init/{number}", headers=bearer(good))).status_code == 200


def test_an_agent_of_many_groups_has_a_token_that_proxies_take() -> None:
    tokens = SessionTokens(Vault([os.urandom(32)]))
    caller = Caller(ACME, 7, "group", frozenset(range(82_000_000_000, 82_000_500_000, 1000)), True, 1)
    token, _ = tokens.mint(caller)
    assert tokens.verify(token.encode()) == caller
    assert len(token) < 8000


def test_a_signature_has_one_spelling() -> None:
    tokens = SessionTokens(Vault([os.urandom(32)]))
    token, _ = tokens.mint(AGENT)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert [end for end in alphabet if tokens.verify((token[:-1] + end).encode())] == [token[-1]]


def test_every_flipped_byte_is_noticed() -> None:
    tokens = SessionTokens(Vault([os.urandom(32)]))
    token = tokens.mint(AGENT)[0].encode()
    assert tokens.verify(token) == AGENT
    for place in range(len(token)):
        assert tokens.verify(token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]) is None


def test_a_key_that_was_rotated_verifies_until_it_is_taken_away() -> None:
    old, new = os.urandom(32), os.urandom(32)
    before, _ = SessionTokens(Vault([old])).mint(AGENT)
    rotated = SessionTokens(Vault([new, old]))
    assert rotated.verify(before.encode()) == AGENT
    after, _ = rotated.mint(AGENT)
    assert SessionTokens(Vault([new])).verify(after.encode()) == AGENT
    assert SessionTokens(Vault([new])).verify(before.encode()) is None
    assert SessionTokens(Vault([old])).verify(after.encode()) is None


def test_a_token_is_good_up_to_its_last_second_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_800_000_000.9]
    monkeypatch.setattr(serve.credentials.tokens, "time", SimpleNamespace(time=lambda: now[0]))
    tokens = SessionTokens(Vault([os.urandom(32)]))
    assert tokens.verify(tokens.mint(AGENT, now[0] - 900)[0].encode()) is None
    last = tokens.mint(AGENT, now[0] - 899)[0].encode()
    assert tokens.verify(last) == AGENT
    assert tokens.remembered(last) == AGENT
    now[0] += 0.1
    assert tokens.remembered(last) is None
    assert tokens.verify(last) is None


def test_a_token_of_a_machine_whose_clock_is_ahead_is_good_at_once() -> None:
    tokens = SessionTokens(Vault([os.urandom(32)]))
    assert tokens.verify(tokens.mint(AGENT, time.time() + 30)[0].encode()) == AGENT


def test_nobody_mints_for_longer_than_a_quarter_of_an_hour() -> None:
    tokens = SessionTokens(Vault([os.urandom(32)]), timedelta(days=1))
    _, expires = tokens.mint(AGENT)
    assert expires - time.time() <= LONGEST.total_seconds()


def test_what_is_remembered_is_bounded() -> None:
    tokens = SessionTokens(Vault([os.urandom(32)]))
    first = tokens.mint(AGENT)[0].encode()
    assert tokens.verify(first) == AGENT
    for number in range(10_000):
        tokens._verified[b"%d" % number] = tokens._verified[first]
    assert tokens.verify(tokens.mint(Caller(ACME, 8))[0].encode()) is not None
    assert len(tokens._verified) <= 10_000


async def test_tokens_of_a_removed_tenant_stop_working_within_seconds(
    accounts: Desks, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(serve.credentials.registered, "time", clock)
    gone = "gone.freshdesk.com"
    settings = accounts.settings.model_copy(deep=True)
    settings.freshdesk_urls[gone] = settings.freshdesk_urls[ACME]
    await register(settings, gone)
    async with serving(settings) as mine:
        await store(mine.context, gone, number)
        headers = bearer(str((await mint(mine, credentials(gone, colleague(accounts.acme, ACME).key)))["token"]))
        assert (await mine.nobody.get(f"/init/{number}", headers=headers)).status_code == 200
        await mine.context.redis.state.delete(f"pc:tenant:{{{gone}}}")
        clock.passes(5)
        assert (await mine.nobody.get(f"/init/{number}", headers=headers)).status_code == 401
        async with serving(settings) as second:
            assert (await second.nobody.get(f"/init/{number}", headers=headers)).status_code == 401


async def test_a_key_that_freshdesk_refuses_gets_no_token_and_is_forgotten_at_once(
    served: Serving, accounts: Desks, number: int
) -> None:
    await store(served.context, ACME, number)
    who = colleague(accounts.acme, ACME)
    assert (await served.nobody.get(f"/init/{number}", headers=who.headers)).status_code == 200
    revoke(accounts.acme, who)
    assert (await served.nobody.post("/session?admin=true", headers=who.headers)).status_code == 401
    assert (await served.nobody.post("/session", headers=who.headers)).status_code == 401
    assert (await served.nobody.get(f"/init/{number}", headers=who.headers)).status_code == 401


@pytest.mark.parametrize("scope", [GROUP, OWN])
async def test_a_token_sees_no_more_than_its_key(served: Serving, accounts: Desks, number: int, scope: int) -> None:
    who = colleague(accounts.acme, ACME, scope)
    token = str((await mint(served, who.headers))["token"])
    for headers in (who.headers, bearer(token)):
        caller = await served.context.credentials.caller(
            [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        )
        assert (caller.restricted, caller.agent_id) == (True, who.agent_id)


async def test_a_token_ends_with_the_registration_of_its_tenant(accounts: Desks, number: int) -> None:
    async with serving(accounts.settings) as made, serving(accounts.settings) as second:
        await store(made.context, OTHER, number)
        before = bearer(str((await mint(made, credentials(OTHER)))["token"]))
        assert (await second.nobody.get(f"/init/{number}", headers=before)).status_code == 200
        registry = TenantRegistry(made.context.redis.state, Vault.from_settings(accounts.settings))
        assert await registry.remove(OTHER)
        await register(accounts.settings, OTHER)

        async def refused() -> bool:
            answers = [await one.nobody.get(f"/init/{number}", headers=before) for one in (made, second)]
            return [answer.status_code for answer in answers] == [401, 401]

        await wait_until(refused)
        after = bearer(str((await mint(made, credentials(OTHER)))["token"]))
        assert (await second.nobody.get(f"/init/{number}", headers=after)).status_code == 200
