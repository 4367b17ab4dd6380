"""Whether a workflow outlives its tokens: ``python -m benchmarks.promises.tokens``.

A chain of 40 steps of 15 s each with tokens that last 60 s, so 10 minutes and at least ten tokens;
nothing hands in a fresh one. Bars: it succeeds, it is never parked, each step has one job.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from benchmarks.tools.measure import Row, result, table
from devstack.processes import wait_until
from devstack.stack import Stack, Wanted, stack
from tests.product import ALICE, FINAL, Product, document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--run-seconds", type=float, default=14.0, help="of one job")
    parser.add_argument("--lifetime", type=float, default=60.0, help="of a token, seconds")
    asked = parser.parse_args()
    wanted = Wanted(apis=1, settings={"executor.polling_interval_seconds": 1})
    with result("tokens", vars(asked)) as found, stack(wanted) as running:
        found.update(run(running, asked))
        found["bars"] = {"state": "succeeded", "parked": 0, "jobs": asked.steps}
        table([found])


def run(running: Stack, asked: Any) -> Row:
    simulator, product = running.simulator, Product(running)
    simulator.app("*", queue_seconds=0, run_seconds=asked.run_seconds, lag_seconds=0)
    simulator.switch(renewed_seconds=asked.lifetime)
    product.tokens[ALICE] = simulator.token(ALICE, asked.lifetime)
    names = [f"s{number}" for number in range(asked.steps)]
    needs = dict(zip(names, ["", *names], strict=False))
    workflow, begun = product.submit(document(needs)), time.monotonic()
    product.tokens[ALICE] = simulator.token(ALICE)  # only to look: no such request stores it
    parked: list[str] = []

    def ended() -> bool:
        reasons = product.ask("GET", f"/workflows/{workflow}/explain")
        parked.extend(
            step["step_name"] for step in reasons["steps"] if step["code"] == "token_expired"
        )
        return reasons["status"] in FINAL

    wait_until(ended, "it ends", seconds=3_600, every_seconds=1)
    jobs = simulator.jobs(owner=ALICE)
    return {
        "state": product.state(workflow),
        "parked": len(parked),
        "jobs": len(jobs),
        "tokens": len({job["token_expiry"] for job in jobs}),
        "seconds": round(time.monotonic() - begun, 1),
    }


if __name__ == "__main__":
    main()
