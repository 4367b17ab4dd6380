"""Steps on the screen: every attempt with why it failed, and when each waited and ran."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cli.show import attempts
from cli.show.timeline import critical_path, show_timeline, timeline
from tests.cli.conftest import Terminal
from tests.cli.show.test_views import drawn
from tests.product import GROUP, document

NOW = datetime(2026, 1, 19, 10, 1, tzinfo=UTC)
pytestmark = GROUP


def ran(step: str, attempt: int, *times: str, **fields: Any) -> dict[str, Any]:
    names = ("submitted_at", "started_at", "finished_at")
    stamps = [f"2026-01-19T10:{each}Z" for each in times]
    found = dict(zip(names, [*stamps, None, None, None], strict=False))
    return {"step_name": step, "attempt": attempt, "params": {"x": attempt}, **found, **fields}


FAILED = {
    "attempt": 1, "job_id": "21", "status": "failed", "reason": "Ran out of memory: give it less",
    "started_at": "2026-01-19T10:00:05Z", "finished_at": "2026-01-19T10:00:15Z",
    "exit_code": 137, "cluster_status": "OUT_OF_MEMORY", "stderr_tail": "oom-kill\n",
}  # fmt: skip
AGAIN = {"attempt": 2, "job_id": "22", "status": "running", "reason": "",
         "started_at": "2026-01-19T10:00:30Z", "finished_at": None}  # fmt: skip
STEPS: list[dict[str, Any]] = [
    {"step_name": "a", "app": "Date", "params": {}, "depends_on": [], "status": "succeeded"},
    {"step_name": "b", "app": "Date", "params": {}, "depends_on": [], "status": "succeeded"},
    {"step_name": "c", "app": "Date", "params": {"x": "${steps.a.outputs.y}"}, "depends_on": ["b"],
     "status": "running", "attempts": [FAILED, AGAIN]},
    {"step_name": "d", "app": "Date", "params": {}, "depends_on": ["c"], "status": "pending"},
]  # fmt: skip
WHOLE = {
    "workflow_id": "wf_1", "workflow_name": "w", "status": "running",
    "created_at": "2026-01-19T10:00:00Z", "steps": STEPS,
    "execution_metadata": {"attempts": [
        ran("a", 1, "00:00", "00:01", "00:03"),
        ran("b", 1, "00:00", "00:01", "00:04"),
        ran("c", 1, "00:04", "00:05", "00:15"),
        ran("c", 2, "00:20", "00:30"),
    ]},
}  # fmt: skip


def test_a_timeline_adds_the_attempts_of_a_step_and_names_what_decided() -> None:
    found = timeline(WHOLE, NOW)

    assert found["critical_path"] == ["b", "c"]
    times = {
        each["step_name"]: (each["waited_seconds"], each["ran_seconds"]) for each in found["steps"]
    }
    assert times == {"a": (1, 2), "b": (1, 3), "c": (1 + 10, 10 + 30)}
    assert "Critical path: b → c" in drawn(show_timeline(found))


def test_a_timeline_of_nothing_says_so() -> None:
    empty = WHOLE | {"execution_metadata": {"attempts": []}}

    assert drawn(show_timeline(timeline(empty, NOW))) == "No step has had a job yet.\n"
    assert critical_path({"a": ("b",), "b": ()}, {"a": NOW, "b": NOW - timedelta(1)}) == ["b", "a"]


def test_every_attempt_of_a_step_is_shown_with_why_it_failed() -> None:
    found = attempts.step_of(WHOLE, "c")
    assert found is not None

    shown = drawn(attempts.show_step(found))

    first, second = shown.index("Attempt 1: failed, job 21"), shown.index("Attempt 2: running")
    failed = shown[first:second]
    for each in ("exit code 137", "OUT_OF_MEMORY", FAILED["reason"], "oom-kill", 'sent {"x": 1}'):
        assert str(each) in failed
    assert "exit code" not in shown[second:]
    assert attempts.step_of(WHOLE, "z") is None


def test_both_are_commands(terminal: Terminal) -> None:
    product = terminal.product
    product.simulator.app("*", output_file="hungry", run_seconds=0, outcome="failed",
                          cluster_status="OUT_OF_MEMORY")  # fmt: skip
    workflow = product.submit(document({"hungry": ""}, name="hungry twice"))
    product.ends(workflow)

    step = terminal("step", workflow, "hungry")
    assert (step.exit_code, "Ran out of memory" in step.stdout) == (0, True)
    assert terminal("step", workflow, "nope").exit_code == 5
    assert "hungry" in terminal("timeline", workflow).stdout
