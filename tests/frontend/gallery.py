"""Every state of the sidebar that an agent can meet, brought about in one page: for axe (test_axe.py) and for pictures.

Each state is one more ticket in the same sidebar, as in an agent's day.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from playwright.async_api import expect

from tests.deploy.demo.hostile import VECTORS
from tests.frontend.canned import Answer
from tests.frontend.scene import MODAL, SIZE, Scene
from tests.frontend.states import ANSWER, EN, INCIDENT, REPLY, hit, refusal, run, stages, stale

UNDO = "desk.close(), document.querySelectorAll('.pc-ask [aria-pressed=true]').forEach((chip) => chip.click())"
RETRY_AFTER_S = 30
MODEL_FAILED = {"name": "summarize", "ms": 20_000.0, "error": "timeout"}
EMPTY: dict[str, Any] = {
    "summary": None,
    "similar_tickets": [],
    "solutions": [],
    "replies": [],
    "no_replies": "no_ground",
}


async def ready(scene: Scene) -> None:
    await scene.ready()


async def incident(scene: Scene) -> None:
    await scene.ready(incident=INCIDENT)
    await scene.sees(".pc-incident")


async def empty(scene: Scene) -> None:
    await scene.ready(**EMPTY)


async def opening(scene: Scene) -> None:
    await scene.open(Answer(silent=True))
    await scene.sees(".pc-light.pc-busy")


async def skeletons(scene: Scene) -> None:
    await scene.open(run(("started", {}), held=asyncio.Event()))
    await scene.sees(".pc-skeleton")


async def streaming(scene: Scene) -> None:
    summary, similar = scene.canvas["summary"]["text"], scene.canvas["similar_tickets"]
    words = summary[: len(summary) * 2 // 3]
    told = [*stages(), ("similar", similar), ("summary.delta", {"text": words})]
    await scene.open(run(("started", {}), *told, held=asyncio.Event()))
    await scene.sees(".pc-streaming")


async def cut(scene: Scene) -> None:
    summary = ("summary.delta", {"text": scene.canvas["summary"]["text"][:60]})
    await scene.open(run(*stages(["fetch"]), summary, cut=True))
    await scene.sees(".pc-status :text('Connection lost'), .pc-status :text('연결이 끊겨')")


async def no_worker(scene: Scene) -> None:
    await scene.open(run(("waiting", {}), held=asyncio.Event()))
    await scene.sees(".pc-status :text('has paused'), .pc-status :text('멈춰 있습니다')")


async def refreshing(scene: Scene) -> None:
    scene.serve.answers["/runs/r1"] = [run(("started", {}), *stages(["fetch", "clean"]), held=asyncio.Event())]
    await scene.open(stale(scene.canvas))
    await scene.sees(".pc-progress li.pc-done >> nth=1")


async def partial(scene: Scene) -> None:
    stages = [stage for stage in EN["provenance"]["stages"] if stage["name"] != "summarize"]
    provenance = EN["provenance"] | {"stages": [*stages, MODEL_FAILED]}
    await scene.ready(status="partial", summary=None, provenance=provenance)


async def degraded(scene: Scene) -> None:
    models = EN["provenance"]["models"] | {"summary": "extractive", "replies": "extractive"}
    provenance = EN["provenance"] | {"models": models, "tokens": {"input": 0, "output": 0}, "cost": 0.0}
    await scene.ready(status="degraded", provenance=provenance)


async def hostile(scene: Scene) -> None:
    everywhere = "\n".join(VECTORS[:8])
    replies = [{"text": vector, "tone": vector, "sources": [vector]} for vector in VECTORS[:12]]
    await scene.ready(status="partial", summary=scene.canvas["summary"] | {"text": everywhere}, replies=replies)


async def feedback(scene: Scene) -> None:
    await scene.ready()
    await scene.page.locator("#sidebar .pc-part-summary [data-key=thumb-down]").click()
    await scene.sees(".pc-reasons:not([hidden])")


async def filtered(scene: Scene) -> None:
    await scene.ready()
    await scene.key("filter-words").fill("VPN")
    await scene.sees("[data-key=filter-reset]")


async def tools(scene: Scene) -> None:
    await scene.ready()
    await scene.key("tools").click()
    await scene.sees(".pc-wishes")


async def writing(scene: Scene) -> None:
    words = scene.canvas["replies"][0]["text"][:70]
    answer = run(("started", {}), ("reply.delta", {"text": words}), held=asyncio.Event())
    scene.serve.answers["/generate_reply/stream"] = [answer]
    await tools(scene)
    await scene.key("shorter").click()
    await scene.sees(f".pc-part-replies :text('{words[:10]}')")


async def written(scene: Scene) -> None:
    text = "증상이 계속되면 알려 주세요." if scene.korean else REPLY["text"]
    reply = REPLY | {"text": text, "language": scene.canvas["language"]}
    scene.serve.answers["/generate_reply/stream"] = [run(("reply", reply), ("done", {}))]
    await tools(scene)
    await scene.key("shorter").click()
    await scene.sees(f".pc-part-replies :text('{text[:8]}')")


async def editing(scene: Scene) -> None:
    await scene.ready()
    await scene.key("edit").click()
    await scene.page.locator("#sidebar .pc-edit").press_sequentially("!")


async def edited(scene: Scene) -> None:
    await editing(scene)
    await scene.page.keyboard.press("Escape")
    await scene.sees("[data-key=undo]")


async def answered(scene: Scene) -> None:
    await _ask(scene, ANSWER if not scene.korean else ANSWER_KO)
    await scene.sees(".pc-sources li")


async def asking(scene: Scene) -> None:
    sources = ("sources", ANSWER["sources"])
    scene.serve.answers["/query/stream"] = [run(("started", {}), sources, held=asyncio.Event())]
    await scene.ready()
    await _question(scene)
    await scene.sees(".pc-answer[aria-busy]")


async def unanswered(scene: Scene) -> None:
    scene.serve.answers["/query/stream"] = [refusal(503, "model-unavailable", RETRY_AFTER_S)]
    await scene.ready()
    await _question(scene)
    await scene.sees("[data-key=again]")


async def _ask(scene: Scene, answer: dict[str, Any]) -> None:
    scene.serve.answers["/query/stream"] = [run(("answer", answer), ("done", {}))]
    await scene.ready()
    await scene.key("type-solutions").click()
    await _question(scene)


async def _question(scene: Scene) -> None:
    question = "재시작은 어떻게 멈추나요?" if scene.korean else "How do I stop the restarts?"
    await scene.page.locator("#sidebar .pc-question").fill(question)
    await scene.key("ask").click()


ANSWER_KO = ANSWER | {
    "text": "펌웨어 2.4.1을 설치하면 재시작이 멈춥니다 [1]. 먼저 로그를 확인하세요 [2].",
    "language": "ko",
}


def refused(status: int, code: str, retry_after: int = 0) -> Callable[[Scene], Awaitable[None]]:
    """The state after a refusal."""

    async def state(scene: Scene) -> None:
        await scene.open(refusal(status, code, retry_after))
        await scene.sees(".pc-problem")

    return state


async def stands_by(scene: Scene) -> None:
    """A Canvas that is there, and a server that has gone."""
    await scene.open(hit(scene.canvas), refusal(503, "store-unavailable", RETRY_AFTER_S))
    await scene.sees(".pc-part-solutions:not([hidden])", ".pc-light.pc-hit")
    await scene.page.evaluate("(id) => desk.open(id)", scene.ticket)
    await scene.sees(".pc-part-solutions:not([hidden])", ".pc-status .pc-count:not(:empty)")


async def no_ticket(scene: Scene) -> None:
    await scene.page.evaluate("desk.open(null)")
    await scene.sees('.pc-problem[data-kind="none"]')


async def offline(scene: Scene) -> None:
    await scene.page.context.set_offline(True)
    scene.ticket += 1
    await scene.page.evaluate("(id) => desk.open(id)", scene.ticket)
    await scene.sees('.pc-problem[data-kind="offline"]')


async def blocked(scene: Scene) -> None:
    scene.serve.walled = True
    scene.serve.answers["/template/init"] = [hit(scene.canvas)]
    scene.ticket += 1
    await scene.page.evaluate("(id) => desk.open(id)", scene.ticket)
    await scene.sees(".pc-roundabout", ".pc-part-solutions:not([hidden])")


async def unreachable(scene: Scene) -> None:
    scene.serve.walled = True
    scene.serve.answers["/template/init"] = [Answer("Bad gateway", 502)]
    scene.ticket += 1
    await scene.page.evaluate("(id) => desk.open(id)", scene.ticket)
    await scene.sees('.pc-problem[data-kind="network"]')


async def platform(scene: Scene) -> None:
    # The platform does not name the ticket.
    await scene.page.evaluate("Object.defineProperty(desk, 'ticket', { get() { throw 'odd' }, configurable: true })")
    await scene.page.evaluate("desk.emit('app.activated')")
    await scene.sees('.pc-problem[data-kind="platform"]')
    await scene.page.evaluate("Object.defineProperty(desk, 'ticket', { value: null, writable: true })")


async def wide(scene: Scene) -> None:
    await scene.ready()
    await scene.page.set_viewport_size({"width": 900, "height": 640})
    await scene.key("wide").click()
    await expect(scene.page.frame_locator(MODAL).locator(".pc-part-solutions")).to_be_visible()


State = Callable[[Scene], Awaitable[None]]
STATES: dict[str, State] = {
    "ready": ready,
    "incident": incident,
    "empty": empty,
    "opening": opening,
    "skeletons": skeletons,
    "streaming": streaming,
    "cut": cut,
    "no_worker": no_worker,
    "refreshing": refreshing,
    "partial": partial,
    "degraded": degraded,
    "hostile": hostile,
    "feedback": feedback,
    "filtered": filtered,
    "tools": tools,
    "writing": writing,
    "written": written,
    "editing": editing,
    "edited": edited,
    "asking": asking,
    "answered": answered,
    "unanswered": unanswered,
    "stands_by": stands_by,
    "no_ticket": no_ticket,
    "platform": platform,
    "unauthorized": refused(401, "unauthorized"),
    "forbidden": refused(403, "forbidden"),
    "missing": refused(404, "ticket-missing"),
    "deleted": refused(410, "ticket-deleted"),
    "spam": refused(410, "ticket-spam"),
    "limited": refused(429, "rate-limited", RETRY_AFTER_S),
    "unavailable": refused(503, "store-unavailable", RETRY_AFTER_S),
    "freshdesk": refused(503, "freshdesk-unavailable", RETRY_AFTER_S),
    "late": refused(504, "timeout", RETRY_AFTER_S),
    "offline": offline,
    "unreachable": unreachable,
    "wide": wide,
    "blocked": blocked,
}
"""In the order in which they can follow each other: what is blocked once is left alone for a minute."""


async def take(shown: Scene, name: str) -> None:
    """Bring a state about, after whatever was before."""
    await shown.page.context.set_offline(False)
    await shown.page.evaluate(UNDO)
    if shown.page.viewport_size != SIZE:
        await shown.page.set_viewport_size(SIZE)
    shown.serve.walled = False
    await STATES[name](shown)
