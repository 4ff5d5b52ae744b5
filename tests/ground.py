"""Ground for replies: a public article that every ticket finds, so that somebody has something to write from."""

import html
from datetime import UTC, datetime
from typing import Final

from deploy.demo.helpdesk.models import Article, Category, Folder
from ingest.vectors.protocol import ArticlePoint
from ingest.vectors.sparse import sparse_vector
from tests.faults import worker_of
from tests.world import Account

ARTICLE: Final = 7
"""The article that the look-alikes' prepared replies name as their source."""


async def lay_ground(account: Account, *texts: str, public: bool = True, first: int = ARTICLE) -> None:
    """Index an article for each text, as near to a ticket of the same words as can be."""
    worker = worker_of(account)
    for number, text in enumerate(texts, first):
        [dense] = await worker.embedder.embed([text])
        point = ArticlePoint(
            article_id=number,
            revision_ms=1,
            title=text.partition("\n")[0][:80],
            snippet=text,
            url=f"https://{account.host}/support/solutions/articles/{number}",
            public=public,
            language="ko" if any("가" <= letter <= "힣" for letter in text) else "en",
            dense=dense,
            sparse=sparse_vector(text),
        )
        await worker.vectors.put_articles(account.host, [point])


def publish(account: Account, *texts: str, first: int = ARTICLE) -> None:
    """Publish the same articles in the account's helpdesk: a look through its articles leaves the ground as it is."""
    state, created = account.helpdesk.state, datetime(2025, 1, 1, tzinfo=UTC)
    category = Category(state.next_id("category"), "Ground", "en", created)
    folder = Folder(state.next_id("folder"), "Ground", category.id, "en", visibility=1, created_at=created)
    state.categories[category.id], state.folders[folder.id] = category, folder
    for number, text in enumerate(texts, first):
        title, _, body = text.partition("\n")
        state.articles[number] = Article(
            id=number,
            key=f"ground-{number}",
            title=title,
            description=f"<p>{html.escape(body)}</p>",
            description_text=body,
            folder_id=folder.id,
            category_id=category.id,
            language="en",
            status=2,
            type=1,
            agent_id=None,
            created_at=created,
            updated_at=created,
        )
