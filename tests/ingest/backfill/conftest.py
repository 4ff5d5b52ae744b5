"""A backfill looks at what goes on some times a second; here it looks more often, so that no test waits for a look."""

import pytest

from ingest.backfill import batches, computing, indexing, patience, run, watch

OFTEN_S = 0.02


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the pauses between two looks are shorter; what is done is the same."""
    for module in (batches, computing, indexing, patience, run, watch):
        monkeypatch.setattr(module, "LOOK_EVERY_S", OFTEN_S)
    monkeypatch.setattr(batches, "FIRST_LOOK_S", 2 * OFTEN_S)
