"""Fixtures of the writers' tests."""

from collections.abc import AsyncIterator

import pytest

from tests.ingest.writers.wires import WIRES, Wire, opened


@pytest.fixture(params=WIRES)
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """Each of the three wires in turn."""
    async with opened(request.param) as wire:
        yield wire
