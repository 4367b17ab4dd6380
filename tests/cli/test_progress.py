"""A workflow's events fold into how far it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cli.show.progress import Progress, Step, after, levels, start_progress, time

START = "2026-01-19T10:00:00.000Z"
DOCUMENT = {
    "workflow_id": "wf_1",
    "workflow_name": "two",
    "status": "pending",
    "created_at": START,
    "steps": [
        {"step_name": "a", "app": "Date", "params": {}, "depends_on": []},
        {"step_name": "b", "app": "Date", "params": {"x": "${steps.a.outputs.o}"}},
    ],
}


def event(number: int, after: str, step: str = "", second: int = 0, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "at": f"2026-01-19T10:00:{second:02}.000Z",
        "subject": "step" if step else "workflow",
        "step_name": step,
        "after": after,
        "attempt": 1 if step else 0,
        "job_id": "7" if step else "",
        "reason": "",
    } | more


def seen(*events: dict[str, Any]) -> Progress:
    return after(start_progress(DOCUMENT), events)


def test_a_reference_to_a_step_counts_as_waiting_for_it() -> None:
    assert start_progress(DOCUMENT).steps["b"].needs == ("a",)


def test_a_step_that_runs_has_been_at_it_since_it_started() -> None:
    progress = seen(event(1, "queued", "a", 2), event(2, "running", "a", 5))

    step = progress.steps["a"]
    assert (step.state, step.job_id) == ("running", "7")
    assert step.elapsed_time(time("2026-01-19T10:00:09Z")) == timedelta(seconds=4)


def test_a_step_that_ended_no_longer_ages() -> None:
    progress = seen(event(1, "queued", "a", 2), event(2, "succeeded", "a", 5))

    assert progress.steps["a"].elapsed_time(time("2026-01-19T11:00:00Z")) == timedelta(seconds=3)
    assert progress.over == 1


def test_an_event_that_comes_twice_changes_nothing() -> None:
    once = seen(event(1, "queued", "a"), event(2, "running", "a"))

    assert once.after(event(1, "queued", "a")) == once


def test_a_retry_starts_what_did_not_succeed_anew() -> None:
    progress = seen(
        event(1, "succeeded", "a"),
        event(2, "failed", "b"),
        event(3, "failed", second=9),
        event(4, "pending", second=20),
    )

    assert [step.state for step in progress.steps.values()] == ["succeeded", "pending"]
    assert progress.state == "pending"
    assert progress.ended_at is None


def test_a_step_that_is_added_on_the_way_is_shown_below_its_needs() -> None:
    added = event(2, "pending", "c", app="Date", attempt=0, job_id="")
    later = {"step_name": "c", "app": "Date", "params": {}, "depends_on": ["a"]}
    before = seen(event(1, "queued", "a", 2))

    alone = before.after(added)
    known = before.knowing(DOCUMENT | {"steps": [*DOCUMENT["steps"], later]}).after(added)

    assert (alone.steps["c"].state, alone.steps["c"].needs) == ("pending", ())
    assert list(known.steps) == ["a", "b", "c"]
    assert (known.steps["a"].state, known.steps["c"].needs) == ("queued", ("a",))
    assert known.steps["c"].ended_at is None


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"a": "", "b": "a", "c": "ab"}, {"a": 0, "b": 1, "c": 2}),
        ({"c": "b", "b": "", "a": ""}, {"c": 1, "b": 0, "a": 0}),
        ({"a": "x"}, {"a": 0}),
        ({"a": "b", "b": "a", "c": ""}, {"c": 0}),
    ],
)
def test_a_level_is_the_longest_chain_before(
    needs: dict[str, str], expected: dict[str, int]
) -> None:
    assert levels([Step(name, "Date", tuple(wanted)) for name, wanted in needs.items()]) == expected
