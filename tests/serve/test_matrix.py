"""Every endpoint × every kind of ticket × every kind of credential × how it is asked: nothing of another account shows.

The endpoints are those of the OpenAPI document, so none can be forgotten; a new path parameter fails until the matrix
knows what a foreign one is. Canaries are words that only the other account has.
"""

import json
import re
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.demo.helpdesk.faults import Fault
from serve.app import openapi_document
from serve.caller import Caller
from serve.credentials.tokens import SessionTokens
from serve.openapi.described import operations
from serve.openapi.examples import EXAMPLES
from shared.vault import Vault
from tests.fuzz.limits import unlimited
from tests.parts import credentials, own_redis
from tests.world import ADMIN_KEY, AGENT_KEY, Account, World, all_settings, parse_events, world

pytestmark = pytest.mark.usefixtures("known_in_time")
DOCUMENT = openapi_document()
EACH = {operation["operationId"]: (method, path, operation) for method, path, operation in operations(DOCUMENT)}
FOR_ADMINS = [
    name for name, (_, _, operation) in EACH.items() if "403" in operation["responses"] and name != "create_session"
]
COSTLY = {"query", "query_stream", "generate_reply", "generate_reply_stream", "get_attachment", "start_ingest"}
"""What a worker does: asked with fewer combinations."""
MALFORMED = ("x", "0", "-1", "1e3", "٣", "9" * 30)
ACCEPTS = ("application/json", "text/event-stream")
GOOD = ("agent", "admin", "token", "token, their host")
REFUSED = ("foreign", "their key", "expired", "tampered", "none", "secret")


@dataclass
class House:
    """One account: what only it has, and the ids that others could ask for."""

    account: Account
    words: dict[str, str]
    cached: int = 0
    uncached: int = 0
    run: str = ""
    asked: str = ""
    backfill: str = ""
    token: str = ""

    def shown_in(self, answer: httpx.Response) -> list[str]:
        text = answer.text + str(answer.headers)
        return [name for name, word in self.words.items() if word in text or json.dumps(word)[1:-1] in text]


@dataclass
class Town:
    url: str
    mine: House
    theirs: House
    expired: str


@pytest.fixture(scope="module")
async def town() -> AsyncIterator[Town]:
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings, serve=unlimited()) as made:
            mine, theirs = await house(made.acme, "Kestrel"), await house(made.other, "Plover", more=3)
            yield Town(made.running.url, mine, theirs, expired(made))


async def house(account: Account, word: str, more: int = 0) -> House:
    """Tickets, runs, a question and a backfill; `more` tickets whose numbers the other account does not have."""
    made = House(
        account,
        {
            "subject": f"{word}subject",
            "text": f"{word}text",
            "customer": f"{word.lower()}.customer@example.com",
            "host": account.host,
            "key": AGENT_KEY + account.host,
            "admin's key": ADMIN_KEY + account.host,
        },
    )
    for _ in range(1 + more):
        made.cached = await account.create_ticket(
            f"Export {made.words['subject']}", f"The export stops, {made.words['text']}.", made.words["customer"]
        )
    await account.hit(made.cached)
    account.helpdesk.faults.add(Fault("webhook_drop", count=1))
    made.uncached = await account.create_ticket(f"Late {made.words['subject']}", made.words["text"])
    made.run = (await account.init(made.cached + 1, accept="text/event-stream")).headers["canvas-run"]
    asked = await account.canvas.post("/query/stream", json={"question": "Why does the export stop?"})
    made.asked = asked.headers["canvas-run"]
    assert parse_events(asked.text)[-1][0] == "done"
    admin = credentials(account.host, ADMIN_KEY + account.host)
    begun = await account.canvas.post("/ingest", json={"data_types": ["solutions"]}, headers=admin)
    made.backfill = begun.headers["location"].removeprefix("/ingest/")
    made.token = (await account.canvas.post("/session")).json()["token"]
    # Once more without a Canvas: the run above has made one.
    account.helpdesk.faults.add(Fault("webhook_drop", count=1))
    made.uncached = await account.create_ticket(f"Later {made.words['subject']}", made.words["text"])
    return made


def expired(made: World) -> str:
    """A token that was good until a minute ago."""
    tokens = SessionTokens(Vault.from_settings(made.running.worker.settings))
    return tokens.mint(Caller(made.acme.host, 7, admin=False), time.time() - 16 * 60)[0]


