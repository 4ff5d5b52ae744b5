"""Ground for replies: a public article that every ticket finds, so that somebody has something to write from."""

from typing import Final

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
