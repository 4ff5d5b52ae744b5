"""What the tests of commands share: one process that has imported them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.deploy.forking import Call, Forking, Said, forking


@pytest.fixture(scope="session")
async def machine() -> AsyncIterator[Forking]:
    """Calls `canvas` without starting Python anew each time."""
    async with forking() as started:
        yield started


@pytest.fixture
def call(machine: Forking, tmp_path: Path) -> Call:
    """Runs `canvas` to its end, in a folder that holds no `.env`."""

    async def run(*arguments: str, **variables: str) -> Said:
        return await machine.canvas([*arguments], tmp_path, variables)

    return run
