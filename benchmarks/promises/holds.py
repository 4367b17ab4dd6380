"""Whether a hold holds while many workflows run: ``python -m benchmarks.promises.holds``.

500 workflows of three steps are under way when their user holds them. Bars: no call of
``start_app2`` begins after the answer, and all workflows succeed once it is lifted, each step with
one job.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.tools.measure import Row, result, table
from devstack.processes import wait_until
from devstack.stack import Stack, Wanted, stack
from tests.product import ALICE, Product, document

START = "AppService.start_app2"
STEPS = {"a": "", "b": "a", "c": "b"}
HELD_SECONDS = 10.0
"""How long nothing may start."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    wanted = Wanted(
        apis=1, workers=asked.workers, settings={"executor.polling_interval_seconds": 1}
    )
    with result("holds", vars(asked)) as found, stack(wanted) as running:
        found.update(run(running, asked))
        found["bars"] = {"late": 0, "succeeded": asked.workflows, "jobs": 3 * asked.workflows}
        table([found])


def run(running: Stack, asked: Any) -> Row:
    simulator, product = running.simulator, Product(running)
    simulator.app("*", queue_seconds=0, run_seconds=1, lag_seconds=0)
    for _ in range(asked.workflows):
        product.submit(document(STEPS))
    wait_until(lambda: len(simulator.calls(START)) >= asked.workflows // 5, "many run", seconds=300)
    asked_at = time.time()
    hold = product.ask("POST", "/holds", json={"scope": "user", "reason": "benchmark"})
    answered = time.time()
    time.sleep(HELD_SECONDS)
    starts = simulator.calls(START)
    product.ask("DELETE", f"/holds/{hold['hold_id']}")

    def succeeded() -> int:
        found = product.ask("GET", "/workflows?counts=true&page_size=1")["counts"]
        return int(found.get("succeeded", 0))

    wait_until(lambda: succeeded() == asked.workflows, "all end", seconds=1_200, every_seconds=2)
    return {
        "answer_seconds": round(answered - asked_at, 2),
        "under_way": hold["under_way"],
        "started_before": len(starts),
        "late": sum(call["began"] > answered for call in starts),
        "succeeded": succeeded(),
        "jobs": len(simulator.jobs(owner=ALICE)),
    }


if __name__ == "__main__":
    main()
