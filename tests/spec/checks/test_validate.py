"""Whole documents: those of the specification, those that clients send, and hostile ones."""

from __future__ import annotations

import copy
import gc
import json
import re
import sys
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.parts.validate import workflow as many
from tests.shared import shared_path
from tests.spec.examples import APPS, CATALOGUE, codes, look, minimal_params, step, workflow
from workflows.model.errors import Invalid
from workflows.spec.document import document, spec_from
from workflows.spec.validate import validate

PLANNED: dict[str, Any] = {
    "workflow_name": "asm-annot",
    "version": "1.0",
    "base_context": {
        "base_url": "https://www.bv-brc.org",
        "workspace_output_folder": "/alice@bvbrc/home/WorkflowRuns/run1",
    },
    "steps": [
        {
            "step_name": "assembly",
            "app": "GenomeAssembly2",
            "params": {
                "recipe": "auto",
                "srr_ids": ["SRR1"],
                "output_path": "${workspace_output_folder}/assembly",
                "output_file": "asm",
            },
            "outputs": {
                "contigs": "${params.output_path}/.${params.output_file}/"
                "${params.output_file}_contigs.fasta",
                "job_output_path": "${params.output_path}/.${params.output_file}",
            },
        },
        {
            "step_name": "annotation",
            "app": "GenomeAnnotation",
            "depends_on": ["assembly"],
            "params": {
                "contigs": "${steps.assembly.outputs.contigs}",
                "scientific_name": "E. coli",
                "code": 11,
                "domain": "Bacteria",
                "output_path": "${workspace_output_folder}/annotation",
                "output_file": "ann",
            },
        },
    ],
    "workflow_outputs": ["${steps.annotation.outputs.genome}"],
}
"""What the MCP server plans (protocol 7.3)."""


def documents(name: str) -> list[Any]:
    """The workflows that a reference page shows."""
    blocks = re.findall(r"```json\n(.*?)```", shared_path(name).read_text(), re.DOTALL)
    found = [json.loads(block) for block in blocks if '"base_context"' in block]
    assert found
    return found


def test_a_planned_workflow_passes_and_comes_back_as_it_was_sent() -> None:
    found = validate(PLANNED, CATALOGUE)

    expected = copy.deepcopy(PLANNED)
    expected["steps"][0]["depends_on"] = []
    expected["steps"][1]["outputs"] = {
        "genome": "${params.output_path}/.${params.output_file}/${params.output_file}.genome"
    }
    assert found.workflow_json == expected
    assert [fix.code for fix in found.auto_fixes] == ["filled_output"]
    assert found.warnings == ()


def test_what_the_contract_shows_passes() -> None:
    for shown in documents("contract.md"):
        assert validate(shown, CATALOGUE).workflow_json["workflow_outputs"]


def test_what_the_protocol_shows_passes() -> None:
    for shown in documents("bvbrc/protocol.md"):
        validate(shown, CATALOGUE)


def test_what_the_specification_shows_is_understood() -> None:
    """It gives no reads and no organism, so that its jobs would fail; nothing else is wrong."""
    (example,) = documents("specification.md")

    assert codes(example) == {
        "steps[0].params": "missing_input",
        "steps[1].params.scientific_name": "missing_parameter",
        "steps[1].params.output_file": "missing_parameter",
    }


@pytest.mark.parametrize(
    "around",
    [
        {"workflow_json": PLANNED},
        {"workflow_json": PLANNED, "message": "planned", "ready_for_submission": True},
        {"workflow_json": {"workflow_json": PLANNED}, "source": "plan"},
        {**PLANNED, "workflow_json": None},
        {**PLANNED, "workflow_description": "what it does"},
        {**PLANNED, "workflow_id": "<scheduler_generated_id>", "status": "planned"},
        {**PLANNED, "auth_token": "un=alice", "execution_metadata": {"x": [1]}, "id": "wf_1"},
        {
            **PLANNED,
            "steps": [{**s, "step_id": "<scheduler_generated_id>"} for s in PLANNED["steps"]],
        },
        {**PLANNED, "steps": [{**s, "status": "failed", "task_id": 7} for s in PLANNED["steps"]]},
    ],
)
def test_what_clients_and_engines_add_is_dropped_and_not_believed(around: Any) -> None:
    assert validate(around, CATALOGUE).workflow_json == validate(PLANNED, CATALOGUE).workflow_json


def stripped() -> tuple[list[str], list[str]]:
    """The fields that clients take away before they send, of a workflow and of its steps."""
    text = " ".join(shared_path("bvbrc/protocol.md").read_text().split())
    (listed,) = re.findall(r"Clients strip before sending: (.*?)\.", text)
    top, _, inner = listed.partition("; in steps: ")
    return top.split(", "), inner.split(", ")


def test_what_clients_strip_need_not_be_stripped() -> None:
    plain = validate(PLANNED, CATALOGUE).workflow_json
    top, inner = stripped()
    steps = [{**step, **dict.fromkeys(inner, "x")} for step in PLANNED["steps"]]
    around = dict.fromkeys([name for name in top if name != "workflow_json"], "x")

    found = validate({**PLANNED, **around, "steps": steps}, CATALOGUE)

    assert len(top) > 20
    assert len(inner) > 7
    assert found.workflow_json == plain


