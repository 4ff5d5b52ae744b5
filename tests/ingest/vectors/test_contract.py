"""What every vector store promises; each test runs over the embedded engine, Qdrant's local mode, and HTTP to it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from ingest.vectors.edge import EdgeVectorStore
from ingest.vectors.protocol import (
    CANDIDATES,
    EVERY,
    SHELVES,
    ArticlePoint,
    SparseVector,
    TicketHit,
    TicketPayload,
    TicketPoint,
    VectorStore,
)
from ingest.vectors.server import QdrantVectorStore
from ingest.vectors.sparse import sparse_vector
from shared.asked import Access
from shared.errors import StageFailed
from tests.ingest.vectors.qdrant_rest import QdrantRest, serving
from tests.ingest.vectors.texts import SIZE, article, chunk, dense, ticket

ACME, OTHER = "acme.freshdesk.com", "other.freshdesk.com"
PRINTER = "The printer prints blank pages after the update"
TICKETS = [
    ticket(1, PRINTER),
    ticket(2, "Printer shows error 0x80070005 and prints nothing"),
    ticket(3, "Where can I download my invoice of March"),
    ticket(4, "환불 신청한 금액이 아직 입금되지 않았어요"),
    ticket(5, "로그인할 때 인증번호 문자가 오지 않습니다"),
    ticket(6, "배송이 늦어지고 있는데 언제 도착하나요"),
]


@pytest.fixture(params=["edge", "local", "server"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VectorStore]:
    async with AsyncExitStack() as stack:
        opened: VectorStore
        if request.param == "edge":
            opened = await EdgeVectorStore.open(tmp_path, "look-alike", SIZE)
        else:
            remote = request.param == "server"
            url = await stack.enter_async_context(serving(QdrantRest())) if remote else ":memory:"
            opened = await QdrantVectorStore.open(url, None, "look-alike", SIZE)
        stack.push_async_callback(opened.close)
        yield opened


async def similar(
    store: VectorStore, text: str, host: str = ACME, limit: int = 3, exclude: int | None = None
) -> list[TicketHit]:
    return await store.similar_tickets(host, dense(text), sparse_vector(text), limit=limit, exclude=exclude)


def ids(found: Sequence[TicketHit]) -> list[int]:
    return [hit.ticket_id for hit in found]


async def test_a_ticket_is_found_as_soon_as_it_was_put_with_all_that_is_known_of_it(store: VectorStore) -> None:
    await store.put_tickets(ACME, TICKETS)
    [hit] = await similar(store, PRINTER, limit=1)
    stored = TICKETS[0]
    kept = TicketPayload.__struct_fields__
    assert [getattr(hit, name) for name in kept] == [getattr(stored, name) for name in kept]
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert hit.dense == pytest.approx(stored.dense, abs=1e-5)
    assert sorted(hit.terms) == stored.sparse.indices


async def test_scores_are_cosine_similarities_between_0_and_1(store: VectorStore) -> None:
    await store.put_tickets(ACME, TICKETS)
    query = dense("printer prints nothing but blank pages")
    found = await store.similar_tickets(ACME, query, sparse_vector("printer"), limit=6, exclude=None)
    by_id = {point.ticket_id: point.dense for point in TICKETS}
    for hit in found:
        cosine = sum(a * b for a, b in zip(query, by_id[hit.ticket_id], strict=True))
        assert hit.score == pytest.approx(max(cosine, 0.0), abs=1e-4)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("printer prints blank pages since yesterday", 1),
        ("what does 0x80070005 mean", 2),
        ("invoice download", 3),
        ("환불 금액이 입금되지 않아요", 4),
        ("문자로 인증번호를 못 받았어요", 5),
        ("배송 언제 도착하나요?", 6),
    ],
)
async def test_questions_in_both_languages_find_their_ticket_first(
    store: VectorStore, question: str, answer: int
) -> None:
    await store.put_tickets(ACME, TICKETS)
    assert ids(await similar(store, question))[0] == answer


async def test_words_alone_find_what_meaning_misses(store: VectorStore) -> None:
    crowd = [ticket(number, f"로그인 배송 환불 {'문의 ' * number}") for number in range(10, 10 + CANDIDATES)]
    await store.put_tickets(ACME, [*TICKETS, *crowd])
    meaning = dense("로그인 배송 환불")
    by_meaning = await store.similar_tickets(ACME, meaning, SparseVector([], []), limit=EVERY, exclude=None)
    both = await store.similar_tickets(ACME, meaning, sparse_vector("0x80070005"), limit=EVERY, exclude=None)
    assert 2 not in ids(by_meaning)
    [hit] = [hit for hit in both if hit.ticket_id == 2]
    assert hit.words == 1.0


async def test_what_both_searches_find_stands_above_what_one_of_them_finds_as_well(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(1, PRINTER), ticket(2, "The printer prints blank pages after the upgrade")])
    meaning, words = dense("The printer prints blank pages after the"), sparse_vector("upgrade")
    found = await store.similar_tickets(ACME, meaning, words, limit=5, exclude=None)
    assert [(hit.ticket_id, hit.words) for hit in found] == [(2, 1.0), (1, 0.0)]
    assert found[0].relevance > found[1].relevance


async def test_tickets_that_were_answered_with_articles_can_be_asked_for_alone(store: VectorStore) -> None:
    cited = msgspec.structs.replace(ticket(1, PRINTER), articles=[7, 8])
    await store.put_tickets(ACME, [cited, *TICKETS[1:]])
    found = await store.similar_tickets(
        ACME, dense(PRINTER), sparse_vector(PRINTER), limit=5, exclude=None, citing=True
    )
    assert [(hit.ticket_id, hit.articles) for hit in found] == [(1, [7, 8])]


@pytest.mark.parametrize(
    ("seen_by", "numbers"),
    [
        (Access(), {1, 2, 3}),
        (Access(scope="group", agent_id=9, groups=[5, 6]), {1, 2}),
        (Access(scope="group", agent_id=9), {2}),
        (Access(scope="own", agent_id=9, groups=[5]), {2}),
        (Access(scope="own", agent_id=8), set()),
    ],
)
async def test_agents_who_may_not_see_everything_find_their_groups_and_their_own_tickets(
    store: VectorStore, seen_by: Access, numbers: set[int]
) -> None:
    replace = msgspec.structs.replace
    points = [replace(ticket(1, PRINTER), group_id=5), replace(ticket(2, PRINTER), responder_id=9), ticket(3, PRINTER)]
    await store.put_tickets(ACME, points)
    found = await store.similar_tickets(
        ACME, dense(PRINTER), sparse_vector(PRINTER), limit=5, exclude=None, seen_by=seen_by
    )
    assert {hit.ticket_id for hit in found} == numbers
    assert {point.ticket_id for point in points if seen_by.allows(point.group_id, point.responder_id)} == numbers


async def test_an_article_is_found_once_by_the_best_of_its_parts(store: VectorStore) -> None:
    parts = [chunk(article(1, text), place) for place, text in enumerate(["환불은 언제 되나요", PRINTER, "배송 조회"])]
    await store.put_articles(ACME, [*parts, article(2, "Invoices of March")])
    found = await store.similar_articles(ACME, dense(PRINTER), sparse_vector(PRINTER), limit=5)
    assert [(hit.article_id, hit.chunk) for hit in found] == [(1, 1), (2, 0)]
    [asked] = await store.articles(ACME, [1, 99], dense(PRINTER))
    assert (asked.article_id, asked.chunk) == (1, 1)
    assert asked.score == pytest.approx(1.0, abs=1e-5)
    assert await store.articles(OTHER, [1], dense(PRINTER)) == []


@pytest.mark.parametrize("revision_ms", [1_790_000_000_000, 1_790_000_000_001])
async def test_an_article_that_became_shorter_leaves_no_part_behind(store: VectorStore, revision_ms: int) -> None:
    await store.put_articles(ACME, [chunk(article(1, PRINTER), place) for place in range(3)])
    await store.put_articles(OTHER, [chunk(article(1, PRINTER), place) for place in range(3)])
    await store.put_articles(ACME, [article(1, PRINTER, revision_ms)])
    assert (await store.count(ACME), await store.count(OTHER)) == (1, 3)


async def test_parts_of_an_older_revision_do_not_come_back(store: VectorStore) -> None:
    await store.put_articles(ACME, [article(1, PRINTER, 5)])
    await store.put_articles(ACME, [chunk(article(1, "old", 4), place) for place in range(3)])
    assert await store.count(ACME) == 1


async def test_articles_can_be_listed_and_dropped_with_all_their_parts_and_no_others(store: VectorStore) -> None:
    for host in (ACME, OTHER):
        await store.put_articles(host, [chunk(article(1, PRINTER), place) for place in range(3)])
        await store.put_articles(host, [article(2, PRINTER)])
    await store.put_tickets(ACME, [ticket(1, PRINTER)])
    assert await store.stored_articles(ACME) == {1, 2}
    await store.drop_articles(ACME, [1, 99])
    await store.drop_articles(ACME, [])
    assert await store.stored_articles(ACME) == {2}
    assert (await store.count(ACME), await store.count(OTHER)) == (2, 4)
    assert await store.stored_articles("nobody.freshdesk.com") == set()


async def test_articles_and_canned_responses_stand_on_shelves_of_their_own(store: VectorStore) -> None:
    await store.put_articles(ACME, [article(1, PRINTER), replace(article(1, PRINTER), kind="canned", url="")])
    words = sparse_vector(PRINTER)
    for shelf in SHELVES:
        [hit] = await store.similar_articles(ACME, dense(PRINTER), words, limit=9, shelf=shelf)
        assert (hit.article_id, hit.kind) == (1, shelf)
        [hit] = await store.articles(ACME, [1], dense(PRINTER), shelf)
        assert hit.kind == shelf
        assert await store.stored_articles(ACME, shelf) == {1}
    pages = [page async for page in store.stored_points(ACME) if page]
    assert sorted(point.kind for page in pages for point in page if isinstance(point, ArticlePoint)) == list(SHELVES)
    await store.drop_articles(ACME, [1], "canned")
    assert (await store.stored_articles(ACME), await store.stored_articles(ACME, "canned")) == ({1}, set())


async def test_more_articles_than_one_call_lists_are_all_listed(store: VectorStore) -> None:
    await store.put_articles(ACME, [article(number, "환불") for number in range(1, 141)])
    assert await store.stored_articles(ACME) == set(range(1, 141))


@pytest.mark.parametrize("revision_ms", [1_790_000_000_000, 1_790_000_000_001])
async def test_an_article_that_was_hidden_from_customers_is_hidden_in_all_its_parts(
    store: VectorStore, revision_ms: int
) -> None:
    """A folder's visibility changes without a new revision of its articles."""
    await store.put_articles(ACME, [chunk(article(1, PRINTER), place) for place in range(2)])
    hidden = msgspec.structs.replace(article(1, PRINTER, revision_ms), public=False)
    await store.put_articles(ACME, [chunk(hidden, place) for place in range(2)])
    [found] = await store.articles(ACME, [1], dense(PRINTER))
    assert not found.public
    assert not (await store.similar_articles(ACME, dense(PRINTER), sparse_vector(PRINTER), limit=1))[0].public


