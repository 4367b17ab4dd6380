"""A short run of the chaos driver: the whole product under a seeded storm of faults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.chaos.driver import Plan, run
from benchmarks.chaos.failover import FAILOVER
from benchmarks.chaos.faults import KINDS

pytestmark = pytest.mark.timeout(900)  # the faults last for a minute, the quiet for six at most
SHORT = Plan(seed=5, faults=25, every_seconds=0.5, going=12, workers=2, apis=2)


def test_no_promise_breaks_under_a_storm_of_faults() -> None:
    report = run(SHORT, KINDS["all"])

    verdict = report.verdict
    assert verdict.kept, verdict.details
    assert sum(report.faults.values()) == SHORT.faults
    assert verdict.workflows >= 10
    assert verdict.batches >= 1


def test_no_promise_breaks_while_servers_fail_over() -> None:
    report = run(replace(SHORT, faults=12, failover=True), FAILOVER)

    verdict = report.verdict
    assert verdict.kept, verdict.details
    assert sum(report.faults.values()) == 12
    assert verdict.workflows >= 10
