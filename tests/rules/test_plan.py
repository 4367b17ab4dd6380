"""The laws of ``plan``, for every DAG, scheduler and crash that Hypothesis thinks of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.model.job_moves import FINAL_JOB
from workflows.model.states import (
    FINAL_STEP,
    FINAL_WORKFLOW,
    IN_FLIGHT,
    JobState,
    StepState,
    WorkflowState,
)
from workflows.model.values import Job, OnFailure, Outcome, Retry, Spec, StepSpec, Workflow, job_key
from workflows.rules.endings import tell
from workflows.rules.plan import Plan, backoff, plan
from workflows.spec.compiled_spec import CompiledSpec, compile_spec

START = datetime(2026, 1, 19, 10, tzinfo=UTC)
SUCCEEDED = StepState.SUCCEEDED


def spec_of(
    needs: list[list[int]],
    *,
    on_failure: OnFailure = OnFailure.CONTINUE,
    attempts: int = 1,
) -> CompiledSpec:
    steps = tuple(
        StepSpec(
            name=f"s{index}",
            app="Date",
            params={},
            depends_on=tuple(f"s{need}" for need in wanted),
            retry=Retry(attempts, timedelta(seconds=10)),
        )
        for index, wanted in enumerate(needs)
    )
    return compile_spec(Spec("w", "1", {}, steps, on_failure=on_failure))


def fresh(count: int, cap: int = 2) -> Workflow:
    return Workflow(
        "wf_1", "u", WorkflowState.PENDING, (StepState.PENDING,) * count, (0,) * count, cap=cap
    )


@dataclass
class World:
    """Plays the shell and AppService for one workflow, and checks the laws after each turn."""

    blue: CompiledSpec
    workflow: Workflow
    now: datetime = START
    jobs: dict[str, Job] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    growths: list[tuple[list[list[int]], set[int]]] = field(default_factory=list)
    """What each planning with new results will bring: needs of further steps, what it waits for."""

    def open_jobs(self) -> list[Job]:
        return [job for key, job in self.jobs.items() if key not in self.settled]

    def turn(self) -> Plan:
        before = self.workflow
        decided = plan(self.blue, before, self.open_jobs(), self.now)
        self.check(before, decided)
        self.apply(decided)
        return decided

    def apply(self, decided: Plan) -> None:
        self.workflow = decided.workflow
        for start in decided.starts:
            key = job_key("wf_1", start.step, start.attempt)
            assert key not in self.jobs, "a submission key was used twice"
            self.jobs[key] = Job(
                key, "wf_1", start.step, start.attempt, "u", "Date", {}, "", JobState.INTENDED,
                retries_left=start.retries_left,
            )  # fmt: skip
        for job in decided.kills:
            withdrawn = self.jobs[job.key].state is JobState.INTENDED
            change = {"state": JobState.WITHDRAWN} if withdrawn else {"kill": True}
            self.jobs[job.key] = replace(self.jobs[job.key], **change)
        for job in decided.announced:
            self.jobs[job.key] = replace(self.jobs[job.key], announced=True)
        self.settled |= {job.key for job in decided.settled}

    def grow(self) -> None:
        """What a planning with new results does: steps are added, others are waited for."""
        needs, waits = self.growths.pop(0) if self.growths else ([], set())
        steps, states = self.blue.spec.steps, self.workflow.states
        added = tuple(
            StepSpec(f"s{len(steps) + at}", "Date", {}, depends_on=tuple(f"s{n}" for n in wanted))
            for at, wanted in enumerate(needs)
        )
        self.blue = compile_spec(replace(self.blue.spec, steps=(*steps, *added)))
        states += (StepState.PENDING,) * len(added)
        self.workflow = replace(
            self.workflow,
            states=states,
            attempts=self.workflow.attempts + (0,) * len(added),
            waits_for=tuple(sorted(step for step in waits if states[step] is not SUCCEEDED)),
        )

    def check(self, before: Workflow, decided: Plan) -> None:
        after = decided.workflow
        if decided.replan:
            assert after.state not in FINAL_WORKFLOW, "it ended before all its steps were known"
            assert any(after.states[step] is SUCCEEDED for step in before.waits_for)
            assert not before.cancel_requested, "a cancelled workflow wants further steps"
        assert sum(state in IN_FLIGHT for state in after.states) <= before.cap, "the cap was broken"
        for step, state in enumerate(before.states):
            if state in FINAL_STEP:
                assert after.states[step] is state, "a final step moved"
        if before.state in FINAL_WORKFLOW:
            assert after.state is before.state, "a final workflow moved"
        for start in decided.starts:
            for need in self.blue.dag.needs[start.step]:
                assert after.states[need] is StepState.SUCCEEDED, "a step started too early"
        if before.cancel_requested:
            assert not decided.starts, "a step started after the cancel"
        numbers = [event.sequence for event in decided.events]
        assert numbers == list(range(before.sequence + 1, before.sequence + 1 + len(numbers)))

    def step_job(self, key: str, draw: int) -> None:
        """Something happens to one job at AppService or on the way there."""
        job = self.jobs[key]
        if job.state in FINAL_JOB:
            return
        if job.state is JobState.INTENDED:
            self.started.append(key)
            self.jobs[key] = [
                replace(job, state=JobState.SENDING),
                replace(job, state=JobState.ACTIVE, job_id="1", submitted_at=self.now),
                replace(job, state=JobState.REJECTED, reason="refused"),
            ][draw % 3]
        elif job.state is JobState.SENDING:
            self.jobs[key] = [
                replace(job, in_doubt=True),
                replace(job, state=JobState.ACTIVE, job_id="1", submitted_at=self.now),
                replace(job, state=JobState.WITHDRAWN if job.kill else JobState.INTENDED),
            ][draw % 3]
        else:
            done = replace(job, state=JobState.DONE, finished_at=self.now)
            self.jobs[key] = [
                replace(job, started_at=job.started_at or self.now),
                replace(done, outcome=Outcome.FAILED if job.kill else Outcome.SUCCEEDED),
                replace(done, outcome=Outcome.FAILED, reason="failed"),
            ][draw % 3]

    def run_to_the_end(self, limit: int = 2_000) -> None:
        """A good service from now on: everything must end."""
        for _ in range(limit):
            decided = self.turn()
            self.now += timedelta(seconds=1)
            if decided.replan:
                self.grow()
                continue
            if decided.next_check:
                self.now = max(self.now, decided.next_check)
            rest = self.open_jobs()
            if self.workflow.state in FINAL_WORKFLOW and not rest:
                return
            for job in rest:
                self.step_job(job.key, 1)
        pytest.fail(f"it does not end: {self.workflow}")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(1, 8))
    needs = [
        sorted(draw(st.sets(st.integers(0, index - 1), max_size=3))) if index else []
        for index in range(count)
    ]
    blue = spec_of(
        needs,
        on_failure=draw(st.sampled_from(list(OnFailure))),
        attempts=draw(st.integers(1, 3)),
    )
    return World(blue, fresh(count, cap=draw(st.integers(1, 4))))


@st.composite
def growing_worlds(draw: st.DrawFn) -> World:
    """Worlds whose results bring up to three times up to three further steps."""
    world = draw(worlds())
    count = len(world.workflow.states)
    world.workflow = replace(
        world.workflow, waits_for=tuple(sorted(draw(st.sets(st.integers(0, count - 1)))))
    )
    for _ in range(draw(st.integers(0, 3))):
        needs = [
            sorted(draw(st.sets(st.integers(0, count + at - 1), max_size=3)))
            for at in range(draw(st.integers(0, 3)))
        ]
        count += len(needs)
        world.growths.append((needs, draw(st.sets(st.integers(0, count - 1)))))
    return world


@settings(max_examples=400, deadline=None)
@given(
    world=st.one_of(worlds(), growing_worlds()),
    script=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 8)), max_size=60),
)
def test_the_laws_hold_for_every_dag_scheduler_and_crash(
    world: World, script: list[tuple[int, int]]
) -> None:
    for action, draw in script:
        rest = world.open_jobs()
        if action == 0:
            world.workflow = replace(
                world.workflow,
                cancel_requested=world.workflow.cancel_requested
                or world.workflow.state not in FINAL_WORKFLOW,
            )
        elif action == 1:  # a turn is planned, and its process dies before anything is stored
            plan(world.blue, world.workflow, rest, world.now)
        elif action <= 4 or not rest:
            if world.turn().replan and draw % 2:
                world.grow()
        else:
            world.step_job(rest[draw % len(rest)].key, draw)
        world.now += timedelta(seconds=draw)
    world.run_to_the_end()
    assert all(state in FINAL_STEP for state in world.workflow.states)
    assert all(job.state in FINAL_JOB for job in world.jobs.values()), "a job outlives its workflow"


@settings(max_examples=200, deadline=None)
@given(world=st.one_of(worlds(), growing_worlds()), script=st.lists(st.integers(0, 8), max_size=20))
def test_planning_twice_without_news_does_nothing(world: World, script: list[int]) -> None:
    for draw in script:
        world.turn()
        for job in world.open_jobs():
            world.step_job(job.key, draw)
    world.turn()
    world.turn()  # a kill may have withdrawn a job, which is news

    again = plan(world.blue, world.workflow, world.open_jobs(), world.now)

    assert (again.workflow, again.starts, again.kills, again.events, again.settled) == (
        world.workflow, (), (), (), (),
    )  # fmt: skip


def active(step: int, **fields: object) -> Job:
    job = Job(job_key("wf_1", step, 1), "wf_1", step, 1, "u", "Date", {}, "", JobState.ACTIVE)
    return replace(job, job_id="7", submitted_at=START, **fields)  # type: ignore[arg-type]


def test_a_chain_starts_its_first_step_only() -> None:
    decided = plan(spec_of([[], [0], [1]]), fresh(3), [], START)

    assert [start.step for start in decided.starts] == [0]
    assert decided.workflow.states == (StepState.QUEUED, StepState.PENDING, StepState.PENDING)
    assert decided.workflow.state is WorkflowState.QUEUED


def test_a_finished_step_frees_its_place_for_its_successor_in_the_same_turn() -> None:
    blue = spec_of([[], [0]])
    first = plan(blue, fresh(2), [], START).workflow
    job = active(0, state=JobState.DONE, outcome=Outcome.SUCCEEDED, finished_at=START)

    decided = plan(blue, first, [job], START)

    assert [start.step for start in decided.starts] == [1]
    assert [event.after for event in decided.events] == ["queued", "running", "succeeded"]


def test_what_ran_and_ended_between_two_polls_is_told_in_its_order() -> None:
    blue = spec_of([[]])
    first = plan(blue, fresh(1), [], START).workflow
    job = active(
        0, state=JobState.DONE, outcome=Outcome.SUCCEEDED, started_at=START, finished_at=START
    )

    told = [(event.subject, event.after) for event in plan(blue, first, [job], START).events]

    assert told == [
        ("step", "queued"),
        ("step", "running"),
        ("workflow", "running"),
        ("step", "succeeded"),
        ("workflow", "succeeded"),
    ]


def test_a_failed_step_lets_independent_branches_finish() -> None:
    blue = spec_of([[], [0], []])
    first = plan(blue, fresh(3), [], START).workflow
    failed = active(0, state=JobState.DONE, outcome=Outcome.FAILED, finished_at=START)

    decided = plan(blue, first, [failed, active(2)], START)

    assert decided.workflow.states == (
        StepState.FAILED, StepState.UPSTREAM_FAILED, StepState.QUEUED,
    )  # fmt: skip
    assert decided.workflow.state is WorkflowState.RUNNING


def test_a_failed_step_stops_the_others_where_that_is_asked_for() -> None:
    blue = spec_of([[], [0], []], on_failure=OnFailure.CANCEL)
    first = plan(blue, fresh(3), [], START).workflow
    failed = active(0, state=JobState.DONE, outcome=Outcome.FAILED, finished_at=START)

    decided = plan(blue, first, [failed, active(2)], START)

    assert [job.step for job in decided.kills] == [2]
    assert decided.workflow.states[1] is StepState.CANCELLED


def test_a_failed_attempt_is_followed_by_another_after_the_backoff() -> None:
    blue = spec_of([[]], attempts=2)
    first = plan(blue, fresh(1), [], START).workflow
    failed = active(
        0, state=JobState.DONE, outcome=Outcome.FAILED, finished_at=START, retries_left=1
    )

    waiting = plan(blue, first, [failed], START)
    again = plan(blue, waiting.workflow, [], START + timedelta(seconds=10))

    assert waiting.starts == ()
    assert waiting.next_check == START + timedelta(seconds=10)
    assert [(start.attempt, start.retries_left) for start in again.starts] == [(2, 0)]


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.FAILED])
def test_the_end_of_an_old_attempt_says_nothing_of_the_new_one(outcome: Outcome) -> None:
    """As after a retry by a person, before the first attempt's end was taken in."""
    blue = spec_of([[], [0]])
    first = plan(blue, fresh(2), [], START).workflow
    retried = replace(first, attempts=(2, 0))
    old = active(0, state=JobState.DONE, outcome=outcome, started_at=START, finished_at=START)

    decided = plan(blue, retried, [old], START)

    assert decided.settled == (old,)
    assert (decided.workflow, decided.events, decided.starts) == (retried, (), ())


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (4, 80), (500, 6 * 3600)])
def test_backoff_doubles_up_to_six_hours(attempt: int, seconds: int) -> None:
    assert backoff(timedelta(seconds=10), attempt) == timedelta(seconds=seconds)


