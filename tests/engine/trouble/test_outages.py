"""An outage behind AppService fails no workflow; a mistake of the user's fails it at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.engine.conftest import ALICE, Engine, document
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.store import documents
from workflows.store.mongo import NOW, collection
from workflows.store.workflows import stored

HOME = f"/{ALICE}/home"
CONTIGS = f"{HOME}/contigs.fasta"
REASON = "Error submitting job: Error running preflight checks: something broke"


def annotation(contigs: str = CONTIGS) -> dict[str, Any]:
    params = {
        "contigs": contigs,
        "scientific_name": "Escherichia coli",
        "code": 11,
        "domain": "Bacteria",
        "output_path": f"{HOME}/run",
        "output_file": "annotation",
    }
    step = {"step_name": "annotate", "app": "GenomeAnnotation", "params": params}
    return document("") | {"steps": [step | {"outputs": {}, "depends_on": []}]}


def assembly(**fields: Any) -> dict[str, Any]:
    params = {
        "srr_ids": ["SRR1"],
        "recipe": "auto",
        "output_path": f"{HOME}/run",
        "output_file": "asm",
    }
    step = {"step_name": "assemble", "app": "GenomeAssembly2", "params": params}
    return step | {"outputs": {}, "depends_on": []} | fields


def put(engine: Engine, path: str) -> None:
    engine.owner()
    item = [path, "contigs", {}, ">c\nACGT\n"]
    engine.simulator.rpc(engine.token, "Workspace.create", {"objects": [item], "overwrite": 1})


def refused(engine: Engine, workflow: str, times: int) -> Callable[[], bool]:
    """Whether it was refused so often; no try waits for its time."""

    def look() -> bool:
        rows = collection(documents.Job)
        now = [{"$set": {"due": NOW}}]
        rows.update_many({"workflow": workflow, "state": "intended"}, now)
        soon = [{"$set": {"due": NOW, "absent_after": NOW}}]
        rows.update_many({"workflow": workflow, "state": "sending", "answered": True}, soon)
        found = rows.find_one({"workflow": workflow, "open": True}, {"refusals": 1}) or {}
        return bool(found.get("refusals", 0) >= times or engine.status(workflow) == "failed")

    return look


def why(engine: Engine, workflow: str) -> dict[str, Any]:
    found = explanation(stored.get(workflow), engine.context)
    return dict(found["steps"][-1])


def error_of(workflow: str) -> str:
    return str(views.whole(stored.get(workflow))["steps"][-1]["error_message"])


def test_a_workspace_that_is_away_fails_no_step(engine: Engine) -> None:
    put(engine, CONTIGS)
    engine.simulator.fault("status", "Workspace.get", status=503)
    workflow = engine.submit(annotation())

    engine.until(refused(engine, workflow, 5), 60)

    told = why(engine, workflow)
    assert (told["status"], told["code"]) == ("queued", "service_unavailable")
    assert 'Can\'t call method "size"' in told["message"]
    assert "HTTP 503" in told["message"]
    assert told["since"]
    engine.simulator.clear_faults()
    refused(engine, workflow, 99)()
    assert engine.ends(workflow, 60) == "succeeded"


def test_an_archive_of_reads_that_is_away_fails_no_step(engine: Engine) -> None:
    engine.simulator.switch(archive=False)
    workflow = engine.submit(document("") | {"steps": [assembly()]})

    engine.until(refused(engine, workflow, 5), 60)

    assert "p3-sra failed: -1" in why(engine, workflow)["message"]
    engine.simulator.switch(archive=True)
    refused(engine, workflow, 99)()
    assert engine.ends(workflow, 60) == "succeeded"


def test_jobs_that_an_outage_refuses_are_sent_one_at_a_time(engine: Engine) -> None:
    engine.simulator.switch(archive=False, workers=5, preflight_seconds=[0.1, 0.1])
    steps = []
    for number in range(4):
        step = assembly(step_name=f"assemble{number}")
        step["params"]["output_file"] = f"asm{number}"
        steps.append(step)
    workflow = engine.submit(document("") | {"steps": steps})
    engine.until(refused(engine, workflow, 1), 60)

    since = time.time()
    engine.until(refused(engine, workflow, 4), 60)

    found = engine.simulator.ledger(method="AppService.start_app2", since=f"{since:.3f}")["calls"]
    calls = sorted((call["began"], call["ended"]) for call in found)
    assert len(calls) >= len(steps)
    assert all(after >= ended for (_, ended), (after, _) in pairwise(calls))
    engine.simulator.switch(archive=True)
    refused(engine, workflow, 99)()
    assert engine.ends(workflow, 60) == "succeeded"
    assert engine.context.appservice.status().refused == [], "one was accepted"


def test_refusals_without_a_reason_fail_no_step_for_hours(engine: Engine) -> None:
    engine.simulator.fault("no_reason", "start_app2")
    workflow = engine.submit(document(""))

    engine.until(refused(engine, workflow, 8), 60)

    told = why(engine, workflow)
    assert told["status"] == "queued"
    assert "lost" not in told["message"]
    assert told["since"]
    engine.simulator.clear_faults()
    refused(engine, workflow, 99)()
    assert engine.ends(workflow, 60) == "succeeded"


@pytest.mark.parametrize(
    ("contigs", "said"),
    [
        (f"{HOME}/typo.fasta", f"not in the Workspace: {HOME}/typo.fasta"),
        ("/bob@bvbrc/home/c", "/bob@bvbrc/home/c"),
    ],
)
def test_an_input_that_does_not_exist_fails_the_step_at_once(
    engine: Engine, contigs: str, said: str
) -> None:
    put(engine, CONTIGS)
    workflow = engine.submit(annotation(contigs))

    assert engine.ends(workflow) == "failed"

    assert len(engine.simulator.calls("start_app2")) == 1
    assert said in error_of(workflow)


@pytest.mark.parametrize(
    "reason",
    [
        "Reads as defined in parameters failed to validate. Errors:\n\tFile /x has zero size",
        "Error parsing assembly parameters: Invalid SRR identifer x",
    ],
)
def test_a_reason_that_is_the_users_fails_the_step_at_once(engine: Engine, reason: str) -> None:
    head = "Error submitting job: Error running preflight checks"
    engine.simulator.fault("error", "start_app2", text=f"{head}: {reason}")
    workflow = engine.submit(document(""))

    assert engine.ends(workflow) == "failed"

    assert len(engine.simulator.calls("start_app2")) == 1


def test_an_output_of_a_finished_step_that_is_gone_is_waited_for(engine: Engine) -> None:
    contigs = f"{HOME}/run/.asm/asm_contigs.fasta"
    [annotate] = annotation(contigs)["steps"]
    engine.simulator.fault("disabled", "start_app2", app="GenomeAnnotation")
    steps = [assembly(), annotate | {"depends_on": ["assemble"]}]
    workflow = engine.submit(document("") | {"steps": steps})
    engine.until(lambda: engine.states(workflow)[0] == "succeeded", 60)
    engine.simulator.rpc(engine.token, "Workspace.delete", {"objects": [contigs]})
    engine.simulator.clear_faults()

    engine.until(refused(engine, workflow, 4), 60)

    assert f"a finished step has written it: {contigs}" in why(engine, workflow)["message"]
    put(engine, contigs)
    refused(engine, workflow, 99)()
    assert engine.ends(workflow, 60) == "succeeded"


def test_a_refusal_that_outlasts_the_patience_fails_where_the_inputs_are_there(
    engine: Engine,
) -> None:
    put(engine, CONTIGS)
    engine.simulator.fault("error", "start_app2", text=REASON)
    hasty = engine.with_limits(outage_patience=timedelta(0))
    workflow = hasty.submit(annotation())

    hasty.until(refused(hasty, workflow, 9), 60)

    assert hasty.status(workflow) == "failed"
    assert "none of its inputs is missing" in error_of(workflow)


def test_refusals_without_a_reason_fail_after_the_patience(engine: Engine) -> None:
    engine.simulator.fault("no_reason", "start_app2")
    hasty = engine.with_limits(outage_patience=timedelta(0))
    workflow = hasty.submit(document(""))

    hasty.until(refused(hasty, workflow, 9), 60)

    assert hasty.status(workflow) == "failed"


def test_no_patience_ends_while_the_workspace_cannot_be_asked(engine: Engine) -> None:
    put(engine, CONTIGS)
    engine.simulator.fault("status", "Workspace.get", status=503)
    hasty = engine.with_limits(outage_patience=timedelta(0))
    workflow = hasty.submit(annotation())

    hasty.until(refused(hasty, workflow, 4), 60)

    assert hasty.states(workflow) == ["queued"]
