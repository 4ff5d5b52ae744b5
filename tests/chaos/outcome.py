"""What a scenario found, and the one line that tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.chaos.history import Findings


@dataclass(frozen=True)
class Outcome:
    """`figures` in the order in which they are printed; `examples` are what a FAIL adds below its line."""

    figures: Mapping[str, object]
    passed: bool
    examples: Mapping[str, list[str]] = field(default_factory=dict)

    def line(self, name: str, seed: int) -> str:
        """`chaos NAME key=value … PASS|FAIL`."""
        figures = " ".join(f"{key}={_said(value)}" for key, value in {"seed": seed, **self.figures}.items())
        return f"chaos {name} {figures} {'PASS' if self.passed else 'FAIL'}"


def outcome(figures: Mapping[str, object], findings: Findings, **must: bool) -> Outcome:
    """Passed where nothing was found and every `must` holds; the names of those that do not are among the examples."""
    broken = [name for name, holds in must.items() if not holds]
    examples = findings.examples | ({"broken": broken} if broken else {})
    passed = findings.clean and not broken
    return Outcome({**figures, **findings.counts}, passed, {} if passed else examples)


def _said(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
