"""Time that passes at once, for what is remembered for a while: no test has to wait for it, nor to be quick."""

import time


class Clock:
    """Stands in for the module `time` of one module of ours, or for the time of a test's own event loop.

    It goes on as ever, and jumps where a test says so.
    """

    def __init__(self) -> None:
        self._passed = 0.0

    def passes(self, seconds: float) -> None:
        """Now it is so much later."""
        self._passed += seconds

    def time(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self._passed

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic() + self._passed
