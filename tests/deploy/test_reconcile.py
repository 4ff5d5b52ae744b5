"""`canvas reconcile HOST` beside running workers, as a program reads it."""

import json

from shared.settings import Settings
from tests.deploy.forking import Call
from tests.world import ACME, World


async def test_a_pass_that_was_asked_for_is_told_as_json(small_world: World, settings: Settings, call: Call) -> None:
    worker = small_world.running.worker
    assert settings.redis_url is not None
    environment = {
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "CANVAS_DATA_DIR": str(worker.settings.data_dir),
        "CANVAS_FRESHDESK_URLS": json.dumps(worker.settings.freshdesk_urls),
    }

    said = await call("reconcile", ACME, "--json", **environment)

    found = json.loads(said.out)
    assert (said.code, said.err, found["host"], found["code"]) == (0, "", ACME, "")
    assert found["ended_ms"] >= found["began_ms"] > 0