async def test_a_text_without_words_is_still_compared_by_meaning(store: VectorStore) -> None:
    await store.put_tickets(ACME, [*TICKETS, ticket(7, "?!")])
    found = await store.similar_tickets(ACME, dense(PRINTER), SparseVector([], []), limit=1, exclude=None)
    assert ids(found) == [1]


async def test_tenants_with_the_same_tickets_find_only_their_own(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(1, PRINTER, status="Open")])
    await store.put_tickets(OTHER, [ticket(number, PRINTER, status="Closed") for number in range(1, 101)])
    assert [(hit.ticket_id, hit.status) for hit in await similar(store, PRINTER, ACME)] == [(1, "Open")]
    assert {hit.status for hit in await similar(store, PRINTER, OTHER)} == {"Closed"}
    assert await similar(store, PRINTER, "nobody.freshdesk.com") == []
    assert (await store.count(ACME), await store.count(OTHER)) == (1, 100)


STRANGERS = [
    "",
    " ",
    "*",
    "acme",
    "ACME.freshdesk.com",
    "acme.freshdesk.com.",
    "acme.freshdesk.com ",
    "acme.freshdesk.co",
    "eacme.freshdesk.com",
    "acme.freshdesk.com\x00",
    "acme.freshdesk.com\u200b",
    "ａcme.freshdesk.com",
    "аcme.freshdesk.com",
    "acme.freshdesk.com:ticket:1",
    '{"any": ["acme.freshdesk.com"]}',
]
"""Hosts that are nearly another one's: what they ask for must be nobody's. The first letter of the last but three is
fullwidth, of the next one Cyrillic."""


