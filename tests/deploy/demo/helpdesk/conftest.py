from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.demo.helpdesk.account import START, Account, Receiver, open_account, open_receiver
from tests.deploy.demo.helpdesk.seed import write_seed


@pytest.fixture(scope="session")
def seed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_seed(tmp_path_factory.mktemp("seed"))


@pytest.fixture(scope="session")
async def reading(seed_folder: Path) -> AsyncIterator[Account]:
    """One account for all tests that change nothing."""
    async with open_account(seed_folder) as account:
        yield account


@pytest.fixture(scope="session")
async def shared_account(seed_folder: Path) -> AsyncIterator[tuple[Account, dict[str, Any]]]:
    async with open_account(seed_folder) as account:
        yield account, account.helpdesk.snapshot()


@pytest.fixture
async def account(shared_account: tuple[Account, dict[str, Any]]) -> AsyncIterator[Account]:
    """An account as the seed made it; the server is shared, its data is put back before each test."""
    account, seeded = shared_account
    account.helpdesk.restore(seeded)
    account.helpdesk.log.clear()
    account.clock.now = START
    yield account
    account.helpdesk.faults.clear()


@pytest.fixture(scope="session")
async def shared_receiver() -> AsyncIterator[Receiver]:
    async with open_receiver() as receiver:
        yield receiver


@pytest.fixture
def receiver(shared_receiver: Receiver) -> Receiver:
    """Where webhooks go; empty at the start of each test."""
    shared_receiver.statuses.clear()
    shared_receiver.received.clear()
    return shared_receiver
