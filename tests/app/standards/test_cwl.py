"""Workflows in CWL: the three forms of a request, what is refused, and the tools."""

from __future__ import annotations

import io
from typing import Any

import pytest
import yaml

from app.connections import connections_of
from devstack.processes import wait_until
from tests.app.conftest import ALICE, BOB, ROOT, Api
from tests.shared import ROOT as PROJECT
from workflows.cwl.process.planner_pool import PlannerPool

EXAMPLE = PROJECT / "examples" / "cwl" / "assemble_annotate.cwl"
INPUTS = PROJECT / "examples" / "cwl" / "assemble_annotate.inputs.yaml"
SUBMIT = f"{ROOT}/submit-cwl"
BARE = """\
cwlVersion: v1.2
class: Workflow
inputs:
  word: {type: string, default: hello}
outputs: []
steps:
  one:
    run: bvbrc://Sleep
    in: {sleep_time: {default: 1}}
    out: []
"""


def as_object(**fields: Any) -> dict[str, Any]:
    return {"workflow": EXAMPLE.read_text(), "inputs": INPUTS.read_text()} | fields


def test_a_document_with_its_inputs_runs_to_the_end(api: Api) -> None:
    answer = api("POST", SUBMIT, json=as_object())
    workflow_id = answer.json["workflow_id"]

    assert answer.status_code == 201, answer.text
    assert answer.json["status"] == "pending"
    assert answer.headers["Location"] == f"{ROOT}/{workflow_id}"
    assert api.engine().ends(workflow_id) == "succeeded"
    shown = api("GET", f"{ROOT}/{workflow_id}", None).json
    assert [step["app"] for step in shown["steps"]] == ["GenomeAssembly2", "GenomeAnnotation"]


def test_a_form_is_the_same(api: Api) -> None:
    form = {
        "workflow": (io.BytesIO(EXAMPLE.read_bytes()), "mine.cwl"),
        "inputs": INPUTS.read_text(),
        "name": "mine",
    }

    answer = api("POST", SUBMIT, data=form)

    assert answer.status_code == 201, answer.text
    found = api("GET", f"{ROOT}/{answer.json['workflow_id']}", None).json
    assert found["workflow_name"] == "mine"


@pytest.mark.parametrize("kind", ["application/yaml", "text/yaml", "application/json", None])
def test_a_bare_document_is_taken_by_any_name(api: Api, kind: str | None) -> None:
    body = yaml.safe_load(BARE) if kind == "application/json" else BARE
    sent = {"json": body} if kind == "application/json" else {"data": body, "content_type": kind}

    answer = api("POST", SUBMIT, **sent)

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("form", ["bare", "object", "parts"])
def test_labels_limits_and_a_name_are_taken_in_each_form(api: Api, form: str) -> None:
    settings = {"name": "mine", "max_parallel_steps": 3, "on_failure": "cancel"}
    labels = {"project": "outbreak-7", "run": "a:b"}
    texts = ["project:outbreak-7", "run:a:b"]
    query = {**settings, "labels": texts, "dry_run": "true"}
    sent: dict[str, Any] = {
        "bare": {"data": BARE, "query_string": query},
        "object": {"json": {"workflow": BARE, **settings, "labels": labels}},
        "parts": {"data": {"workflow": BARE, **settings, "labels": texts}},
    }[form]
    sent.setdefault("query_string", {"dry_run": "true"})
    if form == "bare":
        sent["content_type"] = "application/yaml"
    if form == "parts":
        sent["content_type"] = "multipart/form-data"

    answer = api("POST", SUBMIT, **sent)

    assert answer.status_code == 200, answer.text
    native = answer.json["workflow_json"]
    assert native["workflow_name"] == "mine"
    assert native["labels"] == labels
    assert native["max_parallel_steps"] == 3
    assert native["on_failure"] == "cancel"


def test_a_wrong_setting_is_refused_with_its_name(api: Api) -> None:
    answer = api("POST", SUBMIT, json={"workflow": BARE, "on_failure": "stop"})

    assert answer.status_code == 400
    assert [problem["path"] for problem in answer.json["errors"]] == ["on_failure"]


def test_a_dry_run_stores_nothing_and_answers_what_can_be_submitted(api: Api) -> None:
    answer = api("POST", f"{SUBMIT}?dry_run=true", json=as_object())

    assert answer.status_code == 200
    assert answer.json["valid"] is True
    assert api("GET", ROOT).json["workflows"] == []
    assert api("POST", f"{ROOT}/submit", json=answer.json).status_code == 201


def scattered() -> dict[str, Any]:
    """The example whose second step runs once for each file that the first one leaves."""
    folder = PROJECT / "examples" / "cwl"
    names = ("scatter_annotate.cwl", "bins.cwl")
    return {
        "workflow": names[0],
        "files": {name: (folder / name).read_text() for name in names},
        "inputs": {"contigs": [], "runs": ["SRR1"], "scientific_name": "E"},
    }


