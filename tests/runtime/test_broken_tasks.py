"""A worker says which of its tasks raised, and health believes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runtime.broken_tasks import BrokenTasks
from workflows.store import connection
from workflows.store.processes import heartbeats

TASK = "tasks.start_jobs"


@pytest.fixture
def store(mongo_uri: str, database: str) -> Iterator[None]:
    connection.open_database(mongo_uri, database)
    yield
    connection.close_database()


@pytest.mark.usefixtures("store")
def test_what_raised_is_counted_by_task_and_told_with_the_heartbeat() -> None:
    tasks = BrokenTasks()
    for error in (ValueError(), ValueError(), KeyError()):
        tasks.count_failure(TASK, error)

    [told] = tasks.lately()
    heartbeats.record_heartbeat("worker@here:1", "worker", ["polls"], broken=[told])
    [present] = heartbeats.list_heartbeats()
    [broken] = present.broken

    assert (broken.task, broken.count, broken.error) == (TASK, 3, "KeyError")
    assert broken.lasted == told.lasted