def done(step: int, **fields: object) -> Job:
    ended = {"state": JobState.DONE, "outcome": Outcome.SUCCEEDED, "finished_at": START}
    return active(step, **(ended | fields))


def open_after(step: int, count: int = 1, **fields: object) -> tuple[CompiledSpec, Workflow]:
    """Steps that are all under way; more follow once one of them has succeeded."""
    blue = spec_of([[]] * count, **fields)  # type: ignore[arg-type]
    return blue, replace(plan(blue, fresh(count, cap=9), [], START).workflow, waits_for=(step,))


def test_a_result_that_says_what_follows_is_planned_before_the_workflow_ends() -> None:
    blue, workflow = open_after(0)

    decided = plan(blue, workflow, [done(0)], START)
    later = plan(blue, replace(decided.workflow, waits_for=()), [], START)

    assert decided.replan
    assert decided.workflow.state is WorkflowState.RUNNING
    assert not later.replan
    assert later.workflow.state is WorkflowState.SUCCEEDED


def test_other_results_bring_no_further_steps() -> None:
    blue, workflow = open_after(0, count=2)

    assert not plan(blue, workflow, [done(1)], START).replan


def test_where_what_is_waited_for_fails_the_workflow_ends_as_usual() -> None:
    blue, workflow = open_after(0)

    decided = plan(blue, workflow, [done(0, outcome=Outcome.FAILED)], START)

    assert not decided.replan
    assert decided.workflow.state is WorkflowState.FAILED


