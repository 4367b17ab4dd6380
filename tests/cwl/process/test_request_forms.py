"""The three forms of a request, and plans that pass from one process to another."""

from __future__ import annotations

import json

import pytest

from tests.cwl.planning import planned, workflow
from workflows.cwl.bvbrc.request_forms import (
    MAIN,
    Circumstances,
    from_object,
    from_parts,
    from_text,
)
from workflows.cwl.bvbrc.submission import submission_from
from workflows.cwl.model.problems import CwlProblem, Refused
from workflows.cwl.process.plan_json import plan_as_json, plan_from

AROUND = Circumstances(folder="/user@bvbrc/home", now=5)
STEP = "  a: {run: 'bvbrc://Date', in: {output_file: n}, out: [now]}"
DOCUMENT = workflow(STEP, inputs="{n: string}")


def test_a_bare_document_keeps_its_text() -> None:
    found = from_text(DOCUMENT, AROUND)

    assert (found.files, found.main, found.inputs) == ({MAIN: DOCUMENT}, MAIN, None)
    assert (found.workspace_output_folder, found.now) == ("/user@bvbrc/home", 5)


@pytest.mark.parametrize("word", ["workflow", "cwl"])
def test_a_document_comes_with_its_inputs_and_files(word: str) -> None:
    body = {
        word: DOCUMENT,
        "inputs": {"n": "x"},
        "files": {"tools/a.cwl": "class: Workflow"},
        "entry": "#main",
        "workspace_output_folder": "/user@bvbrc/home/here",
        "name": "mine",
    }

    found = from_text(json.dumps(body), AROUND)

    assert found == from_object(body, AROUND)
    assert found.files == {MAIN: DOCUMENT, "tools/a.cwl": "class: Workflow"}
    assert (found.inputs, found.entry, found.name) == ({"n": "x"}, "main", "mine")
    assert found.workspace_output_folder == "/user@bvbrc/home/here"


def test_the_document_may_be_one_of_the_files() -> None:
    found = from_object({"workflow": "w.cwl", "files": {"w.cwl": DOCUMENT}}, AROUND)

    assert (found.main, list(found.files)) == ("w.cwl", ["w.cwl"])


def test_a_form_has_a_workflow_inputs_and_files() -> None:
    found = from_parts(("my.cwl", DOCUMENT), "n: x", {"a.cwl": "x"}, {"name": "mine"}, AROUND)

    assert (found.main, found.inputs, found.name) == ("my.cwl", "n: x", "mine")
    assert set(found.files) == {"my.cwl", "a.cwl"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"inputs": {}}, "cwl.missing_field"),
        ({"workflow": DOCUMENT, "cwl": DOCUMENT}, "cwl.missing_field"),
        ({"workflow": DOCUMENT, "input": {}}, "cwl.unknown_field"),
        ({"workflow": 7}, "cwl.wrong_shape"),
        ({"workflow": DOCUMENT, "files": []}, "cwl.wrong_shape"),
        ({"workflow": DOCUMENT, "name": 7}, "cwl.wrong_shape"),
    ],
)
def test_other_requests_are_refused(body: dict[str, object], code: str) -> None:
    with pytest.raises(Refused) as refused:
        from_object(body, AROUND)

    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.parametrize("body", ["[]", "7", "", "{", "a: [" * 200])
def test_what_is_no_request_is_refused(body: str) -> None:
    with pytest.raises(Refused):
        from_text(body, AROUND)


def test_a_submission_can_be_stored_and_planned_again() -> None:
    source = from_object({"workflow": DOCUMENT, "inputs": {"n": "x"}}, AROUND)

    again = submission_from(json.loads(json.dumps(source.as_json())))

    assert again == source


def test_a_plan_passes_between_processes_whole() -> None:
    found = planned(DOCUMENT, {"n": "x"})
    wrong = planned(DOCUMENT, {"n": 7})

    assert found.steps
    assert plan_from(json.loads(json.dumps(plan_as_json(found)))) == found
    assert plan_from(json.loads(json.dumps(plan_as_json(wrong)))) == wrong


def test_a_problem_reads_like_a_compilers() -> None:
    (problem,) = planned(DOCUMENT.replace("n}, out", "m}, out")).problems

    assert isinstance(problem, CwlProblem)
    assert str(problem) == (
        "workflow.cwl:6:46: there is no input or step output 'm' (known are: a/now, n)"
    )
    assert problem.path == "steps.a.in.output_file"
