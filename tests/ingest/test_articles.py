"""Solution articles in the index: what is published is found, for customers or agents only, and nothing else is."""

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from deploy.demo.helpdesk import Fault
from ingest.context import WorkerContext
from ingest.freshdesk.client import FreshdeskClient
from ingest.jobs.articles import AGAIN_AFTER, index_articles, look_again
from ingest.vectors.protocol import ArticleHit
from ingest.vectors.sparse import sparse_vector
from shared import keys, lifetimes
from shared.errors import FreshdeskUnavailable
from shared.tenants import Tenant
from tests.faults import worker_of
from tests.world import Account, World

WIFI = "When the Wi-Fi drops every hour"


class Shelf:
    """An account's articles, as its agents keep them and as its tickets find them."""

    def __init__(self, account: Account, tenant: Tenant) -> None:
        self.account = account
        self.tenant = tenant
        self.context: WorkerContext = worker_of(account)
        self.state: Any = account.helpdesk.state
        [self.wifi] = [article for article in self.state.articles.values() if article.title == WIFI]
        self.folder: Any = self.state.folders[self.wifi.folder_id]

    async def index(self) -> int:
        """Look at what is published now."""
        freshdesk: FreshdeskClient = self.context.freshdesk(self.tenant)
        return await index_articles(self.context, self.tenant, freshdesk)

    async def found(self) -> ArticleHit | None:
        """The article on Wi-Fi, if a ticket about it finds it."""
        [dense] = await self.context.embedder.embed([WIFI])
        hits = await self.context.vectors.similar_articles(self.tenant.host, dense, sparse_vector(WIFI), limit=9)
        return next((hit for hit in hits if hit.article_id == self.wifi.id), None)


async def shelf_of(account: Account) -> Shelf:
    tenant = await worker_of(account).tenants.get(account.host)
    assert tenant is not None
    return Shelf(account, tenant)


async def test_what_is_published_no_longer_is_found_no_longer_and_comes_back_with_it(small_world: World) -> None:
    shelf = await shelf_of(small_world.acme)
    others = await shelf_of(small_world.other)
    assert (await shelf.index(), await others.index()) == (3, 3)
    assert await shelf.found()

    shelf.wifi.status = 1  # a draft again, which changes no `updated_at` here
    assert await shelf.index() == 2
    assert await shelf.found() is None

    shelf.wifi.status = 2
    assert await shelf.index() == 3
    assert await shelf.found()

    del shelf.state.articles[shelf.wifi.id]
    assert await shelf.index() == 2
    assert await shelf.found() is None
    assert await others.found(), "the other account's article of the same number"


async def test_a_folder_that_is_closed_to_customers_closes_its_articles_at_the_next_look(small_world: World) -> None:
    shelf = await shelf_of(small_world.acme)
    await shelf.index()
    found = await shelf.found()
    assert found is not None
    assert found.public
    seen_by: list[tuple[int | None, bool]] = [(3, False), (1, True), (2, False), (None, False)]
    for visibility, public in seen_by:
        shelf.folder.visibility = visibility
        await shelf.index()
        found = await shelf.found()
        assert found is not None
        assert found.public is public, visibility


async def test_what_the_vectors_lost_is_put_there_again_and_a_failed_listing_removes_nothing(
    small_world: World,
) -> None:
    """The vector store may be another one, or lost, while the notes in Redis are still there."""
    shelf = await shelf_of(small_world.acme)
    await shelf.index()
    await shelf.context.vectors.drop_articles(shelf.tenant.host, [shelf.wifi.id])
    await shelf.index()
    assert await shelf.found()

    stored = await shelf.context.vectors.stored_articles(shelf.tenant.host)
    shelf.account.helpdesk.faults.add(Fault("error", path="/api/v2/solutions/folders", after=1))
    with pytest.raises(FreshdeskUnavailable):
        await shelf.index()
    assert await shelf.context.vectors.stored_articles(shelf.tenant.host) == stored


async def test_articles_are_looked_through_again_every_few_hours_by_one_process(small_world: World) -> None:
    shelf = await shelf_of(small_world.acme)
    context, host = shelf.context, shelf.tenant.host
    looked = keys.articles_looked(host)
    assert not await look_again(context, host), "its backfill has just begun"
    assert not await look_again(context, "nobody.freshdesk.com")
    await context.tenants.put(replace(shelf.tenant, created_at=datetime.now(UTC) - lifetimes.ARTICLES_EVERY))

    assert sorted([await look_again(context, host), await look_again(context, host)]) == [False, True]
    assert await shelf.found()
    shelf.wifi.status = 1
    await context.redis.state.delete(looked)  # hours later
    assert await look_again(context, host)
    assert await shelf.found() is None

    shelf.account.helpdesk.faults.add(Fault("error", path="/api/v2/solutions"))
    await context.redis.state.delete(looked)
    assert await look_again(context, host)
    assert 0 < await context.redis.state.ttl(looked) <= AGAIN_AFTER.total_seconds()
