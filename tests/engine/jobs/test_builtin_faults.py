"""Faults of ours, of BV-BRC and of the user, where the engine runs a step itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.engine.conftest import ALICE, Engine, another
from tests.engine.jobs.test_builtin import HOME, reason, step, workflow
from workflows.backends.breakers import FAILURES
from workflows.backends.builtin.backend import BuiltinBackend
from workflows.backends.builtin.declaration import BUILTIN
from workflows.backends.builtin.steps import STEPS
from workflows.engine.advance import advance
from workflows.engine.commands import renew, retry
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.model.values import Job
from workflows.store import documents
from workflows.store.jobs import outbox
from workflows.store.mongo import collection
from workflows.store.workflows import stored

HOUR = timedelta(hours=1)


def group(name: str, *genomes: str) -> dict[str, Any]:
    ids = list(genomes) or ["562.1", "562.2"]
    return step("group", "CreateGenomeGroup", group_name=name, genome_ids=ids)


def error(workflow_id: str) -> str:
    return str(views.whole(stored.get(workflow_id))["steps"][0]["error_message"])


def outputs(workflow_id: str) -> dict[str, Any]:
    return dict(views.whole(stored.get(workflow_id))["steps"][0]["outputs"])


def code(engine: Engine, workflow_id: str) -> str:
    return str(explanation(stored.get(workflow_id), engine.context)["steps"][0]["code"])


def at_once(workflow_id: str) -> None:
    """Whatever waits for its next try need not wait any longer."""
    collection(documents.Job).update_many(
        {"workflow": workflow_id, "state": "intended"}, [{"$set": {"due": "$$NOW"}}]
    )


def cut_off(engine: Engine) -> str:
    """A workflow that waits for AppService, which has failed too often to be asked more."""
    waiting = [
        engine.submit(workflow(step("a", "Date", output_path=HOME, output_file=f"a{number}")))
        for number in range(FAILURES)
    ]
    engine.until(lambda: engine.context.breakers.opened_for(ALICE))
    return waiting[0]


def claimed(engine: Engine, workflow_id: str) -> Job:
    """Its job, claimed by a process that will die."""
    advance(engine.context, [workflow_id])
    (job,) = outbox.claim(1, outbox.Bounds(9, 9, timedelta(seconds=0.1), HOUR, 9)).jobs
    return job


def test_a_defect_of_ours_is_tried_again_and_fails_nothing(engine: Engine) -> None:
    defects: list[BaseException] = []
    lame = replace(engine.clients, workspace=None)  # type: ignore[arg-type]
    backends = {**engine.context.backends, BUILTIN: BuiltinBackend(lame)}
    context = replace(engine.context, backends=backends, broken=defects.append)
    workflow_id = engine.submit(workflow(group("Lame")))

    replace(engine, context=context).until(lambda: "AttributeError" in reason(workflow_id))

    assert code(engine, workflow_id) == "retry_at"
    assert [type(defect) for defect in defects] == [AttributeError]
    at_once(workflow_id)
    assert engine.ends(workflow_id) == "succeeded"


@pytest.mark.parametrize(
    ("app", "params", "said"),
    [
        ("SimilarGenomeFinder", {"max_hits": "many"}, "max_hits must be a number, but is 'many'"),
        ("SimilarGenomeFinder", {"max_hits": 2.5}, "max_hits must be a whole number"),
        ("SimilarGenomeFinder", {"max_distance": {"a": 1}}, "max_distance must be a number"),
        ("SimilarGenomeFinder", {"include_viral": "perhaps"}, "include_viral must be true or"),
        ("WaitForPgfams", {"min_pgfam_count": []}, "min_pgfam_count must be a number"),
        ("WaitForPgfams", {"timeout_seconds": "1e999"}, "timeout_seconds must be a number from"),
        ("WaitForPgfams", {"genome_id": {"x": 1}}, "genome_id must be one text"),
        ("CreateGenomeGroup", {"genome_ids": [{}], "group_name": "x"}, "genome_ids must be texts"),
        ("CreateGenomeGroup", {"genome_ids": ["1.1"], "group_name": "a/b"}, "cannot be called"),
        ("GetGenomeId", {"genome_ws_path": f"{HOME}/none"}, "not found"),
    ],
)
def test_what_the_user_got_wrong_fails_the_step_and_names_it(
    engine: Engine, app: str, params: dict[str, Any], said: str
) -> None:
    given = {"selectedGenomeId": "83332.12"} if app == "SimilarGenomeFinder" else {}
    given |= {"genome_id": "562.7"} if app == "WaitForPgfams" else {}
    workflow_id = engine.submit(workflow(step("own", app, **(given | params))))

    assert engine.ends(workflow_id) == "failed"

    assert said in error(workflow_id)


def test_they_run_while_appservice_is_away(engine: Engine) -> None:
    engine.simulator.fault("status", "AppService.*", status=502)
    waiting = cut_off(engine)

    groups = engine.submit(workflow(group("Meanwhile")))

    assert engine.ends(groups) == "succeeded"
    assert engine.context.breakers.opened_for(ALICE)
    assert engine.status(waiting) != "failed"


def test_one_that_fell_silent_runs_again_while_appservice_is_away(engine: Engine) -> None:
    workflow_id = engine.submit(workflow(group("Silent")))
    claimed(engine, workflow_id)
    engine.simulator.fault("status", "AppService.*", status=502)
    cut_off(engine)

    assert engine.ends(workflow_id) == "succeeded"


def test_death_after_the_write_and_before_the_receipt_changes_nothing(engine: Engine) -> None:
    workflow_id = engine.submit(workflow(group("Twice")))
    job = claimed(engine, workflow_id)
    written = STEPS[job.app].action(engine.clients, engine.token, job)

    assert another(engine.simulator).ends(workflow_id) == "succeeded"

    assert outputs(workflow_id) == written
    members = engine.clients.workspace.group(engine.token, f"{HOME}/Genome Groups/Twice")
    assert members == ("562.1", "562.2")


def test_a_group_of_other_members_is_never_overwritten(engine: Engine) -> None:
    first = engine.submit(workflow(group("Taken", "562.1")))
    assert engine.ends(first) == "succeeded"

    second = engine.submit(workflow(group("Taken", "562.2")))

    assert engine.ends(second) == "failed"
    assert "Overwriting" in error(second)


def test_a_failed_one_can_be_retried(engine: Engine) -> None:
    workflow_id = engine.submit(workflow(step("id", "GetGenomeId", genome_ws_path=f"{HOME}/g")))
    assert engine.ends(workflow_id) == "failed"
    engine.clients.workspace.save(engine.token, f"{HOME}/g", "genome", {"id": "562.9"})

    retry(engine.context, engine.owner(), workflow_id)

    assert engine.ends(workflow_id) == "succeeded"
    assert outputs(workflow_id) == {"genome_id": "562.9"}


def test_a_refused_token_parks_it_until_there_is_a_fresh_one(engine: Engine) -> None:
    workflow_id = engine.submit(workflow(group("Parked")))
    engine.simulator.expire(ALICE)

    engine.until(lambda: code(engine, workflow_id) == "token_expired")

    engine.token = engine.simulator.token(ALICE)
    renew(engine.context, engine.owner())
    assert engine.ends(workflow_id) == "succeeded"


def test_the_genome_of_a_jobs_result_is_found_beside_its_folder(engine: Engine) -> None:
    made = {"success": 1, "job_output": {"genome_id": "83333.5"}}
    engine.owner()
    engine.clients.workspace.save(engine.token, f"{HOME}/run/ann", "job_result", made)

    path = f"{HOME}/run/.ann/ann.genome"
    workflow_id = engine.submit(workflow(step("id", "GetGenomeId", genome_ws_path=path)))

    assert engine.ends(workflow_id) == "succeeded"
    assert outputs(workflow_id) == {"genome_id": "83333.5"}


def test_feature_groups_are_joined_without_doubles(engine: Engine) -> None:
    engine.owner()
    workspace = engine.clients.workspace
    for name, members in {"one": ["f.1", "f.2"], "two": ["f.2", "f.3"]}.items():
        workspace.save_group(engine.token, f"{HOME}/{name}", "feature_group", members)

    workflow_id = engine.submit(
        workflow(
            step(
                "both",
                "CreateGroup",
                job_result_paths=[f"{HOME}/one", f"{HOME}/two"],
                group_type="features",
                group_name="Both",
            )
        )
    )

    assert engine.ends(workflow_id) == "succeeded"
    path = f"{HOME}/Feature Groups/Both"
    assert outputs(workflow_id) == {"group_path": path}
    assert workspace.group(engine.token, path) == ("f.1", "f.2", "f.3")
    assert workspace.item(engine.token, path).type == "feature_group"


def test_they_count_among_the_users_jobs(engine: Engine) -> None:
    capped = engine.with_limits(user_jobs=1)
    engine.simulator.app("Sleep", run_seconds=None)
    long = capped.submit(workflow(step("a", "Sleep", output_path=HOME, output_file="a")))
    capped.until(lambda: capped.status(long) == "running")
    own = capped.submit(workflow(group("Capped")))
    capped.until(lambda: capped.states(own) == ["queued"])

    told = explanation(stored.get(own), capped.context)["steps"][0]

    assert told["code"] == "user_cap"
    engine.simulator.act("finish", app="Sleep")
    assert capped.ends(own) == "succeeded"


def test_a_workflow_output_that_never_comes_hides_no_other(engine: Engine) -> None:
    """One of two groups fails; the other one's path is there."""
    engine.owner()
    clients = engine.clients
    clients.workspace.save_group(engine.token, f"{HOME}/there", "feature_group", ["f.1"])
    document = workflow(
        *(
            step(
                name,
                "CreateGroup",
                job_result_paths=[f"{HOME}/{name}"],
                group_type="features",
                group_name=name,
            )
            for name in ("missing", "there")
        )
    )
    references = [f"${{steps.{name}.outputs.group_path}}" for name in ("missing", "there")]
    document["workflow_outputs"] = references

    workflow_id = engine.submit(document)

    assert engine.ends(workflow_id) == "failed"
    found = views.whole(stored.get(workflow_id))["workflow_outputs"]
    assert found == [references[0], f"{HOME}/Feature Groups/there"]
