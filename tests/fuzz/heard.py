"""What was heard while inputs were sent: answers by status, and whatever may never happen."""

import gc
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from structlog.testing import capture_logs

MOST_SAID = 600


@dataclass
class Heard:
    """Counts answers; a finding is an input that was answered as none may be."""

    sent: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)

    def answer(self, status: int, body: bytes, what: str) -> None:
        """One answer to the input `what`."""
        self.sent += 1
        self.statuses[str(status)] += 1
        if status >= 500:
            self.find(f"{status} {body[:200]!r} to {what}")
        if b"Traceback" in body:
            self.find(f"a traceback to {what}")

    def silence(self, why: str) -> None:
        """An input that was cut off, or that waits for its rest."""
        self.sent += 1
        self.statuses[why] += 1

    def find(self, what: str) -> None:
        """Something that may never happen."""
        self.findings.append(what[:MOST_SAID])


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """Nothing unexpected and no traceback may stand in the logs of the block."""
    records: list[logging.LogRecord] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    gc.collect()  # what was left behind before speaks up before
    keep = Keep(logging.WARNING)
    logging.getLogger().addHandler(keep)
    try:
        with capture_logs() as events:
            yield
    finally:
        logging.getLogger().removeHandler(keep)
    for event in events:
        if event["log_level"] == "error" or "exc_info" in event:
            heard.find(f"logged: {event}")
    for record in records:
        if record.exc_info or record.levelno >= logging.ERROR:
            heard.find(f"logged: {record.getMessage()}")
