"""Questions of agents, from the queue to the log: found or not, cited and checked, with a model and without one."""

import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from ingest.answers.intent import wanted
from ingest.answers.search import gather
from ingest.settings import IngestSettings
from ingest.vectors.protocol import EVERY, TicketPoint
from ingest.vectors.sparse import sparse_vector
from ingest.writers.extractive import NAME
from shared import keys
from shared.asked import Question
from shared.canvas_store import CanvasStore
from shared.questions import Questions
from shared.redis import connect
from shared.tenant_settings import TenantSettings
from tests.faults import current, tick, worker_of
from tests.ground import lay_ground
from tests.lookalikes import Fault, OpenAILookalike, Script
from tests.parts import own_redis
from tests.waiting import wait_until
from tests.world import Account, World, world

ARTICLE = (
    "Resetting the router\nHold the reset button of the router for ten seconds. Wait until the lamp is green again."
)
KOREAN = "환불 계좌 등록\n환불 계좌는 마이페이지의 결제 정보에서 등록할 수 있습니다. 등록한 다음 영업일에 입금됩니다."


class Told(dict[str, Any]):
    """The `answer` event's data; `events` are the names of all events, `shown` is what a follower has read."""

    events: list[str]
    shown: str


async def asked(account: Account, text: str, **how: Any) -> Told:
    """Ask as serve will: open the run, wake a worker, and follow the log to its end."""
    worker = worker_of(account)
    run_id = await Questions(worker.redis.state).ask(account.host, Question(text=text, **how))
    await worker.queue.answer(account.host, run_id)
    return await told(account, run_id)


async def told(account: Account, run_id: str) -> Told:
    worker = worker_of(account)

    async def ended() -> bool:
        entries = await worker.run_log.read(account.host, run_id)
        return bool(entries) and entries[-1].final

    await wait_until(ended)
    entries = await worker.run_log.read(account.host, run_id)
    found = Told(next((json.loads(entry.data) for entry in entries if entry.event == "answer"), {}))
    found.events = [entry.event for entry in entries]
    found.shown = ""
    for entry in entries:
        if entry.event == "reset":
            found.shown = ""
        elif entry.event == "answer.delta":
            found.shown += json.loads(entry.data)["text"]
    return found


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[OpenAILookalike]:
    async with OpenAILookalike() as fake:
        yield fake


@pytest.fixture(scope="module")
async def both(provider: OpenAILookalike) -> AsyncIterator[World]:
    """Two accounts over one knowledge: `acme` wants no model, the answers of `other` come from one."""
    ingest = IngestSettings(
        openai_api_key=SecretStr("any"), openai_base_url=provider.base_url, embeddings="local", outage_wait_s=0
    )
    with tempfile.TemporaryDirectory(prefix="canvas-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings, ingest) as made:
            tick(made.acme)
            await lay_ground(made.acme, ARTICLE, KOREAN)
            await lay_ground(made.other, ARTICLE, KOREAN)
            tenants = worker_of(made.acme).tenants
            tenant = await tenants.get(made.acme.host)
            assert tenant is not None
            without = TenantSettings(models={"summary": [NAME], "reply": [NAME], "answer": [NAME]})
            await tenants.put(msgspec.structs.replace(tenant, settings=without))
            yield made


@pytest.fixture(scope="module")
def acme(both: World) -> Account:
    return both.acme


@pytest.fixture
async def modelled(both: World, provider: OpenAILookalike) -> Account:
    """The account whose answers come from a model, which was asked nothing yet and is not out of use."""
    state = worker_of(both.other).redis.state
    async for breaker in state.scan_iter(match=f"{keys.PREFIX}:breaker:*"):
        await state.delete(breaker)
    provider.script = Script()
    provider.requests.clear()
    return both.other


@pytest.fixture(scope="module")
async def solved(acme: Account) -> int:
    """A ticket that was solved, and in whose notes stands more than its customer knows."""
    number = await acme.create_ticket("Printer is offline", "The printer is offline since Monday, error 0x6100004A.")
    answer = "Please install driver 7.2 and restart the print spooler. That ends error 0x6100004A."
    await acme.agent_replies(number, answer)
    note = {"body": "Known defect of batch QX-7719, the warehouse knows."}
    assert (await acme.freshdesk.post(f"/api/v2/tickets/{number}/notes", json=note)).status_code == 201
    await acme.change(number, status=4)
    await current(acme, number)
    return number


async def test_a_how_to_is_answered_out_of_an_article_without_any_model(acme: Account) -> None:
    found = await asked(acme, "How do I reset the router?")
    assert found["found"]
    assert found["intent"] == "how_to"
    assert "Hold the reset button of the router for ten seconds [1]." in found["text"]
    assert [(source["number"], source["kind"], source["article_id"]) for source in found["sources"]] == [
        (1, "article", 7)
    ]
    assert found.shown == found["text"]
    assert found.events[:2] == ["queued", "started"]
    assert found.events[-2:] == ["answer", "done"]
    assert found["provenance"]["models"]["answer"] == "extractive"
    assert not found["degraded"], "no model was wanted"


async def test_a_korean_question_is_answered_in_korean(acme: Account) -> None:
    found = await asked(acme, "환불 계좌는 어디서 등록하나요?")
    assert found["language"] == "ko"
    assert "마이페이지의 결제 정보에서 등록할 수 있습니다 [1]." in found["text"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How do I bake sourdough bread?", "I found no ticket and no article that answers this."),
        ("수영장 운영 시간을 알려줘", "이 질문에 답할 수 있는 티켓이나 문서를 찾지 못했습니다."),
    ],
)
async def test_what_nothing_answers_is_not_found_and_not_invented(
    acme: Account, solved: int, text: str, said: str
) -> None:
    found = await asked(acme, text)
    assert (found["found"], found["text"], found["sources"]) == (False, said, [])
    assert found.shown == said


