"""Why a job failed: every ending is told in one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tests.engine.conftest import ALICE, LONG, Engine, document
from workflows.engine import commands
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.model.values import Json
from workflows.rules import event_log
from workflows.rules.endings import advice
from workflows.store import documents
from workflows.store.jobs import failures
from workflows.store.mongo import collection
from workflows.store.workflows import events, stored

SPADES = (
    "== Error ==  system call for: \"['/opt/spades/bin/spades-core', 'k21.yaml']\""
    " finished abnormally, OS return value: 21\n"
)
SECRET = "un=alice@patricbrc.org|tokenid=1|sig=" + 64 * "0a"


@dataclass(frozen=True)
class Case:
    """How the simulator ends a job, and what its sentence and its attempt must hold."""

    ending: str
    job: Mapping[str, Any]
    says: str
    exit_code: int | None = None
    cluster_status: str = "FAILED"
    act: str = ""
    """What a hand at BV-BRC does with the job."""


CASES = [
    Case("out of memory", {"cluster_status": "OUT_OF_MEMORY"},
         "Ran out of memory (1 GB asked, exit code 137)", 137, "OUT_OF_MEMORY"),
    Case("time limit", {"cluster_status": "TIMEOUT"}, "Ran out of time (", None, "TIMEOUT"),
    Case("node failure", {"cluster_status": "NODE_FAIL"}, "(NODE_FAIL)", None, "NODE_FAIL"),
    Case("input missing",
         {"stderr": "Reads failed to validate.\n\tFile /a/x.fq does not exist at /P.pm line 7.\n"},
         "“File /a/x.fq does not exist”", 1),
    Case("app's own error", {"stderr": SPADES, "exit_code": 5376},
         "`spades-core` ended with an error (exit code 21): “== Error ==", 21),
    Case("deleted", {"run_seconds": None}, "was deleted", None, "RUNNING", act="mark_deleted"),
    Case("killed at BV-BRC", {"queue_seconds": None}, "not by this engine", None, "", act="kill"),
    Case("killed at BV-BRC", {"cluster_status": "CANCELLED"}, "(CANCELLED)", None, "CANCELLED"),
    Case("expired token", {"stderr": "Token validation failed: Token expired"}, "ended before", 1),
    Case("never started", {"queue_seconds": None}, "gives no reason", None, "", act="refuse"),
]  # fmt: skip
QUICK = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """It reads why a job failed for as long as a busy machine needs."""
    return engine.with_limits(evidence_deadline=timedelta(seconds=LONG))


@pytest.fixture
def hasty(engine: Engine) -> Engine:
    """It gives up soon."""
    return engine.with_limits(evidence_deadline=timedelta(seconds=2))


def workflow_of(app: str = "Date", **fields: Any) -> dict[str, Any]:
    params = {"output_path": f"/{ALICE}/home/run", "output_file": "o"} | fields.pop("params", {})
    step = {"step_name": "a", "app": app, "params": params, "outputs": {}, "depends_on": []}
    return document() | {"steps": [step | fields]}


def step_of(workflow_id: str) -> dict[str, Json]:
    found: dict[str, Json] = views.whole(stored.get(workflow_id))["steps"][0]
    return found


def act_at_bvbrc(engine: Engine, action: str) -> None:
    engine.until(lambda: bool(engine.simulator.jobs()))
    (job,) = engine.simulator.jobs()
    if action == "kill":
        engine.simulator.rpc(engine.token, "AppService.kill_task", str(job["id"]))
    else:
        engine.simulator.act(action, str(job["id"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.ending} {case.act}".strip())
def test_the_ending_is_told(engine: Engine, case: Case) -> None:
    engine.simulator.app(**QUICK | {"outcome": "failed"} | dict(case.job))
    workflow_id = engine.submit(workflow_of())
    if case.act:
        act_at_bvbrc(engine, case.act)

    assert engine.ends(workflow_id) == "failed"

    sentence = step_of(workflow_id)["error_message"]
    assert case.says in sentence
    assert sentence.endswith(advice(case.ending, job=engine.simulator.jobs()[0]["id"]))
    (attempt,) = step_of(workflow_id)["attempts"]
    assert (attempt["status"], attempt["reason"]) == ("failed", sentence)
    assert attempt.get("exit_code") == case.exit_code
    assert attempt.get("cluster_status", "") == case.cluster_status


def test_a_token_that_ended_in_the_job_is_named(engine: Engine) -> None:
    engine.simulator.app(**QUICK | {"run_seconds": 150})
    engine.token = engine.simulator.token(ALICE, seconds=100)
    workflow_id = engine.submit(workflow_of())
    engine.until(lambda: engine.states(workflow_id) == ["running"])

    engine.simulator.advance(200)
    engine.token = engine.simulator.token(ALICE)
    commands.renew(engine.context, engine.owner())

    assert engine.ends(workflow_id) == "failed"
    assert "BV-BRC token ended" in step_of(workflow_id)["error_message"]


def test_a_lost_job_is_told(engine: Engine) -> None:
    quick = engine.with_limits(lost_deadline=engine.context.limits.polling_interval)
    quick.simulator.app(**QUICK | {"run_seconds": None})
    workflow_id = quick.submit(workflow_of())
    quick.until(lambda: quick.states(workflow_id) == ["running"])
    act_at_bvbrc(quick, "vanish")

    assert quick.ends(workflow_id) == "failed"
    assert step_of(workflow_id)["error_message"].endswith(advice("lost"))


def test_a_refusal_before_the_start_is_told(engine: Engine) -> None:
    engine.simulator.fault(
        "error", "start_app2", text="Error submitting job: Invalid enum value 'x' passed for y"
    )
    workflow_id = engine.submit(workflow_of())

    assert engine.ends(workflow_id) == "failed"
    sentence = step_of(workflow_id)["error_message"]
    assert "Invalid enum value 'x'" in sentence
    assert sentence.endswith(advice("refused"))


def test_a_built_in_steps_failure_is_told(engine: Engine) -> None:
    params = {"job_result_paths": [], "group_type": "genome_group", "group_name": "g"}
    workflow_id = engine.submit(workflow_of("CreateGroup", params=params))

    assert engine.ends(workflow_id) == "failed"
    sentence = step_of(workflow_id)["error_message"]
    assert sentence.startswith("CreateGroup could not be carried out: there are no genome_ids")
    assert sentence.endswith(advice("built-in step"))


def test_the_sentence_stands_everywhere(engine: Engine) -> None:
    engine.simulator.app(**QUICK | {"outcome": "failed", "cluster_status": "OUT_OF_MEMORY"})
    workflow_id = engine.submit(workflow_of())
    engine.ends(workflow_id)
    sentence = step_of(workflow_id)["error_message"]
    workflow = stored.get(workflow_id)
    whole = f"Step 'a' failed: {sentence}"

    assert views.whole(workflow)["error_message"] == whole
    assert views.list_items([workflow])[0]["error_message"] == whole
    assert views.status(workflow)["error_message"] == whole
    assert views.status(workflow)["steps"][0]["error_message"] == sentence
    assert whole in explanation(workflow, engine.context)["message"]
    assert sentence in event_log.text(events.of_workflow(workflow_id, 0))


def test_what_every_attempt_left_is_kept_without_secrets(engine: Engine) -> None:
    long = "".join(f"line {number} of much\n" for number in range(5_000))
    engine.simulator.app(**QUICK | {"outcome": "failed", "stderr": f"{long}{SECRET}\nthe end\n"})
    retry = {"max_attempts": 2, "backoff_seconds": 0}
    workflow_id = engine.submit(workflow_of(retry=retry))

    assert engine.ends(workflow_id) == "failed"

    kept = failures.kept_of(workflow_id, 0)
    assert sorted(kept) == [1, 2]
    for texts in kept.values():
        assert texts.stderr.endswith("of much\n[token]\nthe end\n")
        assert texts.stderr.startswith("line ")
        assert 30_000 < len(texts.stderr) <= 32 * 1024
        assert texts.stdout == "Running Date\n"
    attempts = step_of(workflow_id)["attempts"]
    assert [attempt["stderr_tail"].endswith("the end\n") for attempt in attempts] == [True, True]


def test_a_retry_forgets_the_failure_and_not_the_attempt(engine: Engine) -> None:
    engine.simulator.app(**QUICK | {"outcome": "failed", "count": 1})
    workflow_id = engine.submit(workflow_of())
    engine.ends(workflow_id)

    commands.retry(engine.context, engine.owner(), workflow_id)

    assert engine.ends(workflow_id) == "succeeded"
    assert stored.get(workflow_id).failure == ""
    assert [each["status"] for each in step_of(workflow_id)["attempts"]] == ["failed", "succeeded"]


@pytest.mark.parametrize("method", ["query_task_details", "task_info", "Workspace.get"])
def test_a_reason_that_cannot_be_had_says_so_and_delays_nothing_for_long(
    hasty: Engine, method: str
) -> None:
    """What can be read is told; that the rest could not be is kept."""
    hasty.simulator.fault("status", method, status=502)
    hasty.simulator.app(**QUICK | {"outcome": "failed"})
    workflow_id = hasty.submit(workflow_of())

    assert hasty.ends(workflow_id) == "failed"
    assert "502" in failures.kept_of(workflow_id, 0)[1].unread


def test_with_all_away_the_failure_is_told_after_the_deadline(hasty: Engine) -> None:
    hasty.simulator.app(**QUICK | {"run_seconds": None})
    workflow_id = hasty.submit(workflow_of())
    hasty.until(lambda: hasty.states(workflow_id) == ["running"])
    for method in ("query_task_details", "enumerate_tasks_qstat", "task_info", "Workspace.get"):
        hasty.simulator.fault("status", method, status=502)
    act_at_bvbrc(hasty, "fail")

    assert hasty.ends(workflow_id) == "failed"
    sentence = step_of(workflow_id)["error_message"]
    assert "why could not be read" in sentence
    assert "HTTP 502" in sentence


def test_until_the_reason_is_known_the_step_runs_and_explain_says_so(engine: Engine) -> None:
    patient = engine.with_limits(evidence_deadline=engine.context.limits.outage_patience)
    fault = patient.simulator.fault("status", "task_info", status=502)
    patient.simulator.app(**QUICK | {"outcome": "failed"})
    workflow_id = patient.submit(workflow_of())
    patient.until(lambda: collection(documents.Job).count_documents({"word": "failed"}) == 1)

    message = explanation(stored.get(workflow_id), patient.context)["steps"][0]["message"]
    assert "asking BV-BRC why" in message

    patient.simulator.remove_fault(fault)
    assert patient.ends(workflow_id) == "failed"


def test_a_cancelled_job_is_not_asked_about(engine: Engine) -> None:
    engine.simulator.app(**QUICK | {"run_seconds": None})
    workflow_id = engine.submit(workflow_of())
    engine.until(lambda: engine.states(workflow_id) == ["running"])

    commands.cancel(engine.context, workflow_id)

    assert engine.ends(workflow_id) == "cancelled"
    assert engine.simulator.calls("task_info") == []
    assert step_of(workflow_id)["attempts"][0]["status"] == "cancelled"
