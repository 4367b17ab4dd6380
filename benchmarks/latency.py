"""From POST to the first ``start_app2``: ``python -m benchmarks.latency``.

1,000 jobs of 5 users are in flight and every call takes 100 ms. One user after the other posts a
new workflow over HTTP, one every ``--pause`` seconds; the simulator's ledger tells when its first
``start_app2`` arrived, on the same machine's clock. The yardstick is the raw round trip of a bare
``start_app2``. Also: calls of ``query_tasks`` for each user, interval and 200 ids.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Mapping
from urllib.request import Request, urlopen

from benchmarks.throughput import clear
from benchmarks.tools.measure import Row, medians, percentile, result, table
from benchmarks.tools.product import Product, flat, instant, product
from benchmarks.tools.yardsticks import client, start
from devstack.processes import wait_until
from workflows.store import documents
from workflows.store.mongo import collection

LATENCY = 0.1


def main() -> None:
    asked = arguments()
    settings = {
        "executor.polling_interval_seconds": asked.interval,
        "executor.max_parallel_steps_per_workflow": 10,
    }
    with (
        result("latency", vars(asked)) as found,
        product(asked.workers, apis=1, settings=settings) as running,
    ):
        found["runs"] = [once(running, asked) for _ in range(asked.runs)]
        found["median"] = medians(found["runs"])
        found["yardstick"] = {"start_app2_ms": round(raw(running) * 1000, 1)}
        p95 = found["median"]["post_to_start_ms"]["p95"]
        found["ratio"] = round(p95 / found["yardstick"]["start_app2_ms"], 2)
        found["bars"] = {"p95_ms": 500, "query_tasks_per_user_interval_200": 1}
        table([found["median"]["post_to_start_ms"], found["median"]["query_tasks"]])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="in flight")
    parser.add_argument("--posts", type=int, default=60)
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between two posts")
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between two polls")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def once(running: Product, asked: argparse.Namespace) -> Row:
    clear(running)
    fill(running, asked.jobs)
    running.stack.simulator.switch(latency={"*": LATENCY})
    before, begun = running.calls().get("query_tasks", 0), time.time()
    posted: dict[str, float] = {}
    for number in range(asked.posts):
        at = time.time()
        user = running.users[number % len(running.users)]
        posted[post(running, user)] = at
        time.sleep(asked.pause)
    wait_until(lambda: len(started(running, begun, posted)) == len(posted), "all begin", seconds=60)
    intervals = max(1.0, (time.time() - begun) / asked.interval)
    queries = running.calls().get("query_tasks", 0) - before
    arrived = started(running, begun, posted)
    waits = [1000 * (arrived[workflow] - at) for workflow, at in posted.items()]
    of_each_user = (asked.jobs + asked.posts) / len(running.users)  # none of them ends
    return {
        "post_to_start_ms": {
            "p50": round(percentile(waits, 50), 1),
            "p95": round(percentile(waits, 95), 1),
            "max": round(max(waits), 1),
        },
        "query_tasks": {
            "calls": queries,
            "intervals": round(intervals, 1),
            "per_user_and_interval": round(queries / intervals / len(running.users), 2),
            "batches_of_200_of_each_user": math.ceil(of_each_user / 200),
        },
    }


def fill(running: Product, count: int) -> None:
    """So many jobs that never end, at AppService."""
    instant(running)
    running.stack.simulator.app(run_seconds=None)
    each = count // 10
    ids = [
        running.submit(flat(f"filling{at}", 10), running.users[at % len(running.users)])
        for at in range(each)
    ]
    running.tell(ids)
    active = {"state": "active"}
    wait_until(
        lambda: collection(documents.Job).count_documents(active) == each * 10,
        "the jobs are in flight",
        seconds=300,
    )


def post(running: Product, user: str) -> str:
    """A workflow of one step over HTTP; its id."""
    return send(running, user, flat(f"posted{time.time():.6f}", 1))


def send(running: Product, user: str, document: Row) -> str:
    """A workflow over HTTP; its id."""
    request = Request(  # noqa: S310 - our own server
        f"{running.stack.api_urls[0]}/api/v1/workflows/submit",
        json.dumps(document).encode(),
        {"Authorization": running.tokens[user], "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310 - our own server
        return str(json.load(answer)["workflow_id"])


def started(running: Product, since: float, wanted: Mapping[str, float]) -> dict[str, float]:
    """Workflows to when their first ``start_app2`` arrived, as a Unix time."""
    found: dict[str, float] = {}
    for call in running.stack.simulator.calls("start_app2", since=f"{since}"):
        workflow = str(call["user_metadata"]).partition("/")[0]
        if workflow in wanted:
            found[workflow] = min(found.get(workflow, 1e12), float(call["began"]))
    return found


def raw(running: Product, count: int = 20) -> float:
    """Seconds of one bare call."""
    with client(running.tokens[running.users[0]]) as session:
        begun = time.perf_counter()
        for number in range(count):
            start(session, running.stack.simulator, f"raw{number}")
        return (time.perf_counter() - begun) / count


if __name__ == "__main__":
    main()
