"""A short job is found to have ended long before the next poll is due."""

from __future__ import annotations

import pytest

from devstack.processes import wait_until
from devstack.stack import Wanted, stack
from tests.operations.conftest import Product

pytestmark = pytest.mark.xdist_group("operations")


def test_short_jobs_end_between_two_polls() -> None:
    with stack(Wanted(apis=1, settings={"executor.polling_interval_seconds": 600})) as running:
        running.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
        product = Product(running)
        workflow = product.submit("", "a", "b")

        wait_until(lambda: product.status(workflow) == "succeeded", "it ends", seconds=200)
