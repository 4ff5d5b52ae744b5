"""The bytes of a hit: encodings, validators, and what the headers say."""

import gzip
import json
import time

import httpx
import pytest
import zstandard

from serve.hits.answer import preferred
from tests.parts import Serving, store
from tests.world import ACME


@pytest.mark.parametrize(
    ("accepted", "best"),
    [
        ("", "identity"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "gzip"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("ZSTD ; Q=0.5", "zstd"),
        ("gzip;q=0, zstd;q=0.0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("*", "identity"),
        ("*;q=0", "identity"),
        ("br", "identity"),
        ("gzip;q=nan", "identity"),
        ("gzip;level=3", "gzip"),
        (";;,=,\xff", "identity"),
    ],
)
def test_a_client_gets_the_encoding_that_it_likes_best(accepted: str, best: str) -> None:
    assert preferred(accepted.encode("latin-1")) == best


async def raw(served: Serving, number: int, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer and its body as it came over the wire."""
    async with served.acme.stream("GET", f"/init/{number}", headers=headers) as answer:
        return answer, b"".join([chunk async for chunk in answer.aiter_raw()])


async def test_every_encoding_is_the_same_canvas_with_a_validator_of_its_own(served: Serving, number: int) -> None:
    await store(served.context, ACME, number, "프린터가 걸립니다. " * 50)
    plain, body = await raw(served, number, **{"Accept-Encoding": "identity"})
    zipped, small = await raw(served, number, **{"Accept-Encoding": "gzip"})
    packed, smaller = await raw(served, number, **{"Accept-Encoding": "gzip, zstd"})
    assert json.loads(body)["ticket_id"] == number
    assert gzip.decompress(small) == zstandard.ZstdDecompressor().decompress(smaller) == body
    assert max(len(small), len(smaller)) < len(body) / 3
    answers = (plain, zipped, packed)
    assert [answer.headers.get("content-encoding") for answer in answers] == [None, "gzip", "zstd"]
    base = plain.headers["etag"][:-1]
    assert [answer.headers["etag"] for answer in answers] == [f'{base}"', f'{base}-gzip"', f'{base}-zstd"']
    for answer in answers:
        assert "Accept-Encoding" in answer.headers["vary"]
        again, nothing = await raw(
            served, number, **{"If-None-Match": answer.headers["etag"], "Accept-Encoding": "gzip"}
        )
        assert (again.status_code, nothing) == (304, b""), "who has it in another encoding has it"
        assert again.headers["etag"] == f'{base}-gzip"'
    other, _ = await raw(served, number, **{"If-None-Match": f'{base}-br"'})
    assert other.status_code == 200


async def test_a_hit_says_how_old_it_is_and_where_it_came_from(served: Serving, number: int) -> None:
    began = time.time()
    await store(served.context, ACME, number)
    first = await served.acme.get(f"/init/{number}")
    again = await served.acme.get(f"/init/{number}")
    assert first.headers["server-timing"].startswith("redis;dur=")
    assert again.headers["server-timing"] == "mem"
    assert again.headers["cache-status"] == "prompt-canvas; hit"
    assert 0 <= int(again.headers["age"]) <= time.time() - began + 1
    asked = await served.acme.get(f"/init/{number}", headers={"X-Request-ID": "mine"})
    assert asked.headers["x-request-id"] == "mine"
    assert set(again.headers) | {"x-request-id"} == set(asked.headers) | {"date"}


async def test_a_canvas_of_before_bodies_were_compressed_is_still_served(served: Serving, number: int) -> None:
    import msgspec

    from shared import keys
    from shared.canvas_store import head_of

    value = head_of(1, 1, "ready") + msgspec.msgpack.encode(['"abc"', 1, b'{"ticket_id":1}', "", b"", b"", 0, 0])
    await served.context.redis.cache.set(keys.canvas(ACME, number), value, ex=60)
    answer, body = await raw(served, number, **{"Accept-Encoding": "gzip, zstd"})
    assert (answer.status_code, body, answer.headers["etag"]) == (200, b'{"ticket_id":1}', '"abc"')