async def test_no_spelling_of_a_host_reaches_the_points_of_another(store: VectorStore) -> None:
    await store.put_tickets(ACME, [msgspec.structs.replace(each, articles=[1]) for each in TICKETS])
    await store.put_articles(ACME, [article(1, PRINTER)])
    kept = await store.count(ACME)
    meaning, words = dense(PRINTER), sparse_vector(PRINTER)
    for host in STRANGERS:
        for citing in (False, True):
            found = await store.similar_tickets(
                host, meaning, words, limit=EVERY, exclude=None, since_ms=0, citing=citing, language="ko"
            )
            assert found == [], host
        assert await store.similar_articles(host, meaning, words, limit=9) == []
        assert await store.articles(host, [1], meaning) == []
        assert await store.stored_articles(host) == set()
        assert await store.tickets_between(host, 0, 2**52, 9) == {}
    for host in STRANGERS[::5]:
        assert await store.refresh_ticket(host, ticket(1, PRINTER, 2**50, "Closed")) is None
        await store.drop_ticket(host, 1)
        await store.drop_articles(host, [1])
        assert await store.drop_tenant(host) == 0
        await store.put_tickets(host, [ticket(1, "somebody else's")])
        assert await store.count(host) == 1
    assert await store.count(ACME) == kept
    assert [hit.subject for hit in await similar(store, PRINTER, limit=1)] == [PRINTER]