async def test_tickets_are_found_and_summarized_for_agents(acme: Account, solved: int) -> None:
    number = solved
    found = await asked(acme, "Find tickets about the offline printer", types=["tickets"])
    assert [source["ticket_id"] for source in found["sources"]] == [number]
    assert found["sources"][0]["url"] == f"https://{acme.host}/a/tickets/{number}"
    assert not found["sources"][0]["public"]
    summary = await asked(acme, f"Summarize ticket {number}")
    assert summary["intent"] == "summarize"
    assert [source["ticket_id"] for source in summary["sources"]] == [number]
    assert "offline" in summary["text"]
    missing = await asked(acme, "Summarize ticket 987654", types=["tickets"])
    assert not missing["found"]


async def test_types_and_times_bound_where_is_looked(acme: Account, solved: int) -> None:
    number = solved
    question = "How is the offline printer with error 0x6100004A fixed?"
    assert (await asked(acme, question))["found"]
    assert not (await asked(acme, question, types=["solutions"]))["found"]
    created = acme.helpdesk.state.tickets[number].created_at
    hour = timedelta(hours=1)
    assert not (await asked(acme, question, since=created + hour))["found"]
    assert not (await asked(acme, question, until=created - hour))["found"]
    assert (await asked(acme, question, since=created - hour, until=created + hour))["found"]


async def test_another_tenants_tickets_answer_nothing(modelled: Account, solved: int) -> None:
    found = await asked(modelled, "How is the offline printer with error 0x6100004A fixed?")
    assert not found["found"]


async def test_images_and_attachments_are_found_by_name_type_and_the_words_beside_them(acme: Account) -> None:
    number = await acme.create_ticket("Login fails", "The login page shows an error, see the screenshot and the log.")
    ticket = acme.helpdesk.state.tickets[number]
    made = {"created_at": "2026-01-05T09:30:00Z", "attachment_url": "https://files.example.com/signed"}
    ticket.attachments += [
        {"id": 901, "name": "login-error.png", "content_type": "image/png", "size": 1200, **made},
        {"id": 902, "name": "gateway.log", "content_type": "text/plain", "size": 4000, **made},
    ]
    await acme.change(number, priority=2)
    await current(acme, number)
    images = await asked(acme, "screenshot of the login error", types=["images"])
    assert [(source["kind"], source["attachment_id"], source["ticket_id"]) for source in images["sources"]] == [
        ("image", 901, number)
    ]
    assert "login-error.png" in images["text"]
    logs = await asked(acme, "log files of the login error", types=["attachments"])
    assert [source["attachment_id"] for source in logs["sources"]] == [902]
    assert "files.example.com" not in json.dumps([images, logs]), "addresses are signed, and end"
    assert not (await asked(acme, "photo of a broken parcel", types=["images"]))["found"]


async def test_a_worker_that_was_killed_is_followed_by_another(acme: Account) -> None:
    worker = worker_of(acme)
    questions = Questions(worker.redis.state)
    run_id = await questions.ask(acme.host, Question(text="How do I reset the router?"))
    killed = await questions.take(acme.host, run_id)
    assert killed is not None
    await worker.redis.state.delete(keys.answer_lease(acme.host, run_id))  # its lease ends
    await worker.redis.state.zadd(keys.ANSWERS, {f"{acme.host} {run_id}": 0})
    found = await told(acme, run_id)
    assert found["found"]
    assert "reset" in found.events, "the words of the one before are void"


async def test_a_failing_search_ends_as_an_error_after_a_few_attempts(small_world: World) -> None:
    acme = small_world.acme
    worker = worker_of(acme)
    await worker.vectors.close()
    run_id = await Questions(worker.redis.state).ask(acme.host, Question(text="How do I reset the router?"))
    await worker.queue.answer(acme.host, run_id)
    found = await told(acme, run_id)
    assert found.events[-1] == "error"
    assert found.events.count("reset") == 2


