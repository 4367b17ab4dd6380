"""What one advance makes of one change: each condition of ``plan``, by an example."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.rules.test_plan import START, fresh, spec_of
from workflows.model.states import JobState, StepState, WorkflowState
from workflows.model.values import Event, Job, OnFailure, Outcome, Reused, Workflow, job_key
from workflows.rules.plan import Plan, plan

SECOND = timedelta(seconds=1)
STATE, STEP, JOB = WorkflowState, StepState, JobState
DONE = {"state": JOB.DONE, "job_id": "7", "announced": True, "finished_at": START}
FAILED = {**DONE, "outcome": Outcome.FAILED, "reason": "$no"}
SUCCEEDED = {**DONE, "outcome": Outcome.SUCCEEDED}


def workflow(*states: StepState, state: WorkflowState = STATE.RUNNING, **fields: Any) -> Workflow:
    """Steps that are under way or have ended have had one attempt."""
    attempts = tuple(int(each not in (STEP.PENDING, STEP.READY)) for each in states)
    made = replace(fresh(len(states)), state=state, states=states, attempts=attempts)
    return replace(made, **fields)


def job(step: int = 0, **fields: Any) -> Job:
    named = {"state": JOB.ACTIVE, **fields}
    return Job(job_key("wf_1", step, 1), "wf_1", step, 1, "u", "Date", {}, "", **named)


def decide(before: Workflow, *jobs: Job, attempts: int = 1, cancels: bool = False) -> Plan:
    how = OnFailure.CANCEL if cancels else OnFailure.CONTINUE
    spec = spec_of([[] for _ in before.states], on_failure=how, attempts=attempts)
    return plan(spec, before, jobs, START)


def moves(decided: Plan, subject: str = "step") -> list[tuple[str, str]]:
    return [
        (str(each.before), str(each.after)) for each in decided.events if each.subject == subject
    ]


def last_step(decided: Plan) -> Event:
    return [each for each in decided.events if each.subject == "step"][-1]


def test_what_is_only_planned_does_not_move() -> None:
    before = workflow(STEP.PENDING, state=STATE.PLANNED)

    decided = decide(before)

    assert (decided.workflow, decided.starts, decided.events) == (before, (), ())


def test_a_plan_that_is_cancelled_ends() -> None:
    decided = decide(workflow(STEP.PENDING, state=STATE.PLANNED, cancel_requested=True))

    assert decided.workflow.state is STATE.CANCELLED
    assert decided.workflow.states == (STEP.CANCELLED,)
    assert decided.starts == ()


@pytest.mark.parametrize(
    ("fields", "announced"),
    [
        ({"job_id": "7", "submitted_at": START - SECOND}, START - SECOND),
        ({"job_id": "7"}, START),
        ({"job_id": "7", "announced": True}, None),
        ({}, None),
    ],
)
def test_a_submission_is_announced_once_with_its_time(
    fields: dict[str, Any], announced: object
) -> None:
    found = job(**fields)

    decided = decide(workflow(STEP.QUEUED), found)

    assert [each.at for each in decided.events] == ([announced] if announced else [])
    assert decided.announced == ((found,) if announced else ())
    assert decided.settled == ()


def test_a_submission_without_its_time_is_announced_at_its_start() -> None:
    decided = decide(workflow(STEP.QUEUED), job(job_id="7", started_at=START - SECOND))

    assert [each.at for each in decided.events] == [START - SECOND] * 2


def test_a_job_that_goes_on_ends_nothing() -> None:
    decided = decide(workflow(STEP.QUEUED), job(job_id="7", announced=True))

    assert decided.workflow.states == (STEP.QUEUED,)
    assert (decided.settled, decided.events) == ((), ())


@pytest.mark.parametrize(
    ("fields", "after"),
    [
        (SUCCEEDED, STEP.SUCCEEDED),
        ({**SUCCEEDED, "kill": True}, STEP.SUCCEEDED),
        (FAILED, STEP.FAILED),
        ({**FAILED, "kill": True}, STEP.CANCELLED),
        ({"state": JOB.WITHDRAWN}, STEP.CANCELLED),
        ({"state": JOB.REJECTED, "reason": "no"}, STEP.FAILED),
        ({"state": JOB.REJECTED, "outcome": Outcome.SUCCEEDED}, STEP.FAILED),
        ({"state": JOB.REJECTED, "kill": True}, STEP.CANCELLED),
        ({"state": JOB.REJECTED, "retries_left": 1}, STEP.FAILED),
        ({**FAILED, "retries_left": 1}, STEP.READY),
        ({**FAILED, "retries_left": 1, "kill": True}, STEP.CANCELLED),
    ],
)
def test_the_end_of_a_job_decides_on_its_step(fields: dict[str, Any], after: StepState) -> None:
    found = job(**fields)

    decided = decide(workflow(STEP.RUNNING, STEP.RUNNING), found, attempts=2)

    assert decided.workflow.states == (after, STEP.RUNNING)
    assert decided.settled == (found,)
    assert bool(decided.workflow.retries) is (after is STEP.READY)


def test_no_further_attempt_begins_where_another_failure_stops_the_workflow() -> None:
    before = workflow(STEP.RUNNING, STEP.FAILED)

    decided = decide(before, job(**FAILED, retries_left=1), attempts=2, cancels=True)

    assert decided.workflow.states[0] is STEP.FAILED


@pytest.mark.parametrize("state", [STATE.PENDING, STATE.QUEUED, STATE.RUNNING])
def test_a_workflow_runs_since_its_first_job_did(state: WorkflowState) -> None:
    """Built-in steps have no job at AppService, and may have ended before they were seen."""
    ended = {**SUCCEEDED, "job_id": "", "finished_at": START - SECOND}
    before = workflow(STEP.QUEUED, STEP.QUEUED, state=state)

    decided = decide(before, job(**ended))

    runs = [each for each in decided.events if each.subject == "workflow"]
    expected = [] if state is STATE.RUNNING else [(STATE.RUNNING, START - SECOND)]
    assert [(each.after, each.at) for each in runs] == expected


def test_what_was_refused_has_not_run() -> None:
    refused = job(state=JOB.REJECTED, finished_at=START - SECOND)

    decided = decide(workflow(STEP.QUEUED, STEP.QUEUED, state=STATE.QUEUED), refused)

    [run] = [each for each in decided.events if each.subject == "workflow"]
    assert run.at == START, "when that was found out, and not when it was refused"


@pytest.mark.parametrize("state", [STEP.RUNNING, STEP.SUCCEEDED, STEP.FAILED])
def test_a_workflow_of_which_a_step_has_run_runs(state: StepState) -> None:
    decided = decide(workflow(state, STEP.QUEUED, state=STATE.QUEUED))

    assert decided.workflow.state is STATE.RUNNING


def test_a_workflow_of_which_no_step_has_run_is_queued() -> None:
    for state in (STEP.QUEUED, STEP.CANCELLED):
        decided = decide(workflow(state, STEP.QUEUED, state=STATE.PENDING))
        assert decided.workflow.state is STATE.QUEUED


def test_the_first_failure_is_the_reason_of_the_workflow() -> None:
    first = decide(workflow(STEP.RUNNING, STEP.RUNNING), job(**FAILED))
    assert first.workflow.failure == "Step 's0' failed: $no"

    before = workflow(STEP.RUNNING, STEP.RUNNING, failure="before")
    assert decide(before, job(**FAILED)).workflow.failure == "before"

    silent = decide(workflow(STEP.RUNNING, STEP.RUNNING), job(**{**FAILED, "reason": ""}))
    assert silent.workflow.failure == "Step 's0' failed: no reason given"


def test_what_cannot_be_planned_is_the_reason_in_the_end() -> None:
    kept = decide(workflow(STEP.FAILED, failure="before"))
    assert (kept.workflow.state, kept.workflow.failure) == (STATE.FAILED, "before")

    flawed = decide(workflow(STEP.SUCCEEDED, failure="before", unplannable="a flaw"))
    assert flawed.workflow.state is STATE.FAILED
    assert "a flaw" in flawed.workflow.failure
    assert flawed.events[-1].reason == flawed.workflow.failure


def test_open_jobs_of_a_stopped_workflow_are_killed_once() -> None:
    before = workflow(STEP.RUNNING, STEP.RUNNING, STEP.RUNNING, cancel_requested=True)
    wanted, killed, ended = job(0), job(1, kill=True), job(2, **FAILED)

    decided = decide(before, wanted, killed, ended)

    assert decided.kills == (wanted,)
    assert decided.workflow.state is STATE.CANCELLED


def test_a_failure_that_stops_the_others_cancels_no_workflow() -> None:
    decided = decide(workflow(STEP.FAILED, STEP.RUNNING, STEP.PENDING), job(1), cancels=True)

    assert decided.workflow.state is STATE.RUNNING
    assert decided.workflow.states[2] is STEP.CANCELLED


@pytest.mark.parametrize("state", [STATE.CANCELLED, STATE.SUCCEEDED, STATE.FAILED])
def test_a_cancel_of_what_has_ended_changes_no_state(state: WorkflowState) -> None:
    decided = decide(workflow(STEP.FAILED, state=state, cancel_requested=True))

    assert (decided.workflow.state, decided.events) == (state, ())


@pytest.mark.parametrize(
    ("fields", "grows"),
    [
        ({}, True),
        ({"waits_for": ()}, False),
        ({"waits_for": (1,)}, False),
        ({"state": STATE.CANCELLED}, False),
        ({"cancel_requested": True}, False),
        ({"unplannable": "a flaw"}, False),
    ],
)
def test_further_steps_are_planned_while_the_workflow_goes_on(
    fields: dict[str, Any], *, grows: bool
) -> None:
    before = workflow(STEP.SUCCEEDED, STEP.QUEUED)

    decided = decide(replace(before, **{"waits_for": (0,), **fields}))

    assert decided.replan is grows


def test_a_failure_after_which_nothing_starts_plans_nothing() -> None:
    before = workflow(STEP.SUCCEEDED, STEP.FAILED, STEP.QUEUED, waits_for=(0,))

    assert not decide(before, cancels=True).replan
    assert decide(before).replan


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"submitted_at": START - 5 * SECOND, "started_at": START - 2 * SECOND}, 2),
        ({"submitted_at": START - 5 * SECOND}, 5),
        ({}, None),
    ],
)
def test_the_end_of_a_step_says_how_long_its_job_ran(
    fields: dict[str, Any], seconds: int | None
) -> None:
    event = last_step(decide(workflow(STEP.RUNNING, STEP.RUNNING), job(**SUCCEEDED, **fields)))

    assert event.duration == (None if seconds is None else seconds * SECOND)


def test_what_has_no_end_has_no_duration() -> None:
    started = {"submitted_at": START, "started_at": START}
    rejected = job(state=JOB.REJECTED, **started)
    again = job(**FAILED, **started, retries_left=1)

    for found in (rejected, again):
        decided = decide(workflow(STEP.RUNNING, STEP.RUNNING), found, attempts=2)
        assert last_step(decided).duration is None


def test_an_event_says_the_reason_of_an_end_and_of_a_further_attempt_alone() -> None:
    failed = decide(workflow(STEP.RUNNING, STEP.RUNNING), job(**FAILED))
    again = decide(workflow(STEP.RUNNING, STEP.RUNNING), job(**FAILED, retries_left=1), attempts=2)
    runs = decide(workflow(STEP.QUEUED), job(job_id="7", started_at=START, reason="$no"))

    assert [last_step(each).reason for each in (failed, again, runs)] == ["$no", "$no", ""]
    assert moves(runs) == [("ready", "queued"), ("queued", "running")]


def test_a_step_that_becomes_ready_without_a_job_is_no_event() -> None:
    decided = decide(workflow(STEP.PENDING))

    assert moves(decided) == []
    assert decided.workflow.states == (STEP.QUEUED,)


def test_a_result_that_was_taken_is_marked() -> None:
    reused = Reused("wf_0/0/1", "a", "7", START, START, "/a/b", "c")

    taken = decide(workflow(STEP.QUEUED), job(**{**SUCCEEDED, "job_id": ""}, reused=reused))
    failed = decide(workflow(STEP.QUEUED), job(**FAILED, reused=reused))

    assert (last_step(taken).reused, last_step(failed).reused) == (True, False)


def test_events_that_were_found_out_late_count_from_the_last_one() -> None:
    ahead = {**SUCCEEDED, "finished_at": START + SECOND}
    before = workflow(STEP.RUNNING, STEP.RUNNING, last_event_at=START - SECOND)

    assert last_step(decide(before, job(**ahead))).at == START
    late = {**SUCCEEDED, "finished_at": START - 5 * SECOND}
    assert last_step(decide(before, job(**late))).at == START - SECOND
