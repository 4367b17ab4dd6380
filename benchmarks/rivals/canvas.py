"""The same DAG as plain Celery canvases, which is what one writes without an engine.

``blocking``: a task starts a job and asks until it has ended, holding its place in the worker.
``polling``: a task starts a job and another, tried again, asks. A chain of these for each workflow.
Nothing is stored: what dies is lost, and what is repeated runs twice.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

import redis
from celery import Celery, Task, chain, signature

from benchmarks.rivals.job import call
from benchmarks.rivals.job import run as run_job
from benchmarks.tools.product import Product
from devstack.processes import wait_until

KINDS = ("blocking canvas", "polling canvas")
DONE = "canvas-done"
PAUSE_SECONDS = 0.05

app = Celery("benchmarks.rivals.canvas", broker=os.environ.get("CANVAS_BROKER"))
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 1
app.conf.worker_hijack_root_logger = False


@app.task(name="canvas.block")  # type: ignore[untyped-decorator]
def block(name: str) -> None:
    run_job(name)


@app.task(name="canvas.start")  # type: ignore[untyped-decorator]
def start(name: str) -> str:
    return str(call("start_app2", "Date", {"output_path": "/a", "output_file": name}, {})["id"])


@app.task(name="canvas.ask", bind=True, max_retries=None)  # type: ignore[untyped-decorator]
def ask(self: Task, job_id: str) -> None:
    """Tried again as long as the job has not ended."""
    if call("query_tasks", [job_id])[job_id]["status"] != "completed":
        raise self.retry(countdown=PAUSE_SECONDS)


@app.task(name="canvas.end")  # type: ignore[untyped-decorator]
def end() -> None:
    client: Any = redis.Redis.from_url(os.environ["CANVAS_BROKER"])
    with client:
        client.incr(DONE)


def access(running: Product) -> dict[str, str]:
    """Where the simulator is, and a token for it, as ``job.py`` wants them."""
    simulator = running.stack.simulator
    return {
        "RIVAL_URL": simulator.app_service_url,
        "RIVAL_TOKEN": running.tokens[running.users[0]],
    }


def run(running: Product, kind: str, asked: argparse.Namespace) -> float:
    """Seconds until every chain has come to its end; the workers are ready before."""
    broker = running.stack.redis.uri.removesuffix("/0") + "/2"
    env = {"CANVAS_BROKER": broker, **access(running)}
    command = (
        "celery",
        "-A",
        "benchmarks.rivals.canvas",
        "worker",
        "-P",
        "threads",
        "-l",
        "WARNING",
    )
    client: Any = redis.Redis.from_url(broker)
    with client:
        client.flushdb()
        workers = [
            running.stack.run(
                f"canvas{at}", *command, "-c", asked.parallel, "-n", f"canvas{at}@%h", env=env
            )
            for at in range(asked.workers)
        ]
        try:
            with Celery(broker=broker, set_as_current=False) as sender:
                wait_until(
                    lambda: len(sender.control.ping(timeout=1) or []) == asked.workers,
                    "the canvas's workers are ready",
                    seconds=120,
                )
                begun = time.perf_counter()
                for workflow in range(asked.workflows):
                    steps(sender, kind, workflow, asked.steps).apply_async()
                wait_until(
                    lambda: int(client.get(DONE) or 0) == asked.workflows,
                    "every chain has ended",
                    seconds=1200,
                    every_seconds=0.02,
                )
                return time.perf_counter() - begun
        finally:
            for worker in workers:
                worker.kill()


def steps(sender: Celery, kind: str, workflow: int, count: int) -> Any:
    names = [f"canvas{workflow}_{at}" for at in range(count)]
    if kind == KINDS[0]:
        parts = [_immutable(sender, "canvas.block", name) for name in names]
    else:
        parts = [
            part
            for name in names
            for part in (
                _immutable(sender, "canvas.start", name),
                signature("canvas.ask", app=sender),
            )
        ]
    return chain(*parts, _immutable(sender, "canvas.end"), app=sender)


def _immutable(sender: Celery, task: str, *arguments: str) -> Any:
    """Does not take the answer of the task before it."""
    return signature(task, args=arguments, app=sender, immutable=True)
