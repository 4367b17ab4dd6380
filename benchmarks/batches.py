"""Batches over HTTP, against the figures of docs/performance.md: ``python -m benchmarks.batches``.

POST of a table, GET of a batch, cancel of a batch, and the first sample of many beside one alone.
Each figure has a user of its own, and nothing of it is under way when the next one is measured.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.tools.measure import Row, percentile, result
from benchmarks.tools.product import Product, product
from devstack.processes import wait_until
from workflows.store import documents
from workflows.store.mongo import collection

BARS: Row = {
    "post": {"p95_s": 2, "memory_mb": 100},
    "get": {"p95_ms": 50},
    "cancel": {"seconds": 1, "starts_after": 0},
    "first_sample": {"ratio": 1.5},
}
LOOK_SECONDS = 10
"""For so long after a cancel it is looked whether something starts."""


def main() -> None:
    asked = arguments()
    settings = {"executor.polling_interval_seconds": 2}
    measures: dict[str, Callable[[Product, str, argparse.Namespace], Row]] = {
        "first_sample": measure_first,
        "post": measure_posts,
        "get": measure_gets,
        "cancel": measure_cancel,
    }
    with (
        result("batches", vars(asked)) as found,
        product(2, users=len(measures), apis=1, settings=settings) as running,
    ):
        found["bars"] = BARS
        for user, (name, measure) in zip(running.users, measures.items(), strict=True):
            found[name] = measure(running, user, asked)
            print(f"{name}: {found[name]}", flush=True)
            running.wait(seconds=120)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000, help="of the posted table")
    parser.add_argument("--steps", type=int, default=5, help="of each row")
    parser.add_argument("--posts", type=int, default=20)
    parser.add_argument("--large", type=int, default=5000, help="rows of the batch to read")
    parser.add_argument("--active", type=int, default=500, help="rows under way at the cancel")
    parser.add_argument("--runs", type=int, default=2, help="of the first sample")
    return parser.parse_args()


def template(steps: int) -> Row:
    place = {"output_path": "${workspace_output_folder}"}
    return {
        "workflow_name": "batch",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": "/user@bvbrc/home/batch",
        },
        "steps": [
            {
                "step_name": f"s{number}",
                "app": "Date",
                "depends_on": [f"s{number - 1}"] if number else [],
                "params": {**place, "output_file": f"${{sample.kind}}_{number}"},
            }
            for number in range(steps)
        ],
    }


def body(rows: int, steps: int, **fields: Any) -> Row:
    samples = [{"sample": f"S{number}", "kind": f"k{number}"} for number in range(rows)]
    return {"workflow": template(steps), "samples": samples, **fields}


def ask(running: Product, user: str, method: str, path: str, sent: Row | None = None) -> Any:
    request = Request(  # noqa: S310 - our own server
        f"{running.stack.api_urls[0]}/api/v1{path}",
        json.dumps(sent).encode() if sent is not None else None,
        {"Authorization": running.tokens[user], "Content-Type": "application/json"},
        method=method,
    )
    with urlopen(request, timeout=120) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def timed(running: Product, *call: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = ask(running, *call)
    return time.perf_counter() - begun, answer


def submit(running: Product, user: str, rows: int, steps: int, **fields: Any) -> str:
    return str(ask(running, user, "POST", "/batches", body(rows, steps, **fields))["batch_id"])


def cancel(running: Product, user: str, batch: str) -> tuple[float, Any]:
    return timed(running, user, "POST", f"/batches/{batch}/cancel", {})


def measure_first(running: Product, user: str, asked: argparse.Namespace) -> Row:
    """From the POST to the end of the first row, of jobs that take a second."""
    running.stack.simulator.app(queue_seconds=0, run_seconds=1, lag_seconds=0)
    alone, many = [], []
    for _ in range(asked.runs):
        alone.append(first_seconds(running, user, 1, asked.steps))
        many.append(first_seconds(running, user, asked.rows, asked.steps))
        running.wait(seconds=120)
    return {
        "alone_s": round(percentile(alone, 50), 2),
        "of_many_s": round(percentile(many, 50), 2),
        "ratio": round(percentile(many, 50) / percentile(alone, 50), 2),
    }


def first_seconds(running: Product, user: str, rows: int, steps: int) -> float:
    begun = time.perf_counter()
    batch = submit(running, user, rows, steps)
    ended: Mapping[str, Any] = {"batch": batch, "state": "succeeded"}
    wait_until(
        lambda: collection(documents.Workflow).count_documents(ended) > 0,
        "the first row has ended",
        seconds=150,
    )
    took = time.perf_counter() - begun
    if rows > 1:
        cancel(running, user, batch)
    return took


def measure_posts(running: Product, user: str, asked: argparse.Namespace) -> Row:
    """Each batch is paused until its POST has been answered: only that is of interest."""
    running.stack.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    cancel(running, user, submit(running, user, 1, 1))
    before, seconds = memory(running), []
    for _ in range(asked.posts):
        took, answer = timed(running, user, "POST", "/batches", body(asked.rows, asked.steps))
        seconds.append(took)
        cancel(running, user, answer["batch_id"])
    return {
        "p50_s": round(percentile(seconds, 50), 3),
        "p95_s": round(percentile(seconds, 95), 3),
        "memory_mb": round((memory(running) - before) / 2**20),
    }


def memory(running: Product) -> int:
    """Bytes that the API's processes have held, each at its peak."""
    return sum(peak(pid) for process in running.stack.apis for pid in family(process.pid))


