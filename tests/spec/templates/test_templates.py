"""Templates: inputs made from apps' parameters, values held against them, problems at their
inputs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.shared import shared_path
from tests.spec.examples import CATALOGUE
from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.model.errors import Invalid
from workflows.spec.catalogue import catalogue
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.templates.check import CheckedTemplate, Surroundings, check_template
from workflows.spec.templates.fill import Wishes, blame_inputs, fill
from workflows.spec.templates.fit import fit_inputs
from workflows.spec.templates.inputs import Inputs
from workflows.spec.validate import Limits, examine

OURS = Surroundings(CATALOGUE, {each["id"]: each for each in app_table.load()}, Limits())
FOLDER = "/alice@bvbrc/home/run"


@cache
def genuine() -> Surroundings:
    """By the apps' genuine specifications."""
    specs = json.loads(shared_path("bvbrc/app_specs/_all.strict.json").read_text())
    known = catalogue(specs, app_table.load(), declared_apps.apps())
    return Surroundings(known, {each["id"]: each for each in specs}, Limits())


def assembly(**params: Any) -> dict[str, Any]:
    usual = {
        "srr_ids": "${inputs.srr_ids}",
        "recipe": "${inputs.recipe}",
        "output_path": "${workspace_output_folder}/Assembly",
        "output_file": "${inputs.name}_assembly",
    }
    return {
        "steps": [
            {"step_name": "assemble", "app": "GenomeAssembly2", "params": {**usual, **params}}
        ]
    }


def check(workflow: Any, declared: Any = None, around: Surroundings = OURS) -> CheckedTemplate:
    return check_template("mine", workflow, declared, around)


