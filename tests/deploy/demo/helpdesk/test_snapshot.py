"""What is kept between two starts."""

import json
from pathlib import Path

import pytest

from deploy.demo.helpdesk import Helpdesk, HelpdeskSettings
from tests.deploy.demo.helpdesk.account import KEYS, START, Account, Clock, make_helpdesk


def test_the_same_seed_gives_the_same_ids_and_times(seed_folder: Path) -> None:
    first, second = (make_helpdesk(seed_folder, Clock()).snapshot() for _ in range(2))
    assert first == second


async def test_a_snapshot_is_json_and_brings_everything_back(account: Account, seed_folder: Path) -> None:
    await account.rule(1, actions=[{"field_name": "priority", "value": 1}])
    number = await account.new_ticket(email="late@example.com")
    await account.agent.post(f"/tickets/{number}/reply", json={"body": "x"})
    saved = json.loads(json.dumps(account.helpdesk.snapshot()))
    other = Helpdesk(account.helpdesk.settings, clock=account.clock)
    before = other.changed
    other.restore(saved)
    assert other.changed > before
    assert other.snapshot() == saved
    assert other.agent_of_key("olivia-key") is not None
    assert other.contact_by_email("late@example.com") is not None
    assert other.state.next_id("ticket") == number + 1


def test_a_key_of_nobody_is_refused_at_once(seed_folder: Path) -> None:
    with pytest.raises(ValueError, match="agents that don't exist: nobody"):
        make_helpdesk(seed_folder, Clock(), api_keys={**KEYS, "k": "nobody"})


def test_an_unusable_seed_line_is_named(seed_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "agents.json").write_text((seed_folder / "agents.json").read_text("utf-8"), "utf-8")
    (tmp_path / "tickets.en.jsonl").write_text('{"key": "bad-1", "age_hours": 3}', "utf-8")
    with pytest.raises(ValueError, match=r"tickets\.en\.jsonl: ticket 'bad-1' is unusable"):
        Helpdesk.from_seed(tmp_path, HelpdeskSettings(api_keys=KEYS), START)


def test_an_unknown_plan_is_refused_at_once(seed_folder: Path) -> None:
    with pytest.raises(ValueError, match="unknown plan 'gold'"):
        make_helpdesk(seed_folder, Clock(), plan="gold")
