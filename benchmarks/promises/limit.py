"""Does the limit of calls follow what AppService bears: ``python -m benchmarks.promises.limit``.

A simulated service of so many workers, with a preflight of 0.4 to 1 s by default; the bar asks for
1, 5 and 32, each in a run of its own. Measured: how many jobs a second it starts for clients that
never let a worker idle (the best that any fixed limit reaches), and then for the engine, after some
time to learn. Queries are ``query_tasks`` of the engine's polls as the service's own ledger has
them, beside the same while nothing else goes on. After that an outsider, who takes no place, asks
``service_status`` twice a second: not before, since the engine's queries wait behind those as well.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.throughput import clear
from benchmarks.tools.measure import Row, percentile, result, table
from benchmarks.tools.product import Product, flat, genuine, product
from simulator.client import Simulator
from workflows.store import documents
from workflows.store.mongo import collection

START, QUERY = "AppService.start_app2", "AppService.query_tasks"


def main() -> None:
    asked = arguments()
    settings = {
        "executor.max_concurrent_submissions": 64,
        "executor.max_concurrent_submissions_per_user": 64,
        "executor.max_parallel_steps_per_workflow": 100,
    }
    with (
        result(f"limit-{asked.workers}", vars(asked)) as found,
        product(2, users=asked.users, settings=settings) as running,
    ):
        found["case"] = once(running, asked.workers, asked)
        table([{"workers": asked.workers, **found["case"]}])
        found["bars"] = {"starts": 0.9, "query_p95": 1.5}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=5, help="of AppService")
    parser.add_argument(
        "--preflight", type=float, nargs=2, default=[0.4, 1.0], help="seconds, at least and at most"
    )
    parser.add_argument("--users", type=int, default=2)
    parser.add_argument("--learn", type=float, default=45, help="seconds before the measurement")
    parser.add_argument("--seconds", type=float, default=45)
    return parser.parse_args()


def once(running: Product, workers: int, asked: argparse.Namespace) -> Row:
    simulator = running.stack.simulator
    clear(running)
    genuine(running)
    simulator.switch(workers=workers, preflight_seconds=asked.preflight)
    token = running.tokens[running.users[0]]
    quiet = [timed_query(simulator, token) for _ in range(40)]
    best = saturate(simulator, token, workers, min(20.0, asked.seconds))
    clear(running)
    genuine(running)
    simulator.switch(workers=workers, preflight_seconds=asked.preflight)
    most = workers / (0.85 * sum(asked.preflight) / 2)  # starts a second
    steps = int(most * (asked.learn + 1.25 * asked.seconds) / asked.users) + 20
    for user in running.users:
        chunks = [flat(f"limit{number}", 50) for number in range(steps // 50 + 1)]
        running.tell([running.submit(each, user) for each in chunks])
    time.sleep(asked.learn)
    since = time.time()
    time.sleep(asked.seconds)
    calls = simulator.ledger(since=f"{since:.3f}", limit="100000")["calls"]
    queries = [call["ended"] - call["began"] for call in ended(calls, QUERY)]
    quiet_p95 = percentile(quiet, 95)
    starts = len(ended(calls, START)) / asked.seconds
    lock: Row = collection(documents.Lock).find_one({"_id": "outbox"}) or {}
    outsider = waits_of_outsider(simulator, token, asked.seconds / 4)
    return {
        "starts_per_second": round(starts, 2),
        "best_per_second": round(best, 2),
        "starts": round(starts / best, 3),
        "queries": len(queries),
        "query_p50_ms": round(1000 * percentile(queries, 50), 1),
        "query_p95_ms": round(1000 * percentile(queries, 95), 1),
        "quiet_p95_ms": round(1000 * quiet_p95, 1),
        "query_p95": round(percentile(queries, 95) / quiet_p95, 2),
        "outsider_p95_ms": round(1000 * percentile(outsider, 95), 1),
        "limit": lock["limit"]["limit"],
        "reason": lock["limit"]["reason"],
    }


def waits_of_outsider(simulator: Simulator, token: str, seconds: float) -> list[float]:
    until, found = time.monotonic() + seconds, list[float]()
    while time.monotonic() < until:
        found.append(timed(lambda: simulator.rpc(token, "AppService.service_status")))
        time.sleep(0.5)
    return found


def ended(calls: list[Row], method: str) -> list[Row]:
    return [call for call in calls if call["method"] == method and call["ended"]]


def timed(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def timed_query(simulator: Simulator, token: str) -> float:
    """By the service's own clock, as the queries of the engine."""
    since = time.time() - 0.001  # the ledger is asked for it in milliseconds
    simulator.rpc(token, QUERY, ["1"])
    calls = ended(simulator.ledger(since=f"{since:.3f}", method=QUERY)["calls"], QUERY)
    return float(calls[-1]["ended"] - calls[-1]["began"])


def saturate(simulator: Simulator, token: str, workers: int, seconds: float) -> float:
    """Starts a second for twice as many clients as there are workers."""
    until, begun = time.monotonic() + seconds, time.monotonic()

    def client(number: int) -> int:
        own, count = Simulator(simulator.url), 0
        params = {"output_path": "/user0@bvbrc/home", "output_file": f"best{number}"}
        while time.monotonic() < until:
            own.rpc(token, START, "Date", params, {})
            count += 1
        own.close()
        return count

    with ThreadPoolExecutor(2 * workers) as pool:
        counts = list(pool.map(client, range(2 * workers)))
    return sum(counts) / (time.monotonic() - begun)


if __name__ == "__main__":
    main()
