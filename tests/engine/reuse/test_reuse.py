"""Reuse of results: hits, misses and their reasons, on a real MongoDB and the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.engine.conftest import ALICE, Engine, document
from workflows.bvbrc.rpc import Rpc
from workflows.bvbrc.wire import Wire
from workflows.bvbrc.workspace import Workspace
from workflows.engine import commands
from workflows.engine.advance import advance
from workflows.engine.reports import views
from workflows.engine.reports.explain import explanation
from workflows.engine.reuse.look_up import check_reuse
from workflows.engine.reuse.views import step_reuse
from workflows.store import documents, removals
from workflows.store.mongo import Row, collection
from workflows.store.workflows import events, stored

HOME = f"/{ALICE}/home"
READS = f"{HOME}/in/reads.fq"
ASSEMBLY = "GenomeAssembly2"
CONTIGS = "${params.output_path}/.${params.output_file}/${params.output_file}_contigs.fasta"


def assemble(name: str = "assemble", **params: Any) -> dict[str, Any]:
    place = {"output_path": f"{HOME}/run", "output_file": "asm"}
    return {
        "step_name": name,
        "app": ASSEMBLY,
        "params": {"recipe": "auto", "single_end_libs": [{"read": READS}], **place, **params},
        "outputs": {"contigs": CONTIGS},
        "depends_on": [],
    }


def annotate(name: str = "annotate", **params: Any) -> dict[str, Any]:
    place = {"output_path": f"{HOME}/run", "output_file": "ann"}
    return {
        "step_name": name,
        "app": "GenomeAnnotation",
        "params": {
            "contigs": "${steps.assemble.outputs.contigs}",
            "scientific_name": "Escherichia coli",
            "taxonomy_id": 562,
            **place,
            **params,
        },
        "outputs": {
            "genome": "${params.output_path}/.${params.output_file}/${params.output_file}.genome"
        },
        "depends_on": ["assemble"],
    }


def workflow(*steps: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    return document() | {"steps": list(steps), "reuse": "mine", **fields}


def renamed(step: Mapping[str, Any], output_file: str) -> dict[str, Any]:
    return {**step, "params": {**step["params"], "output_file": output_file}}


def job_of(workflow_id: str, step: int = 0, attempt: int = 1) -> Row:
    return collection(documents.Job).find_one({"_id": f"{workflow_id}/{step}/{attempt}"}) or {}


def miss_of(workflow_id: str, step: int = 0) -> Mapping[str, str]:
    miss: Mapping[str, str] = job_of(workflow_id, step).get("reuse_miss") or {}
    return miss


def run(engine: Engine, found: Mapping[str, Any]) -> str:
    """The id of a workflow that has succeeded, and of which all is noted."""
    workflow_id = engine.submit(found)
    assert engine.ends(workflow_id, 60) == "succeeded"
    noted = {"workflow": workflow_id, "seen_due": {"$type": "date"}}
    engine.until(lambda: not collection(documents.Job).count_documents(noted))
    return workflow_id


def started(engine: Engine) -> int:
    return len(engine.simulator.jobs())


def with_settings(engine: Engine, **changes: Any) -> Engine:
    assert engine.context.reuse
    reuse = replace(engine.context.reuse, **changes)
    return replace(engine, context=replace(engine.context, reuse=reuse))


@pytest.fixture
def reads(engine: Engine) -> None:
    engine.owner()
    engine.simulator.put(engine.token, READS)


pytestmark = pytest.mark.usefixtures("reads")


def overwrite(engine: Engine, path: str, content: str) -> None:
    found = [[path, "reads", {}, content]]
    engine.simulator.rpc(engine.token, "Workspace.create", {"objects": found, "overwrite": 1})


def move(engine: Engine, path: str, target: str) -> None:
    pair = {"objects": [[path, target]], "move": 1, "overwrite": 1}
    engine.simulator.rpc(engine.token, "Workspace.copy", pair)


def made_from(engine: Engine, path: str) -> str:
    """What the simulator says that a result was made from."""
    found = engine.simulator.rpc(engine.token, "Workspace.get", {"objects": [path]})
    return str(found[0][0][1].splitlines()[0].partition("made from ")[2])


def test_a_second_run_takes_the_results_of_the_first(engine: Engine) -> None:
    """Keys are stored while reuse is off, too."""
    first = run(engine, workflow(assemble(), annotate(), reuse=None))
    jobs = started(engine)
    second = run(engine, workflow(renamed(assemble(), "a2"), renamed(annotate(), "b2")))
    third = run(engine, workflow(renamed(assemble(), "a3"), renamed(annotate(), "b3")))

    assert (jobs, started(engine)) == (2, 2)
    shown = views.whole(stored.get(second))
    contigs = f"{HOME}/run/.asm/asm_contigs.fasta"
    assert shown["steps"][0]["outputs"]["contigs"] == contigs
    assert [step["reused_from"] for step in shown["steps"]] == [f"{first}/0/1", f"{first}/1/1"]
    assert shown["reused"]["steps"] == 2
    assert all(step["error_message"] is None for step in shown["steps"])
    assert job_of(second, 1)["params"]["contigs"] == contigs
    source = job_of(first)
    day = source["finished_at"].strftime("%Y-%m-%d")
    (hit,) = [each for each in events.of_workflow(second) if each.step == 0]
    assert (hit.before, hit.after, hit.duration, hit.reused) == ("queued", "succeeded", None, True)
    assert hit.reason == f"reused from {first}/assemble (task {source['job_id']}, {day})"
    told = step_reuse(stored.get(third), "annotate")
    assert (told["outcome"], told["reused_from"]["key"]) == ("reused", f"{first}/1/1")
    assert "reuse_key" not in job_of(second), "a reused job is no source"


def wide(name: str) -> dict[str, Any]:
    """20 steps: four assemblies of reads of their own, and four annotations of each."""
    found: list[dict[str, Any]] = []
    for number in range(4):
        reads = f"{HOME}/in/r{number}.fq"
        own = assemble(f"a{number}", single_end_libs=[{"read": reads}])
        found.append(renamed(own, f"{name}a{number}"))
        for code in (1, 4, 11, 25):
            other = annotate(f"n{number}{code}", code=code)
            other["params"]["contigs"] = f"${{steps.a{number}.outputs.contigs}}"
            found.append(renamed({**other, "depends_on": [f"a{number}"]}, f"{name}n{number}{code}"))
    return workflow(*found)


def test_exactly_the_descendants_of_an_overwritten_input_run(engine: Engine) -> None:
    many = engine.with_limits(cap=20)
    for number in range(4):
        overwrite(many, f"{HOME}/in/r{number}.fq", f"reads {number}")
    run(many, wide("x"))
    jobs = started(many)
    again = run(many, wide("y"))

    assert (jobs, started(many)) == (20, 20)
    states = [step_reuse(stored.get(again), step["step_name"]) for step in wide("y")["steps"]]
    assert {each["outcome"] for each in states} == {"reused"}

    overwrite(many, f"{HOME}/in/r1.fq", "other reads")
    third = run(many, wide("z"))

    ran = {job["output_file"] for job in many.simulator.jobs()[20:]}
    assert ran == {"za1", "zn11", "zn14", "zn111", "zn125"}
    miss = miss_of(third, 5)
    assert (miss["code"], miss["part"]) == ("differs", "params.single_end_libs")
    outputs, _ = views.resolve_outputs(stored.get(third))
    whole = run(many, {**wide("w"), "reuse": "never"})
    for old, new in zip(outputs, views.resolve_outputs(stored.get(whole))[0], strict=True):
        for name, path in old.items():
            assert made_from(many, str(path)) == made_from(many, str(new[name]))


def test_results_that_changed_since_are_not_reused(engine: Engine) -> None:
    found = workflow(assemble())
    run(engine, found)
    contigs = f"{HOME}/run/.asm/asm_contigs.fasta"
    overwrite(engine, contigs, "edited by hand")
    second = run(engine, workflow(renamed(assemble(), "b")))
    assert miss_of(second)["code"] == "results_changed"
    assert contigs in miss_of(second)["message"]

    gone = {"objects": [f"{HOME}/run/b"], "force": 1}
    engine.simulator.rpc(engine.token, "Workspace.delete", gone)
    third = run(engine, workflow(renamed(assemble(), "c")))
    assert miss_of(third)["code"] == "results_changed"
    assert "/run/b is no longer" in miss_of(third)["message"]

    removals.erase(third)
    collection(documents.Workflow).delete_one({"_id": third})
    fourth = run(engine, workflow(renamed(assemble(), "d")))
    assert started(engine) == 4
    assert miss_of(fourth)["code"] == "results_changed"


def test_a_moved_input_is_the_same_one(engine: Engine) -> None:
    run(engine, workflow(assemble()))
    other = f"{HOME}/archive/reads.fq"
    move(engine, READS, other)

    run(engine, workflow(assemble(single_end_libs=[{"read": other}], output_file="b")))

    assert started(engine) == 1


def test_an_input_that_changed_under_the_job_makes_it_no_source(engine: Engine) -> None:
    """Also by a move, after which the older object is there as if it had always been."""
    older = f"{HOME}/in/older/reads.fq"
    overwrite(engine, older, "older")
    engine.simulator.app(run_seconds=None)
    workflow_id = engine.submit(workflow(assemble()))
    engine.until(lambda: engine.states(workflow_id) == ["running"])
    move(engine, older, READS)
    engine.simulator.act("finish", owner=ALICE)
    engine.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    engine.until(lambda: bool(job_of(workflow_id).get("outputs_seen")))

    assert "reuse_key" not in job_of(workflow_id)
    run(engine, workflow(renamed(assemble(), "b")))
    assert started(engine) == 2


def test_what_has_no_identity_runs(engine: Engine) -> None:
    upload, folder = f"{HOME}/in/late.fq", f"{HOME}/in/many"
    node = {"objects": [[upload, "reads", {}, None]], "createUploadNodes": 1}
    engine.simulator.rpc(engine.token, "Workspace.create", node)
    overwrite(engine, f"{folder}/a", "a")
    given = {
        "upload": {"x": upload},
        "url": {"x": "https://example.org/reads.fq"},
        "folder": {"x": folder},
    }
    for name in ("first", "second"):
        for case, params in given.items():
            run(engine, workflow(assemble(**params, output_file=f"{case}-{name}")))
    assert started(engine) == 5, "only what lies in a folder tells what it holds"

    overwrite(engine, f"{folder}/a", "b")
    changed = run(engine, workflow(assemble(**given["folder"], output_file="c")))
    assert miss_of(changed)["part"] == "params.x"

    young = with_settings(engine, min_age=timedelta(hours=1))
    last = young.submit(workflow(assemble(single_end_libs=[{"read": READS}], output_file="y")))
    assert young.ends(last) == "succeeded"
    assert (miss_of(last)["code"], "too young" in miss_of(last)["message"]) == ("no_identity", True)
    soon = job_of(last)["finished_at"] + timedelta(seconds=30)
    young.until(lambda: job_of(last)["seen_due"] > soon)


def test_a_saving_that_is_away_keeps_no_step_waiting(engine: Engine) -> None:
    run(engine, workflow(assemble()))
    nowhere = Workspace(Rpc(Wire()), "http://127.0.0.1:9", timeout=timedelta(seconds=0.2))
    patient = with_settings(engine, workspace=nowhere)
    workflow_id = patient.submit(workflow(renamed(assemble(), "b")))
    patient.until(lambda: job_of(workflow_id).get("state") == "checking")
    (reason,) = explanation(stored.get(workflow_id), patient.context)["steps"]
    assert reason["code"] == "looking_for_results"

    away = with_settings(patient, patience=timedelta(seconds=0.5))
    afresh = [{"$set": {"reuse_due": "$$NOW"}}, {"$unset": "reuse_until"}]
    collection(documents.Job).update_one({"_id": f"{workflow_id}/0/1"}, afresh)

    assert away.ends(workflow_id) == "succeeded"
    assert miss_of(workflow_id)["code"] == "service_unavailable"
    assert started(away) == 2


def test_who_may_not_or_does_not_ask_runs(engine: Engine) -> None:
    run(engine, workflow(assemble()))
    date = {**assemble("date"), "app": "Date", "outputs": {}, "params": {"output_file": "d"}}
    never = run(engine, workflow({**renamed(assemble(), "b"), "reuse": False}, date))
    assert "reuse: false" in step_reuse(stored.get(never), "assemble")["message"]
    assert "never reused" in step_reuse(stored.get(never), "date")["message"]
    run(engine, workflow(renamed(assemble(), "c"), reuse="never"))
    assert started(engine) == 4

    epoch = with_settings(engine, epochs={ASSEMBLY: "2"})
    updated = run(epoch, workflow(renamed(assemble(), "d")))
    assert miss_of(updated)["part"] == "reuse.epoch"
    month = {"$set": {"finished_at": job_of(updated)["finished_at"] - timedelta(days=8)}}
    collection(documents.Job).update_many({"app": ASSEMBLY}, month)
    old = run(epoch, workflow(renamed(assemble(), "e"), reuse={"max_age_days": 7}))
    assert miss_of(old)["code"] == "too_old"

    bob = replace(engine, user="bob@bvbrc", token="")
    bob.owner()
    share = {"path": f"/{ALICE}/home", "permissions": [["bob@bvbrc", "w"]]}
    engine.simulator.rpc(engine.token, "Workspace.set_permissions", share)
    other = run(bob, workflow(renamed(assemble(), "f")))
    assert miss_of(other)["code"] == "no_earlier_job", "another user's results are not one's own"


def test_files_that_a_later_step_names_by_path_are_made_again(engine: Engine) -> None:
    run(engine, workflow(assemble()))
    literal = annotate(contigs=f"{HOME}/run/.b/b_contigs.fasta")
    second = run(engine, workflow(renamed(assemble(), "b"), literal))

    assert miss_of(second)["code"] == "named_by_path"
    assert "Step 'annotate'" in miss_of(second)["message"]
    again = run(engine, workflow(renamed(assemble(), "b"), renamed(literal, "ann2")))
    assert started(engine) == 3, "at its own place it is reused"
    assert job_of(again)["reused"]["source"] == f"{second}/0/1"


def test_patterns_find_the_files_of_the_earlier_job(engine: Engine) -> None:
    pattern = {"glob": "${params.output_path}/.${params.output_file}/*.fasta", "many": True}
    run(engine, workflow(assemble(), reuse=None))
    step = {**renamed(assemble(), "b"), "outputs": {"all": pattern}}
    second = run(engine, workflow(step, annotate(contigs="${steps.assemble.outputs.all.0}")))

    assert job_of(second)["results"]["all"] == [f"{HOME}/run/.asm/asm_contigs.fasta"]
    missing = {**step, "outputs": {"none": {"glob": "${params.output_path}/.nowhere/*.x"}}}
    third = engine.submit(workflow(renamed(missing, "c")))
    engine.ends(third)
    assert miss_of(third)["code"] == "output_missing"


def test_equal_steps_join_or_run_side_by_side(engine: Engine) -> None:
    pair = [renamed(assemble(name), name) for name in ("one", "two")]
    joined = run(engine, workflow(*pair, reuse={"join": True}))
    assert started(engine) == 1
    jobs = [job_of(joined, 0), job_of(joined, 1)]
    reused = next(job for job in jobs if "reused" in job)  # either may be looked up first
    ran = next(job for job in jobs if "reused" not in job)
    assert reused["reused"]["source"] == ran["_id"]

    overwrite(engine, READS, "other")
    run(engine, workflow(*(renamed(step, f"{step['step_name']}2") for step in pair)))
    assert started(engine) == 3


def test_a_look_up_waits_for_a_token_and_ends_with_its_workflow(engine: Engine) -> None:
    run(engine, workflow(assemble()))
    waiting = engine.submit(workflow(renamed(assemble(), "b")))
    cancelled = engine.submit(workflow(renamed(assemble(), "c")))
    tokens = collection(documents.Credential)
    kept = tokens.find_one_and_delete({"_id": ALICE})
    advance(engine.context, [waiting, cancelled])
    check_reuse(engine.context)
    assert "reuse_due" not in job_of(waiting)
    commands.cancel(engine.context, cancelled)
    assert job_of(cancelled)["state"] == "withdrawn"
    assert kept
    commands.renew(engine.context, engine.owner())

    assert engine.ends(waiting) == "succeeded"
    assert job_of(waiting)["reused"]
    assert started(engine) == 1


def test_a_retry_keeps_what_was_reused(engine: Engine) -> None:
    first = run(engine, workflow(assemble()))
    engine.simulator.app("GenomeAnnotation", outcome="failed")
    workflow_id = engine.submit(workflow(renamed(assemble(), "b"), annotate()))
    assert engine.ends(workflow_id) == "failed"
    engine.simulator.clear_rules()
    engine.simulator.app(queue_seconds=0, run_seconds=0, lag_seconds=0)
    commands.retry(engine.context, engine.owner(), workflow_id)

    assert engine.ends(workflow_id) == "succeeded"
    assert job_of(workflow_id)["reused"]["source"] == f"{first}/0/1"
    assert job_of(workflow_id, 0, 2) == {}