def test_steps_that_depend_on_results_follow_when_these_are_there(api: Api) -> None:
    answer = api("POST", SUBMIT, json=scattered())
    workflow_id = answer.json["workflow_id"]
    early = api("GET", f"{ROOT}/{workflow_id}/explain").json["message"]

    assert answer.status_code == 201, answer.text
    assert "follow once step 'assemble' has succeeded" in early
    assert api.engine().ends(workflow_id) == "succeeded"
    shown = api("GET", f"{ROOT}/{workflow_id}/status").json["steps"]
    assert [step["step_name"] for step in shown] == ["assemble", "annotate__0", "annotate__1"]
    (listed,) = api("GET", ROOT).json["workflows"]
    assert (listed["step_count"], len(listed["apps"])) == (3, 2)


def test_what_was_read_back_can_be_submitted_again(api: Api) -> None:
    first = api("POST", SUBMIT, json=scattered()).json["workflow_id"]
    api.engine().ends(first)

    again = api("POST", f"{ROOT}/submit", json=api("GET", f"{ROOT}/{first}").json)

    assert again.status_code == 201, again.text


def test_a_dry_run_tells_what_further_steps_wait_for(api: Api) -> None:
    answer = api("POST", f"{SUBMIT}?dry_run", json=scattered())

    assert answer.status_code == 200
    assert answer.json["waits_for"] == ["assemble"]
    assert "further steps follow assemble" in answer.json["message"]
    assert api("POST", f"{SUBMIT}?dry_run", json=as_object()).json["waits_for"] == []


def test_a_mistake_is_told_with_its_line(api: Api) -> None:
    wrong = BARE.replace("bvbrc://Sleep", "bvbrc://Slep")

    answer = api("POST", SUBMIT, data=wrong, content_type="application/yaml")

    assert answer.status_code == 400
    (error,) = answer.json["errors"]
    assert (error["code"], error["line"]) == ("cwl.unknown_app", 8)
    assert "8:" in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ("{", "application/yaml", 400),
        ("", "application/yaml", 400),
        ("[]", "application/json", 400),
        ("{}", "application/json", 400),
        (b"\xff", "application/yaml", 400),
        (BARE, "text/plain", 415),
        ("a=b", "application/x-www-form-urlencoded", 415),
    ],
)
def test_what_is_no_submission_is_refused(api: Api, body: Any, kind: str, code: int) -> None:
    assert api("POST", SUBMIT, data=body, content_type=kind).status_code == code


@pytest.mark.parametrize("name", ["workflow", "inputs", "name", "workspace_output_folder"])
def test_half_a_surrogate_pair_is_the_clients_to_mend(api: Api, name: str) -> None:
    """It ended the planner, and was answered as a busy machine."""
    answer = api("POST", SUBMIT, json=as_object(**{name: "\ud800"}))

    assert answer.status_code == 400, answer.text
    assert name in answer.json["errors"][0]["message"]


def test_a_user_with_too_many_documents_is_asked_to_wait(api: Api) -> None:
    found = connections_of(api.client.application)
    before, found.planner = found.planner, PlannerPool(waiting_each=0)
    try:
        answer = api("POST", SUBMIT, json=as_object())
    finally:
        found.planner = before

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "CWL documents wait" in answer.json["detail"]


def test_a_form_without_a_document_is_refused(api: Api) -> None:
    answer = api("POST", SUBMIT, data={"inputs": (io.BytesIO(b"{}"), "inputs.yaml")})

    assert answer.status_code == 400
    assert answer.json["errors"][0]["code"] == "cwl.missing_field"


def test_the_same_key_and_document_again_answer_the_first_workflow(api: Api) -> None:
    keyed = {"Idempotency-Key": "once"}
    first = api("POST", SUBMIT, json=as_object(), headers=keyed)

    again = api("POST", SUBMIT, json=as_object(), headers=keyed)
    other = api("POST", SUBMIT, json=as_object(name="other"), headers=keyed)

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json["workflow_id"] == first.json["workflow_id"]


def test_there_is_a_tool_for_each_app(api: Api) -> None:
    tools = api("GET", "/api/v1/cwl/tools").json["tools"]

    names = {tool["app"] for tool in tools}
    assert {"GenomeAssembly2", "GenomeAnnotation"} <= names
    tool = api("GET", "/api/v1/cwl/tools/GenomeAssembly2", BOB)
    assert tool.status_code == 200
    assert (tool.json["class"], tool.json["cwlVersion"]) == ("CommandLineTool", "v1.2")
    # 503 until BV-BRC's own list is at hand
    unknown = "/api/v1/cwl/tools/Nothing"
    wait_until(lambda: api("GET", unknown, ALICE).status_code == 404, "the list is at hand")
