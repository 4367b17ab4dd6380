"""Batches over HTTP, against the figures of docs/batches.md: ``python -m benchmarks.batches``.

POST of a table, GET of a batch, cancel of a batch, the first sample of many beside one alone, and
with ``--kills`` a batch during whose making every process is killed at random moments.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from benchmarks.measure import Row, percentile, result
from benchmarks.product import Product, product
from devstack.processes import wait_until
from workflows.store import documents
from workflows.store.mongo import collection

FINAL = ("succeeded", "failed", "cancelled")


def main() -> None:
    asked = arguments()
    settings = {"executor.polling_interval_seconds": 2}
    with (
        result("batches", vars(asked)) as found,
        product(1, apis=1, settings=settings) as running,
    ):
        found["post"] = measure_posts(running, asked)
        found["get"] = measure_gets(running, asked)
        found["cancel"] = measure_cancel(running, asked)
        found["first_sample"] = measure_first(running, asked)
        if asked.kills:
            found["kills"] = kill_while_making(running, asked)
        found["bars"] = {
            "post_p95_s": 2,
            "post_memory_mb": 100,
            "get_p95_ms": 50,
            "cancel_s": 1,
            "first_sample_ratio": 1.5,
        }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1000, help="of the posted table")
    parser.add_argument("--steps", type=int, default=5, help="of each row")
    parser.add_argument("--posts", type=int, default=5)
    parser.add_argument("--large", type=int, default=5000, help="rows of the batch to read")
    parser.add_argument("--kills", type=int, default=0, help="kill -9 of every process, so often")
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


def ask(running: Product, method: str, path: str, sent: Row | None = None) -> Any:
    request = Request(  # noqa: S310 - our own server
        f"{running.stack.api_urls[0]}/api/v1{path}",
        json.dumps(sent).encode() if sent is not None else None,
        {
            "Authorization": running.tokens[running.users[0]],
            "Content-Type": "application/json",
        },
        method=method,
    )
    with urlopen(request, timeout=120) as answer:  # noqa: S310 - our own server
        return json.load(answer)


def timed(running: Product, *call: Any) -> tuple[float, Any]:
    begun = time.perf_counter()
    answer = ask(running, *call)
    return time.perf_counter() - begun, answer


def measure_posts(running: Product, asked: argparse.Namespace) -> Row:
    """Each batch is cancelled at once: only its POST is of interest."""
    instant(running)
    before, seconds = memory(running), []
    for _ in range(asked.posts):
        took, answer = timed(running, "POST", "/batches", body(asked.rows, asked.steps))
        seconds.append(took)
        ask(running, "POST", f"/batches/{answer['batch_id']}/cancel", {})
    grown = memory(running) - before
    return {
        "p50_s": round(percentile(seconds, 50), 3),
        "p95_s": round(percentile(seconds, 95), 3),
        "memory_mb": round(grown / 2**20),
    }


def memory(running: Product) -> int:
    """Bytes that the API's processes hold, at their peak."""
    return sum(peak(pid) for process in running.stack.apis for pid in family(process.pid))


def family(pid: int) -> Iterator[int]:
    yield pid
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        yield from family(int(child))


def peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text().split("\n")
    return 1024 * int(next(line.split()[1] for line in status if line.startswith("VmHWM")))


def instant(running: Product) -> None:
    running.stack.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)


def measure_gets(running: Product, asked: argparse.Namespace) -> Row:
    """A batch of which every row has a workflow: its rows are copied from one that ran."""
    batch = ask(running, "POST", "/batches", body(asked.large, 1, max_active=50))["batch_id"]
    wait_until(lambda: made(batch) >= 50, "the first rows are made", seconds=60)
    copy_rows(batch, asked.large)
    took = [timed(running, "GET", f"/batches/{batch}")[0] for _ in range(30)]
    counts = ask(running, "GET", f"/batches/{batch}")["counts"]
    return {
        "rows": sum(counts.values()),
        "p50_ms": round(1000 * percentile(took, 50), 1),
        "p95_ms": round(1000 * percentile(took, 95), 1),
    }


