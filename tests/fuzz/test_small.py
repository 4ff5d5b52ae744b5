"""A few hundred of the inputs that `python -m tests.fuzz` sends ten thousand of."""

import tempfile
from pathlib import Path

import pytest

from tests.fuzz.limits import unlimited
from tests.parts import own_redis
from tests.world import world

SEED = 20_261_123


@pytest.mark.timeout(120)
async def test_no_input_is_answered_with_an_internal_error_or_with_what_openapi_does_not_speak_of() -> None:
    pytest.importorskip("schemathesis")
    from tests.fuzz.__main__ import fuzz

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings, serve=unlimited()) as made:
            found = await fuzz(made, 100, SEED)
    assert [finding for heard in found.values() for finding in heard.findings] == []
    assert sum(heard.sent for heard in found.values()) >= 90
    statuses = {status for heard in found.values() for status in heard.statuses}
    assert {"200", "400", "401", "404"} <= statuses, "the inputs reach every kind of answer"
