"""What is written to a workflow under a lease, and not at all where that is lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.store.guards.stored_rows import FUTURE, MINUTE, PAST
from tests.store.guards.workflow_rows import EVENT, ID, LEASED, MESSAGE, put, stored
from workflows.model.states import JobState, StepState
from workflows.model.values import Event, Job
from workflows.store import documents
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import collection
from workflows.store.workflows import replan, rows
from workflows.store.workflows.changes import Change, Claimed
from workflows.store.workflows.replan import Grown

STOLEN = {"lease": {"token": "another", "until": FUTURE}}


def claimed(row: Mapping[str, Any]) -> Claimed:
    return Claimed(rows.value(dict(row)), row["spec"], row["name"], PAST, 0, PAST, None, None)


def job(workflow: str = ID, **fields: Any) -> Job:
    state = fields.pop("state", JobState.INTENDED)
    return Job(f"{workflow}/0/1", workflow, 0, 1, "alice@bvbrc", "Date", {}, "", state, **fields)


def change(row: Mapping[str, Any]) -> Change:
    """A turn that starts the step."""
    before = claimed(row)
    after = replace(before.workflow, states=(StepState.QUEUED,), attempts=(1,), sequence=1)
    event = Event(1, PAST, "step", "ready", "queued", 0)
    return Change(before, after, None, new_jobs=(job(row["_id"]),), events=(event,))


def extend(row: Mapping[str, Any]) -> object:
    return replan.extend("ours", Grown(claimed(row), {"steps": [{"app": "Date"}]}, (), ()))


UNDER_LEASE: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "commit": lambda row: rows.commit("ours", [change(row)]),
    "release": lambda _: rows.release("ours", [ID]),
    "postpone": lambda _: rows.postpone("ours", ID, MINUTE),
    "extend": extend,
    "refuse": lambda row: replan.refuse("ours", claimed(row), "no"),
    "postpone planning": lambda _: replan.postpone("ours", ID, MINUTE, "away"),
    "let go": lambda _: replan.let_go("ours", ID),
}


@pytest.mark.parametrize("write", UNDER_LEASE.values(), ids=UNDER_LEASE)
def test_the_holder_of_the_lease_writes(write: Callable[[Mapping[str, Any]], object]) -> None:
    other = put(_id="wf_0", **LEASED)
    row = put(**LEASED)

    answer = write(row)

    assert answer is None or answer
    assert stored() != row
    assert "lease" not in stored()
    assert stored("wf_0") == other, "what else is held under the same lease is another write's"


@pytest.mark.parametrize("write", UNDER_LEASE.values(), ids=UNDER_LEASE)
@pytest.mark.parametrize("lease", [STOLEN, {}], ids=["stolen", "ended"])
def test_nothing_is_written_under_a_lease_that_is_lost(
    write: Callable[[Mapping[str, Any]], object], lease: dict[str, Any]
) -> None:
    row = put(**lease)

    assert not write(row)

    assert stored() == row
    assert collection(documents.Job).count_documents({}) == 0
    assert collection(documents.Event).count_documents({}) == 0
    assert collection(documents.Spec).count_documents({}) == 0


def test_what_an_advance_decides_is_stored_with_its_jobs_events_and_messages() -> None:
    row = put(**LEASED)

    rows.commit("ours", [replace(change(row), messages=(MESSAGE,))])

    assert (stored()["states"], stored()["attempts"], stored()["sequence"]) == (["queued"], [1], 1)
    for document in (documents.Job, documents.Event, documents.Delivery):
        assert collection(document).count_documents({}) == 1, document


def test_a_step_that_has_a_new_attempt_in_the_same_state_is_stored() -> None:
    row = put(states=["queued", "queued"], attempts=[1, 1], **LEASED)
    before = claimed(row)
    after = replace(before.workflow, attempts=(1, 2))

    rows.commit("ours", [Change(before, after, None)])

    assert (stored()["states"], stored()["attempts"]) == (["queued", "queued"], [1, 2])


def test_a_workflow_that_an_advance_lengthened_is_stored_whole() -> None:
    row = put(**LEASED)
    before = claimed(row)
    after = replace(before.workflow, states=(StepState.PENDING,) * 2, attempts=(0, 0))

    rows.commit("ours", [Change(before, after, None)])

    assert (stored()["states"], stored()["attempts"]) == (["pending"] * 2, [0, 0])


def test_further_steps_are_stored_with_their_spec_events_and_messages() -> None:
    document = {"steps": [{"app": "Date"}, {"app": "Sleep"}]}
    row = put(replan_due=PAST, replan_failures=2, replan_reason="no", **LEASED)

    assert replan.extend("ours", Grown(claimed(row), document, (1,), (EVENT,), (MESSAGE,)))

    named = {"spec": f"{ID}/2", "states": ["pending"] * 2, "attempts": [0, 0], "step_count": 2}
    named |= {"apps": ["Date", "Sleep"], "waits_for": [1], "sequence": 1, "last_event_at": PAST}
    assert {name: stored()[name] for name in named} == named
    assert not {"replan_due", "replan_failures", "replan_reason"} & set(stored())
    assert stored()["revision"] == row["revision"] + 1
    assert stored()["next_check"] == stored()["updated_at"] > PAST
    [spec] = collection(documents.Spec).find()
    assert (spec["_id"], spec["document"]) == (f"{ID}/2", document)
    assert collection(documents.Event).count_documents({"workflow": ID}) == 1
    assert collection(documents.Delivery).count_documents({}) == 1


def test_why_further_steps_are_impossible_is_stored() -> None:
    assert replan.refuse("ours", claimed(put(**LEASED)), "$no")

    assert stored()["unplannable"] == "$no"


def test_failures_of_planning_are_counted() -> None:
    for failures in (1, 2):
        collection(documents.Workflow).delete_many({})
        put(replan_due=PAST, **({"replan_failures": 1} if failures == 2 else {}), **LEASED)
        replan.postpone("ours", ID, MINUTE, "$away")
        assert (stored()["replan_failures"], stored()["replan_reason"]) == (failures, "$away")
        assert stored()["replan_due"] > PAST


@pytest.mark.parametrize(("before", "after"), [(None, 1), (4, 5), ("many", 1)])
def test_failures_of_advances_are_counted_also_in_a_damaged_row(before: Any, after: int) -> None:
    put(failures=before, **LEASED)

    rows.postpone("ours", ID, MINUTE)

    assert stored()["failures"] == after
    assert stored()["next_check"] > PAST


def test_a_lost_lease_does_not_keep_others_from_being_written() -> None:
    lost, held = put(**STOLEN), put(_id="wf_2", **LEASED)
    ours = change(held)

    assert rows.commit("ours", [change(lost), ours]) == [ours]

    assert stored() == lost
    assert stored("wf_2")["states"] == ["queued"]


@pytest.mark.parametrize("taken", [STOLEN, {"paused": True}], ids=["leased", "paused"])
def test_what_another_holds_or_a_restart_paused_is_not_claimed(taken: dict[str, Any]) -> None:
    row = put(**taken)

    assert rows.claim([ID], MINUTE)[1:] == ([], [])

    assert stored() == row


def test_a_lease_that_has_ended_is_taken_over() -> None:
    put(lease={"token": "another", "until": PAST})

    token, [found], _ = rows.claim([ID], MINUTE)

    assert found.workflow.id == ID
    assert stored()["lease"]["token"] == token


def test_of_workflows_those_are_named_that_are_stored() -> None:
    put()
    put(_id="wf_2")

    assert rows.existing([ID, "wf_3"]) == [ID]
    assert rows.existing([]) == []


def acknowledge(seen: Job, **what: tuple[Job, ...]) -> dict[str, Any]:
    """The job's row after a turn that has seen it so; the row is in version 8 by then."""
    row = put(**LEASED)
    changed = job_rows.row(seen, PAST) | {"version": 8, "changed_at": PAST}
    collection(documents.Job).insert_one(changed)
    before = claimed(row)
    rows.commit("ours", [Change(before, before.workflow, None, seen=(seen,), **what)])
    return collection(documents.Job).find_one({"_id": seen.key}) or {}


