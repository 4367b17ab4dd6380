"""Provenance as a Workflow Run RO-Crate: who may, what is in it, and what its validator says."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests import standards
from tests.app.conftest import ALICE, BOB, ROOT, Api
from tests.app.standards.test_cwl import scattered
from tests.engine.conftest import document
from tests.provenance.terms import CONTEXTS, TERMS
from tests.shared import ROOT as PROJECT

ZIP = {"Accept": "application/zip"}
JUDGE = PROJECT / "tests" / "provenance" / "judge.py"
QUICK = {"queue_seconds": 0, "run_seconds": 0, "lag_seconds": 0}
COMPLETED = "http://schema.org/CompletedActionStatus"
FAILED = "http://schema.org/FailedActionStatus"
Entities = dict[str, dict[str, Any]]


def example() -> dict[str, Any]:
    return dict(json.loads((PROJECT / "examples" / "example_workflow_2step.json").read_text()))


def crate(api: Api, workflow: str, folder: Path) -> Entities:
    """Unpacks the crate; returns its entities by id."""
    answer = api("GET", f"{ROOT}/{workflow}/ro-crate", headers=ZIP)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip"), answer.text
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        archive.extractall(folder)
    text = (folder / "ro-crate-metadata.json").read_text()
    alone = api("GET", f"{ROOT}/{workflow}/ro-crate")
    assert (alone.mimetype, json.loads(text)) == ("application/ld+json", alone.json)
    return {entity["@id"]: entity for entity in alone.json["@graph"]}


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

    _spoil(tmp_path / "good", tmp_path / "spoilt")
    complaints = judged(tmp_path)
    assert "FormalParameter MUST have an additionalType" in str(complaints.pop("spoilt"))
    assert len(complaints) == 5
    assert not any(complaints.values()), complaints
    used = {
        word
        for found in (whole, many, again, failed, waiting)
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


def test_a_crate_is_for_the_owner_and_of_what_was_started(api: Api) -> None:
    plan = api("POST", f"{ROOT}/plan", json=document("")).json["workflow_id"]
    workflow = api.submit(document(""))

    assert api("GET", f"{ROOT}/{workflow}/ro-crate", None).status_code == 401, "no link"
    assert api("GET", f"{ROOT}/{workflow}/ro-crate", BOB).status_code == 403
    assert api("GET", f"{ROOT}/{plan}/ro-crate", ALICE).status_code == 409
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
