"""How one user's 5,000 steps delay another's: ``python -m benchmarks.promises.fairness``.

AppService has its genuine shape. One user has 5,000 steps waiting in the outbox; another posts
workflows of one step, one after the other. The yardstick is the same with nothing else going on.
"""

from __future__ import annotations

import argparse
import time

from benchmarks.latency import post, started
from benchmarks.throughput import clear
from benchmarks.tools.measure import Row, medians, percentile, result, table
from benchmarks.tools.product import Product, flat, genuine, product
from devstack.processes import wait_until
from workflows.store import documents
from workflows.store.mongo import collection


def main() -> None:
    asked = arguments()
    settings = {"executor.max_parallel_steps_per_workflow": 100}
    with (
        result("fairness", vars(asked)) as found,
        product(asked.workers, apis=1, users=2, settings=settings) as running,
    ):
        found["alone"] = medians([once(running, 0, asked) for _ in range(asked.runs)])
        found["runs"] = [once(running, asked.steps, asked) for _ in range(asked.runs)]
        found["median"] = medians(found["runs"])
        found["delay_ms"] = {
            name: round(found["median"][name] - found["alone"][name], 1) for name in ("p50", "max")
        }
        found["bars"] = {"delay_ms": 1000}
        table([{"case": name, **found[name]} for name in ("alone", "median", "delay_ms")])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5000, help="of the busy user")
    parser.add_argument("--posts", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def once(running: Product, steps: int, asked: argparse.Namespace) -> Row:
    """Milliseconds from the POST to the arrival of ``start_app2``."""
    clear(running)
    genuine(running)
    busy, other = running.users
    ids = [running.submit(flat(f"busy{at}", 100), busy) for at in range(steps // 100)]
    running.tell(ids, 10)
    if ids:
        wait_until(
            lambda: collection(documents.Job).count_documents({"state": "intended"}) > steps // 2,
            "the outbox is full",
            seconds=120,
        )
    begun, posted = time.time(), dict[str, float]()
    for _ in range(asked.posts):
        at = time.time()
        posted[post(running, other)] = at
        time.sleep(1)
    wait_until(lambda: len(started(running, begun, posted)) == len(posted), "all begin", seconds=60)
    arrived = started(running, begun, posted)
    waits = [1000 * (arrived[workflow] - at) for workflow, at in posted.items()]
    left = collection(documents.Job).count_documents({"state": "intended"})
    assert bool(left) == bool(ids), "the busy user's steps must outlast the measurement"
    collection(documents.Job).delete_many({"state": "intended"})
    return {"p50": round(percentile(waits, 50), 1), "max": round(max(waits), 1)}


if __name__ == "__main__":
    main()