def test_what_changed_after_a_turn_read_it_stays_unprocessed() -> None:
    seen = job(state=JobState.DONE, version=7, unprocessed=True)

    row = acknowledge(seen, settled=(seen,))

    assert row["changed_at"] == PAST
    assert row["open"]


def test_what_a_turn_saw_in_its_last_version_is_processed() -> None:
    seen = job(state=JobState.DONE, version=8, unprocessed=True)

    row = acknowledge(seen, settled=(seen,))

    assert not {"changed_at", "open"} & set(row)


@pytest.mark.parametrize("announced", [True, False])
def test_what_a_turn_saw_of_one_job_says_nothing_of_another(*, announced: bool) -> None:
    other = job_rows.row(job("wf_2"), PAST) | {"version": 8, "changed_at": PAST}
    collection(documents.Job).insert_one(other)
    before = collection(documents.Job).find_one({"_id": other["_id"]})
    seen = job(state=JobState.ACTIVE, version=8, unprocessed=True)

    row = acknowledge(seen, **({"announced": (seen,)} if announced else {}))

    assert row.get("announced", False) is announced
    assert "changed_at" not in row
    assert collection(documents.Job).find_one({"_id": other["_id"]}) == before


def test_only_changes_up_to_the_pause_are_discarded() -> None:
    now = datetime.now(UTC)
    later = {"changed_at": FUTURE}
    collection(documents.Job).insert_many(
        [
            job_rows.row(job(), PAST) | {"changed_at": PAST},
            job_rows.row(job(), PAST) | {"_id": f"{ID}/0/2", **later},
            job_rows.row(job("wf_2"), PAST) | {"changed_at": PAST},
        ]
    )

    job_rows.discard_changes(ID, now)

    left = collection(documents.Job).find({"changed_at": {"$type": "date"}})
    assert {row["_id"] for row in left} == {f"{ID}/0/2", "wf_2/0/1"}
