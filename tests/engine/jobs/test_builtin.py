"""Steps that the engine runs itself behave like any other, and AppService never hears of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.engine.conftest import ALICE, Engine, document
from workflows.engine.advance import advance
from workflows.engine.commands import cancel
from workflows.engine.reports import views
from workflows.store import documents
from workflows.store.jobs import outbox
from workflows.store.mongo import collection
from workflows.store.workflows import stored

HOME = f"/{ALICE}/home"


def step(name: str, app: str, **params: Any) -> dict[str, Any]:
    return {"step_name": name, "app": app, "params": params, "outputs": {}, "depends_on": []}


def workflow(*steps: dict[str, Any]) -> dict[str, Any]:
    return document() | {"steps": list(steps)}


def annotation() -> dict[str, Any]:
    found = step(
        "ann",
        "GenomeAnnotation",
        contigs=f"{HOME}/x.fa",
        scientific_name="E",
        domain="Bacteria",
        code=11,
        taxonomy_id=562,
        output_path=f"{HOME}/run",
        output_file="ann",
    )
    return found | {"outputs": {"all": "${params.output_path}/.${params.output_file}"}}


def grouped() -> dict[str, Any]:
    """Annotation, a group of its genome, a tree of the group."""
    return workflow(
        annotation(),
        step(
            "group",
            "CreateGroup",
            job_result_paths=["${steps.ann.outputs.all}"],
            group_type="genome",
            group_name="Mine",
        ),
        step(
            "tree",
            "CodonTree",
            genome_groups=["${steps.group.outputs.group_path}"],
            output_path=f"{HOME}/run",
            output_file="tree",
        ),
    )


def waiting(**params: Any) -> dict[str, Any]:
    return workflow(step("wait", "WaitForPgfams", genome_id="562.7", **params))


def reason(workflow_id: str) -> str:
    row = collection(documents.Job).find_one({"workflow": workflow_id}) or {}
    return str(row.get("reason", ""))


def test_a_group_of_an_earlier_result_reaches_the_next_job(engine: Engine) -> None:
    engine.simulator.put(engine.owner().token, f"{HOME}/x.fa")
    workflow_id = engine.submit(grouped())

    assert engine.ends(workflow_id) == "succeeded"

    path = f"{HOME}/Genome Groups/Mine"
    jobs = {job["app"]: job for job in engine.simulator.jobs()}
    assert set(jobs) == {"GenomeAnnotation", "CodonTree"}
    assert jobs["CodonTree"]["params"]["genome_groups"] == [path]
    members = engine.clients.workspace.group(engine.token, path)
    assert [member.split(".")[1] for member in members] == [jobs["GenomeAnnotation"]["id"]]


def test_similar_genomes_are_outputs(engine: Engine) -> None:
    found = workflow(step("similar", "SimilarGenomeFinder", selectedGenomeId="83332.12"))
    found["workflow_outputs"] = ["${steps.similar.outputs.best_genome_id}"]
    workflow_id = engine.submit(found)

    assert engine.ends(workflow_id) == "succeeded"

    (best,) = views.whole(stored.get(workflow_id))["workflow_outputs"]
    assert best in views.whole(stored.get(workflow_id))["steps"][0]["outputs"]["genome_ids"]


def crashed(engine: Engine) -> str:
    """A workflow whose one step was claimed by a process that has died."""
    found = workflow(
        step("group", "CreateGenomeGroup", group_name="Crash", genome_ids=["562.1", "562.2"])
    )
    workflow_id = engine.submit(found)
    advance(engine.context, [workflow_id])
    second = timedelta(seconds=0.1)
    assert len(outbox.claim(1, outbox.Bounds(9, 9, second, timedelta(hours=1), 9)).jobs) == 1
    return workflow_id


def test_a_crash_in_the_middle_runs_the_step_again(engine: Engine) -> None:
    workflow_id = crashed(engine)

    assert engine.ends(workflow_id) == "succeeded"

    assert engine.simulator.calls("AppService.query_tasks") == []


def test_a_cancel_after_a_crash_ends_the_step(engine: Engine) -> None:
    workflow_id = crashed(engine)

    cancel(engine.context, workflow_id)

    assert engine.ends(workflow_id) == "cancelled"
    assert engine.states(workflow_id) == ["cancelled"]
    assert engine.simulator.calls("Workspace.create") == []


def test_without_any_genome_the_step_fails_and_says_so(engine: Engine) -> None:
    found = workflow(step("group", "CreateGenomeGroup", group_name="None", genome_ids=[]))
    workflow_id = engine.submit(found)

    assert engine.ends(workflow_id) == "failed"

    assert "no genome_ids" in views.whole(stored.get(workflow_id))["steps"][0]["error_message"]


def test_the_engine_waits_for_the_index(engine: Engine) -> None:
    workflow_id = engine.submit(waiting(poll_interval_seconds=1))
    rows = collection(documents.Job)
    engine.until(
        lambda: "not indexed" in (rows.find_one({"workflow": workflow_id}) or {}).get("reason", "")
    )

    engine.simulator.genome("562.7")

    assert engine.ends(workflow_id) == "succeeded"


def test_the_wait_for_the_index_has_an_end(engine: Engine) -> None:
    workflow_id = engine.submit(waiting(poll_interval_seconds=1, timeout_seconds=1))

    assert engine.ends(workflow_id) == "failed"


def test_a_wait_can_be_cancelled(engine: Engine) -> None:
    workflow_id = engine.submit(waiting(poll_interval_seconds=1000))
    rows = collection(documents.Job)
    engine.until(
        lambda: "not indexed" in (rows.find_one({"workflow": workflow_id}) or {}).get("reason", "")
    )

    cancel(engine.context, workflow_id)

    assert engine.ends(workflow_id) == "cancelled"


def test_a_service_that_is_away_fails_nothing(engine: Engine) -> None:
    engine.simulator.fault("status", "compute_genome_distance_for_genome2", status=502, count=1)
    found = workflow(step("similar", "SimilarGenomeFinder", selectedGenomeId="83332.12"))
    workflow_id = engine.submit(found)

    assert engine.ends(workflow_id) == "succeeded"

    assert len(engine.simulator.calls("Minhash.compute_genome_distance_for_genome2")) == 2


def test_a_jobs_row_names_the_backend_that_runs_it(engine: Engine) -> None:
    group = step("group", "CreateGenomeGroup", group_name="Named", genome_ids=["562.1"])
    date = step("date", "Date", output_path=HOME, output_file="named")

    advance(engine.context, [engine.submit(workflow(group, date))])

    rows = collection(documents.Job).find({}, {"app": 1, "backend": 1})
    assert {row["app"]: row["backend"] for row in rows} == {
        "CreateGenomeGroup": "builtin",
        "Date": "appservice",
    }
