"""Steps a second, everything on this machine: ``python -m benchmarks.throughput``.

100 workflows × 10 steps whose jobs take no time: at 0 ms and at 100 ms a call, submissions a
second where ``start_app2`` takes 0.7 s and any number of them is served at a time, and the same
against the genuine shape of AppService, five workers (steps that do not wait for each other).
Yardsticks are measured in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

from benchmarks.tools import yardsticks
from benchmarks.tools.measure import Row, medians, result, table
from benchmarks.tools.product import SHAPES, Product, genuine, instant, product
from workflows.store import documents
from workflows.store.mongo import collection

CASES: Mapping[str, tuple[Mapping[str, float] | None, str | None]] = {
    "0 ms": ({}, None),
    "100 ms a call": ({"*": 0.1}, None),
    "0.7 s a start_app2": ({"start_app2": 0.7}, "flat"),
    "genuine AppService": (None, "flat"),
}
"""Names to the simulator's latency in seconds (None: its genuine shape), and to the one shape of
workflow that makes sense, if so."""
SIZE_OF_SLOW = 0.5
"""Slow submissions are measured with that part of the workflows, which is enough of them."""


def main() -> None:
    asked = arguments()
    settings = {
        "executor.polling_interval_seconds": asked.interval,
        "executor.max_parallel_steps_per_workflow": asked.cap,
        "executor.max_concurrent_submissions": asked.submissions,
        "executor.max_concurrent_submissions_per_user": asked.submissions,
    }
    with (
        result(asked.name, vars(asked)) as found,
        product(asked.workers, concurrency=asked.threads, settings=settings) as running,
    ):
        found["cases"] = {
            name: case(running, name, asked)
            for name in CASES
            if not asked.case or name in asked.case
        }
        instant(running)
        found["yardsticks"] = yardsticks.all_of(running) if not asked.bare else {}
        found["ratios"] = ratios(found)
        show(found)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="throughput", help="of the file of results")
    parser.add_argument("--workflows", type=int, default=100)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--shape", choices=SHAPES, default="chain")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="worker processes; two as deployed")
    parser.add_argument("--threads", type=int, default=16, help="of each worker, for tasks")
    parser.add_argument("--submissions", type=int, default=64, help="under way at once")
    parser.add_argument("--interval", type=float, default=0.075, help="seconds between two polls")
    parser.add_argument("--cap", type=int, default=2, help="steps of a workflow in flight")
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--bare", action="store_true", help="no yardsticks")
    return parser.parse_args()


def case(running: Product, name: str, asked: argparse.Namespace) -> Row:
    latency, only = CASES[name]
    count = int(asked.workflows * (SIZE_OF_SLOW if only else 1))
    runs = [
        once(running, only or asked.shape, count, asked.steps, latency) for _ in range(asked.runs)
    ]
    middle = medians(runs)
    print(f"{name}: {middle['steps_per_second']:.0f} steps/s")
    return {"shape": only or asked.shape, "workflows": count, "median": middle, "runs": runs}


def once(
    running: Product,
    shape: str,
    workflows: int,
    steps: int,
    latency: Mapping[str, float] | None,
) -> Row:
    """One run, on an empty database and a simulator that has forgotten the last one."""
    clear(running)
    if latency is None:
        genuine(running)
    else:
        instant(running, latency)
    build, total = SHAPES[shape], workflows * steps
    stamp = f"{time.time():.0f}"
    users = running.users
    ids = [
        running.submit(build(f"w{stamp}_{at}", steps), users[at % len(users)])
        for at in range(workflows)
    ]
    meter, calls, commands = running.meter(), running.calls(), running.mongodb()
    meter.start()
    running.tell(ids)
    took = running.wait(300)
    cpu, foreign = meter.cpu(), meter.foreign_cores()
    after, asked = running.mongodb(), running.calls()
    summary = running.stack.simulator.summary()
    assert summary["jobs"] == total, f"{summary['jobs']} jobs of {total} steps"
    assert not summary["duplicates_by_user_metadata"]
    return {
        "seconds": round(took, 3),
        "steps_per_second": round(total / took, 1),
        "cpu_ms_per_step": {name: round(1000 * each / total, 3) for name, each in cpu.items()},
        "cores_of_others": foreign,
        "calls_per_step": per(total, calls, asked),
        "mongodb_commands_per_step": per(total, commands, after),
    }


def per(total: int, before: Mapping[str, int], after: Mapping[str, int]) -> Row:
    return {
        name: round((value - before.get(name, 0)) / total, 3)
        for name, value in after.items()
        if value - before.get(name, 0) > total / 100
    }


def clear(running: Product) -> None:
    """Forgets what ran before; users and their tokens stay."""
    for document in (documents.Workflow, documents.Spec, documents.Job, documents.Event):
        collection(document).delete_many({})
    running.stack.simulator.reset()


def ratios(found: Row) -> Row:
    """How much of each yardstick a step's throughput reaches."""
    yards, cases = found["yardsticks"], found["cases"]
    if not yards or "0 ms" not in cases:
        return {}
    steps = cases["0 ms"]["median"]["steps_per_second"]
    return {
        f"steps_per_{name.removesuffix('_per_second')}": round(steps / value, 4)
        for name, value in yards.items()
        if name.endswith("_per_second")
    }


def show(found: Row) -> None:
    table(
        [
            {
                "case": name,
                "shape": each["shape"],
                "steps/s": each["median"]["steps_per_second"],
                "s": each["median"]["seconds"],
                "CPU ms/step": sum(each["median"]["cpu_ms_per_step"].values()),
                "cores of others": each["median"]["cores_of_others"],
            }
            for name, each in found["cases"].items()
        ]
    )
    table([{"yardstick": name, "value": value} for name, value in found["yardsticks"].items()])
    table([{"ratio": name, "value": value} for name, value in found["ratios"].items()])


if __name__ == "__main__":
    main()
