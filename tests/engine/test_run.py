"""Workflows run to their end, and every job is started once, whatever BV-BRC does."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.contextvars import bound_contextvars

from tests.engine.conftest import LONG, Engine, document, hasty
from workflows.engine.advance import advance
from workflows.engine.commands import renew
from workflows.engine.jobs.send import Drain
from workflows.engine.reports import views
from workflows.rules.event_log import text
from workflows.store.processes import service_status
from workflows.store.users import credentials
from workflows.store.workflows import events, stored


def started(engine: Engine) -> Counter[str]:
    """How many jobs exist at BV-BRC for each submission key."""
    return Counter(job["user_metadata"] for job in engine.simulator.jobs())


def test_a_diamond_runs_to_its_end_with_one_job_a_step(engine: Engine) -> None:
    workflow = engine.submit(document("", "a", "a", "bc"))

    assert engine.ends(workflow) == "succeeded"

    assert started(engine) == {f"{workflow}/{step}/1": 1 for step in range(4)}


def test_the_log_tells_the_whole_story(engine: Engine) -> None:
    workflow = engine.submit(document(""))
    engine.ends(workflow)

    lines = [line.split(" - ", 2)[2] for line in text(events.of_workflow(workflow)).splitlines()]

    job_id = views.status(stored.get(workflow))["steps"][0]["step_id"]
    assert lines[0] == "Workflow execution started"
    assert lines[1] == f"Submitted step 'a' to app 'Date' | task_id={job_id}"
    assert any(line.startswith("Step 'a' completed successfully") for line in lines)
    assert lines[-1] == "Workflow completed successfully"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost"},
        {"kind": "lost", "done": False},
        {"kind": "reset"},
        {"kind": "reset", "done": False},
        {"kind": "cut"},
        {"kind": "garbage"},
        {"kind": "garbage", "done": False},
        {"kind": "hang", "seconds": 3},
        {"kind": "hang", "seconds": 3, "done": False},
        {"kind": "status", "status": 502},
        {"kind": "status", "status": 502, "done": True},
        {"kind": "status", "status": 504, "done": True},
        {"kind": "html", "done": True},
        {"kind": "no_reason"},
        {"kind": "no_reason", "done": True},
        {"kind": "db_lost"},
        {"kind": "db_lost", "done": True},
        {"kind": "cloudflare"},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_lost_answer_never_starts_a_second_job(engine: Engine, fault: dict[str, object]) -> None:
    engine.simulator.fault(**fault, method="start_app2", count=1)
    sender = hasty(engine) if fault["kind"] == "hang" else engine
    workflow = sender.submit(document("", "a"))

    assert sender.ends(workflow) == "succeeded"

    assert started(engine) == {f"{workflow}/{step}/1": 1 for step in range(2)}


def test_a_lost_submission_is_found_without_the_search_by_key_too(engine: Engine) -> None:
    engine.simulator.switch(qstat=False)
    engine.simulator.fault("lost", "start_app2", count=1)
    workflow = engine.submit(document(""))

    assert engine.ends(workflow) == "succeeded"

    assert len(engine.simulator.jobs()) == 1


def test_a_rejection_fails_the_step_with_bvbrcs_words(engine: Engine) -> None:
    reason = "Error submitting job: Invalid enum value 'x' passed for recipe: valid values are a b"
    engine.simulator.fault("error", "start_app2", text=reason, count=1)
    workflow = engine.submit(document("", "a"))

    assert engine.ends(workflow) == "failed"

    found = views.whole(stored.get(workflow))
    assert engine.states(workflow) == ["failed", "upstream_failed"]
    assert "Invalid enum value 'x'" in found["steps"][0]["error_message"]
    assert "line 1" not in str(found)


def test_a_failed_job_fails_its_workflow_only_after_the_other_branch_ended(engine: Engine) -> None:
    engine.simulator.app(output_file="o0", outcome="failed", queue_seconds=0, run_seconds=0)
    workflow = engine.submit(document("", "a", ""))

    assert engine.ends(workflow) == "failed"

    assert engine.states(workflow) == ["failed", "upstream_failed", "succeeded"]


def test_a_retried_step_writes_to_a_place_of_its_own(engine: Engine) -> None:
    engine.simulator.app(output_file="o0", outcome="failed", queue_seconds=0, run_seconds=0)
    found = document("")
    found["steps"][0]["retry"] = {"max_attempts": 2, "backoff_seconds": 0}
    workflow = engine.submit(found)

    assert engine.ends(workflow) == "succeeded"

    files = [job["output_file"] for job in engine.simulator.jobs()]
    assert files == ["o0", "o0_attempt2"]


def test_the_cap_holds_at_bvbrc(engine: Engine) -> None:
    workflow = engine.submit(document(*[""] * 8))

    assert engine.ends(workflow) == "succeeded"

    assert len(engine.simulator.jobs()) == 8
    assert max(engine.simulator.summary()["peak_in_flight_by_workflow"].values()) <= 2


def test_a_users_cap_holds_over_all_workflows(engine: Engine) -> None:
    engine.simulator.app(run_seconds=0.2)
    capped = engine.with_limits(user_jobs=1)
    ids = [capped.submit(document("", "")) for _ in range(3)]

    assert {capped.ends(each) for each in ids} == {"succeeded"}

    assert max(engine.simulator.summary()["peak_in_flight_by_user"].values()) == 1


def test_submissions_under_way_are_bounded_over_all_senders(engine: Engine) -> None:
    engine.simulator.switch(latency={"start_app2": 0.1})
    limited = engine.with_limits(submissions=3)
    ids = [limited.submit(document("", "")) for _ in range(6)]
    advance(limited.context, ids)

    with ThreadPoolExecutor(3) as pool:  # each with threads of its own, as processes have them
        list(pool.map(lambda drain: drain.run(limited.context), [Drain(8) for _ in range(3)]))

    assert {limited.ends(each) for each in ids} == {"succeeded"}
    assert engine.simulator.summary()["peak_open_calls"]["AppService.start_app2"] <= 3


def test_the_jobs_of_several_users_are_sent_together(engine: Engine) -> None:
    users = ["alice@patricbrc.org", "bob@bvbrc", "carol@bvbrc"]
    ids = [replace(engine, user=user, token="").submit(document("", "")) for user in users]

    assert {engine.ends(each) for each in ids} == {"succeeded"}

    assert sorted({job["owner"] for job in engine.simulator.jobs()}) == users


def test_a_job_that_bvbrc_forgot_fails_after_the_deadline(engine: Engine) -> None:
    patient = engine.with_limits(lost_deadline=timedelta(seconds=0.5))
    engine.simulator.app(run_seconds=None)
    workflow = patient.submit(document(""))
    patient.until(lambda: len(engine.simulator.jobs()) == 1)
    engine.simulator.act("vanish", engine.simulator.jobs()[0]["id"])

    assert patient.ends(workflow) == "failed"

    assert "has not known job" in views.whole(stored.get(workflow))["steps"][0]["error_message"]


def test_a_job_that_is_missing_for_a_while_goes_on(engine: Engine) -> None:
    engine.simulator.app(run_seconds=None)
    workflow = engine.submit(document(""))
    engine.until(lambda: len(engine.simulator.jobs()) == 1)
    job_id = engine.simulator.jobs()[0]["id"]
    engine.simulator.act("hide", job_id, seconds=0.5)
    engine.turn()
    engine.simulator.act("finish", job_id)

    assert engine.ends(workflow) == "succeeded"


def test_a_refused_token_parks_the_workflow_until_a_new_one_comes(engine: Engine) -> None:
    workflow = engine.submit(document("", "a"))
    engine.simulator.expire(engine.user)
    engine.until(lambda: credentials.expiry(engine.context.vault, engine.user)[1])
    for _ in range(3):
        engine.turn()
    assert engine.simulator.jobs() == []
    assert engine.status(workflow) == "queued"

    engine.token = ""
    renew(engine.context, engine.owner())

    assert engine.ends(workflow) == "succeeded"


def test_nothing_is_sent_while_submissions_are_disabled(engine: Engine) -> None:
    engine.simulator.switch(enabled=False)
    workflow = engine.submit(document(""))
    engine.until(lambda: service_status.health("appservice").state == service_status.DISABLED)
    calls = len(engine.simulator.calls("AppService.start_app2"))
    for _ in range(5):
        engine.turn()
    assert len(engine.simulator.calls("AppService.start_app2")) == calls

    engine.simulator.switch(enabled=True)

    assert engine.ends(workflow, 2 * LONG) == "succeeded"  # the job rests for half a minute


def test_the_users_request_is_known_at_bvbrc(engine: Engine) -> None:
    engine.simulator.fault("lost", "start_app2", count=1)
    with bound_contextvars(request_id="r-1"):
        first = engine.submit(document("", "a"))
    with bound_contextvars(request_id="r-2"):
        second = engine.submit(document(""))

    assert (engine.ends(first), engine.ends(second)) == ("succeeded", "succeeded")

    calls = engine.simulator.calls()
    assert Counter(
        call["request_id"] for call in calls if call["method"].endswith("start_app2")
    ) == {"r-1": 2, "r-2": 1}
    looked_up = {call["request_id"] for call in calls if "enumerate_tasks" in call["method"]}
    assert looked_up  # whosever answer was lost
    assert looked_up <= {"r-1", "r-2"}
