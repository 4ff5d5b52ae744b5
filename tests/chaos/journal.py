"""What a process did, written down so that its death can't take it back: one line of JSON an event.

A write to a file opened for appending is whole or not there, and survives a SIGKILL. `at` is the machine's monotonic
clock in seconds, which all processes share.
"""

import json
import os
import time
from pathlib import Path
from typing import Any


class Journal:
    """Appends to one file; any number of processes may do so at once."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._pid = os.getpid()

    def note(self, what: str, **details: Any) -> None:
        """Write one event down."""
        line = json.dumps({"what": what, "pid": self._pid, "at": time.monotonic(), **details})
        os.write(self._file, line.encode() + b"\n")


def read_journal(file: Path) -> list[dict[str, Any]]:
    """All events of a journal, in the order in which they were written."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
