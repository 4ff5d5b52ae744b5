"""`canvas feedback export`: what is printed for a spreadsheet and for a program."""

import csv
import io
import json
from pathlib import Path

import pytest

from deploy.commands.feedback import cell
from shared.feedback import Feedback, Given
from shared.redis import redis_clients
from shared.settings import Settings
from tests.deploy.forking import Forking
from tests.parts import register
from tests.world import ACME


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(None) == ""


async def test_feedback_is_exported_as_a_table_and_for_a_program(
    machine: Forking, settings: Settings, tmp_path: Path
) -> None:
    await register(settings, ACME)
    async with redis_clients(settings) as redis:
        made = {"agent_id": 7, "ticket_id": 12, "kind": "summary", "model": "openai/x", "prompt": "v2"}
        entries = [Given(id=f"a{n}", action=action, run="-x", **made) for n, action in enumerate(("shown", "copied"))]  # type: ignore[arg-type]
        assert await Feedback(redis.state).add(ACME, entries) == 2
    assert settings.redis_url is not None
    environment = {"REDIS_URL": settings.redis_url.get_secret_value(), "CANVAS_LOG_LEVEL": "error"}
    table = await machine.canvas(["feedback", "export", ACME], tmp_path, environment)
    assert table.code == 0, table.err
    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert [(row["action"], row["ticket_id"], row["run"]) for row in rows] == [
        ("shown", "12", "'-x"),
        ("copied", "12", "'-x"),
    ]
    told = await machine.canvas(["feedback", "export", ACME, "--json"], tmp_path, environment)
    document = json.loads(told.out)
    assert document["acceptance"][0]["rate"] == 1.0
    assert len(document["feedback"]) == 2
    later = await machine.canvas(["feedback", "export", ACME, "--since", "2999-01-01"], tmp_path, environment)
    assert later.out.splitlines()[1:] == []