def credentials_of(town: Town) -> dict[str, dict[str, str]]:
    """What somebody of my house can send: the first four are good, for my own account."""
    mine, theirs = town.mine, town.theirs
    bearer = {"Authorization": f"Bearer {mine.token}"}
    return {
        "agent": credentials(mine.account.host),
        "admin": credentials(mine.account.host, ADMIN_KEY + mine.account.host),
        "token": bearer,
        "token, their host": bearer | {"X-Freshdesk-Domain": theirs.account.host},
        "foreign": credentials(theirs.account.host, AGENT_KEY + mine.account.host),
        "their key": {"X-Freshdesk-Domain": theirs.account.host},
        "expired": {"Authorization": f"Bearer {town.expired}"},
        "tampered": {"Authorization": f"Bearer {mine.token[:-6]}AAAAAA"},
        "none": {},
        "secret": {"X-Canvas-Secret": "x" * 43},
    }


def ids(town: Town, parameter: str) -> dict[str, list[str]]:
    """What a path parameter may be, by kind."""
    mine, theirs = town.mine, town.theirs
    known = {
        "ticket_id": {
            "own": [str(mine.cached), str(mine.uncached)],
            "foreign": [str(theirs.cached), str(theirs.uncached)],
            "missing": ["424242"],
            "malformed": list(MALFORMED),
        },
        "run_id": {
            "own": [mine.run[6:], mine.asked[6:]],
            "foreign": [theirs.run[6:], theirs.asked[6:]],
            "missing": ["AAAAAAAAAAAAAAAAAAAAAA"],
            "malformed": ["x.y", "a" * 99, f"{theirs.run[6:]}%20"],
        },
        "backfill_id": {
            "own": [mine.backfill],
            "foreign": [theirs.backfill],
            "missing": ["AAAAAAAAAAAAAAAAAAAAAA"],
            "malformed": ["x.y"],
        },
        "order": {"own": ["pause", "resume"], "foreign": ["cancel"], "missing": ["cancel"], "malformed": ["x"]},
        "attachment_id": {"own": ["1"], "foreign": ["1"], "missing": ["1"], "malformed": ["x"]},
    }
    return known[parameter]