def family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from family(int(child))


def peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().split("\n")
    return 1024 * int(next(line.split()[1] for line in status if line.startswith("VmHWM")))


def measure_gets(running: Product, user: str, asked: argparse.Namespace) -> Row:
    """A batch of which every row has a workflow: most rows are copies of one that ran. It is
    paused first, so that the engine makes none of these rows. The rows that ran have ended before
    it is asked."""
    batch = submit(running, user, asked.large, 1)
    wait_until(lambda: made(batch) >= 1, "the first rows are made", seconds=60)
    ask(running, user, "POST", f"/batches/{batch}/pause", {})
    copy_rows(batch, asked.large)
    running.wait(seconds=120)
    took = [timed(running, user, "GET", f"/batches/{batch}")[0] for _ in range(200)]
    shown = ask(running, user, "GET", f"/batches/{batch}")
    return {
        "rows": sum(shown["counts"].values()),
        "failures": sum(each["count"] for each in shown["failures"]),
        "p50_ms": round(1000 * percentile(took, 50), 1),
        "p95_ms": round(1000 * percentile(took, 95), 1),
    }


def made(batch: str) -> int:
    row = collection(documents.Batch).find_one({"_id": batch}, {"made": 1})
    return int(row["made"]) if row else 0


def copy_rows(batch: str, count: int) -> None:
    """Ended workflows for all further rows; one in ten has failed."""
    rows = collection(documents.Workflow)
    found = collection(documents.Batch).find_one_and_update(
        {"_id": batch}, {"$set": {"made": count}}
    )
    model = rows.find_one({"batch": batch})
    assert found
    assert model
    copied = {key: model[key] for key in model if key not in ("_id", "next_check", "lease")}
    failed = {"state": "failed", "row_failure": {"app": "Date", "kind": "the job failed"}}
    rows.insert_many(
        {
            **copied,
            **(failed if number % 10 == 0 else {"state": "succeeded"}),
            "_id": f"{model['_id']}{number}",
            "row": number,
            "sample": f"S{number}",
        }
        for number in range(found["made"], count)
    )


def measure_cancel(running: Product, user: str, asked: argparse.Namespace) -> Row:
    """Of a batch of which as many rows as are allowed are under way, most with a job at BV-BRC and
    some about to be sent."""
    running.stack.simulator.app(queue_seconds=0, run_seconds=None)
    batch = submit(running, user, asked.large, 1, max_active=asked.active)
    wait_until(lambda: made(batch) >= asked.active, "rows are under way", seconds=120)
    workflows = {row["_id"] for row in collection(documents.Workflow).find({"batch": batch}, {})}
    took, answer = cancel(running, user, batch)
    at = time.time()
    time.sleep(LOOK_SECONDS)
    late = [
        call["began"] - at
        for call in running.stack.simulator.calls("start_app2", user=user)
        if call["began"] > at and call["user_metadata"].partition("/")[0] in workflows
    ]
    return {
        "seconds": round(took, 3),
        "receipts": answer["receipts"],
        "starts_after": len(late),
        "latest_start_after_s": round(max(late), 3) if late else None,
    }


if __name__ == "__main__":
    main()