async def test_another_tenants_tickets_do_not_change_a_ranking(store: VectorStore) -> None:
    """They neither take the places of candidates nor make a word common that is rare here."""

    async def ranking(host: str) -> list[TicketHit]:
        meaning, words = dense("배송 환불"), sparse_vector("printer 0x80070005")
        return await store.similar_tickets(host, meaning, words, limit=20, exclude=None)

    cables = [ticket(number, "printer cable" + " spare" * number) for number in range(10, 18)]
    tickets = [*TICKETS, *cables, ticket(20, "0x80070005 again")]
    await store.put_tickets(ACME, tickets)
    undisturbed = await ranking(ACME)
    for crowd in ("배송 환불", "printer 0x80070005", "0x80070005"):
        await store.put_tickets(f"{len(crowd)}.freshdesk.com", [ticket(number, crowd) for number in range(1, 101)])
    await store.put_tickets(OTHER, tickets)
    assert await ranking(ACME) == undisturbed
    assert await ranking(OTHER) == undisturbed


async def test_a_ticket_is_not_similar_to_itself(store: VectorStore) -> None:
    await store.put_tickets(ACME, TICKETS)
    assert ids(await similar(store, PRINTER, limit=10, exclude=1))[0] == 2
    assert 1 not in ids(await similar(store, PRINTER, limit=10, exclude=1))


