"""A Qdrant server's REST interface over the client's local mode: the part of it that our store speaks.

It shows that what we send can be said over the wire and read back; it does not show how a real server behaves.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import BaseModel
from qdrant_client import AsyncQdrantClient, models

from deploy.http_server import bind, running

Handler = Callable[[str, dict[str, Any]], Awaitable[Any]]


class QdrantRest:
    """The ASGI app. `requests` is its log: method, path, JSON body. `version` is what it says it is."""

    def __init__(self, version: str = "1.20.0") -> None:
        self.version = version
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.broken = False
        self._local = AsyncQdrantClient(":memory:")
        name = r"/collections/(?P<name>[^/]+)"
        self._routes: dict[str, Handler] = {
            f"GET {name}/exists": self._exists,
            f"PUT {name}": self._create,
            f"PUT {name}/index": self._acknowledge,
            "GET /aliases": self._aliases,
            "GET /collections": self._collections,
            "POST /collections/aliases": self._change_aliases,
            f"POST {name}/points/batch": self._batch,
            f"POST {name}/points/delete": self._delete,
            f"POST {name}/points/count": self._count,
            f"POST {name}/points/query/batch": self._query_batch,
            f"POST {name}/points": self._retrieve,
            f"POST {name}/points/payload": self._set_payload,
            f"POST {name}/points/scroll": self._scroll,
        }

    def bodies(self, call: str) -> list[dict[str, Any]]:
        """Bodies of the logged requests whose method and path match the pattern."""
        return [body for method, path, body in self.requests if re.fullmatch(call, f"{method} {path}")]

    async def __call__(
        self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        raw = b""
        while (event := await receive()).get("more_body"):
            raw += event["body"]
        body = json.loads(raw + event["body"] or b"{}")
        method, path = scope["method"], scope["path"]
        self.requests.append((method, path, body))
        status, answer = await self._answer(f"{method} {path}", body)
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def close(self) -> None:
        await self._local.close()

    async def _answer(self, call: str, body: dict[str, Any]) -> tuple[int, Any]:
        if call == "GET /":
            return 200, {"title": "qdrant - vector search engine", "version": self.version}
        if self.broken:
            return 500, {"status": {"error": "Service internal error: the text of a ticket"}}
        for pattern, handler in self._routes.items():
            if match := re.fullmatch(pattern, call):
                try:
                    result = await handler(match.groupdict().get("name", ""), body)
                except ValueError as error:
                    return 400, {"status": {"error": str(error)}}
                plain = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
                return 200, {"result": plain, "status": "ok", "time": 0.001}
        return 404, {"status": {"error": "Not found"}}

    async def _exists(self, name: str, body: dict[str, Any]) -> Any:
        return {"exists": await self._local.collection_exists(name)}

    async def _create(self, name: str, body: dict[str, Any]) -> Any:
        wanted = models.CreateCollection.model_validate(body)
        return await self._local.create_collection(
            name, vectors_config=wanted.vectors, sparse_vectors_config=wanted.sparse_vectors
        )

    async def _acknowledge(self, name: str, body: dict[str, Any]) -> Any:
        return {"operation_id": 0, "status": "completed"}

    async def _aliases(self, name: str, body: dict[str, Any]) -> Any:
        return await self._local.get_aliases()

    async def _collections(self, name: str, body: dict[str, Any]) -> Any:
        return await self._local.get_collections()

    async def _change_aliases(self, name: str, body: dict[str, Any]) -> Any:
        return await self._local.update_collection_aliases(models.ChangeAliasesOperation.model_validate(body).actions)

    async def _batch(self, name: str, body: dict[str, Any]) -> Any:
        done = await self._local.batch_update_points(name, models.UpdateOperations.model_validate(body).operations)
        return [result.model_dump(mode="json") for result in done]

    async def _delete(self, name: str, body: dict[str, Any]) -> Any:
        selector = models.PointIdsList(**body) if "points" in body else models.FilterSelector(**body)
        return await self._local.delete(name, selector)

    async def _scroll(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.ScrollRequest.model_validate(body)
        points, after = await self._local.scroll(
            name,
            asked.filter,
            limit=asked.limit or 10,
            offset=asked.offset,
            with_payload=asked.with_payload or False,
            with_vectors=asked.with_vector or False,
        )
        return models.ScrollResult(points=points, next_page_offset=after)

    async def _count(self, name: str, body: dict[str, Any]) -> Any:
        return await self._local.count(name, models.CountRequest.model_validate(body).filter)

    async def _retrieve(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.PointRequest.model_validate(body)
        vectors = asked.with_vector or False
        found = await self._local.retrieve(name, asked.ids, with_payload=bool(asked.with_payload), with_vectors=vectors)
        return [record.model_dump(mode="json") for record in found]

    async def _set_payload(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.SetPayload.model_validate(body)
        assert asked.filter is not None, "only where a condition holds"
        return await self._local.set_payload(name, asked.payload, points=asked.filter)

    async def _query_batch(self, name: str, body: dict[str, Any]) -> Any:
        asked = models.QueryRequestBatch.model_validate(body)
        answers = await self._local.query_batch_points(name, asked.searches)
        return [answer.model_dump(mode="json") for answer in answers]


@asynccontextmanager
async def serving(app: QdrantRest) -> AsyncIterator[str]:
    """Serve on a free port; the base URL."""
    async with running(app, bind("127.0.0.1", 0)) as url:
        yield url
    await app.close()