async def test_a_model_answers_and_what_its_sources_do_not_say_is_left_out(
    modelled: Account, provider: OpenAILookalike
) -> None:
    text = (
        "Hold the reset button of the router for ten seconds [1].\n"
        "Then buy a new router for 50 dollars [1].\n"
        "Wait until its lamp is green again [7].\n"
        "See https://evil.example.com/?q=secret"
    )
    provider.script = Script(default=json.dumps({"text": text}))
    found = await asked(modelled, "How do I reset the router?")
    assert found["text"] == (
        "Hold the reset button of the router for ten seconds [1].\nWait until its lamp is green again [1]."
    )
    assert found.shown == found["text"]
    assert found["dropped"] >= 1
    assert found["provenance"]["models"]["answer"].startswith("openai/")
    assert found["provenance"]["prompts"] == {"answer": "v1"}
    assert found["provenance"]["tokens"]["output"] > 0


async def test_a_model_is_not_asked_where_nothing_was_found(modelled: Account, provider: OpenAILookalike) -> None:
    found = await asked(modelled, "How do I bake sourdough bread?")
    assert not found["found"]
    assert provider.requests == []


async def test_a_model_may_say_that_the_sources_do_not_answer(modelled: Account, provider: OpenAILookalike) -> None:
    provider.script = Script(default='{"text": ""}')
    found = await asked(modelled, "How do I reset the router to another colour?")
    assert (found["found"], found["degraded"]) == (False, False)


async def test_where_nothing_of_a_models_answer_holds_the_sources_speak(
    modelled: Account, provider: OpenAILookalike
) -> None:
    provider.script = Script(default=json.dumps({"text": "Buy a new one for 50 dollars [1]."}))
    found = await asked(modelled, "How do I reset the router?")
    assert "Hold the reset button" in found["text"]
    assert found["degraded"]
    assert found["provenance"]["models"]["answer"] == "extractive"


async def test_without_its_model_an_answer_is_degraded_and_there(modelled: Account, provider: OpenAILookalike) -> None:
    provider.script.share(Fault.overloaded(), 1.0)
    found = await asked(modelled, "How do I reset the router?")
    assert "Hold the reset button" in found["text"]
    assert found["degraded"]


async def test_an_answer_that_breaks_off_is_taken_back(modelled: Account, provider: OpenAILookalike) -> None:
    text = "Hold the reset button of the router for ten seconds [1].\nWait until the lamp is green again [1]."
    provider.script = Script(default=json.dumps({"text": text}))
    provider.script.share(Fault.cut(after=25), 1.0)
    found = await asked(modelled, "How do I reset the router?")
    assert found.shown == found["text"]
    assert "Hold the reset button" in found["text"]


async def test_a_cache_that_is_away_costs_a_source_its_summary_and_no_answer(acme: Account) -> None:
    await current(
        acme, await acme.create_ticket("The plotter wants cyan toner", "The lamp blinks, and it prints green.")
    )
    nowhere = connect("redis://127.0.0.1:1")
    without = replace(worker_of(acme), canvases=CanvasStore(nowhere))
    found = await gather(without, acme.host, wanted(Question(text="Which plotter wants cyan toner?")))
    await nowhere.aclose()
    assert found[0].source.title == "The plotter wants cyan toner"


async def test_a_ticket_in_another_language_is_found_behind_a_crowd_in_the_own_one(acme: Account) -> None:
    host, question = "crowd.freshdesk.com", Question(text="How do I register the refund account?")
    context = worker_of(acme)
    [dense] = await context.embedder.embed([question.text])

    def point(number: int, language: str, subject: str, cosine: float) -> TicketPoint:
        across = [0.0] * len(dense)
        across[0], across[1] = dense[1], -dense[0]
        length = (across[0] ** 2 + across[1] ** 2) ** 0.5
        aside = [(1 - cosine**2) ** 0.5 * each / length for each in across]
        return TicketPoint(
            ticket_id=number,
            revision_ms=1,
            subject=subject,
            status="Closed",
            resolved=True,
            language=language,
            created_ms=1,
            resolution=subject,
            reply=subject,
            url="",
            dense=[cosine * one + other for one, other in zip(dense, aside, strict=True)],
            sparse=sparse_vector(subject),
        )

    crowd = [point(number, "en", f"The parcel of lane {number} is late", 0.99) for number in range(1, 2 * EVERY)]
    await context.vectors.put_tickets(host, [*crowd, point(9000, "ko", "환불 계좌 등록 방법 문의", 0.95)])
    found = await gather(context, host, wanted(question))
    await context.vectors.drop_tenant(host)
    assert [evidence.source.ticket_id for evidence in found] == [9000]
