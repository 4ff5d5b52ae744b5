"""The job `answer`: do one thing that an agent asks for. It comes on the interactive queue, for somebody waits.

An answer, a reply or a file's address is claimed under a lease like a ticket, but it is not due for ever: see
`shared.questions`. `watch_questions` wakes another worker where a wake-up or a worker was lost.
"""

import asyncio
import secrets
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from ingest.answers.attachment import find_attachment
from ingest.answers.reply import ReplyRun
from ingest.answers.run import AnswerRun
from ingest.context import WorkerContext
from shared.asked import WantedFile, WantedReply
from shared.errors import CanvasError, StageFailed, StoreUnavailable
from shared.logs import failure
from shared.metrics import ANSWERS
from shared.questions import MAX_ATTEMPTS, QuestionClaim, Questions
from shared.run_log import Event, LeaseLost
from shared.tasks import beside
from shared.tenants import Tenant
from shared.tracing import span

WHOLE_S = 100.0
"""Below what an agent waits for, and above the router's own 90 s."""
LOOK_EVERY_S = 1.0
RENEW_EVERY_S = 0.5
"""By it a worker learns that nobody waits any more, and stops its provider; a few scripts a second of Redis's 10,000s.
"""

log = structlog.get_logger()


async def answer(job: dict[str, Any], host: str, run_id: str, trace: str = "", **_: Any) -> None:
    """Do what is wanted, unless it has ended or another worker has it; `trace` is the request's span."""
    context: WorkerContext = job["context"]
    questions = Questions(context.redis.state)
    try:
        tenant = await context.tenants.get(host)
        claim = await questions.take(host, run_id) if tenant is not None else None
        if tenant is not None and claim is not None:
            structlog.contextvars.bind_contextvars(host=host, run=run_id)
            with span("answer", parent=trace, kind="consumer", host=host, run=run_id, attempt=claim.attempt):
                await _answer(context, questions, tenant, claim)
    except (RedisError, OSError) as error:
        # It stays: it is looked at again when its lease has ended.
        log.warning("answer interrupted", host=host, run=run_id, reason=type(error).__name__)


async def watch_questions(context: WorkerContext) -> None:
    """Wake workers for what is asked and nobody works on, until cancelled; goes on by itself when Redis was away."""
    questions = Questions(context.redis.state)
    while True:
        try:
            for host, run_id in await questions.due():
                if await questions.look(host, run_id) == "waiting":
                    # A new id each time: a killed worker keeps the old one locked for minutes.
                    await context.queue.answer(host, run_id, suffix=f":{secrets.token_hex(4)}")
        except (RedisError, OSError) as error:
            log.warning("questions not looked at", reason=type(error).__name__)
        await asyncio.sleep(LOOK_EVERY_S)


async def _answer(context: WorkerContext, questions: Questions, tenant: Tenant, claim: QuestionClaim) -> None:
    try:
        async with beside(_renew(context, claim)):
            outcome = await _try(context, questions, tenant, claim)
    except LeaseLost:
        # Another worker has it, or nobody waits any more: the model that was writing has been cut off.
        outcome = "lost"
    except asyncio.CancelledError:
        # The process stops: the next one need not wait for the lease to end.
        await asyncio.shield(questions.settle(claim, "back"))
        raise
    ANSWERS.labels(outcome=outcome).inc()
    log.info("asked run settled", host=claim.host, run=claim.run_id, outcome=outcome)


async def _try(context: WorkerContext, questions: Questions, tenant: Tenant, claim: QuestionClaim) -> str:
    try:
        async with asyncio.timeout(WHOLE_S):
            outcome, done = await _done(context, tenant, claim)
    except LeaseLost:
        raise
    except TimeoutError:
        return await _fail(questions, claim, StageFailed("The answer took too long", kind="timeout"))
    except CanvasError as error:
        return await _fail(questions, claim, error)
    except (RedisError, OSError):
        return await _fail(questions, claim, StoreUnavailable())
    except Exception as error:  # noqa: BLE001
        # The edge of the process: a bug must end the run with a reason, not kill the worker.
        log.error("answer failed", host=claim.host, run=claim.run_id, **failure(error))  # noqa: TRY400
        return await _fail(questions, claim, CanvasError(f"Unexpected {type(error).__name__}"))
    settled = await questions.settle(claim, "end", Event.DONE, msgspec.json.encode(done))
    return outcome if settled else "lost"


async def _done(context: WorkerContext, tenant: Tenant, claim: QuestionClaim) -> tuple[str, Any]:
    """Do what is wanted: how it went, in a word, and what the run's last event says."""
    match claim.wanted:
        case WantedReply() as wanted:
            reply = await ReplyRun(context, tenant, claim, wanted).reply()
            return "degraded" if reply.degraded else "written", {"ticket_id": wanted.ticket_id}
        case WantedFile() as wanted:
            return "file", await find_attachment(context, tenant, wanted)
        case wanted:
            answer = await AnswerRun(context, tenant, claim, wanted).answer()
            return "found" if answer.found else "not_found", {"found": answer.found}


async def _fail(questions: Questions, claim: QuestionClaim, error: CanvasError) -> str:
    """Try again a little later, or tell whoever waits that there will be no answer."""
    # What the asker can't see or Freshdesk does not have is not there a second later either.
    if claim.attempt < MAX_ATTEMPTS and error.status >= 500:
        return "later" if await questions.settle(claim, "later") else "lost"
    settled = await questions.settle(claim, "end", Event.ERROR, msgspec.json.encode(error.problem()))
    return error.code if settled else "lost"


async def _renew(context: WorkerContext, claim: QuestionClaim) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        await context.run_log.append(claim, [])
