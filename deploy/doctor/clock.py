"""Clocks that disagree: leases, ages and signatures compare times of two machines."""

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from deploy.doctor.finding import Finder, Finding

SOME_SECONDS = 3.0
"""HTTP's dates are whole seconds, and an answer may take one."""
TOO_MANY_SECONDS = 30.0


def of_clock(finder: Finder, whose: str, ahead_s: float) -> list[Finding]:
    """What a clock is worth that is `ahead_s` seconds ahead of ours."""
    if abs(ahead_s) <= SOME_SECONDS:
        return [finder.ok("clock", f"{whose} agrees with ours ({ahead_s:+.1f} s)")]
    text = f"{whose} is {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} ours"
    remedy = "let NTP set the clock of this machine (`timedatectl set-ntp true`), and of the other one"
    wrong = finder.problem if abs(ahead_s) > TOO_MANY_SECONDS else finder.warning
    return [wrong("clock", text, remedy)]


def ahead_of_ours(headers: Mapping[str, str]) -> float | None:
    """How far an HTTP answer's `Date` is ahead of our clock, seconds; None where it has none."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp() - time.time()
    except ValueError:
        return None
