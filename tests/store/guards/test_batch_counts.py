"""What is counted of a batch is of this batch, and of the rows that are meant."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.store.guards.stored_rows import ALICE, BOB, PAST, put
from workflows.store import documents
from workflows.store.batches import progress
from workflows.store.batches import stored as batches

CANCEL = {"cancel_requested_at": PAST}
ROWS: tuple[dict[str, Any], ...] = (
    {"state": "running"},
    {"state": "running", **CANCEL},
    {"state": "succeeded", **CANCEL},
    {"state": "failed", "retry_wanted": True},
    {"state": "failed", "failure": "no", "row_failure": {"app": "Date", "kind": "no"}},
    {"state": "failed", "row_failure": {"app": "Date", "kind": "no"}},
    {"state": "failed", "row_failure": {"app": "", "kind": "lost"}},
)
SHOWN = ["running", "cancelled", "succeeded", "pending", "failed", "failed", "failed"]


@pytest.fixture(scope="module", autouse=True)
def indexed(opened: str) -> None:
    """Counts name their index."""
    assert opened
    documents.Workflow.ensure_indexes()


@pytest.fixture(autouse=True)
def stored_rows() -> None:
    for batch in ("b1", "b2", "b3"):
        for number, fields in enumerate(ROWS if batch == "b1" else ROWS[:1]):
            row = {"owner": ALICE, "batch": batch, "sample": f"s{number}", "row": 9 - number}
            put(documents.Workflow, _id=f"{batch} {number}", **row, **fields)
    put(documents.Workflow, _id="gather", owner=ALICE, batch="b1", state="running", **CANCEL)
    put(documents.Workflow, _id="none", owner=ALICE, state="running")


def test_states_are_counted_of_the_batches_that_were_asked_for() -> None:
    states = progress.count_states(["b1", "b2"])

    assert states.keys() == {"b1", "b2"}
    assert states["b1"].rows == Counter(SHOWN)
    assert (states["b1"].gather, states["b2"].gather) == ("cancelled", "")
    assert states["b2"].rows == Counter(running=1)


def test_what_has_not_ended_is_counted_with_the_gather() -> None:
    assert progress.count_active("b1") == 3
    assert progress.active_workflows("b1") == ["gather", "b1 1", "b1 0"]
    assert progress.cancelled_rows("b1") == ["b1 1", "b1 2"]


def test_rows_are_shown_in_the_order_of_the_table_behind_one() -> None:
    found = progress.row_states("b1")

    assert [each.row for each in found] == [3, 4, 5, 6, 7, 8, 9]
    assert [each.state for each in found] == SHOWN[::-1]
    assert [each.failure for each in found] == ["", "", "no", "", "", "", ""]
    assert [each.workflow for each in progress.row_states("b1", 8)] == ["b1 0"]


def test_failures_are_grouped_by_their_reason_the_most_frequent_first() -> None:
    found = progress.failures("b1", 9, 9)

    first = found[0]
    assert (first.app, first.reason, first.count, first.samples) == ("Date", "no", 2, ["s5", "s4"])
    assert {(each.app, each.reason) for each in found[1:]} == {("", "lost"), ("", "")}
    assert len(progress.failures("b1", 1, 1)) == 1
    assert progress.failures("b1", 1, 1)[0].samples == ["s5"]


def test_open_jobs_are_of_the_workflows_that_were_asked_for() -> None:
    for key, is_open in (("b1 0", True), ("b1 1", False), ("b2 0", True)):
        put(documents.Job, _id=f"{key}/0/1", workflow=key, **({"open": True} if is_open else {}))

    assert progress.with_open_jobs(["b1 0", "b1 1"]) == {"b1 0"}
    assert progress.failure_of("b1 4") == "no"
    assert progress.failure_of("unknown") == ""


def test_a_user_has_the_batches_that_are_the_user_s() -> None:
    fields = {"name": "b", "count": 1, "made": 0, "max_active": 1, "seed": "00", "bytes": 1}
    for key, owner, ended in (
        ("b1", ALICE, {}),
        ("b2", ALICE, {"finished_at": PAST}),
        ("b3", BOB, {}),
    ):
        times = {"created_at": PAST, "updated_at": PAST}
        put(documents.Batch, _id=key, owner=owner, **fields, **times, **ended)

    found, following = batches.page(ALICE, 9)
    assert ([each.id for each in found], following) == (["b2", "b1"], None)
    first, token = batches.page(ALICE, 1)
    assert token
    assert [each.id for each in [*first, *batches.page(ALICE, 1, token)[0]]] == ["b2", "b1"]
    assert batches.count_unfinished(ALICE) == 1
