"""When the time has come to the millisecond: MongoDB's now is the same within one statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.store.guards.stored_rows import put
from workflows.store import documents, holds
from workflows.store.jobs import polling
from workflows.store.mongo import DUE, Row, ago, collection, has_come, later
from workflows.store.workflows import retention, rows

MILLISECOND, HOUR = timedelta(milliseconds=1), timedelta(hours=1)
BEFORE, AT, AFTER = -MILLISECOND, timedelta(0), MILLISECOND
OVER = ("finished_at", retention.Kind("finished_at", {}).older(HOUR))
CONDITIONS: dict[str, tuple[str, Row, tuple[timedelta, ...]]] = {
    "what is due": ("at", has_come("at"), (BEFORE, AT)),
    "what was due an hour ago": ("at", has_come("at", ago(HOUR)), (BEFORE - HOUR, AT - HOUR)),
    "a job that is due": ("due", {"$expr": DUE}, (BEFORE, AT)),
    "a workflow without a lease": ("lease.until", rows.UNLEASED, (BEFORE, AT)),
    "a lock that is free": ("next", polling.UNLOCKED, (BEFORE, AT)),
    "a hold in force": ("until", holds.IN_FORCE, (AFTER,)),
    "a workflow that is old": (*OVER, (BEFORE - HOUR, AT - HOUR)),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_time_has_come_in_its_own_millisecond(name: str) -> None:
    field, condition, expected = CONDITIONS[name]
    hour = HOUR if min(expected) < -HOUR / 2 else timedelta(0)
    put(documents.Lock, _id="any")

    def holds_at(offset: timedelta) -> bool:
        stages: list[Row] = [{"$set": {field: later(offset)}}, {"$match": condition}]
        return bool(list(collection(documents.Lock).aggregate(stages)))

    times = [offset - hour for offset in (BEFORE, AT, AFTER)]
    assert tuple(filter(holds_at, times)) == expected


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        (rows.UNLEASED, True),
        (polling.UNLOCKED, True),
        (holds.IN_FORCE, True),
        (has_come("due"), False),
    ],
    ids=["lease", "lock", "hold", "due"],
)
def test_what_has_no_time_is_free_lasts_and_is_never_due(condition: Any, *, held: bool) -> None:
    put(documents.Lock, _id="any")

    assert bool(collection(documents.Lock).count_documents(condition)) is held
