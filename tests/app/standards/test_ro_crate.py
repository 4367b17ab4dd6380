"""Provenance as a Workflow Run RO-Crate: who may, what is in it, and what its validator says."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, Response

from app.http.json_response import conditional
from tests import standards
from tests.app.batches.test_batches import FOLDER, ends, rows, submit, template
from tests.app.batches.test_cwl_batches import body as cwl_batch
from tests.app.conftest import ALICE, BOB, ROOT, Api
from tests.app.standards.test_cwl import scattered
from tests.engine.conftest import document
from tests.provenance.terms import CONTEXTS, TERMS
from tests.shared import ROOT as PROJECT
from workflows.engine.batches.advance import advance_batch

ZIP = {"Accept": "application/zip"}
JUDGE = PROJECT / "tests" / "provenance" / "judge.py"
QUICK = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}
COMPLETED = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"
BATCHES = "/api/v1/batches"
SAMPLES = [
    {"sample": f"S{number}", "reads": f"/alice@patricbrc.org/home/{number}.fq"}
    for number in range(1, 5)
]
READING = template()
READING["steps"][0]["params"]["reads"] = "${sample.reads}"
Entities = dict[str, dict[str, Any]]


def example() -> dict[str, Any]:
    return dict(json.loads((PROJECT / "examples" / "example_workflow_2step.json").read_text()))


def crate(api: Api, workflow: str, folder: Path, root: str = ROOT) -> Entities:
    """Unpacks the crate; returns its entities by id."""
    answer = api("GET", f"{root}/{workflow}/ro-crate", headers=ZIP)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip"), answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        archive.extractall(folder)
    text = (folder / "ro-crate-metadata.json").read_text()
    alone = api("GET", f"{root}/{workflow}/ro-crate")
    assert (alone.mimetype, json.loads(text)) == ("application/ld+json", alone.json)
    found = {entity["@id"]: entity for entity in alone.json["@graph"]}
    assert len(found) == len(alone.json["@graph"]), "each entity stands there once"
    return found


def of_type(found: Entities, kind: str) -> list[dict[str, Any]]:
    return [each for each in found.values() if kind in each["@type"]]


def ids(value: Any) -> list[str]:
    return [each["@id"] for each in (value if isinstance(value, list) else [value])]


def judged(folder: Path, severity: str = "REQUIRED") -> dict[str, list[str]]:
    """The complaints of roc-validator about each crate in a folder, by the crate's name."""
    contexts = folder / "contexts.json"
    contexts.write_text(json.dumps(CONTEXTS))
    crates = sorted(str(each) for each in folder.iterdir() if each.is_dir())
    words = [standards.command("python"), str(JUDGE), str(contexts), severity, *crates]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(900)
def test_crates_of_every_kind_of_run_keep_all_required_rules(api: Api, tmp_path: Path) -> None:
    engine = api.engine()
    good = api.submit(example())
    assert engine.ends(good) == "succeeded"
    spread = api("POST", f"{ROOT}/submit-cwl", json=scattered()).json["workflow_id"]
    assert engine.ends(spread) == "succeeded"
    api.simulator.app(**QUICK, outcome="failed", count=1)
    retried = api.submit(document("", "a"))
    assert engine.ends(retried) == "failed"
    failed = crate(api, retried, tmp_path / "failed")
    api("POST", f"{ROOT}/{retried}/retry")
    assert engine.ends(retried) == "succeeded"
    api.simulator.app(**QUICK | {"run_seconds": 1000}, output_file="o1*")
    running = api.submit(document("", "a"))
    engine.until(
        lambda: api("GET", f"{ROOT}/{running}/status").json["steps"][1]["status"] == "running"
    )
    waiting = crate(api, running, tmp_path / "running")

    whole = crate(api, good, tmp_path / "good")
    many = crate(api, spread, tmp_path / "scattered")
    again = crate(api, retried, tmp_path / "retried")

    of_batch, of_cwl = _batches(api, tmp_path)

    _spoil(tmp_path / "good", tmp_path / "spoilt")
    complaints = judged(tmp_path)
    assert "FormalParameter MUST have an additionalType" in str(complaints.pop("spoilt"))
    assert len(complaints) == 7
    assert not any(complaints.values()), complaints
    used = {
        word
        for found in (whole, many, again, failed, waiting, of_batch, of_cwl)
        for each in found.values()
        for word in (*each, *([each["@type"]] if isinstance(each["@type"], str) else each["@type"]))
    }
    assert used <= TERMS
    _check_good(whole, good)
    _check_retried(failed, again, retried)
    assert [each["name"] for each in of_type(many, "HowToStep")] == [
        "assemble", "annotate__0", "annotate__1",
    ]  # fmt: skip
    assert (tmp_path / "scattered" / "cwl" / "bins.cwl").exists()
    run = waiting[f"#{running}"]
    assert not {"endTime", "actionStatus", "result"} & run.keys()
    assert len(of_type(waiting, "CreateAction")) == 2, "the run, and the job that has ended"


