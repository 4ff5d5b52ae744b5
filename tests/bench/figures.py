"""What a measurement returns: figures, each with what it is compared with and what it is held to."""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec


class Peer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something else that does the same work, measured in the same run, in the figure's unit."""

    name: str
    figure: float


class Budget(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the design promises, of the figure itself or of its ratio to the peer's."""

    bound: Literal["at least", "at most"]
    limit: float
    of: Literal["figure", "ratio"] = "figure"

    def met(self, figure: float, ratio: float | None) -> bool | None:
        """Whether it holds; None where there is no ratio to hold to it."""
        value = figure if self.of == "figure" else ratio
        if value is None:
            return None
        return value >= self.limit if self.bound == "at least" else value <= self.limit


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One number. `note` says what a reader needs to believe it."""

    name: str
    figure: float
    unit: str
    peer: Peer | None = None
    budget: Budget | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure in multiples of the peer's."""
        return self.figure / self.peer.figure if self.peer and self.peer.figure else None


def at_least(limit: float, of: Literal["figure", "ratio"] = "figure") -> Budget:
    """A budget for what should be high."""
    return Budget("at least", limit, of)


def at_most(limit: float) -> Budget:
    """A budget for what should be low."""
    return Budget("at most", limit)


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
