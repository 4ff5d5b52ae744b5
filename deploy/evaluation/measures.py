"""How good a ranking is, by labels: the usual measures of retrieval, and correlation for pairs."""

import math
from collections.abc import Collection, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

DEPTH = 10
NAMES = ("hit@1", "hit@10", "P@1", "P@5", "P@10", "MRR@10", "nDCG@10")


def measures(ranking: Sequence[Hashable], relevant: Collection[Hashable], total: int | None = None) -> dict[str, float]:
    """The measures of one query's ranking, best first; `relevant` may be found, `total` of them there are (all given).

    nDCG with gain 1 for each relevant one; the ideal has all of them, at most ten, in front.
    """
    gains = [1.0 if entry in relevant else 0.0 for entry in ranking[:DEPTH]]
    gains += [0.0] * (DEPTH - len(gains))
    first = next((place for place, gain in enumerate(gains) if gain), None)
    ideal = sum(_discount(place) for place in range(min(DEPTH, len(relevant) if total is None else total)))
    found = sum(gain * _discount(place) for place, gain in enumerate(gains))
    return {
        "hit@1": gains[0],
        "hit@10": max(gains),
        "P@1": gains[0],
        "P@5": sum(gains[:5]) / 5,
        "P@10": sum(gains) / DEPTH,
        "MRR@10": 0.0 if first is None else 1 / (first + 1),
        "nDCG@10": found / ideal if ideal else 0.0,
    }


def mean(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure over all queries; empty without any."""
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]} if rows else {}


def pearson(one: Sequence[float], other: Sequence[float]) -> float:
    """Pearson's correlation."""
    return round(float(np.corrcoef(one, other)[0, 1]), 4)


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's: Pearson's of the ranks, equal values share the mean of theirs."""
    return pearson(_ranks(one), _ranks(other))


def _discount(place: int) -> float:
    return 1 / math.log2(place + 2)


def _ranks(values: Sequence[float]) -> list[float]:
    array: NDArray[np.float64] = np.asarray(values, dtype=float)
    _, inverse, counts = np.unique(array, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means = ends - (counts - 1) / 2
    ranks: list[float] = means[inverse].tolist()
    return ranks