def _batches(api: Api, folder: Path) -> tuple[Entities, Entities]:
    """A batch with rows in every state, and one in CWL that has ended."""
    engine = api.engine()
    api.simulator.app(**QUICK)
    cells = {"run": "SRR1", "twice": "yes"}
    cwl = api("POST", BATCHES, json=cwl_batch({**cells, "sample": "C1"}, map={"runs": "run"}))
    planned = cwl.json["batch_id"]
    assert ends(api, engine, planned) == "succeeded"
    api.simulator.app("Date", **QUICK, outcome="failed", output_file="S1_first*")
    api.simulator.app("Date", **QUICK | {"run_seconds": 1000}, output_file="S3_first*")
    batch = submit(api, SAMPLES, workflow=READING, max_active=1)

    def has_come_far() -> bool:
        advance_batch(engine.context, batch)
        present = [row["status"] for row in rows(api, batch)]
        return present == ["failed", "succeeded", "running", "waiting"]

    engine.until(has_come_far)
    found = crate(api, batch, folder / "batch", BATCHES)
    _check_batch(found, api, batch)
    with (folder / "batch" / "samples.csv").open(newline="") as file:
        assert [row["sample"] for row in csv.DictReader(file)] == ["S1", "S2", "S3", "S4"]
    in_cwl = crate(api, planned, folder / "planned", BATCHES)
    (run,) = of_type(in_cwl, "CreateAction")
    assert run["name"] == "Run of assemblies for sample C1"
    assert in_cwl[ids(run["instrument"])[0]]["@id"] == "cwl/workflow.cwl"
    assert "#result/contigs" in {each["exampleOfWork"]["@id"] for each in results(in_cwl, run)}
    assert (folder / "planned" / "cwl" / "workflow.cwl").exists()
    return found, in_cwl


def results(found: Entities, run: dict[str, Any]) -> list[dict[str, Any]]:
    return [found[each] for each in ids(run["result"])]


def _check_batch(found: Entities, api: Api, batch: str) -> None:
    main = found[found["./"]["mainEntity"]["@id"]]
    runs = of_type(found, "CreateAction")
    begun = [row["workflow_id"] for row in rows(api, batch) if row["workflow_id"]]
    assert [run["@id"] for run in runs] == [f"#{workflow}" for workflow in begun]
    assert {ids(run["instrument"])[0] for run in runs} == {"workflow.json"}
    assert [run.get("actionStatus") for run in runs] == [FAILED, COMPLETED, None]
    assert ["error" in run for run in runs] == [True, False, False]
    assert ["endTime" in run for run in runs] == [True, True, False]
    assert [len(ids(run.get("result", []))) for run in runs] == [0, 1, 0]
    assert results(found, runs[1])[0]["alternateName"] == f"{FOLDER}/S2/S2_first"
    for number, run in enumerate(runs, 1):
        given = [found[each] for each in ids(run["object"])]
        by_name = {each["name"]: each for each in given}
        assert by_name["sample"]["value"] == f"S{number}"
        reads = by_name[f"{number}.fq"]
        assert (reads["@type"], reads["exampleOfWork"]["@id"]) == ("File", "#input/sample.reads")
        assert FOLDER + f"/S{number}" in {each.get("alternateName") for each in given}
    assert [step["name"] for step in of_type(found, "HowToStep")] == ["first", "second"]
    assert main["hasPart"] == {"@id": "https://www.bv-brc.org/app/Date"}
    claimed = json.dumps(found["./"])
    assert "wfrun/workflow/0.5" in claimed
    assert "wfrun/provenance" not in claimed, "the crates of the rows have the jobs"


def _spoil(folder: Path, copy: Path) -> None:
    """A crate that breaks a rule, to see that the rules are asked."""
    shutil.copytree(folder, copy)
    file = copy / "ro-crate-metadata.json"
    document = json.loads(file.read_text())
    for entity in document["@graph"]:
        entity.pop("additionalType", None)
    file.write_text(json.dumps(document))


