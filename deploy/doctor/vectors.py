"""Where vectors are: a Qdrant server or the embedded engine, and whether they are those of the embedding model in use.

The embedded engine is opened by one process only, so that its folder is looked at from outside.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from deploy.doctor.finding import Finder, Finding
from deploy.settings import AllSettings
from ingest.embeddings.protocol import Embedder
from ingest.providers import collection_of
from ingest.vectors.points import collection_name
from ingest.vectors.server_collection import ALIAS, OLDEST_SERVER
from shared.errors import StageFailed

WITHIN_S = 5
REFUSED = {401, 403}
finder = Finder("vectors")


async def of_embedder(embedder: Embedder) -> list[Finding]:
    """Embed one word: the model answers, and its vectors have the size that their collection is made for."""
    remedy = "see OPENAI_API_KEY, OPENAI_BASE_URL and CANVAS_EMBEDDING_MODEL, or set CANVAS_EMBEDDINGS=local"
    try:
        [vector] = await embedder.embed(["ok"])
    except StageFailed as error:
        return [finder.problem("embedding", f"{embedder.name} embeds nothing ({error.kind})", remedy)]
    if len(vector) != embedder.size:
        text = f"{embedder.name} makes vectors of {len(vector)} numbers, the settings say {embedder.size}"
        return [finder.problem("embedding", text, f"set CANVAS_EMBEDDING_SIZE={len(vector)}, then `canvas backfill`")]
    return [finder.ok("embedding", f"{embedder.name} makes vectors of {embedder.size} numbers")]


def of_folder(settings: AllSettings, embedder: Embedder) -> list[Finding]:
    """The embedded engine's folder of the model in use, and what lies beside it."""
    folder = settings.shared.data_dir / "vectors"
    name = collection_name(collection_of(embedder), embedder.size)
    others = sorted(each.name for each in folder.glob("*") if each.is_dir() and each.name != name)
    if not (folder / name).exists():
        if others:
            text = f"The vectors here are of another embedding model ({', '.join(others)}): nothing similar is found"
            return [finder.problem("collection", text, "run `canvas backfill HOST --reindex` for each account")]
        return [finder.ok("collection", "The embedded vectors are made with the first ticket")]
    size = sum(file.stat().st_size for file in _files(folder / name))
    found = [finder.ok("collection", f"Embedded vectors: {name}, {size / 1e6:,.0f} MB")]
    if others:
        text = f"Vectors of models that are not used any more take room: {', '.join(others)}"
        remedy = f"delete those folders in {folder} when you will not go back to their models"
        found.append(finder.warning("collection-unused", text, remedy))
    return found


async def of_server(settings: AllSettings, embedder: Embedder, hosts: Sequence[str]) -> list[Finding]:
    """The Qdrant server: its version, the collection of the model in use, the alias, and each account's points."""
    ingest = settings.ingest
    key = ingest.qdrant_api_key.get_secret_value() if ingest.qdrant_api_key else None
    client = AsyncQdrantClient(ingest.qdrant_url, api_key=key, timeout=WITHIN_S, check_compatibility=False)
    try:
        return [finding async for finding in _asked(client, embedder, hosts)]
    except UnexpectedResponse as error:
        if error.status_code in REFUSED:
            return [finder.problem("qdrant", "Qdrant refuses the key", "set QDRANT_API_KEY to one that may write")]
        return [finder.problem("qdrant", f"Qdrant answers HTTP {error.status_code}", "see the server's log")]
    except (ApiException, QdrantException, httpx.HTTPError) as error:
        text = f"QDRANT_URL does not answer ({type(error).__name__})"
        return [finder.problem("qdrant", text, "see whether the server runs, and its address and port")]
    finally:
        await client.close()


async def _asked(client: AsyncQdrantClient, embedder: Embedder, hosts: Sequence[str]) -> AsyncIterator[Finding]:
    version = (await client.info()).version
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        yield finder.problem("qdrant", f"Qdrant is {version}: no worker starts", f"update it to {oldest} or later")
    else:
        yield finder.ok("qdrant", f"Qdrant {version} answers")
    name = f"{ALIAS}-{collection_name(collection_of(embedder), embedder.size)}"
    if not await client.collection_exists(name):
        text = f"Qdrant has no collection {name} for the embedding model in use"
        yield finder.warning("collection", text, "the first worker makes it; fill it with `canvas backfill HOST`")
        return
    count = (await client.count(name)).count
    yield finder.ok("collection", f"The collection {name} has {count:,} points")
    named = {each.alias_name: each.collection_name for each in (await client.get_aliases()).aliases}
    for finding in _alias(named.get(ALIAS), name):
        yield finding
    for host in hosts:
        where = models.Filter(must=[models.FieldCondition(key="tenant", match=models.MatchValue(value=host))])
        points = (await client.count(name, count_filter=where, exact=True)).count
        yield _points(host, points)


def _alias(found: str | None, name: str) -> Iterator[Finding]:
    if found == name:
        yield finder.ok("alias", f"The alias {ALIAS} names it")
    elif found is not None:
        text = f"The alias {ALIAS} still names {found}: the new model's collection is not full yet"
        yield finder.warning("alias", text, "run `canvas backfill HOST --reindex`, then restart a worker")
    else:
        yield finder.warning("alias", f"The alias {ALIAS} names nothing", "restart a worker: it makes the alias")


def _points(host: str, points: int) -> Finding:
    own = Finder("vectors", host)
    if points:
        return own.ok("points", f"{points:,} points of {host}")
    text = f"No ticket or article of {host} is indexed: nothing similar is found"
    return own.warning("points", text, f"run `canvas backfill {host}`")


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())
