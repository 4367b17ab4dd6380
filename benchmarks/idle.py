"""What waiting costs: ``python -m benchmarks.idle [--minutes 30]``.

10,000 workflows of 100 users each have a job at AppService that does not end; every call takes
50 ms. Figures: cores used by the engine and its servers together, the calls of one interval and how
long they take from the first to the last, memory at the beginning and the end, what waits in Redis.
The yardstick is the same product with nothing to do.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import redis

from benchmarks.throughput import clear
from benchmarks.tools.measure import Meter, Row, medians, result, table
from benchmarks.tools.product import Product, flat, instant, product
from config.sections import Broker
from devstack.processes import wait_until
from workflows.store import documents
from workflows.store.mongo import collection

LATENCY = 0.05
QUEUES = ("advance", "submissions", "polls", "notifications")


def main() -> None:
    asked = arguments()
    settings = {
        "executor.polling_interval_seconds": asked.interval,
        "executor.max_parallel_steps_per_workflow": max(2, asked.jobs),
    }
    with (
        result("idle", vars(asked)) as found,
        product(asked.workers, users=asked.users, settings=settings) as running,
    ):
        clear(running)
        found["nothing to do"] = watch(running, 3 * asked.interval, asked)
        fill(running, asked)
        seconds = asked.minutes * 60 / asked.runs
        found["runs"] = [watch(running, seconds, asked) for _ in range(asked.runs)]
        found["median"] = medians(found["runs"])
        found["bars"] = {"cores": 0.1, "sweep_seconds": 2}
        empty = found["nothing to do"]["cores"]
        found["ratio_to_nothing"] = round(found["median"]["cores"] / empty, 1) if empty else None
        rows = [{"case": name, **found[name]} for name in ("nothing to do", "median")]
        table([{k: v for k, v in row.items() if not isinstance(v, dict)} for row in rows])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1, help="of each workflow at AppService")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--runs", type=int, default=3, help="parts of that time")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two polls")
    parser.add_argument("--workers", type=int, default=1)
    return parser.parse_args()


def fill(running: Product, asked: argparse.Namespace) -> None:
    instant(running)
    running.stack.simulator.app(run_seconds=None)
    for first in range(0, asked.workflows, 500):
        last = min(first + 500, asked.workflows)
        ids = [
            running.submit(flat(f"idle{at}", asked.jobs), running.users[at % asked.users])
            for at in range(first, last)
        ]
        running.tell(ids)
    jobs = asked.workflows * asked.jobs
    wait_until(
        lambda: (
            collection(documents.Job).count_documents({"started_at": {"$type": "date"}}) == jobs
        ),
        "every job is known to run",
        seconds=1800,
        every_seconds=2,
    )
    running.stack.simulator.switch(latency={"*": LATENCY})
    time.sleep(2 * asked.interval)


def watch(running: Product, seconds: float, asked: argparse.Namespace) -> Row:
    meter = running.meter()
    engine = Meter({name: pid for name, pid in meter.processes.items() if name != "simulator"})
    memory, begun = engine.memory_mib(), time.time()
    engine.start()
    time.sleep(seconds)
    cpu, took = engine.cpu(), engine.seconds
    queries = running.stack.simulator.calls("query_tasks", since=f"{begun}")
    return {
        "cores": round(sum(cpu.values()) / took, 4),
        "cores_of": {name: round(each / took, 4) for name, each in cpu.items()},
        "cores_of_others": engine.foreign_cores(),
        "query_tasks_per_interval": round(len(queries) / (took / asked.interval), 1),
        "sweep_seconds": sweep(queries, asked.interval),
        "memory_mib_before": memory,
        "memory_mib_after": engine.memory_mib(),
        "messages_waiting": waiting(running),
    }


def sweep(queries: Sequence[Row], interval: float) -> float:
    """The longest of the sweeps: calls with less than a third of the interval between them."""
    calls = sorted((each for each in queries if each["ended"]), key=lambda each: each["began"])
    longest, first = 0.0, None
    for one, following in pairwise([*calls, {"began": float("inf")}]):
        first = one["began"] if first is None else first
        if following["began"] - one["began"] > interval / 3:
            longest, first = max(longest, one["ended"] - first), None
    return round(longest, 3)


def waiting(running: Product) -> int:
    client: Any = redis.Redis.from_url(running.stack.redis.uri)
    with client:
        return sum(int(client.llen(Broker().key_prefix + queue)) for queue in QUEUES)


if __name__ == "__main__":
    main()
