"""A question is answered once, by one worker at a time, and not tried for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from shared import keys
from shared.asked import PATIENCE, Question, WantedFile, check_question
from shared.errors import BadInput
from shared.questions import MAX_ATTEMPTS, QuestionClaim, Questions, is_asked
from shared.run_log import Event, LeaseLost, RunLog

HOST = "acme.freshdesk.com"
ASKED = Question(text="How do I reset the router?", types=["tickets"])


@pytest.fixture
def questions(redis: Redis) -> Questions:
    return Questions(redis)


async def taken(questions: Questions, run_id: str) -> QuestionClaim:
    claim = await questions.take(HOST, run_id)
    assert claim is not None
    return claim


async def events(redis: Redis, run_id: str) -> list[str]:
    return [entry.event for entry in await RunLog(redis).read(HOST, run_id)]


async def overdue(redis: Redis) -> None:
    """As much time passes as any look waits for."""
    for member in await redis.zrange(keys.ANSWERS, 0, -1):
        await redis.zadd(keys.ANSWERS, {member: 0})


async def test_a_question_is_taken_by_one_worker_and_ends_with_its_log(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    assert await events(redis, run_id) == ["queued"], "whoever asked can follow at once"
    claim = await taken(questions, run_id)
    assert (claim.wanted, claim.attempt, claim.resumed) == (ASKED, 1, False)
    assert await questions.take(HOST, run_id) is None
    await RunLog(redis).append(claim, [(Event.ANSWER_DELTA, {"text": "Hold"}), (Event.ANSWER, {"text": "Hold"})])
    assert await questions.settle(claim, "end", Event.DONE, b"{}")
    assert await events(redis, run_id) == ["queued", "answer.delta", "answer", "done"]
    assert await questions.take(HOST, run_id) is None
    assert await questions.due() == []
    assert b"question" not in await redis.hgetall(keys.answer(HOST, run_id)), "its words are forgotten"  # type: ignore[misc]


async def test_who_lost_the_lease_can_neither_write_nor_end(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    slow = await taken(questions, run_id)
    await redis.delete(keys.answer_lease(HOST, run_id))
    fast = await taken(questions, run_id)
    assert (fast.attempt, fast.resumed) == (2, True)
    with pytest.raises(LeaseLost):
        await RunLog(redis).append(slow, [(Event.ANSWER_DELTA, {"text": "late"})])
    assert not await questions.settle(slow, "end", Event.DONE, b"{}")
    assert await questions.settle(fast, "end", Event.DONE, b"{}")
    assert await events(redis, run_id) == ["queued", "done"]


async def test_a_question_that_fails_again_and_again_ends_with_an_error(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    for _ in range(MAX_ATTEMPTS):
        assert await questions.settle(await taken(questions, run_id), "later")
    assert await questions.take(HOST, run_id) is None
    assert await events(redis, run_id) == ["queued", "error"]


async def test_a_stopping_worker_gives_a_question_back_without_counting(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    for _ in range(MAX_ATTEMPTS + 2):
        claim = await taken(questions, run_id)
        assert claim.attempt == 1
        await questions.settle(claim, "back")
    assert await questions.due() == [(HOST, run_id)], "another worker is to be woken at once"


async def test_nobody_waits_for_an_answer_for_ever(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    long_ago = int((datetime.now(UTC) - PATIENCE - timedelta(seconds=1)).timestamp() * 1000)
    await redis.hset(keys.answer(HOST, run_id), "asked", str(long_ago))  # type: ignore[misc]
    assert await questions.take(HOST, run_id) is None
    assert await events(redis, run_id) == ["queued", "error"]


async def test_a_run_ends_when_the_last_process_that_watched_it_has_left(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    claim = await taken(questions, run_id)
    await questions.watch(HOST, run_id, "one")
    await questions.watch(HOST, run_id, "two")
    assert not await questions.leave(HOST, run_id, "one")
    await RunLog(redis).append(claim, [])
    assert await questions.leave(HOST, run_id, "two")
    assert not await questions.leave(HOST, run_id, "two"), "sent twice, ended once"
    assert await events(redis, run_id) == ["queued", "error"]
    with pytest.raises(LeaseLost):
        await RunLog(redis).append(claim, [])
    assert await questions.take(HOST, run_id) is None
    assert await questions.due() == []


async def test_what_has_ended_is_not_ended_again(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    await questions.watch(HOST, run_id, "one")
    assert await questions.settle(await taken(questions, run_id), "end", Event.DONE, b"{}")
    assert not await questions.leave(HOST, run_id, "one")
    assert await events(redis, run_id) == ["queued", "done"]


async def test_the_address_of_a_file_is_forgotten_within_a_minute(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, WantedFile(ticket_id=1, attachment_id=2))
    assert is_asked(run_id)
    await questions.settle(await taken(questions, run_id), "end", Event.DONE, b'{"url": "https://files"}')
    assert 0 < await redis.ttl(keys.run(HOST, run_id)) <= 60


async def test_a_lost_wake_up_and_a_lost_worker_are_noticed(questions: Questions, redis: Redis) -> None:
    run_id = await questions.ask(HOST, ASKED)
    assert await questions.due() == []
    await overdue(redis)
    assert await questions.due() == [(HOST, run_id)]
    assert await questions.look(HOST, run_id) == "waiting"
    assert await questions.due() == []
    claim = await taken(questions, run_id)
    await overdue(redis)
    assert await questions.look(HOST, run_id) == "busy"
    await questions.settle(claim, "end", Event.DONE, b"{}")
    assert await questions.look(HOST, run_id) == "ended"
    assert await redis.zcard(keys.ANSWERS) == 0


@pytest.mark.parametrize(
    "question",
    [
        Question(text="  "),
        Question(text="x" * 2001),
        Question(text="?", since=datetime(2026, 1, 1)),  # noqa: DTZ001 - without a time zone
        Question(text="?", since=datetime(2026, 1, 2, tzinfo=UTC), until=datetime(2026, 1, 1, tzinfo=UTC)),
    ],
)
async def test_what_is_no_question_is_refused(questions: Questions, redis: Redis, question: Question) -> None:
    with pytest.raises(BadInput):
        check_question(question)
    with pytest.raises(BadInput):
        await questions.ask(HOST, question)
    assert await redis.dbsize() == 0