def _check_good(found: Entities, workflow: str) -> None:
    assemble, annotate = (
        next(each for each in of_type(found, "CreateAction") if app in each["name"])
        for app in ("GenomeAssembly2", "GenomeAnnotation")
    )
    assert {*ids(assemble["result"])} & {*ids(annotate["object"])}, "one entity for both"
    assert annotate["actionStatus"] == COMPLETED
    assert annotate["startTime"] <= annotate["endTime"]
    run = found[f"#{workflow}"]
    assert run["startTime"] <= assemble["startTime"]
    assert run["endTime"] >= annotate["endTime"]
    first, second = of_type(found, "HowToStep")
    assert int(first["position"]) < int(second["position"])
    connection = found[second["connection"]["@id"]]
    assert found[connection["sourceParameter"]["@id"]]["name"] == "contigs"
    assert found["./"]["mainEntity"] == {"@id": "workflow.json"}
    assert found[found["./"]["license"]["@id"]]["name"] == "No license stated"


def _check_retried(failed: Entities, again: Entities, workflow: str) -> None:
    assert failed[f"#{workflow}"]["actionStatus"] == FAILED
    assert failed[f"#{workflow}"]["error"]
    jobs = [each for each in of_type(again, "CreateAction") if each["@id"] != f"#{workflow}"]
    assert [each["actionStatus"] for each in jobs] == [FAILED, COMPLETED, COMPLETED]
    assert ["error" in each for each in jobs] == [True, False, False]
    assert len(of_type(again, "ControlAction")) == 3


def test_the_same_run_gives_the_same_bytes(api: Api) -> None:
    workflow = api.submit(example())
    api.engine().ends(workflow)
    for headers in ({}, ZIP):
        first = api("GET", f"{ROOT}/{workflow}/ro-crate", headers=headers)
        again = api("GET", f"{ROOT}/{workflow}/ro-crate", headers=headers)
        known = {**headers, "If-None-Match": first.headers["ETag"]}
        assert first.data == again.data
        assert api("GET", f"{ROOT}/{workflow}/ro-crate", headers=known).status_code == 304


def test_the_crate_of_a_batch_is_told_from_an_earlier_one_by_its_tag(api: Api) -> None:
    batch, engine = submit(api, SAMPLES, workflow=READING), api.engine()
    advance_batch(engine.context, batch)
    path = f"{BATCHES}/{batch}/ro-crate"
    early = api("GET", path)
    assert ends(api, engine, batch) == "succeeded"
    for headers in ({}, ZIP):
        first, again = (api("GET", path, headers=headers) for _ in range(2))
        known = {**headers, "If-None-Match": first.headers["ETag"]}
        assert first.data == again.data
        assert api("GET", path, headers=known).status_code == 304
        earlier = {**headers, "If-None-Match": early.headers["ETag"]}
        assert api("GET", path, headers=earlier).status_code == 200


@pytest.mark.parametrize("known", ["", '"tag"'])
def test_no_part_of_an_answer_is_made_for_its_tag_alone(known: str) -> None:
    made = []

    def parts() -> Iterator[bytes]:
        made.append("a part")
        yield b"{}"

    with Flask("tags").test_request_context(headers={"If-None-Match": known}):
        answer = conditional(Response(parts()), "tag")

    assert (answer.status_code, made) == (304 if known else 200, [])


def test_a_crate_is_for_the_owner_and_of_what_was_started(api: Api) -> None:
    plan = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]
    workflow = api.submit(document(""))

    assert api("GET", f"{ROOT}/{workflow}/ro-crate", None).status_code == 401, "no link"
    assert api("GET", f"{ROOT}/{workflow}/ro-crate", BOB).status_code == 403
    assert api("GET", f"{ROOT}/{plan}/ro-crate", ALICE).status_code == 409
    batch = submit(api, SAMPLES, workflow=READING)
    assert api("GET", f"{BATCHES}/{batch}/ro-crate", None).status_code == 401, "no link"
    assert api("GET", f"{BATCHES}/{batch}/ro-crate", BOB).status_code == 403
    assert api("GET", f"{BATCHES}/{batch}/ro-crate", ALICE).status_code == 409, "none has begun"
    early = api("GET", f"{ROOT}/{workflow}/ro-crate")
    assert early.status_code == 200
    claimed = json.dumps(early.json)
    assert "wfrun/workflow/0.5" in claimed
    assert "wfrun/provenance" not in claimed, "no tool has run"


@pytest.mark.parametrize("name", ["../../x.cwl", "/etc/x.cwl", "a\\..\\x.cwl"])
def test_no_file_of_a_crate_leaves_its_folder(api: Api, name: str) -> None:
    body = scattered()
    body["files"][name] = "cwlVersion: v1.2\n"
    answer = api("POST", f"{ROOT}/submit-cwl", json=body)
    if answer.status_code == 400:
        return  # refused before it can be in any crate
    workflow = answer.json["workflow_id"]

    packed = api("GET", f"{ROOT}/{workflow}/ro-crate", headers=ZIP).data

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.startswith("/") or ".." in Path(name).parts]
