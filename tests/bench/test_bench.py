"""What the committed results of `make bench` claim fits together, and fits the measurements that there are."""

import subprocess
import sys

import pytest

from tests.bench import report
from tests.bench.figures import Budget, Figure, Peer, percentile
from tests.bench.measurements import MEASUREMENTS
from tests.bench.processes import ROOT


def test_the_command_lists_every_measurement_with_its_meaning() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "--list"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    listed = dict(line.split(maxsplit=1) for line in done.stdout.strip().splitlines())
    assert list(listed) == list(MEASUREMENTS)
    assert all(listed.values())


def test_a_name_that_is_no_measurement_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", "speed"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "no measurement speed" in done.stderr


def test_the_results_hold_figures_of_every_measurement_from_one_run() -> None:
    results = report.read()

    assert [*dict.fromkeys(row.measurement for row in results.figures)] == list(MEASUREMENTS)
    assert len({row.name for row in results.figures}) == len(results.figures)


def test_the_table_for_people_has_the_figures_of_the_file_for_programs() -> None:
    assert report.MARKDOWN.read_text("utf-8") == report.markdown(report.read())


def test_whether_a_budget_is_met_follows_from_the_figures() -> None:
    for row in report.read().figures:
        assert row.met == (row.budget.met(row.figure, row.ratio) if row.budget else None), row.name


@pytest.mark.parametrize(
    ("budget", "met"),
    [
        (Budget("at least", 2.0, "ratio"), True),
        (Budget("at least", 2.1, "ratio"), False),
        (Budget("at most", 200.0), True),
        (Budget("at most", 199.0), False),
        (None, None),
    ],
)
def test_a_budget_is_of_the_figure_or_of_its_ratio(budget: Budget | None, met: bool | None) -> None:
    figure = Figure(name="hits", figure=200.0, unit="requests/s", peer=Peer("FastAPI", 100.0), budget=budget)

    [row] = report.rows("init_hit", [figure])
    assert row.met is met


def test_a_ratio_without_a_peer_is_neither_met_nor_missed() -> None:
    figure = Figure(name="hits", figure=200.0, unit="requests/s", budget=Budget("at least", 14.0, "ratio"))

    [row] = report.rows("init_hit", [figure])
    assert (row.ratio, row.met) == (None, None)


def test_a_percentile_is_a_value_that_was_measured() -> None:
    values = [float(value) for value in range(50, 0, -1)]

    assert percentile(values, 50) == 25.0
    assert percentile(values, 99) == 50.0
    assert percentile([7.0], 99) == 7.0
