"""The same on the running product: ``python -m benchmarks.polling_product [--fixed]``.

Each of 20 users has one job, whose time is log-normal around a minute; its successor starts when
the end has been seen. With a history of 400 such jobs, or with polls by age alone. The simulator's
ledger says when a job ended, when the next one was started, and how many calls that cost.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Mapping
from statistics import mean, median

from benchmarks.tools.measure import Row, result
from benchmarks.tools.product import Product, chain, genuine, product
from workflows.rules.durations.histogram import Histogram, bin_of
from workflows.rules.durations.history import AppHistory, Durations
from workflows.store.clock import now
from workflows.store.durations import hours

APP = "Date"
TYPICAL_SECONDS, DEVIATION = 60.0, 0.35


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--fixed", action="store_true", help="executor.poll_by_forecast: false")
    asked = parser.parse_args()
    settings = {"executor.poll_by_forecast": not asked.fixed}
    name = "polling-product-fixed" if asked.fixed else "polling-product"
    with (
        result(name, vars(asked)) as found,
        product(2, users=asked.users, settings=settings) as running,
    ):
        remember()
        found["ends"] = once(running)
        print(found["ends"])


def remember() -> None:
    """What 400 earlier jobs tell."""
    rng, counts = random.Random("history"), dict[int, int]()
    for _ in range(400):
        bin_ = bin_of(draw(rng))
        counts[bin_] = counts.get(bin_, 0) + 1
    history = Durations(Histogram({bin_of(1): 400}), Histogram(counts))
    hour = now().replace(minute=0, second=0, microsecond=0)
    hours.store(hour, {APP: AppHistory({None: history})})
    hours.add_up([APP])


def draw(rng: random.Random) -> float:
    return rng.lognormvariate(math.log(TYPICAL_SECONDS), DEVIATION)


def once(running: Product) -> Row:
    genuine(running)
    simulator, rng = running.stack.simulator, random.Random(7)
    ids = []
    for number, user in enumerate(running.users):
        found = chain(f"u{number}", 2)
        simulator.app(output_file=found["steps"][0]["params"]["output_file"], run_seconds=draw(rng))
        ids.append(running.submit(found, user))
    running.tell(ids)
    running.wait(170)
    jobs = {job["user_metadata"]: job for job in simulator.jobs()}
    delays = [_delay(jobs, each) for each in ids]
    calls = running.calls()
    return {
        "jobs": len(jobs),
        "median_s": round(median(delays), 2),
        "mean_s": round(mean(delays), 2),
        "query_tasks_a_job": round(calls["query_tasks"] / len(jobs), 2),
    }


def _delay(jobs: Mapping[str, Row], workflow: str) -> float:
    """Seconds from the end of the first job to the creation of the second."""
    first, second = jobs[f"{workflow}/0/1"], jobs[f"{workflow}/1/1"]
    return float(second["created"] - first["ended"])


if __name__ == "__main__":
    main()
