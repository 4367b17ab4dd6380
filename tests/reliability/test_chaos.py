"""A short run of the chaos driver: the whole product under a seeded storm of faults."""

from __future__ import annotations

from benchmarks.chaos.driver import Plan, run
from benchmarks.chaos.faults import KINDS

SHORT = Plan(seed=5, faults=25, every_seconds=0.5, going=12, workers=2, apis=2)


def test_no_promise_breaks_under_a_storm_of_faults() -> None:
    report = run(SHORT, KINDS["all"])

    verdict = report.verdict
    assert verdict.kept, verdict.details
    assert sum(report.faults.values()) == SHORT.faults
    assert verdict.workflows >= 10