def made(batch: str) -> int:
    row = collection(documents.Batch).find_one({"_id": batch}, {"made": 1})
    return int(row["made"]) if row else 0


def copy_rows(batch: str, count: int) -> None:
    """Ended workflows for all further rows."""
    rows = collection(documents.Workflow)
    found = collection(documents.Batch).find_one_and_update(
        {"_id": batch}, {"$set": {"made": count}}
    )
    model = rows.find_one({"batch": batch})
    assert found
    assert model
    copied = {**model, "state": "succeeded"}
    for name in ("next_check", "lease", "_id"):
        copied.pop(name, None)
    rows.insert_many(
        {**copied, "_id": f"{model['_id']}{number}", "row": number, "sample": f"S{number}"}
        for number in range(found["made"], count)
    )


def measure_cancel(running: Product, asked: argparse.Namespace) -> Row:
    """Of a batch of which as many rows as possible are under way."""
    running.stack.simulator.app(queue_seconds=0, run_seconds=None)
    batch = ask(running, "POST", "/batches", body(asked.large, 1, max_active=500))["batch_id"]
    wait_until(lambda: made(batch) >= 500, "rows are under way", seconds=120)
    took, answer = timed(running, "POST", f"/batches/{batch}/cancel", {})
    at = time.time()
    time.sleep(10)
    late = [
        call
        for call in running.stack.simulator.calls("start_app2", since=f"{at}")
        if float(call["began"]) > at
    ]
    return {"seconds": round(took, 3), "receipts": answer["receipts"], "starts_after": len(late)}


def measure_first(running: Product, asked: argparse.Namespace) -> Row:
    running.stack.simulator.clear_rules()
    running.stack.simulator.app(queue_seconds=0, run_seconds=1, lag_seconds=0)
    alone = first_seconds(running, 1, asked.steps)
    many = first_seconds(running, asked.rows, asked.steps)
    return {
        "alone_s": round(alone, 2),
        "of_many_s": round(many, 2),
        "ratio": round(many / alone, 2),
    }


def first_seconds(running: Product, rows: int, steps: int) -> float:
    """From the POST to the end of the first row."""
    begun = time.time()
    batch = ask(running, "POST", "/batches", body(rows, steps))["batch_id"]
    ended: Mapping[str, Any] = {"batch": batch, "state": "succeeded"}
    wait_until(
        lambda: collection(documents.Workflow).count_documents(ended) > 0,
        "the first row has ended",
        seconds=600,
    )
    took = time.time() - begun
    ask(running, "POST", f"/batches/{batch}/cancel", {}) if rows > 1 else None
    return took


def kill_while_making(running: Product, asked: argparse.Namespace) -> Row:
    """A batch of 500, and kill -9 of every process of ours at random moments of its making."""
    running.stack.simulator.clear_rules()
    instant(running)
    batch = ask(running, "POST", "/batches", body(500, 1, max_active=500))["batch_id"]
    for _ in range(asked.kills):
        time.sleep(random.uniform(0.1, 3))
        with everything_killed(running):
            pass
    wait_until(lambda: ended(batch), "the batch has ended", seconds=900)
    rows = collection(documents.Workflow)
    jobs = running.stack.simulator.jobs(owner=running.users[0])
    keys = [job["user_metadata"] for job in jobs]
    return {
        "kills": asked.kills,
        "workflows": rows.count_documents({"batch": batch}),
        "distinct_rows": len(rows.distinct("row", {"batch": batch})),
        "jobs_twice": len(keys) - len(set(keys)),
    }


def ended(batch: str) -> bool:
    row = collection(documents.Batch).find_one({"_id": batch}, {"finished_at": 1})
    return bool(row and row.get("finished_at"))


@contextmanager
def everything_killed(running: Product) -> Iterator[None]:
    """Every process of ours is killed, and started again after the block."""
    stack = running.stack
    for process in stack.processes:
        process.kill(signal.SIGKILL)
    yield
    stack.workers.clear()
    stack.beats.clear()
    stack.add_worker()
    stack.add_beat()


if __name__ == "__main__":
    main()