async def test_tickets_and_articles_of_one_number_live_side_by_side(store: VectorStore) -> None:
    await store.put_tickets(ACME, TICKETS)
    await store.put_articles(ACME, [article(1, "Blank pages: clean the print head"), article(2, "환불은 언제 되나요")])
    question = "the printer prints blank pages"
    [hit] = await store.similar_articles(ACME, dense(question), sparse_vector(question), limit=1)
    assert (hit.article_id, hit.title, hit.public) == (1, "Blank pages: clean the print head", True)
    assert await store.similar_articles(OTHER, dense(question), sparse_vector(question), limit=1) == []
    assert ids(await similar(store, question))[0] == 1
    assert await store.count(ACME) == len(TICKETS) + 2


@pytest.mark.parametrize("order", [("old", "new"), ("new", "old")])
async def test_an_older_revision_never_replaces_a_newer_one(store: VectorStore, order: tuple[str, str]) -> None:
    versions = {"old": ticket(1, PRINTER, 1_790_000_000_000), "new": ticket(1, "Solved", 1_790_000_000_001, "Closed")}
    for name in order:
        await store.put_tickets(ACME, [versions[name]])
    await store.put_articles(ACME, [article(1, name, 5 if name == "new" else 4) for name in order])
    assert [hit.subject for hit in await similar(store, PRINTER)] == ["Solved"]
    assert [hit.title for hit in await store.similar_articles(ACME, dense("new"), sparse_vector("new"), limit=5)] == [
        "new"
    ]
    assert await store.count(ACME) == 2


async def test_the_same_revision_may_be_put_again_with_a_better_text(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(1, "before")])
    await store.put_tickets(ACME, [ticket(1, "after")])
    assert [hit.subject for hit in await similar(store, "after")] == ["after"]


async def test_what_is_kept_of_a_ticket_may_change_without_its_vectors(store: VectorStore) -> None:
    await store.put_tickets(ACME, TICKETS)
    await store.put_tickets(OTHER, TICKETS)
    closed = ticket(1, PRINTER, 1_790_000_000_001, "Closed")
    unit = await store.refresh_ticket(ACME, closed)
    assert unit == pytest.approx(dense(PRINTER), abs=1e-5)
    [hit] = await similar(store, PRINTER, limit=1)
    assert (hit.status, hit.resolved, hit.revision_ms) == ("Closed", True, 1_790_000_000_001)
    assert hit.score == pytest.approx(1.0, abs=1e-5)
    assert [hit.status for hit in await similar(store, PRINTER, OTHER, limit=1)] == ["Open"]


async def test_a_refresh_of_an_older_revision_changes_nothing(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(1, PRINTER, 10, "Closed")])
    assert await store.refresh_ticket(ACME, ticket(1, PRINTER, 9, "Open")) is not None
    assert [hit.status for hit in await similar(store, PRINTER)] == ["Closed"]


async def test_a_ticket_that_is_not_there_or_was_about_something_else_is_not_refreshed(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(1, PRINTER)])
    assert await store.refresh_ticket(ACME, ticket(2, PRINTER)) is None
    assert await store.refresh_ticket(OTHER, ticket(1, PRINTER)) is None
    assert await store.refresh_ticket(ACME, ticket(1, "Now it is about this", status="Closed")) is None
    unnamed = msgspec.structs.replace(ticket(1, PRINTER), matter="")
    await store.put_tickets(ACME, [unnamed])
    assert await store.refresh_ticket(ACME, unnamed) is None
    assert [hit.status for hit in await similar(store, PRINTER)] == ["Open"]


async def test_one_stale_ticket_does_not_hold_back_the_others_of_its_batch(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(1, PRINTER, 10)])
    await store.put_tickets(ACME, [ticket(1, "stale", 9), ticket(2, "fresh", 9)])
    assert {hit.subject for hit in await similar(store, "fresh")} == {PRINTER, "fresh"}


async def test_tickets_are_found_by_the_time_of_their_revision(store: VectorStore) -> None:
    await store.put_tickets(ACME, [ticket(number, PRINTER, 1_790_000_000_000 + number) for number in range(1, 6)])
    await store.put_tickets(OTHER, [ticket(9, PRINTER, 1_790_000_000_003)])
    await store.put_articles(ACME, [article(7, PRINTER, 1_790_000_000_003)])
    first, until = 1_790_000_000_002, 1_790_000_000_004
    assert await store.tickets_between(ACME, first, until, 10) == {2: first, 3: first + 1}
    assert len(await store.tickets_between(ACME, 0, until, 2)) == 2
    assert await store.tickets_between(ACME, until, first, 10) == {}


