"""The product as the benchmarks run it: whole, on free ports, with a scripted simulator.

The engine's own settings are those of production except where a benchmark names another.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mongoengine import get_connection

from benchmarks.tools.measure import Meter, Row
from devstack.stack import Stack, Wanted, stack
from workflows.engine import commands
from workflows.engine.context import EngineContext
from workflows.model.states import FINAL_WORKFLOW
from workflows.spec.document import spec_from
from workflows.store import connection, documents
from workflows.store.mongo import collection

DEPLOYED = ("advance,polls,notifications", "submissions")
"""What two workers consume, as in ``deploy/``: each has an interpreter lock of its own."""
OUTPUT_PATH = "/user@bvbrc/home/run"


@dataclass
class Product:
    """A running product, and this process's own connections to it."""

    stack: Stack
    context: EngineContext
    tokens: dict[str, str]
    """Users to their tokens."""

    @property
    def users(self) -> list[str]:
        return list(self.tokens)

    def meter(self) -> Meter:
        """Of every process of the product, its servers and the simulator."""
        ours = {process.name: process.pid for process in self.stack.processes}
        return Meter(
            {
                **ours,
                "mongod": self.stack.mongod.process.pid,
                "redis": self.stack.redis.process.pid,
                "simulator": self.stack.simulator_process.pid,
            }
        )

    def submit(self, document: Row, user: str) -> str:
        """Stores a workflow as the API does, without HTTP; no message is sent for it yet."""
        expiry = datetime.now(UTC) + timedelta(days=1)
        owner = commands.Owner(user, self.tokens[user], expiry)
        submission = commands.Submission(spec_from(document), document)
        return commands.submit(self.context, owner, submission).id

    def tell(self, ids: Sequence[str], chunk: int = 50) -> None:
        """The hints that the API would send."""
        from tasks.advance import advance_workflows  # noqa: PLC0415 - reads the settings

        for start in range(0, len(ids), chunk):
            advance_workflows.delay(list(ids[start : start + chunk]))

    def unfinished(self) -> int:
        return int(
            collection(documents.Workflow).count_documents(
                {"state": {"$nin": [str(state) for state in FINAL_WORKFLOW]}}
            )
        )

    def wait(self, seconds: float) -> float:
        """Until every workflow has ended; answers with how long that took.

        Raises ``TimeoutError`` with how many had not, and what the workers said last.
        """
        begun = time.perf_counter()
        while left := self.unfinished():
            if time.perf_counter() - begun > seconds:
                said = "\n".join(process.tail(5) for process in self.stack.workers)
                raise TimeoutError(f"{left} workflows had not ended after {seconds:g} s\n{said}")
            time.sleep(0.05)
        return time.perf_counter() - begun

    def mongodb(self) -> dict[str, int]:
        """Commands that MongoDB has served so far, by name, and transactions."""
        status = get_connection().admin.command("serverStatus")
        found = {
            name: int(each["total"])
            for name, each in status["metrics"]["commands"].items()
            if isinstance(each, Mapping) and each.get("total")
        }
        found["transactions"] = int(status["transactions"]["totalCommitted"])
        found["aborted"] = int(status["transactions"]["totalAborted"])
        return found

    def calls(self) -> dict[str, int]:
        """Calls that the simulator has answered so far, by method."""
        counts = self.stack.simulator.ledger(limit="0", since=f"{time.time() + 9e9:.0f}")["counts"]
        return {
            method.partition(".")[2] or method: sum(answers.values())
            for method, answers in counts.items()
        }


@contextmanager
def product(
    workers: int = 2,
    users: int = 5,
    apis: int = 0,
    concurrency: int = 16,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Product]:
    """Everything, ready to work; its settings become those of this process."""
    wanted = {
        "executor.max_jobs_per_user": 1_000_000,
        "logging.level": "WARNING",
        **(settings or {}),
    }
    asked = Wanted(
        workers=workers,
        queues=DEPLOYED if workers == len(DEPLOYED) else (),
        apis=apis,
        concurrency=concurrency,
        settings=wanted,
    )
    with stack(asked) as running:
        os.environ.update(running.env)
        from config.settings import load_settings  # noqa: PLC0415 - only now are they known
        from runtime.bootstrap import make_context  # noqa: PLC0415 - reads the settings

        context = make_context(load_settings())
        documents.ensure_indexes()
        names = [f"user{number}@bvbrc" for number in range(users)]
        tokens = {name: running.simulator.token(name) for name in names}
        wait_for_processes(running)
        try:
            yield Product(running, context, tokens)
        finally:
            connection.close_database()


def wait_for_processes(running: Stack, seconds: float = 60) -> None:
    """Returns once every worker and beat has said that it is there."""
    deadline = time.monotonic() + seconds
    expected = len(running.workers) + len(running.beats)
    while collection(documents.Heartbeat).count_documents({}) < expected:
        if time.monotonic() > deadline:
            raise TimeoutError("not every process has come up")
        time.sleep(0.05)


def genuine(running: Product) -> None:
    """Makes the simulator's jobs take no time, leave nothing behind and wait for no place.

    AppService keeps its genuine shape: five workers, a preflight of 0.4 to 1 s.
    """
    simulator = running.stack.simulator
    simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    simulator.switch(outputs=False, max_submitted=0)


def instant(running: Product, latency: Mapping[str, float] | None = None) -> None:
    """The same, and AppService's calls take no time, so that the engine's own cost is seen."""
    genuine(running)
    running.stack.simulator.switch(
        workers=0, preflight_seconds=0, query_seconds=0, latency=dict(latency or {})
    )


# --- workflows


def chain(name: str, steps: int) -> Row:
    """Each step waits for the one before."""
    return workflow(name, [[at - 1] if at else [] for at in range(steps)])


def fan(name: str, steps: int) -> Row:
    """A first step, all but two in the middle, and a last one that waits for these."""
    middle = range(1, steps - 1)
    return workflow(name, [[], *([0] for _ in middle), list(middle)])


def flat(name: str, steps: int) -> Row:
    """No step waits for another."""
    return workflow(name, [[] for _ in range(steps)])


def hundredfold(name: str, roots: int, width: int) -> Row:
    """``roots`` steps one after the other, each with ``width`` steps that wait for it alone."""
    needs: list[list[int]] = [[at - 1] if at else [] for at in range(roots)]
    needs += [[root] for root in range(roots) for _ in range(width)]
    return workflow(name, needs)


SHAPES = {"chain": chain, "fan": fan, "flat": flat}


def workflow(name: str, needs: Sequence[Sequence[int]]) -> Row:
    """A normalised document with one step of the smallest app for each entry of ``needs``."""
    steps = [
        {
            "step_name": f"s{at}",
            "app": "Date",
            "params": {"output_path": OUTPUT_PATH, "output_file": f"{name}_{at}"},
            "outputs": {},
            "depends_on": [f"s{need}" for need in each],
        }
        for at, each in enumerate(needs)
    ]
    return {
        "workflow_name": name,
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": OUTPUT_PATH,
        },
        "steps": steps,
        "workflow_outputs": [],
    }
