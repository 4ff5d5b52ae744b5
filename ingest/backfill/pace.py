"""How fast a backfill goes, how long it will take and how often it calls, by what it did within the last minute."""

from collections import deque
from typing import NamedTuple

from shared.backfill import BackfillCounts

OVER_S = 60.0


class Sample(NamedTuple):
    """What was done at a moment (seconds of any clock)."""

    at: float
    read: int
    settled: int
    calls: int


class Pace:
    """Fed with the counts about once a second; of one worker's time, so a new one begins anew."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def feed(self, at: float, counts: BackfillCounts) -> tuple[float, int, int]:
        """Tickets a second that were settled (read, while none is), seconds to the end (-1: nobody can tell), and how
        many calls there were.
        """
        read, settled = counts.prepared + counts.unprepared, counts.settled
        self._samples.append(Sample(at, read, settled, counts.calls))
        while at - self._samples[0].at > OVER_S:
            self._samples.popleft()
        first = self._samples[0]
        if at <= first.at:
            return 0.0, -1, 0
        seconds = at - first.at
        reading, settling = (read - first.read) / seconds, (settled - first.settled) / seconds
        left = (
            _left(counts.tickets - counts.missing - read, reading),
            _left(counts.tickets - settled, settling or reading),
        )
        per_s = round(settling or reading, 2)
        left_s = -1 if counts.state in {"queued", "listing"} or min(left) < 0 else max(left)
        return per_s, left_s, counts.calls - first.calls


def _left(tickets: int, per_s: float) -> int:
    return 0 if tickets <= 0 else round(tickets / per_s) if per_s > 0 else -1
