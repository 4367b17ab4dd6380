"""What a claim of the outbox costs: ``python -m benchmarks.parts.claims [--users 10 1000]``.

Each of so many users has a job that waits; in further cases none but one of them has a usable token
(the others are met once, then they are parked), or each has more than one claim takes. A MongoDB of
its own, one process, no AppService: what is claimed is put back by hand. Figures: milliseconds a
claim, and of the largest number of users the ratio to the smallest.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from benchmarks.tools.measure import Row, percentile, result, table
from devstack import embedded
from workflows.store import connection, documents
from workflows.store.jobs import outbox
from workflows.store.mongo import collection

HOUR = timedelta(hours=1)
BOUNDS = outbox.Bounds(1000, 16, HOUR, HOUR, 32)


def main() -> None:
    asked = arguments()
    with result("claims", vars(asked)) as found, embedded.mongod() as uri:
        connection.open_database(uri, "claims")
        documents.ensure_indexes()
        cases = [
            measure(f"{kind}, {users} users", users, jobs, usable, asked)
            for kind, jobs, usable in (
                ("a job each", 1, None),
                ("20 jobs each", 20, None),
                ("a job each, one token", 1, 1),
            )
            for users in asked.users
            if jobs * users <= asked.most_jobs
        ]
        found["cases"] = cases
        least, *_, most = cases[: len(asked.users)]
        found["ratio"] = round(most["median_ms"] / least["median_ms"], 2)
        table(cases)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[10, 100_000])
    parser.add_argument("--free", type=int, default=8, help="places for which is claimed")
    parser.add_argument("--claims", type=int, default=100)
    parser.add_argument("--most-jobs", type=int, default=250_000, help="larger cases are left out")
    return parser.parse_args()


def measure(name: str, users: int, jobs: int, usable: int | None, asked: argparse.Namespace) -> Row:
    fill(users, jobs, users if usable is None else usable)
    first, taken = claim(asked.free)
    times = []
    for _ in range(asked.claims):
        seconds, count = claim(asked.free)
        times.append(seconds * 1000)
        taken += count
    return {
        "case": name,
        "first_ms": first * 1000,
        "median_ms": statistics.median(times),
        "p95_ms": percentile(times, 95),
        "jobs_a_claim": taken / (asked.claims + 1),
    }


def claim(free: int) -> tuple[float, int]:
    begun = time.perf_counter()
    jobs = outbox.claim(free, BOUNDS).jobs
    seconds = time.perf_counter() - begun
    keys = [job.key for job in jobs]
    again = {"$set": {"state": "intended", "due": datetime(2026, 1, 1, tzinfo=UTC)}}
    collection(documents.Job).update_many({"_id": {"$in": keys}}, again)
    return seconds, len(jobs)


def fill(users: int, jobs: int, usable: int) -> None:
    now = datetime.now(UTC)
    for kind in documents.documents():
        collection(kind).delete_many({})
    names = [f"user{at:06}@bvbrc" for at in range(users)]
    tokens = [{"_id": name, "expires_at": now + HOUR} for name in names[-usable:]]
    collection(documents.Credential).insert_many(tokens)
    for first in range(0, users, 1000):
        collection(documents.Job).insert_many(rows(names[first : first + 1000], jobs, now))


def rows(names: Sequence[str], jobs: int, now: datetime) -> list[Row]:
    return [
        {
            "_id": f"{name}-{at}/0/1",
            "workflow": f"{name}-{at}",
            "step": 0,
            "attempt": 1,
            "owner": name,
            "app": "Date",
            "params": {"output_file": "x" * 500},
            "state": "intended",
            "version": 0,
            "open": True,
            "due": now,
        }
        for name in names
        for at in range(jobs)
    ]


if __name__ == "__main__":
    main()