async def test_a_dropped_ticket_is_gone_for_its_tenant_alone(store: VectorStore) -> None:
    for host in (ACME, OTHER):
        await store.put_tickets(host, TICKETS)
    await store.drop_ticket(ACME, 1)
    await store.drop_ticket(ACME, 999)
    assert 1 not in ids(await similar(store, PRINTER, limit=10))
    assert ids(await similar(store, PRINTER, OTHER, limit=1)) == [1]


async def test_a_dropped_tenant_leaves_nothing_behind(store: VectorStore) -> None:
    for host in (ACME, OTHER):
        await store.put_tickets(host, TICKETS)
        await store.put_articles(host, [article(1, PRINTER)])
    assert await store.drop_tenant(ACME) == 0
    assert await store.count(ACME) == 0
    assert await similar(store, PRINTER) == []
    assert await store.count(OTHER) == len(TICKETS) + 1


async def test_nothing_to_put_is_no_error(store: VectorStore) -> None:
    await store.put_tickets(ACME, [])
    await store.put_articles(ACME, [])
    assert await store.count(ACME) == 0


async def test_a_vector_of_the_wrong_size_is_refused_as_a_failed_stage(store: VectorStore) -> None:
    with pytest.raises(StageFailed) as failure:
        await store.similar_tickets(ACME, [1.0, 0.0], sparse_vector(PRINTER), limit=1, exclude=None)
    assert failure.value.kind == "vectors"
    assert PRINTER not in failure.value.detail


async def test_a_closed_store_fails_as_a_stage_and_may_be_closed_again(store: VectorStore) -> None:
    await store.close()
    await store.close()
    with pytest.raises(StageFailed):
        await store.count(ACME)


async def test_what_was_created_before_a_time_is_left_out_where_that_is_asked_for(store: VectorStore) -> None:
    made = [msgspec.structs.replace(ticket(number, PRINTER), created_ms=number * 1000) for number in (1, 2, 3)]
    await store.put_tickets(ACME, made)
    query, words = dense(PRINTER), sparse_vector(PRINTER)
    for since, expected in ((None, {1, 2, 3}), (0, {1, 2, 3}), (2000, {2, 3}), (2001, {3}), (3001, set())):
        found = await store.similar_tickets(ACME, query, words, limit=5, exclude=None, since_ms=since)
        assert set(ids(found)) == expected


async def test_all_points_of_a_tenant_come_back_as_they_were_put_with_the_parts_of_an_article_together(
    store: VectorStore,
) -> None:
    parts = [chunk(article(7, "How to get a refund"), place) for place in range(3)]
    await store.put_tickets(ACME, TICKETS)
    await store.put_articles(ACME, parts)
    await store.put_tickets(OTHER, TICKETS[:2])

    pages = [page async for page in store.stored_points(ACME) if page]

    tickets = {point.ticket_id: point for page in pages for point in page if isinstance(point, TicketPoint)}
    assert sorted(tickets) == [1, 2, 3, 4, 5, 6]
    for wanted in TICKETS:
        found = tickets[wanted.ticket_id]
        vectors = {"dense": [], "sparse": SparseVector([], [])}
        assert msgspec.structs.replace(found, **vectors) == msgspec.structs.replace(wanted, **vectors)
        assert found.dense == pytest.approx(wanted.dense, abs=1e-6)
        assert found.sparse.indices == wanted.sparse.indices
        assert found.sparse.values == pytest.approx(wanted.sparse.values)
    [articles] = [page for page in pages if not isinstance(page[0], TicketPoint)]
    assert sorted(point.chunk for point in articles if not isinstance(point, TicketPoint)) == [0, 1, 2]
