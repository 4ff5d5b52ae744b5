"""What a check says: well, odd or broken; what that means; and the very command or setting that mends it."""

from dataclasses import dataclass
from typing import Literal

import msgspec

Level = Literal["ok", "warning", "problem"]
Part = Literal["machine", "settings", "redis", "vectors", "models", "workers", "freshdesk"]
PARTS: tuple[Part, ...] = ("machine", "settings", "redis", "vectors", "models", "workers", "freshdesk")
"""In the order in which they are shown: what comes first is often the reason for what comes later."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `code` is for programs and keeps its meaning; `remedy` is empty where all is well.

    A warning is something to know; a problem keeps agents from getting what they should. `host` is whose it is.
    """

    code: str
    level: Level
    part: Part
    text: str
    remedy: str = ""
    host: str = ""


@dataclass(frozen=True)
class Finder:
    """Makes the findings of one part, of one account where `host` is given."""

    part: Part
    host: str = ""

    def ok(self, code: str, text: str) -> Finding:
        """All is well."""
        return self._finding("ok", code, text, "")

    def warning(self, code: str, text: str, remedy: str) -> Finding:
        """Something to know."""
        return self._finding("warning", code, text, remedy)

    def problem(self, code: str, text: str, remedy: str) -> Finding:
        """Something that has to be mended."""
        return self._finding("problem", code, text, remedy)

    def _finding(self, level: Level, code: str, text: str, remedy: str) -> Finding:
        return Finding(code=code, level=level, part=self.part, text=text, remedy=remedy, host=self.host)
