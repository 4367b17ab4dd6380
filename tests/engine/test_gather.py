"""The gather of a batch is made once, of rows that have all ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.engine.batches import GATHER, end_batch, end_rows, submit_batch
from tests.engine.conftest import Engine
from tests.store.guards.stored_rows import PAST
from workflows.engine import commands
from workflows.engine.batches.advance import advance_batch
from workflows.engine.batches.gather import make_gather
from workflows.engine.batches.standing import find_standing
from workflows.store import documents
from workflows.store.batches import progress, stored
from workflows.store.mongo import collection
from workflows.store.workflows import inserts, specs

ROOM = 5
STANDS_AGAINST: tuple[dict[str, Any], ...] = (
    {"paused": True},
    {"cancel_requested_at": PAST},
    {"gather": ""},
    {"gather_rows": 1},
    {"made": 0},
    {"count": 2},
)


def made(batch: str) -> int:
    return collection(documents.Workflow).count_documents({"batch": batch, "row": None})


def test_of_two_processes_one_makes_it(engine: Engine) -> None:
    batch = submit_batch(engine, 2, gather=GATHER)
    end_rows(engine, batch)
    seen = stored.get(batch)

    first = make_gather(engine.context, seen, ROOM)
    second = make_gather(engine.context, seen, ROOM)

    assert (len(first), second, made(batch)) == (1, [], 1)
    assert not make_gather(engine.context, stored.get(batch), ROOM)


def test_it_is_made_only_where_nothing_stands_against_it(engine: Engine) -> None:
    """What the store itself would refuse is not asked for: that it is read so suffices."""
    accepted: list[None] = []
    context = replace(engine.context, accepted=lambda: accepted.append(None))
    batch = submit_batch(engine, 1, gather=GATHER)
    end_rows(engine, batch)
    seen = stored.get(batch)

    for change in STANDS_AGAINST:
        assert not make_gather(context, replace(seen, **change), ROOM), change
    for room in (0, -1):
        assert not make_gather(context, seen, room)
    assert (made(batch), accepted) == (0, [])

    assert make_gather(context, seen, 1)
    assert (made(batch), accepted) == (1, [None])


def test_it_has_the_results_the_labels_and_the_cap_that_belong_to_it(engine: Engine) -> None:
    batch = submit_batch(engine, 2, gather={**GATHER, "max_parallel_steps": 1})
    collection(documents.Batch).update_one({"_id": batch}, {"$set": {"labels": {"project": "p"}}})
    end_rows(engine, batch)

    (workflow,) = make_gather(engine.context, stored.get(batch), ROOM)

    row = collection(documents.Workflow).find_one({"_id": workflow}) or {}
    assert (row["cap"], row["labels"]) == (1, {"project": "p", "batch": batch})
    names = specs.document(row["spec"])["base_context"]["batch"]["outputs"]["a"]["result"]
    assert [name.rpartition("/")[2] for name in names] == ["S0", "S1"]


def test_a_row_that_was_retried_since_the_batch_was_read_is_waited_for(engine: Engine) -> None:
    engine.simulator.app(outcome="failed", queue_seconds=0, run_seconds=0, lag_seconds=0, count=1)
    batch = submit_batch(engine, 2, gather=GATHER)
    end_rows(engine, batch)
    seen = stored.get(batch)
    (row,) = (each for each in progress.row_states(batch) if each.state == "failed")

    commands.retry(engine.context, engine.owner(), row.workflow)

    assert not make_gather(engine.context, seen, ROOM)
    assert made(batch) == 0
    end_batch(engine, batch)
    assert (made(batch), stored.get(batch).gather_rows) == (1, 2)


def test_one_that_is_too_large_to_store_fails_the_batch_and_says_why(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = submit_batch(engine, 1, gather=GATHER)
    end_rows(engine, batch)

    with monkeypatch.context() as patch:
        patch.setattr(inserts, "LARGEST_BYTES", 10)
        advance_batch(engine.context, batch)

    end_batch(engine, batch)
    found = stored.get(batch)
    assert find_standing(found).status == "failed"
    assert "at most 10 are possible" in found.gather_problem
    assert made(batch) == 0
