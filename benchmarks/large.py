"""What large workflows cost: ``python -m benchmarks.large``.

One workflow of 10,000 steps, and one in which each of ten steps is followed by a hundred, as many
in flight at once as the cap allows. The yardstick is as many steps in workflows of ten.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.throughput import clear, per
from benchmarks.tools.measure import Row, medians, result, table
from benchmarks.tools.product import Product, flat, hundredfold, instant, product

Documents = Callable[[str, int], Sequence[Row]]


def small(name: str, steps: int) -> list[Row]:
    return [flat(f"{name}_{at}", 10) for at in range(steps // 10)]


CASES: Mapping[str, Documents] = {
    "10-step workflows": small,
    "one workflow": lambda name, steps: [flat(name, steps)],
    "fan-out 100": lambda name, steps: [hundredfold(name, steps // 1000, 100)],
}


def main() -> None:
    asked = arguments()
    settings = {
        "executor.polling_interval_seconds": asked.interval,
        "executor.max_parallel_steps_per_workflow": asked.cap,
    }
    with (
        result("large", vars(asked)) as found,
        product(asked.workers, settings=settings) as running,
    ):
        found["cases"] = {
            name: case(running, documents, asked) for name, documents in CASES.items()
        }
        base = found["cases"]["10-step workflows"]["median"]["cpu_ms_per_step"]
        for each in found["cases"].values():
            each["ratio"] = round(each["median"]["cpu_ms_per_step"] / base, 2)
        found["bars"] = {"ratio": 2}
        rows = found["cases"].items()
        columns = ("steps", "seconds", "steps_per_second", "cpu_ms_per_step")
        table(
            [
                {"case": name, **{key: each["median"][key] for key in columns}, "×": each["ratio"]}
                for name, each in rows
            ]
        )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--cap", type=int, default=500, help="steps of a workflow in flight")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between two polls")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def case(running: Product, documents: Documents, asked: argparse.Namespace) -> Row:
    runs = [once(running, documents, asked) for _ in range(asked.runs)]
    return {"median": medians(runs), "runs": runs}


def once(running: Product, documents: Documents, asked: argparse.Namespace) -> Row:
    clear(running)
    instant(running)
    found = documents(f"l{time.time():.0f}", asked.steps)
    users = running.users
    ids = [running.submit(each, users[at % len(users)]) for at, each in enumerate(found)]
    steps = sum(len(each["steps"]) for each in found)
    meter, commands = running.meter(), running.mongodb()
    meter.start()
    running.tell(ids)
    took = running.wait(1800)
    cpu = {name: each for name, each in meter.cpu().items() if name != "simulator"}
    assert running.stack.simulator.summary()["jobs"] == steps
    return {
        "steps": steps,
        "seconds": round(took, 2),
        "steps_per_second": round(steps / took, 1),
        "cpu_ms_per_step": round(1000 * sum(cpu.values()) / steps, 3),
        "cpu_ms_per_step_of": {name: round(1000 * each / steps, 3) for name, each in cpu.items()},
        "cores_of_others": meter.foreign_cores(),
        "mongodb_commands_per_step": per(steps, commands, running.mongodb()),
    }


if __name__ == "__main__":
    main()
