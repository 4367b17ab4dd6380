"""Which jobs a hold keeps from starting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workflows.rules.holds import (
    Hold,
    Mode,
    Scope,
    Subject,
    describe,
    describe_under_way,
    find_hold,
    stops,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
JOB = Subject("alice", "Date", "wf_1", "batch_1", template="assembly@2")
TARGETS = {
    Scope.GLOBAL: "",
    Scope.USER: "alice",
    Scope.APP: "Date",
    Scope.BATCH: "batch_1",
    Scope.TEMPLATE: "assembly",
    Scope.WORKFLOW: "wf_1",
}


def hold(scope: Scope, target: str, mode: Mode = Mode.HOLD, until: datetime | None = None) -> Hold:
    return Hold(f"{scope} {until}", scope, target, mode, "maintenance", "root", NOW, until)


@pytest.mark.parametrize("scope", TARGETS)
def test_a_hold_stops_its_target_and_nothing_else(scope: Scope) -> None:
    assert stops(hold(scope, TARGETS[scope]), JOB)
    assert scope is Scope.GLOBAL or not stops(hold(scope, "another"), JOB)


def test_a_workflow_outside_of_batches_is_in_none() -> None:
    assert not stops(hold(Scope.BATCH, "batch_1"), Subject("alice", "Date", "wf_1"))


def test_a_template_is_held_whole_or_in_one_version() -> None:
    assert stops(hold(Scope.TEMPLATE, "assembly@2"), JOB)
    assert not stops(hold(Scope.TEMPLATE, "assembly@1"), JOB)
    assert not stops(hold(Scope.TEMPLATE, "assembly"), Subject("alice", "Date", "wf_1"))


@pytest.mark.parametrize(
    ("begun_at", "goes_on"),
    [(None, False), (NOW - MINUTE, True), (NOW, True), (NOW + MINUTE, False)],
    ids=str,
)
def test_a_drain_lets_go_on_what_ran_when_it_was_set(
    begun_at: datetime | None, goes_on: bool
) -> None:
    job = Subject("alice", "Date", "wf_1", begun_at=begun_at)

    assert stops(hold(Scope.GLOBAL, "", Mode.DRAIN), job) is not goes_on
    assert stops(hold(Scope.GLOBAL, ""), job)


def test_of_several_holds_the_one_that_lasts_longest_is_named() -> None:
    soon, later = (hold(Scope.GLOBAL, "", until=NOW + n * MINUTE) for n in (1, 2))
    endless, other = hold(Scope.USER, "alice"), hold(Scope.USER, "bob")

    assert find_hold([soon, later, other], JOB) == later
    assert find_hold([soon, endless, later], JOB) == endless
    assert find_hold([other], JOB) is None


def test_people_read_what_stands_still_until_when_and_why() -> None:
    text = describe(hold(Scope.APP, "Date", Mode.DRAIN, NOW))

    assert text == (
        "No job of app Date starts, except in workflows that ran already until"
        " 2026-01-01 00:00 UTC: maintenance."
    )
    assert describe(hold(Scope.GLOBAL, "")) == "Nothing starts: maintenance."


@pytest.mark.parametrize(
    ("jobs", "text"), [(0, ""), (1, "1 job was being sent"), (2, "2 jobs were being sent")]
)
def test_people_read_how_many_jobs_may_still_start(jobs: int, text: str) -> None:
    found = describe_under_way(jobs)

    assert found.startswith(text)
    assert bool(found) is bool(text)