def problems(workflow: Any, declared: Any = None) -> set[tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        check(workflow, declared)
    return {(each.path, each.code) for each in refused.value.problems}


def misfits(inputs: Inputs, given: Any) -> set[tuple[str, str]]:
    noted = Diagnostics()
    fit_inputs(inputs, given, noted)
    return {(each.path, each.code) for each in noted.all_problems()}


def test_inputs_come_from_the_apps_parameters() -> None:
    inputs = check(assembly(), None, genuine()).inputs

    assert list(inputs.properties) == ["srr_ids", "recipe", "name"]
    recipe = inputs.properties["recipe"]
    assert (recipe["type"], recipe["default"]) == ("string", "auto")
    assert "unicycler" in recipe["enum"]
    assert recipe["description"]
    assert inputs.properties["srr_ids"]["items"] == {"type": "string"}
    assert inputs.required == ("name",)


def test_what_the_author_says_goes_before_what_the_app_says() -> None:
    declared = {
        "properties": {"recipe": {"title": "How", "enum": ["unicycler", "spades"]}},
        "required": ["srr_ids"],
    }
    declared["properties"]["srr_ids"] = {"minItems": 1}  # type: ignore[index]

    inputs = check(assembly(), declared).inputs

    assert list(inputs.properties) == ["recipe", "srr_ids", "name"]
    assert inputs.properties["recipe"]["title"] == "How"
    assert inputs.properties["recipe"]["enum"] == ["unicycler", "spades"]
    assert "default" not in inputs.properties["recipe"]  # the app's is none of them
    assert inputs.required == ("srr_ids", "name")


def test_a_checked_template_checked_again_is_the_same() -> None:
    once = check(assembly(), {"properties": {"recipe": {"default": "spades"}}})

    again = check(once.workflow, once.inputs.as_schema())

    later = check(once.workflow, once.inputs.as_schema(), genuine())
    assert (again.workflow, again.inputs) == (once.workflow, once.inputs)
    assert later.inputs == once.inputs, "an export stays as it is when the apps say more"


def test_all_that_does_not_depend_on_inputs_is_checked() -> None:
    assert problems(assembly(recipe="velvet")) == {
        ("workflow.steps[0].params.recipe", "invalid_choice")
    }
    assert problems(assembly(output_file="a/b")) == {
        ("workflow.steps[0].params.output_file", "bad_output_file")
    }
    assert problems(assembly(srr_ids="${input.srr_ids}")) >= {
        ("workflow.steps[0].params.srr_ids", "unknown_reference")
    }


@pytest.mark.parametrize(
    ("declared", "path", "code"),
    [
        ([], "inputs", "wrong_type"),
        (
            {"properties": {"recipe": {"type": "text"}}},
            "inputs.properties.recipe.type",
            "invalid_choice",
        ),
        (
            {"properties": {"recipe": {"pattern": "a"}}},
            "inputs.properties.recipe.pattern",
            "unknown_field",
        ),
        ({"properties": {"recipe": {"title": 5}}}, "inputs.properties.recipe.title", "wrong_type"),
        ({"properties": {"recipe": 5}}, "inputs.properties.recipe", "wrong_type"),
        ({"properties": {"a b": {}}}, "inputs.properties['a b']", "bad_name"),
        ({"properties": {}, "required": ["recip"]}, "inputs.required[0]", "unknown_input"),
        ({"propertys": {}}, "inputs.propertys", "unknown_field"),
        ({"properties": {"recip": {}}}, "workflow.steps[0].params.recipe", "unknown_input"),
        (
            {"properties": {"recipe": {"examples": ["velvet"]}}},
            "inputs.properties.recipe.examples[0]",
            "invalid_choice",
        ),
        (
            {"properties": {"recipe": {"default": "velvet"}}},
            "inputs.properties.recipe.default",
            "invalid_choice",
        ),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused(declared: Any, path: str, code: str) -> None:
    assert (path, code) in problems(assembly(), declared)


def test_examples_that_are_complete_must_run() -> None:
    declared = {"properties": {"name": {"examples": ["a/b"]}}}

    assert ("inputs.name", "bad_output_file") in problems(assembly(), declared)


TYPED = Inputs(
    {
        "depth": {"type": "integer", "minimum": 1, "maximum": 10, "title": "Depth"},
        "reads": {
            "type": "array",
            "items": {"type": "string", "format": "workspace-path"},
            "maxItems": 2,
        },
        "recipe": {"type": "string", "enum": ["auto", "spades"], "default": "auto"},
        "trim": {"type": "boolean"},
        "lib": {
            "type": "object",
            "properties": {"read1": {"type": "string"}, "read2": {"type": "string"}},
            "required": ["read1"],
        },
    },
    ("depth",),
)


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({}, "inputs.depth", "missing_input"),
        ({"depth": None}, "inputs.depth", "missing_input"),
        ({"depth": 1, "dept": 2}, "inputs.dept", "unknown_input"),
        ({"depth": "deep"}, "inputs.depth", "wrong_type"),
        ({"depth": 11}, "inputs.depth", "out_of_range"),
        ({"depth": 0}, "inputs.depth", "out_of_range"),
        ({"depth": 1, "reads": ["relative"]}, "inputs.reads[0]", "relative_path"),
        ({"depth": 1, "reads": ["/a", "/b", "/c"]}, "inputs.reads", "out_of_range"),
        ({"depth": 1, "recipe": "velvet"}, "inputs.recipe", "invalid_choice"),
        ({"depth": 1, "trim": "perhaps"}, "inputs.trim", "wrong_type"),
        ({"depth": 1, "lib": {"read2": "x"}}, "inputs.lib.read1", "missing_parameter"),
        ({"depth": 1, "lib": {"read1": "${base_url}"}}, "inputs.lib", "reference_in_input"),
        ([], "inputs", "wrong_type"),
        ({"depth": 2**70}, "inputs.depth", "bad_number"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_at_its_input(
    given: Any, path: str, code: str
) -> None:
    assert (path, code) in misfits(TYPED, given)


def test_a_missing_and_an_unknown_input_are_said_together_with_what_was_meant() -> None:
    noted = Diagnostics()

    fit_inputs(TYPED, {"dpeth": 3}, noted)

    hints = {each.code: each.suggestion for each in noted.all_problems()}
    assert hints == {
        "unknown_input": "did you mean 'depth'?",
        "missing_input": "was it meant by 'dpeth'?",
    }


def test_values_get_the_types_of_their_inputs() -> None:
    noted = Diagnostics()

    values = fit_inputs(TYPED, {"depth": "7", "reads": "/a", "trim": "yes"}, noted)

    assert values == {"depth": 7, "reads": ["/a"], "recipe": "auto", "trim": True}
    assert not noted.problems


def test_an_optional_input_without_a_value_leaves_its_parameter_out() -> None:
    body = check(assembly(recipe="auto", min_contig_len="${inputs.shortest}"))
    filled = fill(body.workflow, {"name": "a", "srr_ids": ["SRR1"]}, Wishes(folder=FOLDER))

    seen = examine(filled, CATALOGUE)

    assert not seen.problems
    assert seen.workflow_json
    assert "min_contig_len" not in seen.workflow_json["steps"][0]["params"]
    assert seen.workflow_json["base_context"]["inputs"] == {"name": "a", "srr_ids": ["SRR1"]}


def test_the_problems_of_a_filled_workflow_are_at_their_inputs() -> None:
    body = check(assembly()).workflow
    filled = fill(body, {"name": "a/b", "recipe": "auto"}, Wishes(folder=FOLDER))

    found = {
        (each.path, each.code) for each in blame_inputs(body, examine(filled, CATALOGUE).problems)
    }

    assert ("inputs.name", "bad_output_file") in found
    assert any(code == "missing_input" for _, code in found)


def test_a_library_goes_with_its_last_reference_and_with_its_constants() -> None:
    libraries = [
        {"platform": "illumina", "read1": "${inputs.read1}", "read2": "${inputs.read2}"},
        {"platform": "illumina", "read1": "/alice@bvbrc/home/a.fastq"},
    ]
    body = check(assembly(recipe="auto", paired_end_libs=libraries)).workflow

    some = fill(body, {"name": "a", "read1": "/alice@bvbrc/home/b.fastq"}, Wishes(folder=FOLDER))
    none = fill(body, {"name": "a"}, Wishes(folder=FOLDER))

    assert some["steps"][0]["params"]["paired_end_libs"] == [
        {"platform": "illumina", "read1": "${inputs.read1}"},
        libraries[1],
    ]
    assert none["steps"][0]["params"]["paired_end_libs"] == [libraries[1]]
