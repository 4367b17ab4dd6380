"""A short run of the driver that kills everything while a batch is made."""

from __future__ import annotations

import pytest

from benchmarks.promises.batch_kills import Plan, run

SHORT = Plan(seed=3, rows=24, kills=2, max_active=8)


@pytest.mark.timeout(900)
def test_every_row_becomes_one_workflow_whatever_dies() -> None:
    outcome = run(SHORT)

    assert outcome.kept, outcome
