"""Canned responses as sources of replies: those of every agent are found, nobody else's, and only while they exist."""

import pytest

from deploy.demo.helpdesk.models import CannedFolder, CannedResponse
from ingest.jobs.articles import index_articles
from ingest.jobs.canned import UNREADABLE, index_canned, without_holes
from ingest.stages.embed import Embedded
from ingest.stages.similar import all_public, find_canned
from ingest.vectors.sparse import sparse_vector
from ingest.writers.privacy import MASK
from ingest.writers.prompts import chosen_articles, reply_task
from ingest.writers.protocol import Article
from ingest.writers.replies import recommend
from shared.tenants import Tenant
from tests.faults import worker_of
from tests.ingest.writers import threads
from tests.world import Account, World

TITLE = "Refund takes three to five days"
TEXT = "<p>Hi {{ticket.requester.name}},</p><p>Your bank shows the refund three to five days after we have sent it.</p>"


def put(account: Account, number: int, title: str = TITLE, html: str = TEXT, visibility: int = 0) -> CannedResponse:
    """A canned response in the look-alike, in its one folder."""
    state, now = account.helpdesk.state, account.helpdesk.now()
    state.canned_folders.setdefault(1, CannedFolder(1, "Payments", now))
    response = CannedResponse(number, 1, title, html, html, now, visibility=visibility)
    state.canned_responses[number] = response
    return response


async def tenant_of(account: Account) -> Tenant:
    tenant = await worker_of(account).tenants.get(account.host)
    assert tenant is not None
    return tenant


async def index(account: Account) -> int:
    context, tenant = worker_of(account), await tenant_of(account)
    return await index_canned(context, tenant, context.freshdesk(tenant))


async def embedded(account: Account, question: str = TITLE) -> Embedded:
    [dense] = await worker_of(account).embedder.embed([question])
    return Embedded(dense=dense, sparse=sparse_vector(question), words=[question], language="en")


async def found(account: Account) -> list[tuple[int, str]]:
    hits = await find_canned(account.host, await embedded(account), worker_of(account).vectors, 0.0)
    return [(hit.article_id, hit.snippet) for hit in hits]


async def test_what_every_agent_may_use_is_found_by_its_own_tenant_and_read_again_when_it_changes(
    small_world: World,
) -> None:
    acme, other = small_world.acme, small_world.other
    response = put(acme, 5)
    put(acme, 6, "Only mine", visibility=1)
    put(acme, 7, "For some groups", visibility=2)

    assert await index(acme) == 1
    assert await found(acme) == [(5, "Your bank shows the refund three to five days after we have sent it.")]
    assert await index(other) == 0
    assert await found(other) == []

    response.content_html = "<p>Refunds now take one day.</p>"
    await index(acme)
    assert await found(acme) == [(5, "Refunds now take one day.")]

    dense = (await embedded(acme)).dense
    assert await all_public(acme.host, ["canned:5"], dense, worker_of(acme).vectors)
    del acme.helpdesk.state.canned_responses[5]
    assert await index(acme) == 0
    assert await found(acme) == []
    assert not await all_public(acme.host, ["canned:5"], dense, worker_of(acme).vectors)


async def test_what_has_not_changed_is_not_embedded_again(small_world: World) -> None:
    acme = small_world.acme
    put(acme, 5)
    await index(acme)
    stored = [page async for page in worker_of(acme).vectors.stored_points(acme.host) if page]
    await index(acme)
    assert [page async for page in worker_of(acme).vectors.stored_points(acme.host) if page] == stored
    assert any(point.kind == "canned" for page in stored for point in page if hasattr(point, "kind"))


async def test_articles_and_canned_responses_of_one_number_stay_apart(small_world: World) -> None:
    acme = small_world.acme
    context, tenant = worker_of(acme), await tenant_of(acme)
    number = next(iter(acme.helpdesk.state.articles))
    put(acme, number)
    await index(acme)
    articles = await index_articles(context, tenant, context.freshdesk(tenant))
    assert len(await context.vectors.stored_articles(acme.host)) == articles
    assert await context.vectors.stored_articles(acme.host, "canned") == {number}
    acme.helpdesk.state.canned_responses.clear()
    await index(acme)
    assert len(await context.vectors.stored_articles(acme.host)) == articles


async def test_a_key_that_may_not_read_them_goes_without(
    small_world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    acme = small_world.acme
    put(acme, 5)
    await index(acme)
    [admin] = [agent for agent in acme.helpdesk.state.agents.values() if agent.key == "admin"]
    admin.admin = False
    try:
        assert [await index(acme), await index(acme)] == [UNREADABLE, UNREADABLE]
        assert await found(acme) == []
    finally:
        admin.admin = True
    assert await index(acme) == 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hi {{ticket.requester.name}},\nWe ship today.", "We ship today."),
        ("{{ticket.requester.name}} 고객님,\n오늘 발송합니다.", "오늘 발송합니다."),
        ("안녕하세요, {{ticket.requester.name}} 고객님.\n오늘 발송합니다.", "오늘 발송합니다."),
        ("Your ticket is {{ticket.id}}.", f"Your ticket is {MASK}."),
        ("{% if vip %}Thank you{% endif %}", "Thank you"),
        ("Braces {{ stay", "Braces {{ stay"),
    ],
)
def test_placeholders_become_gaps_and_a_greeting_of_one_goes(text: str, left: str) -> None:
    assert without_holes(text) == left


def canned(number: int, snippet: str, language: str = "en") -> Article:
    return Article(
        article_id=number, title="Refund", language=language, snippet=snippet, url="", public=True, kind="canned"
    )


def test_a_reply_rests_on_a_canned_response_where_it_says_what_the_customer_needs() -> None:
    thread = threads.thread()
    said = "Your bank shows the refund three to five days after we have sent it."
    [reply, *_] = recommend(thread, [], [canned(9, said)], "en")
    assert said in reply.text
    assert reply.sources == ["canned:9"]
    assert not any("canned:9" in other.sources for other in recommend(thread, [], [canned(9, said)], "ko"))


def test_a_prompt_shows_one_canned_response_beside_the_articles_and_names_it_as_a_source() -> None:
    many = [threads.article(number) for number in (1, 2, 3)]
    shown = chosen_articles([*many, canned(9, "First"), canned(10, "Second")], 2)
    assert [article.source for article in shown] == ["article:1", "article:2", "canned:9"]
    task = reply_task(threads.thread(), [], shown, "en")
    assert "begin canned:9\nTitle: Refund\nOur company's prepared answer:\nFirst" in task.user
    again = chosen_articles([canned(9, "First")], 1)
    assert [article.source for article in again] == ["canned:9"]