def test_every_problem_is_told_at_once_with_its_place() -> None:
    found = codes(
        {
            "workflow_name": "",
            "version": "1",
            "base_context": {"base_url": "here"},
            "stepz": [],
            "steps": [
                {"step_name": "a", "app": "NoSuchApp", "params": {}, "dependson": []},
                {"step_name": "a", "app": "Date", "params": {"output_path": "x"}},
                {"step_name": "c", "params": [], "depends_on": ["nowhere"]},
                "no step",
            ],
        }
    )

    assert found == {
        "stepz": "unknown_field",
        "workflow_name": "bad_name",
        "base_context.workspace_output_folder": "missing_field",
        "base_context.base_url": "bad_url",
        "steps[0].app": "unknown_app",
        "steps[0].dependson": "unknown_field",
        "steps[1].step_name": "duplicate_step",
        "steps[1].params.output_path": "bad_output_path",
        "steps[1].params.output_file": "missing_parameter",
        "steps[2].app": "missing_field",
        "steps[2].params": "wrong_type",
        "steps[2].depends_on[0]": "unknown_step",
        "steps[3]": "wrong_type",
    }


def work(steps: int) -> int:
    """How many functions are called to validate so many steps; the same on every machine."""
    found, calls = many(steps), 0

    def count(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal calls
        calls += event == "call"

    validate(found, CATALOGUE)
    gc.disable()  # what it finalizes is of other tests
    sys.setprofile(count)
    try:
        validate(found, CATALOGUE)
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls


def test_twice_the_steps_are_twice_the_work() -> None:
    assert work(800) < 2.1 * work(400)


def test_ten_thousand_steps_are_taken_and_no_more() -> None:
    assert len(validate(many(10_000), CATALOGUE).spec.steps) == 10_000

    assert codes(many(10_002)) == {"steps": "too_many_steps"}


def test_an_invalid_workflow_raises_its_problems() -> None:
    with pytest.raises(Invalid) as refused:
        validate([], CATALOGUE)

    assert [problem.code for problem in refused.value.problems] == ["not_an_object"]


@pytest.mark.parametrize("inner", [json.dumps(PLANNED), [PLANNED], {"workflow_json": "x"}])
def test_a_wrapper_around_no_workflow_is_named(inner: Any) -> None:
    (problem,) = look({"workflow_json": inner, "message": "planned"}).problems

    assert problem.code == "not_an_object"
    assert problem.path.endswith("workflow_json")


def test_a_refused_document_is_handed_back_for_storing_as_a_plan() -> None:
    found = look({**PLANNED, "version": None, "workflow_id": "wf_1"})

    assert found.spec is None
    assert found.workflow_json is not None
    assert found.workflow_json["steps"] == PLANNED["steps"]
    assert "workflow_id" not in found.workflow_json


def test_a_table_of_our_own_is_warned_about() -> None:
    found = validate(PLANNED, replace(CATALOGUE, note="the service cannot be asked"))

    assert [(each.code, each.message) for each in found.warnings] == [
        ("apps_not_asked", "the service cannot be asked")
    ]


@pytest.mark.parametrize("app", APPS)
def test_the_normalised_document_makes_the_same_spec(app: str) -> None:
    found = validate(workflow(step(app)), CATALOGUE)

    assert spec_from(found.workflow_json) == found.spec
    assert document(spec_from(found.workflow_json)) == found.workflow_json


def test_every_field_survives_the_way_through_a_spec() -> None:
    full = workflow(
        {**step("Sleep"), "retry": {"max_attempts": 3, "backoff_seconds": 1.5}},
        labels={"project": "x"},
        max_parallel_steps=4,
        on_failure="cancel",
        workflow_outputs=["${steps.only.params.sleep_time}"],
    )
    full["steps"][0]["params"] = {"sleep_time": 5}

    found = validate(full, CATALOGUE).workflow_json

    assert found == {**full, "steps": [{**full["steps"][0], "outputs": {}, "depends_on": []}]}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(
        [
            "${params.output_file}",
            "${workspace_output_folder}",
            "5",
            "true",
            "SRR1",
            "/a/b/c",
            "$${x}",
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(["read1", "read"]), inner, max_size=3
        )
    ),
    max_leaves=5,
)


def sloppily(app: str, **params: Any) -> dict[str, Any]:
    return step(app, minimal_params(CATALOGUE.apps[app]) | params)


@st.composite
def sloppy_steps(draw: st.DrawFn) -> dict[str, Any]:
    """A valid step with damaged parameters."""
    app = CATALOGUE.apps[draw(st.sampled_from(APPS))]
    params = minimal_params(app)
    names = sorted(app.parameters) or ["x"]
    params |= draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=4))
    name = draw(st.sampled_from([app.id, app.id.lower(), f" {app.id}"]))
    return step(name, params)


@settings(max_examples=300, deadline=None)
@example(sloppily("CreateGroup", job_result_paths="$${"))
@example(sloppily("FunctionalClassification", paired_end_libs={"read1": None, "read": None}))
@example(sloppily("Variation", paired_end_libs=[{"read1": None, "r1": "/a/b/c"}]))
@example(sloppily("CodonTree", bootstraps=2.0**63))
@given(sloppy_steps())
def test_validating_twice_changes_nothing(sloppy: dict[str, Any]) -> None:
    found = look(workflow(sloppy))
    if found.workflow_json is None or found.spec is None:
        return

    again = look(found.workflow_json)

    assert again.problems == ()
    assert again.workflow_json == found.workflow_json
    assert again.auto_fixes == ()
    assert again.warnings == found.warnings


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(PLANNED)), VALUES), VALUES)
def test_no_document_breaks_the_examination(parts: dict[str, Any], other: Any) -> None:
    look({**PLANNED, **parts})
    look({**PLANNED, "steps": [other, {**PLANNED["steps"][1], "params": other}]})
    found = look(other)

    assert found.problems
