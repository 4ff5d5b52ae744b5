"""Times the stages of a run, for its provenance and for the metrics."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from shared.metrics import STAGE_SECONDS
from shared.models import StageReport
from shared.tracing import span


class Stopwatch:
    """Collects one report a stage, in the order in which they ended."""

    def __init__(self) -> None:
        self.reports: list[StageReport] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block; it is reported whether it fails or not."""
        started = time.perf_counter()
        try:
            with span(f"stage {name}", stage=name):
                yield
        finally:
            seconds = time.perf_counter() - started
            STAGE_SECONDS.labels(stage=name).observe(seconds)
            self.reports.append(StageReport(name=name, ms=round(seconds * 1000, 1)))

    def fail(self, name: str, kind: str) -> StageReport:
        """Note what stopped a stage that has just been timed, and return its report."""
        return self._note(name, error=kind)

    def reuse(self, name: str) -> StageReport:
        """Note that a stage that has just been timed had nothing to make, and return its report."""
        return self._note(name, reused=True)

    def _note(self, name: str, **noted: Any) -> StageReport:
        place = max(place for place, report in enumerate(self.reports) if report.name == name)
        self.reports[place] = msgspec.structs.replace(self.reports[place], **noted)
        return self.reports[place]