def test_after_a_cancel_nothing_is_planned_any_more() -> None:
    blue, workflow = open_after(0)

    decided = plan(blue, replace(workflow, cancel_requested=True), [done(0)], START)

    assert not decided.replan
    assert decided.workflow.state is WorkflowState.CANCELLED


def test_an_event_has_the_reason_and_the_time_of_its_own_change() -> None:
    blue = spec_of([[]])
    workflow = plan(blue, fresh(1), (), START).workflow
    later = START + timedelta(seconds=5)
    failed = active(
        0,
        state=JobState.DONE,
        outcome=Outcome.FAILED,
        announced=False,
        started_at=START,
        finished_at=later,
        reason="no reads",
    )

    events = plan(blue, workflow, [failed], later).events

    told = {(each.subject, each.after): (each.reason, each.at) for each in events}
    assert told["step", "queued"][0] == told["step", "running"][0] == ""
    assert told["step", "failed"] == ("no reads", later)
    assert told["workflow", "running"] == ("", START)


def test_events_stand_in_the_order_of_time_whenever_they_were_found_out() -> None:
    blue = spec_of([[], []])
    workflow = plan(blue, fresh(2), (), START).workflow
    times = [START + timedelta(seconds=number) for number in range(60)]
    ends = {"state": JobState.DONE, "outcome": Outcome.SUCCEEDED}
    first = active(0, started_at=times[2], finished_at=times[30], announced=False, **ends)
    second = active(1, started_at=times[2], finished_at=times[10], announced=False, **ends)

    one = plan(blue, workflow, [first], times[35])
    two = plan(blue, one.workflow, [second], times[40])

    told = [event.at for event in (*one.events, *two.events)]
    assert told == sorted(told)
    ended = [each.at for each in one.events if each.after == "succeeded"]
    assert ended == [times[30]]
    ahead = active(1, started_at=times[2], finished_at=times[59], announced=False, **ends)
    assert max(each.at for each in plan(blue, one.workflow, [ahead], times[40]).events) == times[40]


def test_what_cannot_be_planned_fails_the_workflow_when_the_others_have_ended() -> None:
    blue, workflow = open_after(0, count=2)
    broken = replace(workflow, unplannable="no such genome")

    waiting = plan(blue, broken, [done(0)], START)
    ended = plan(blue, waiting.workflow, [done(1)], START)

    assert not waiting.replan
    assert waiting.workflow.state is WorkflowState.RUNNING
    assert ended.workflow.state is WorkflowState.FAILED
    told = tell("CWL expression", detail="no such genome")
    assert ended.events[-1].reason == ended.workflow.failure == told


def test_what_cannot_be_planned_stops_the_others_where_that_is_asked_for() -> None:
    blue, workflow = open_after(0, count=2, on_failure=OnFailure.CANCEL)

    decided = plan(blue, replace(workflow, unplannable="no"), [done(0), active(1)], START)

    assert [job.step for job in decided.kills] == [1]
