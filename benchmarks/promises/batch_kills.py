"""Kill -9 of all while a batch is made: ``python -m benchmarks.promises.batch_kills --kills 30``.

Everything is every process of ours, MongoDB and Redis, at once, at random moments of which most lie
in the making of rows; one lies in the POST. Afterwards each row must have exactly one workflow, and
each of these one job. Exit 1 where that is not so.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import requests
from pymongo import MongoClient

from benchmarks.tools.measure import result
from devstack.processes import Process, listens, wait_until
from devstack.stack import Stack, Wanted, stack

Json = Any
USER = "batches@bvbrc"
DATABASE = "batchkills"
SETTINGS: Mapping[str, object] = {
    "mongodb.database": DATABASE,
    "executor.polling_interval_seconds": 0.5,
    "executor.lease_seconds": 3,
    "executor.in_doubt_grace_seconds": 8,
    "scheduler.timeout": 3,
    "scheduler.submit_timeout": 4,
}
SIMULATOR: Mapping[str, object] = {"preflight_seconds": 0.01, "query_seconds": 0}
PATIENCE_SECONDS = 150
"""For one thing to happen after a restart, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How large a batch, and how hard."""

    seed: int = 1
    rows: int = 500
    kills: int = 30
    max_active: int = 5
    """Few, so that the making lasts as long as the kills do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was there when all was quiet again."""

    rows: int
    kills: int
    while_made: int
    """Kills after which rows were still to be made."""
    workflows: int
    distinct_rows: int
    succeeded: int
    batches: int
    jobs_twice: int
    """Jobs at BV-BRC beyond one for each step."""
    results: int
    """Lines of the table of results whose row succeeded."""

    @property
    def kept(self) -> bool:
        counts = {self.workflows, self.distinct_rows, self.succeeded, self.results}
        return counts == {self.rows} and self.batches == 1 and not self.jobs_twice


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in asdict(Plan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    plan = replace(Plan(), **vars(parser.parse_args()))
    with result("batch-kills", asdict(plan)) as found:
        outcome = run(plan)
        found["outcome"] = asdict(outcome) | {"kept": outcome.kept}
        print(found["outcome"])
    sys.exit(0 if outcome.kept else 1)


def run(plan: Plan) -> Outcome:
    """Submit a batch, kill everything again and again, let it end, and count."""
    wanted = Wanted(apis=1, concurrency=8, settings=SETTINGS, simulator=SIMULATOR)
    with stack(wanted) as running, ThreadPoolExecutor(1) as pool:
        running.simulator.app(queue_seconds=0, run_seconds=0.5, lag_seconds=0)
        return _Trial(running, plan).run(pool)


class _Trial:
    """One batch under kills."""

    def __init__(self, running: Stack, plan: Plan) -> None:
        self._running, self._plan = running, plan
        self._rng = random.Random(plan.seed)
        self._token = running.simulator.token(USER)
        self._url = f"{running.api_urls[0]}/api/v1"
        self._while_made = 0

    def run(self, pool: ThreadPoolExecutor) -> Outcome:
        posted = pool.submit(self._post)
        time.sleep(self._rng.uniform(0, 0.3))
        self._kill()
        batch = posted.result()
        for _ in range(self._plan.kills - 1):
            before = self._made(batch)
            wait_until(
                partial(self._has_moved, batch, before),
                "rows are made",
                seconds=PATIENCE_SECONDS,
                every_seconds=0.2,
            )
            time.sleep(self._rng.uniform(0, 1))
            self._while_made += self._made(batch) < self._plan.rows
            self._kill()
        wait_until(
            lambda: self._has_ended(batch),
            "the batch ends",
            seconds=4 * PATIENCE_SECONDS,
            every_seconds=0.5,
        )
        return self._count(batch)

    def _post(self) -> str:
        """As a careful client: asked again under the same key until it is answered."""
        rows = [{"sample": f"S{number}"} for number in range(self._plan.rows)]
        body = {"workflow": _TEMPLATE, "samples": rows, "max_active": self._plan.max_active}
        headers = {"Authorization": self._token, "Idempotency-Key": "once"}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with suppress(requests.RequestException):
                answer = requests.post(
                    f"{self._url}/batches", json=body, headers=headers, timeout=20
                )
                if answer.ok:
                    return str(answer.json()["batch_id"])
            time.sleep(0.1)
        raise TimeoutError("the batch was not accepted")

    def _kill(self) -> None:
        """Everything dies, and is started again; it returns when the API listens."""
        running = self._running
        ours: list[Process] = [*running.processes]
        with ThreadPoolExecutor(len(ours) + 2) as pool:  # at once, as the power goes
            for each in (*ours, running.mongod, running.redis):
                pool.submit(each.kill)
        running.mongod.start()
        running.redis.start()
        for process in ours:
            process.start()
        port = int(self._url.rpartition(":")[2].partition("/")[0])
        wait_until(lambda: listens(port), "the API listens", seconds=PATIENCE_SECONDS)

    def _has_moved(self, batch: str, before: int) -> bool:
        return self._made(batch) > before or self._made(batch) == self._plan.rows

    def _made(self, batch: str) -> int:
        return int(self._batch(batch)["made"])

    def _has_ended(self, batch: str) -> bool:
        return bool(self._batch(batch).get("finished_at"))

    def _batch(self, batch: str) -> dict[str, Json]:
        with MongoClient(self._running.mongod.uri) as client:
            return dict(client[DATABASE]["batches"].find_one({"_id": batch}) or {})

    def _count(self, batch: str) -> Outcome:
        with MongoClient(self._running.mongod.uri) as client:
            workflows = client[DATABASE]["workflows"]
            mine = {"batch": batch}
            found = {
                "workflows": workflows.count_documents({}),
                "distinct_rows": len(workflows.distinct("row", mine)),
                "succeeded": workflows.count_documents({**mine, "state": "succeeded"}),
                "batches": client[DATABASE]["batches"].count_documents({}),
            }
        keys = Counter(job["user_metadata"] for job in self._running.simulator.jobs(owner=USER))
        return Outcome(
            rows=self._plan.rows,
            kills=self._plan.kills,
            while_made=self._while_made,
            jobs_twice=keys.total() - len(keys),
            results=self._results(batch),
            **found,
        )

    def _results(self, batch: str) -> int:
        headers = {"Authorization": self._token, "Accept": "application/json"}
        found = requests.get(f"{self._url}/batches/{batch}/results", headers=headers, timeout=60)
        return sum(row["status"] == "succeeded" for row in found.json()["rows"])


_TEMPLATE: Mapping[str, Json] = {
    "workflow_name": "killed",
    "version": "1.0",
    "base_context": {
        "base_url": "https://www.bv-brc.org",
        "workspace_output_folder": f"/{USER}/home/killed",
    },
    "steps": [
        {
            "step_name": "date",
            "app": "Date",
            "params": {"output_path": "${workspace_output_folder}", "output_file": "date"},
        }
    ],
}


if __name__ == "__main__":
    main()
