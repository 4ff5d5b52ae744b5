"""Replies rest on named sources, keep the tenant's rules, and belong to the message that they answer."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from ingest import drafts
from ingest.thread import Attachment, Thread
from ingest.writers.protocol import Voice
from ingest.writers.replies import recommend
from ingest.writers.vetting import vetted, with_name, without_phrases
from shared.models import Canvas, Provenance, Reply
from tests.faults import current, tick, worker_of
from tests.ground import lay_ground
from tests.ingest.test_update_cost import customer_writes
from tests.ingest.writers.threads import article, message, neighbour, thread
from tests.waiting import wait_until
from tests.world import Account, World

ANSWER = "Please clear the print queue and restart the spooler, then print a test page."
ANSWER_KO = "인쇄 대기열을 비우고 다시 인쇄해 주세요."
WORDS = "The printer is offline since Monday. I restarted it twice and it says error 0x6100004A every time."


def fresh(text: str, language: str = "en", *said: Any) -> Thread:
    """A ticket of one message, and what was said after it."""
    of = thread(language)
    return msgspec.structs.replace(of, subject="?", messages=[message("customer", text), *said])


def draft(text: str = ANSWER, *sources: str, kind: Any = "answer") -> Reply:
    return Reply(text=text, tone="formal", sources=list(sources), kind=kind)


def kinds(replies: list[Reply]) -> list[str]:
    return [reply.kind for reply in replies]


def test_what_a_source_wants_to_know_and_the_customer_has_not_said_is_asked() -> None:
    sent = "Which version of the app do you use? Please send us a screenshot and the order number, too."
    [_, asking] = recommend(fresh("My order 771 crashes the app"), [neighbour(12, sent)], [], "en")
    assert (asking.kind, asking.sources) == ("ask", ["ticket:12"])
    assert "version" in asking.text
    assert "screenshot" in asking.text
    assert "order number" in asking.text
    assert "when it first happened" not in asking.text, "no source wants to know"


def test_what_the_customer_has_said_or_sent_is_not_asked_again() -> None:
    sent = "앱 버전과 화면 캡처를 보내 주시면 바로 확인하겠습니다. 그때까지 앱을 다시 설치해 보세요."
    korean = msgspec.structs.replace(neighbour(12, sent), language="ko")
    told = fresh("앱 3.2.1 버전에서 로그인이 안 됩니다.", "ko")
    [_, asking] = recommend(told, [korean], [], "ko")
    assert "화면 사진" in asking.text
    assert "버전과 기기" not in asking.text
    shot = Attachment(attachment_id=1, name="a.png", media_type="image/png", size=9)
    shown = msgspec.structs.replace(told, messages=[msgspec.structs.replace(told.messages[0], attachments=[shot])])
    assert kinds(recommend(shown, [korean], [], "ko")) == ["answer"]


def test_a_ticket_is_escalated_where_an_answer_of_ours_did_not_help_and_only_there() -> None:
    agent = message("agent", "Please install driver 4.2.", 10)
    still = fresh(
        "Printer offline", "en", agent, message("customer", "I did, it is still offline and won't print.", 20)
    )
    assert kinds(recommend(still, [neighbour(12, ANSWER)], [], "en")) == ["answer", "escalate"]
    assert recommend(still, [neighbour(12, ANSWER)], [], "en")[1].sources == ["ticket:71"]
    thanks = fresh("Printer offline", "en", agent, message("customer", "It works now, thank you!", 20))
    assert kinds(recommend(thanks, [neighbour(12, ANSWER)], [], "en")) == ["answer"]
    assert kinds(recommend(fresh("It is broken and offline"), [neighbour(12, ANSWER)], [], "en")) == ["answer"]


def test_the_wanted_tone_comes_first_among_answers() -> None:
    formal = "The account was locked by the security policy. An administrator has to unlock it in the console. " * 3
    friendly = "I'm glad you wrote! Let's fix it: you'll find the switch in Settings. It's the second one! " * 3
    found = recommend(fresh("locked"), [neighbour(1, formal), neighbour(2, friendly)], [], "en", "friendly")
    assert [reply.sources for reply in found] == [["ticket:2"], ["ticket:1"]]


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (draft(ANSWER, "ticket:12"), ["ticket:12"]),
        (draft(ANSWER, "ticket:12", "ticket:99", "ticket:12"), ["ticket:12"]),
        (draft(ANSWER), None),
        (draft(ANSWER, "ticket:99"), None),
        (draft(ANSWER, "ticket"), None),
        (draft("Which version do you use, please?", "ticket", kind="ask"), ["ticket:71"]),
        (draft("I am passing this on to a specialist.", "ticket:71", kind="escalate"), ["ticket:71"]),
        (draft("I am passing this on to a specialist.", kind="escalate"), None),
    ],
)
def test_a_reply_without_ground_is_dropped(reply: Reply, kept: list[str] | None) -> None:
    of = thread()
    found = vetted([reply], of, {"ticket:12", "article:7"}, "en", Voice())
    assert [known.sources for known in found.replies] == ([kept] if kept else [])
    assert found.why_none == ("" if kept else "no_ground")
    assert all(known.answers == of.messages[-1].mark for known in found.replies)


def test_nothing_is_recommended_when_an_agent_had_the_last_word() -> None:
    answered = thread("en", message("agent", "We are on it.", 30))
    assert vetted([draft(ANSWER, "ticket:12")], answered, {"ticket:12"}, "en", Voice()) == ([], "answered")
    noted = thread("en", message("note", "Ask the warehouse.", 30))
    assert len(vetted([draft(ANSWER, "ticket:12")], noted, {"ticket:12"}, "en", Voice()).replies) == 1


@pytest.mark.parametrize(
    ("text", "phrases", "mended"),
    [
        (f"{ANSWER} We guarantee a full refund.", ["full refund"], ANSWER),
        (f"{ANSWER}\nWe GUARANTEE\u00a0it.", ["we guarantee"], ANSWER),
        (f"{ANSWER_KO} 반드시 환불해 드립니다.", ["환불해 드립니다"], ANSWER_KO),
        (f"{ANSWER_KO} 꼭 환불해드립니다.", ["환불해 드립니다"], ANSWER_KO),
        (f"{ANSWER_KO} 꼭 환불 해 드립니다.", ["환불해드립니다"], ANSWER_KO),
        ("We guarantee a full refund for each order.", ["full refund"], ""),
        ("Please wait for a full\nrefund that we guarantee to each customer.", ["full refund"], ""),
        (f"{ANSWER} He is unsure.", ["sure"], f"{ANSWER} He is unsure."),
        (ANSWER, [], ANSWER),
        (ANSWER, ["  "], ANSWER),
    ],
)  # fmt: skip
def test_a_forbidden_phrase_costs_its_sentence_or_the_reply(text: str, phrases: list[str], mended: str) -> None:
    assert without_phrases(text, phrases) == mended


def test_replies_that_all_break_the_rules_are_withheld_and_that_is_said() -> None:
    voice = Voice(forbidden_phrases=("print queue",))
    assert vetted([draft(ANSWER, "ticket:12")], thread(), {"ticket:12"}, "en", voice) == ([], "withheld")


@pytest.mark.parametrize(
    ("text", "language", "named"),
    [
        ("Hi there,\n\nPlease wait.", "en", "Hi Ada,\n\nPlease wait."),
        ("Hello!\nPlease wait.", "en", "Hi Ada,\n\nPlease wait."),
        ("Please wait.", "en", "Hi Ada,\n\nPlease wait."),
        ("Dear Ada Byron,\n\nPlease wait.", "en", "Dear Ada Byron,\n\nPlease wait."),
        ("History is kept. Please wait.", "en", "Hi Ada,\n\nHistory is kept. Please wait."),
        ("안녕하세요.\n\n기다려 주세요.", "ko", "안녕하세요, 김민지 고객님.\n\n기다려 주세요."),
        ("안녕하세요, 고객님.\n기다려 주세요.", "ko", "안녕하세요, 김민지 고객님.\n\n기다려 주세요."),
        ("김민지 고객님, 기다려 주세요.", "ko", "김민지 고객님, 기다려 주세요."),
    ],
)
def test_the_customer_is_called_by_name(text: str, language: str, named: str) -> None:
    assert with_name(text, thread(language), language) == named


def test_a_greeting_that_is_forbidden_is_not_put_before_a_reply() -> None:
    voice = Voice(forbidden_phrases=("hi",))
    [reply] = vetted([draft(ANSWER, "ticket:12")], thread(), {"ticket:12"}, "en", voice).replies
    assert reply.text == ANSWER


def stored(*texts: str, answers: str) -> Canvas:
    """A Canvas with drafts for one message."""
    now = datetime.now(UTC)
    return Canvas(
        ticket_id=71,
        revision=now,
        status="ready",
        language="en",
        generated_at=now,
        summary=None,
        similar_tickets=[],
        solutions=[],
        replies=[Reply(text=text, tone="formal", sources=["ticket:12"], answers=answers) for text in texts],
        provenance=Provenance(
            models={"replies": "anthropic/x"}, tokens={}, cost=None, stages=[], prompts={"replies": "v2"}
        ),
    )


LONG = (
    "Hi Ada,\n\nPlease open the print queue and delete all jobs in it. Then restart the spooler service and print a "
    "test page. If that page comes out, print your invoices again; if not, tell us which error you see."
)
KOREAN = (
    "안녕하세요, 김민지 고객님.\n\n인쇄 대기열을 열어 남아 있는 작업을 모두 지워 주세요. 그다음 스풀러 서비스를 "
    "다시 시작하고 시험 페이지를 인쇄해 주세요. 시험 페이지가 나오면 송장을 다시 인쇄하시면 됩니다."
)  # fmt: skip


@pytest.mark.parametrize(
    ("proposed", "sent", "verdict"),
    [
        (LONG, LONG, "accepted"),
        (LONG, LONG.replace("Hi Ada,", "Dear Mrs Byron,").replace("which error", "what error"), "accepted"),
        (LONG, LONG[: len(LONG) // 2] + " Our technician will call you tomorrow and look at it with you.", "edited"),
        (LONG, f"Thanks for waiting. {LONG}{' About the other matter: we have not found the parcel.' * 8}", "edited"),
        (LONG, "Your refund was sent to the bank this morning and takes three working days.", "ignored"),
        (LONG, "Ok.", "ignored"),
        (KOREAN, KOREAN, "accepted"),
        (KOREAN, KOREAN.replace("지워", "삭제해").replace("시험 페이지를 인쇄해", "시험 인쇄를 해"), "edited"),
        (KOREAN, "환불은 오늘 오전에 처리되었으며 입금까지 영업일 기준 사흘이 걸립니다. 죄송합니다.", "ignored"),
    ],
)  # fmt: skip
def test_what_an_agent_sent_is_measured_against_the_drafts(proposed: str, sent: str, verdict: str) -> None:
    of = thread("en", message("agent", sent, 30))
    found = drafts.judged(stored("Nothing alike at all here.", proposed, answers=of.messages[3].mark), of)
    assert found is not None
    assert found.verdict == verdict
    assert (found.model, found.prompt) == ("anthropic/x", "v2")


def test_drafts_are_judged_by_the_reply_to_their_own_message_only() -> None:
    of = thread("en")
    assert drafts.judged(None, of) is None
    assert drafts.judged(stored(answers=of.messages[3].mark), of) is None
    assert drafts.judged(stored(LONG, answers=of.messages[3].mark), of) is None, "nobody has answered yet"
    assert drafts.judged(stored(LONG, answers="another message"), of) is None
    noted = thread("en", message("note", LONG, 30))
    assert drafts.judged(stored(LONG, answers=of.messages[3].mark), noted) is None, "a note is no reply"


@pytest.fixture
async def acme(small_world: World) -> Account:
    tick(small_world.acme)
    await lay_ground(small_world.acme, f"Printer is offline\n{WORDS}\n{ANSWER}")
    return small_world.acme


async def tallied(account: Account) -> list[drafts.Tally]:
    return await drafts.tallies(worker_of(account).redis.state, account.host, f"{datetime.now(UTC):%Y-%m}")


async def test_a_draft_lives_until_an_agent_replies_or_the_customer_writes_again(acme: Account) -> None:
    number = await acme.create_ticket("Printer is offline", WORDS)
    first = await current(acme, number)
    assert first["replies"][0]["sources"] == ["article:7"]
    await customer_writes(acme, number, "Now the scanner is offline as well, error 0x6100004A.")
    second = await current(acme, number)
    assert second["replies"]
    assert second["replies"][0]["answers"] != first["replies"][0]["answers"]
    assert await tallied(acme) == [], "nobody has judged them"

    await acme.agent_replies(number, second["replies"][0]["text"].replace("\n", "<br>"))
    answered = await current(acme, number)
    assert (answered["replies"], answered["no_replies"]) == ([], "answered")

    async def counted() -> bool:
        return len(await tallied(acme)) == 1

    await wait_until(counted)
    [tally] = await tallied(acme)
    assert (tally.model, tally.accepted, tally.edited, tally.ignored) == ("extractive", 1, 0, 0)
    assert tally.prompt
    assert tally.mean_distance < drafts.ACCEPTED
    shown = (await acme.canvas.get("/metrics")).text
    assert 'verdict="accepted"' in shown
    # Another look at the ticket counts nothing again.
    await acme.change(number, priority=4)
    await current(acme, number)
    assert (await tallied(acme))[0].accepted == 1


async def test_a_draft_that_nobody_used_counts_as_ignored(acme: Account) -> None:
    number = await acme.create_ticket("Printer is offline", WORDS)
    await current(acme, number)
    await acme.agent_replies(number, "A technician will visit you tomorrow at nine and bring a new one along.")
    await current(acme, number)

    async def counted() -> bool:
        return [tally.ignored for tally in await tallied(acme)] == [1]

    await wait_until(counted)


async def test_an_article_for_agents_is_no_ground(small_world: World) -> None:
    acme = small_world.acme
    await lay_ground(acme, f"Printer is offline\n{WORDS}", public=False)
    canvas = await acme.hit(await acme.create_ticket("Printer is offline", WORDS))
    assert [entry["public"] for entry in canvas["solutions"]] == [False]
    assert (canvas["replies"], canvas["no_replies"]) == ([], "no_ground")


async def test_a_reply_goes_when_the_article_that_it_rests_on_is_hidden_from_customers(small_world: World) -> None:
    acme = small_world.acme
    await lay_ground(acme, f"Printer is offline\n{WORDS}")
    number = await acme.create_ticket("Printer is offline", WORDS)
    assert (await current(acme, number))["replies"][0]["sources"] == ["article:7"]
    await acme.change(number, priority=3)
    assert (await current(acme, number))["replies"], "nothing of what it rests on has changed"
    await lay_ground(acme, f"Printer is offline\n{WORDS}", public=False)
    await acme.change(number, priority=4)
    canvas = await current(acme, number)
    assert (canvas["replies"], canvas["no_replies"]) == ([], "no_ground")


def test_ask_names_an_article_too() -> None:
    about = article(7, snippet="Tell us your order number and we will look for the parcel.")
    found = recommend(fresh("My parcel has not arrived"), [], [about], "en")
    assert [(reply.kind, reply.sources) for reply in found] == [("answer", ["article:7"]), ("ask", ["article:7"])]
