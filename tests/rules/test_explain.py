"""Why a step does not run: one reason each, from the same decisions as the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.model.states import FINAL_STEP, JobState, StepState, WorkflowState
from workflows.model.values import Job, PendingRetry, Spec, StepSpec, Workflow, job_key
from workflows.rules.explain import explain, outlook
from workflows.rules.plan import plan
from workflows.rules.reasons.values import Code, Reason, Surroundings
from workflows.spec.compiled_spec import CompiledSpec, compile_spec

NOW = datetime(2026, 1, 19, 10, tzinfo=UTC)
BEGAN = NOW - timedelta(hours=1)
AROUND = Surroundings(
    now=NOW, began=BEGAN, workflow_id="wf_1", token_expires_at=NOW + timedelta(days=1)
)
P, R, Q, X, S, F = (
    StepState.PENDING,
    StepState.READY,
    StepState.QUEUED,
    StepState.RUNNING,
    StepState.SUCCEEDED,
    StepState.FAILED,
)


def drawn(*needs: str) -> CompiledSpec:
    """``drawn("", "a")``: steps a and b, of which b waits for a."""
    steps = tuple(
        StepSpec(chr(ord("a") + index), "App", {}, depends_on=tuple(wanted))
        for index, wanted in enumerate(needs)
    )
    return compile_spec(Spec("w", "1.0", {}, steps))


def going(*states: StepState, **fields: Any) -> Workflow:
    attempts = tuple(int(state in (Q, X, S, F)) for state in states)
    known = {"retries": {}, "attempts": attempts} | fields
    return Workflow("wf", "alice@bvbrc", WorkflowState.RUNNING, states, **known)


def job(step: int, state: JobState = JobState.ACTIVE, attempt: int = 1, **fields: Any) -> Job:
    known: dict[str, Any] = {"job_id": "17", "submitted_at": BEGAN, "announced": True}
    if state in (JobState.INTENDED, JobState.SENDING):
        known = {"sent_at": BEGAN} if state is JobState.SENDING else {}
    return Job(
        key=job_key("wf", step, attempt), workflow="wf", step=step, attempt=attempt,
        owner="alice@bvbrc", app="App", params={}, base_url="", state=state, **(known | fields),
    )  # fmt: skip


def only(workflow: Workflow, *jobs: Job, around: Surroundings = AROUND) -> Reason:
    """The one reason of a workflow of one step."""
    found = explain(drawn(""), workflow, jobs, around)
    assert len(found) == 1
    return found[0]


def test_a_step_waits_for_those_that_have_not_succeeded() -> None:
    found = explain(drawn("", "", "ab"), going(X, S, P), [job(0, started_at=NOW)], AROUND)

    assert [reason.code for reason in found] == [Code.RUNNING, Code.WAITING_FOR_STEPS]
    assert found[1].waiting_for == ("a",)
    assert "'a'" in found[1].message
    assert found[1].since == BEGAN


def test_a_ready_step_waits_for_a_place_since_its_needs_were_met() -> None:
    done = NOW - timedelta(minutes=5)
    jobs = [job(0, JobState.DONE, finished_at=done), job(1, started_at=NOW), job(2)]

    found = explain(drawn("", "", "", "a"), going(S, X, Q, R), jobs, AROUND)

    assert found[-1].code is Code.PARALLELISM_CAP
    assert found[-1].since == done
    assert found[-1].waiting_for == ("b", "c")
    assert "2 of at most 2" in found[-1].message


def test_a_failed_step_that_will_be_tried_again_says_when() -> None:
    failed, at = NOW - timedelta(minutes=1), NOW + timedelta(minutes=9)
    workflow = going(R, retries={0: PendingRetry(at, 1)}, attempts=(1,))

    found = only(workflow, job(0, JobState.DONE, finished_at=failed))

    assert (found.code, found.since, found.until) == (Code.RETRY_AT, failed, at)


@pytest.mark.parametrize(
    ("held_up", "around", "code"),
    [
        (job(0, JobState.INTENDED), {}, Code.QUEUED_AT_BVBRC),
        (job(0, JobState.INTENDED), {"user_jobs": 5, "most_user_jobs": 5}, Code.USER_CAP),
        (job(0, JobState.INTENDED), {"hanging_calls": 2}, Code.SERVICE_UNAVAILABLE),
        (job(0, JobState.SENDING), {"hanging_calls": 2}, Code.QUEUED_AT_BVBRC),
        (job(0, JobState.INTENDED), {"service": "disabled"}, Code.SERVICE_DISABLED),
        (job(0, JobState.INTENDED), {"service": "away"}, Code.SERVICE_UNAVAILABLE),
        (job(0, JobState.INTENDED, tries=2, reason="x"), {}, Code.SERVICE_UNAVAILABLE),
        (job(0, JobState.INTENDED), {"token_expires_at": NOW}, Code.TOKEN_EXPIRED),
        (job(0, JobState.INTENDED), {"token_expires_at": None}, Code.TOKEN_EXPIRED),
        (job(0, JobState.INTENDED), {"token_refused": True}, Code.TOKEN_EXPIRED),
        (job(0, JobState.SENDING), {}, Code.QUEUED_AT_BVBRC),
        (job(0, JobState.SENDING, in_doubt=True), {}, Code.SUBMISSION_IN_DOUBT),
        (job(0, JobState.SENDING, in_doubt=True), {"service": "away"}, Code.SUBMISSION_IN_DOUBT),
        (job(0), {}, Code.QUEUED_AT_BVBRC),
        (job(0), {"service": "disabled"}, Code.QUEUED_AT_BVBRC),
        (job(0), {"token_expires_at": NOW}, Code.TOKEN_EXPIRED),
        (job(0, started_at=NOW), {}, Code.RUNNING),
    ],
)
def test_a_step_in_flight_says_where_it_is(
    held_up: Job, around: dict[str, Any], code: Code
) -> None:
    state = X if held_up.started_at else Q

    found = only(going(state), held_up, around=replace(AROUND, **around))

    assert found.code is code
    assert found.message
    assert found.unblocked_by
    if code is Code.TOKEN_EXPIRED:
        assert "/workflows/wf_1/token" in found.unblocked_by


def test_a_submission_in_doubt_says_until_when() -> None:
    until = NOW + timedelta(minutes=9)

    found = only(going(Q), job(0, JobState.SENDING, in_doubt=True, absent_after=until))

    assert (found.code, found.until) == (Code.SUBMISSION_IN_DOUBT, until)
    assert "about to be submitted" not in found.message


def test_what_is_not_planned_yet_is_explained_as_it_will_be() -> None:
    fresh = replace(going(P, P), state=WorkflowState.PENDING)

    found = explain(drawn("", "a"), fresh, [], AROUND)

    assert [reason.code for reason in found] == [Code.QUEUED_AT_BVBRC, Code.WAITING_FOR_STEPS]


def test_a_job_of_an_earlier_attempt_explains_nothing() -> None:
    found = only(going(Q, attempts=(2,)), job(0, JobState.DONE), job(0, JobState.INTENDED, 2))

    assert (found.code, found.job_id) == (Code.QUEUED_AT_BVBRC, "")


def test_a_cancelled_workflow_says_what_is_still_being_killed() -> None:
    workflow = replace(going(X, P), state=WorkflowState.CANCELLED, cancel_requested=True)

    found = explain(drawn("", "a"), workflow, [job(0, started_at=NOW, kill=True)], AROUND)

    assert [reason.step_name for reason in found] == ["a"]
    assert "being killed" in found[0].message


def test_a_plan_is_not_under_way() -> None:
    assert explain(drawn(""), replace(going(P), state=WorkflowState.PLANNED), [], AROUND) == ()


@given(st.lists(st.integers(0, 7), min_size=1, max_size=8), st.integers(1, 3))
def test_there_is_one_reason_for_each_step_that_has_not_ended(masks: list[int], cap: int) -> None:
    needs = [
        "".join(chr(ord("a") + at) for at in range(step) if mask >> at & 1)
        for step, mask in enumerate(masks)
    ]
    graph = drawn(*needs)
    before = replace(going(*[P] * len(needs)), state=WorkflowState.PENDING, cap=cap)
    turn = plan(graph, before, [], NOW)
    jobs = [job(start.step, JobState.INTENDED) for start in turn.starts]

    found = explain(graph, turn.workflow, jobs, AROUND)

    unfinished = [
        graph.spec.steps[step].name
        for step, state in enumerate(turn.workflow.states)
        if state not in FINAL_STEP
    ]
    assert [reason.step_name for reason in found] == unfinished
    assert sum(reason.code is Code.QUEUED_AT_BVBRC for reason in found) <= cap


def test_a_job_whose_results_are_looked_for_says_so() -> None:
    ended = {"globs": {"bins": {"glob": "/a/*"}}, "started_at": BEGAN, "finished_at": NOW}

    looking = only(going(X), job(0, **ended))
    away = only(going(X), job(0, reason="HTTP 502", **ended))

    assert (looking.code, looking.since) == (Code.RUNNING, NOW)
    assert "results are being looked for" in looking.message
    assert away.code is Code.SERVICE_UNAVAILABLE
    assert "HTTP 502" in away.message


@pytest.mark.parametrize(
    ("workflow", "words"),
    [
        (going(X, P, waits_for=(0,)), "follow once step 'a' has succeeded"),
        (going(S, X, waits_for=(0, 1)), "being planned from the results of step 'a'"),
        (going(X, P), ""),
        (going(F, S, waits_for=(0,)), ""),
        (going(S, X, waits_for=(0,), cancel_requested=True), ""),
        (going(S, X, waits_for=(0,), unplannable="no such file"), "no such file"),
    ],
)
def test_it_is_told_what_further_steps_wait_for(workflow: Workflow, words: str) -> None:
    found = outlook(drawn("", ""), workflow)

    assert words in found
    assert bool(found) == bool(words)
