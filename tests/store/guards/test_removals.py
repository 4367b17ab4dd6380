"""Old workflows are removed whole, and results are looked for at the present end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from tests.store.guards.stored_rows import FUTURE, MINUTE, PAST
from tests.store.guards.workflow_rows import ID, STATES, put, put_job, stored
from workflows.model.states import ACTIVE_WORKFLOW
from workflows.store import documents, removals
from workflows.store.mongo import collection
from workflows.store.workflows import result_checks, retention

ENDED = {"state": "failed", "finished_at": PAST}


@pytest.mark.parametrize(
    ("fields", "job_fields", "removed"),
    [
        (ENDED, {"open": False}, True),
        ({**ENDED, "finished_at": FUTURE}, {"open": False}, False),
        ({"finished_at": PAST}, {"open": False}, False),
        (ENDED, {"open": True}, False),
        (ENDED, {"open": False, "kill_due": PAST}, False),
        (ENDED, {"open": False, "surplus_due": PAST}, False),
    ],
)
def test_only_what_has_ended_long_ago_is_removed_and_whole(
    fields: dict[str, Any], job_fields: dict[str, Any], *, removed: bool
) -> None:
    put(_id="wf_0", **ENDED)
    put(**fields)
    for workflow in ("wf_0", ID, "wf_10"):
        put_job(f"{workflow}/0/1", **({"open": True} if workflow != ID else job_fields))
        collection(documents.Spec).insert_one({"_id": f"{workflow}/1"})
        collection(documents.Event).insert_one({"_id": workflow, "workflow": workflow})

    assert retention.remove(retention.ENDED, MINUTE, ID) is removed

    left = {"wf_0", "wf_10"} if removed else {"wf_0", ID, "wf_10"}
    assert bool(stored()) is not removed
    assert stored("wf_0")
    for document in (documents.Job, documents.Spec, documents.Event):
        assert {row["_id"].split("/")[0] for row in collection(document).find()} == left
    marks = [(row["_id"], set(row)) for row in collection(documents.Removal).find()]
    assert marks == ([(ID, {"_id", "hidden_at", "erased_at"})] if removed else [])


def test_what_a_dead_process_hid_is_found_until_it_is_erased() -> None:
    for workflow in (ID, "wf_2"):
        put(_id=workflow, **ENDED)
        assert removals.hide(workflow, removals.DELETABLE)
    assert not removals.hide("wf_3", removals.DELETABLE)

    removals.erase("wf_2")

    assert removals.list_unfinished(9) == [ID]
    assert removals.recent() == {ID, "wf_2"}


@pytest.mark.parametrize("state", STATES)
def test_a_user_deletes_what_is_not_under_way(state: str) -> None:
    put(state=state)

    assert removals.hide(ID, removals.DELETABLE) is (state not in ACTIVE_WORKFLOW)


def test_old_workflows_are_found_by_their_kind_the_oldest_first() -> None:
    hour = timedelta(hours=1)
    put(_id="wf_1", state="failed", finished_at=PAST)
    put(_id="wf_2", state="succeeded", finished_at=PAST - hour)
    put(_id="wf_3", state="cancelled", finished_at=FUTURE)
    put(_id="wf_4", state="running", finished_at=PAST)
    put(_id="wf_5", state="failed")
    put(_id="wf_6", state="planned")

    assert retention.older(retention.ENDED, MINUTE, 9) == ["wf_2", "wf_1"]
    assert retention.older(retention.ENDED, MINUTE, 1) == ["wf_2"]
    assert retention.older(retention.ENDED, MINUTE, 9, but=["wf_2"]) == ["wf_1"]
    assert retention.older(retention.NEVER_STARTED, MINUTE, 9) == ["wf_6"]


RESULTS = {"results_due": PAST, "finished_at": PAST}


@pytest.mark.parametrize(
    ("fields", "barred", "taken"),
    [
        (RESULTS, (), True),
        (RESULTS, ("bob@bvbrc",), True),
        (RESULTS, ("alice@bvbrc",), False),
        ({**RESULTS, "results_due": FUTURE}, (), False),
        ({"results_due": PAST}, (), False),
    ],
)
def test_results_are_looked_for_when_they_are_due(
    fields: dict[str, Any], barred: tuple[str, ...], *, taken: bool
) -> None:
    row = put(**fields)

    assert (result_checks.take(MINUTE, barred) is not None) is taken

    assert (stored() != row) is taken
    assert result_checks.take(MINUTE, barred) is None


END_OF: Mapping[str, Callable[[result_checks.Ended], None]] = {
    "record": lambda ended: result_checks.record(ended, {"/$a": 1, "/b": None}),
    "give up": result_checks.give_up,
}


@pytest.mark.parametrize("end", END_OF.values(), ids=END_OF)
def test_what_was_seen_of_results_is_of_the_end_at_which_it_was_looked(
    end: Callable[[result_checks.Ended], None],
) -> None:
    other = put(_id="wf_0", **RESULTS)
    row = put(**RESULTS)

    end(result_checks.Ended(ID, "alice@bvbrc", FUTURE))
    assert stored() == row

    end(result_checks.Ended(ID, "alice@bvbrc", PAST))
    assert "results_due" not in stored()
    assert stored("wf_0") == other


def test_what_was_seen_at_a_former_end_is_not_shown() -> None:
    put(**RESULTS)
    assert result_checks.read_seen(ID) is None
    result_checks.record(result_checks.Ended(ID, "a", PAST), {"/$a": 1, "/b": None})

    seen = result_checks.read_seen(ID)
    assert seen is not None
    assert seen.sizes == {"/$a": 1, "/b": None}

    collection(documents.Workflow).update_one({"_id": ID}, {"$set": {"finished_at": FUTURE}})
    assert result_checks.read_seen(ID) is None
    assert result_checks.read_seen("unknown") is None