def bodies(town: Town, operation: dict[str, Any]) -> dict[str, list[Any]]:
    """Bodies by the kind of what they name; one kind where they name nothing."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return {"own": [None]}
    name = next(iter(content["examples"]))
    example = EXAMPLES[name]
    if "ticket_id" not in DOCUMENT["components"]["schemas"][name]["properties"]:
        return {"own": [example]}
    tickets = ids(town, "ticket_id")
    kinds = {
        kind: [example | {"ticket_id": int(each)} for each in tickets[kind]] for kind in ("own", "foreign", "missing")
    }
    if "run" in DOCUMENT["components"]["schemas"][name]["properties"]:
        kinds["foreign"] += [example | {"kind": "answer", "run": town.theirs.asked}]
    return kinds | {"malformed": [example | {"ticket_id": each} for each in ("x", 0, -1, None, [1])]}


def cells(town: Town, name: str) -> Iterator[tuple[str, str, Any]]:
    """Requests of an operation: the kind of what is asked for, the path, and the body."""
    _, path, operation = EACH[name]
    parameters = re.findall(r"\{(\w+)\}", path)
    if not parameters:
        yield from ((kind, path, body) for kind, found in bodies(town, operation).items() for body in found)
        return
    for kind in ("own", "foreign", "missing", "malformed"):
        for chosen in zip(
            *(_filled(ids(town, each)[kind], parameters, town, kind) for each in parameters), strict=False
        ):
            yield kind, path.format(**dict(zip(parameters, chosen, strict=True))), None


def _filled(found: list[str], parameters: list[str], town: Town, kind: str) -> list[str]:
    longest = max(len(ids(town, each)[kind]) for each in parameters)
    return (found * longest)[:longest]


async def ask(
    client: httpx.AsyncClient, name: str, path: str, body: Any, given: dict[str, str], accept: str
) -> httpx.Response:
    method = EACH[name][0].upper()
    return await client.request(method, path, json=body, headers={**given, "Accept": accept, "X-Request-ID": "same"})


@pytest.fixture
async def client(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=town.url, timeout=20) as made:
        yield made


def worth(name: str, who: str, kind: str) -> bool:
    """Leaves out what can't differ: ids that are none, admins where they are agents like others, costly work twice.

    Of those who are refused one is enough: the next test shows that all are told the same.
    """
    if who in REFUSED:
        return who == "foreign"
    if who == "admin":
        return name.endswith("_ingest")
    return who == "agent" or (kind != "malformed" and (who == "token, their host") == (name not in COSTLY))


@pytest.mark.parametrize("name", EACH)
async def test_nothing_of_another_account_shows_whatever_is_asked_with_whatever_credential(
    town: Town, client: httpx.AsyncClient, name: str
) -> None:
    leaks, count = [], 0
    for (who, given), (kind, path, body) in product(credentials_of(town).items(), cells(town, name)):
        if not worth(name, who, kind):
            continue
        accepts = ACCEPTS if "text/event-stream" in str(EACH[name][2]["responses"]) and who in GOOD else ACCEPTS[:1]
        for accept in accepts:
            answer = await ask(client, name, path, body, given, accept)
            count += 1
            where = f"{who}: {name} {kind} {path} {body} {accept}"
            assert answer.status_code < 500, (where, answer.text)
            sent = given.get("X-Freshdesk-Domain") == town.theirs.account.host
            shown = [word for word in town.theirs.shown_in(answer) if not (word == "host" and sent)]
            leaks += [f"{where} shows {word}" for word in shown]
    assert count >= 2
    assert leaks == []


@pytest.mark.parametrize("name", [name for name in EACH if name != "get_health"])
async def test_a_credential_that_is_none_is_refused_before_anything_is_looked_at(
    town: Town, client: httpx.AsyncClient, name: str
) -> None:
    """The answer is the same for own, foreign, missing: who may not come in learns nothing."""
    answers = set()
    for who, (kind, path, body) in product(REFUSED, cells(town, name)):
        if kind == "malformed":
            continue  # what can't be an id may be refused for that
        answer = await ask(client, name, path, body, credentials_of(town)[who], ACCEPTS[0])
        answers.add((answer.status_code, answer.content))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 401


@pytest.mark.parametrize("name", FOR_ADMINS)
async def test_what_is_for_admins_opens_to_no_agent_and_to_no_token_that_was_not_asked_for_as_such(
    town: Town, client: httpx.AsyncClient, name: str
) -> None:
    """An admin's key brings forth tokens that open no more than an agent's: browsers of agents hold those."""
    given = credentials_of(town)
    plain = (await client.post("/session", headers=given["admin"])).json()["token"]
    answers = set()
    for who in (given["agent"], given["token"], {"Authorization": f"Bearer {plain}"}):
        for _, path, body in cells(town, name):
            answer = await ask(client, name, path, body, who, ACCEPTS[0])
            answers.add((answer.status_code, answer.json()["type"]))
    assert answers == {(403, "urn:prompt-canvas:forbidden")}


@pytest.mark.parametrize("name", EACH)
async def test_not_yours_and_not_there_are_the_same_bytes(town: Town, client: httpx.AsyncClient, name: str) -> None:
    answers: dict[str, set[tuple[int, bytes]]] = {"foreign": set(), "missing": set()}
    for kind, path, body in cells(town, name):
        if kind in answers:
            for accept in ACCEPTS[:1] if name in COSTLY else ACCEPTS:
                answer = await ask(client, name, path, body, credentials_of(town)["agent"], accept)
                answers[kind].add((answer.status_code, without_ids(answer)))
    assert answers["foreign"] == answers["missing"]


def without_ids(answer: httpx.Response) -> bytes:
    """A body; of a stream its final event, since a run's log has ids and numbers of its own."""
    if not answer.headers.get("content-type", "").startswith("text/event-stream"):
        if EACH_ANSWERS.search(answer.content):
            return b"an answer"  # to a question that names no ticket of anybody: its measured times differ
        return re.sub(rb"/runs/[\w-]+", b"/runs/x", answer.content)
    return repr(parse_events(answer.text)[-1]).encode()


EACH_ANSWERS = re.compile(rb'"intent":')


def test_the_matrix_knows_what_a_foreign_one_is_of_every_path_parameter(town: Town) -> None:
    for _, path, _ in EACH.values():
        for parameter in re.findall(r"\{(\w+)\}", path):
            assert {"own", "foreign", "missing", "malformed"} == set(ids(town, parameter)), parameter


async def test_the_other_account_does_see_its_own(town: Town) -> None:
    """Or the tests above would prove little."""
    theirs = town.theirs
    shown = theirs.shown_in(await theirs.account.init(theirs.cached))
    assert {"subject", "text", "host"} <= set(shown)
    for run in (theirs.run, theirs.asked):
        assert (await theirs.account.canvas.get(run)).status_code == 200
    assert all_settings(theirs.account.world.running.worker.settings).deploy.port == 0
