"""Articles are read in all languages of the account: one that has translations is one article with more to say."""

import json
from typing import Any

from deploy.demo.helpdesk.runner import serving
from ingest.freshdesk.client import FreshdeskClient, freshdesk_http
from ingest.jobs.articles import _parts

WIFI = {"id": 7, "title": "Wi-Fi drops", "description": "<p>Install driver 7.2.</p>", "status": 2}
KOREAN = WIFI | {"title": "와이파이가 끊깁니다", "description": "<p>드라이버 7.2를 설치하십시오.</p>"}
ONLY_KOREAN = {"id": 8, "title": "환불", "description": "<p>환불은 사흘이 걸립니다.</p>", "status": 2}
PAGES: dict[str, Any] = {
    "/settings/helpdesk": {"primary_language": "en", "supported_languages": ["ko", "de", "../agents"]},
    "/solutions/categories": [{"id": 1}],
    "/solutions/categories/1/folders": [{"id": 2, "visibility": 1, "sub_folders_count": 0}],
    "/solutions/folders/2/articles": [WIFI, WIFI | {"id": 9, "status": 1}],
    "/solutions/folders/2/articles/ko": [KOREAN, ONLY_KOREAN, WIFI | {"id": 9, "status": 1}],
}


async def helpdesk(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answers by path; what it does not know is not there (German has no translation)."""
    if scope["type"] == "lifespan":
        for said in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{said}.complete"})
        return
    found = PAGES.get(scope["path"].removeprefix("/api/v2"))
    head = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 404 if found is None else 200, "headers": head})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


async def test_an_article_is_found_in_each_of_its_languages() -> None:
    async with serving(helpdesk) as url, freshdesk_http() as http:
        found = [article async for article, _ in FreshdeskClient(http, url, "key").articles()]
    assert [article["id"] for article in found] == [7, 8]
    parts = _parts(0, found[0], frozenset())
    assert [(part.chunk, part.title, part.language) for part in parts] == [
        (0, "Wi-Fi drops", "en"),
        (1, "와이파이가 끊깁니다", "ko"),
    ]
    assert found[1]["translations"] == []
