"""The gather of a batch is checked at its submission, with the lists that its rows will give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.spec.batches.test_batch_checks import FOLDER, ROWS, check, workflow
from tests.spec.examples import CATALOGUE
from workflows.model.values import Json
from workflows.spec.batches.gather import Gather, collect
from workflows.spec.batches.gather_check import ExaminedGather, examine_gather
from workflows.spec.batches.outputs import likely_lists, output_names
from workflows.spec.document import spec_from
from workflows.spec.resolver import UNKNOWN_UNTIL_RUN, resolved_params
from workflows.spec.validate import Limits, validate

LISTS: dict[str, list[Json]] = {
    "annotate.genome": ["/a/1.genome", "/a/2.genome"],
    "tree file": ["/a/t"],
}


def gather(paths: Any = "${batch.outputs.annotate.genome}", **fields: Any) -> dict[str, Any]:
    group = {"job_result_paths": paths, "group_type": "genome", "group_name": "g"}
    return {
        "workflow_name": "tree",
        "version": "1.0",
        "base_context": {"base_url": "https://www.bv-brc.org", "workspace_output_folder": FOLDER},
        "steps": [{"step_name": "group", "app": "CreateGroup", "params": group}],
        **fields,
    }


def examine(found: Any, lists: Mapping[str, Sequence[Json]] | None = LISTS) -> ExaminedGather:
    return examine_gather(found, lists, CATALOGUE, Limits())


def found_in(found: Any, lists: Mapping[str, Sequence[Json]] | None = LISTS) -> set[Any]:
    return {(each.path, each.code) for each in examine(found, lists).problems}


AT = "gather.steps[0].params.job_result_paths"


def test_its_workflow_holds_the_lists_that_it_uses_and_is_valid_as_it_is() -> None:
    seen = examine(gather(labels={"own": "x"}, require="all"))
    assert isinstance(seen.gather, Gather)

    document = seen.gather.workflow(LISTS, {"project": "p", "batch": "b_1"})

    assert seen.gather.require == "all"
    assert "batch" not in seen.gather.document["base_context"]
    lists = {"outputs": {"annotate": {"genome": ["/a/1.genome", "/a/2.genome"]}}}
    assert document["base_context"]["batch"] == lists
    assert document["labels"] == {"own": "x", "project": "p", "batch": "b_1"}
    assert validate(document, CATALOGUE).workflow_json == document
    assert resolved_params(spec_from(document), 0, [1])["job_result_paths"] == [
        "/a/1.genome",
        "/a/2.genome",
    ]
    assert examine(document | {"require": "any"}).gather == Gather(
        {**seen.gather.document, "labels": document["labels"]}, "any"
    )


@pytest.mark.parametrize(
    ("paths", "path", "code", "hint"),
    [
        ("${batch.outputs.anotate.genome}", AT, "unknown_output", "annotate.genome"),
        ("${batch.outputs['annotate.genome']}", AT, "malformed_reference", "annotate.genome}"),
        ("${batch.samples}", AT, "unknown_reference", "${batch.outputs.<name>}"),
        ("${batch}", AT, "unknown_reference", "${batch.outputs.<name>}"),
        ("${sample.srr}", AT, "unknown_reference", "base_context has"),
        (["${batch.outputs.annotate.genome}"], f"{AT}[0]", "wrong_type", ""),
        (
            ["${batch.outputs.x}", "${batch.outputs.x.y}"],
            f"{AT}[1]",
            "unknown_output",
            "its outputs are",
        ),
    ],
)
def test_what_is_wrong_with_a_reference_is_said_at_its_place(
    paths: Any, path: str, code: str, hint: str
) -> None:
    found = examine(gather(paths)).problems

    (problem,) = [each for each in found if (each.path, each.code) == (path, code)]
    assert hint in problem.suggestion


def test_of_two_references_one_of_which_leads_into_the_other_one_is_refused() -> None:
    lists: dict[str, list[Json]] = {"a": ["/a"], "a.b": ["/b"]}
    uses = {"x": "${batch.outputs.a}", "y": "${batch.outputs.a.b}"}
    step = {"step_name": "s", "app": "Date", "params": {**uses, "output_file": "o"}}
    step["params"] |= {"output_path": FOLDER}

    assert found_in(gather(steps=[step]), lists) == {
        ("gather.steps[0].params.y", "unknown_reference")
    }


@pytest.mark.parametrize(
    ("found", "path", "code"),
    [
        ([], "gather", "not_an_object"),
        ({}, "gather.steps", "missing_field"),
        (gather(require="most"), "gather.require", "bad_argument"),
        (gather(require=["all"]), "gather.require", "bad_argument"),
        (gather(steps=5), "gather.steps", "wrong_type"),
        (gather(base_context=5), "gather.base_context", "wrong_type"),
        (gather(stepz=5), "gather.stepz", "unknown_field"),
    ],
)
def test_all_else_is_checked_as_in_any_workflow(found: Any, path: str, code: str) -> None:
    assert (path, code) in found_in(found)
    assert (path, code) in found_in(found, None)


def test_where_a_list_is_wrong_that_is_said_though_its_values_are_not_known() -> None:
    lists: dict[str, Any] = {"x": [UNKNOWN_UNTIL_RUN]}
    tree = {"step_name": "t", "app": "Date", "params": {"output_path": "${batch.outputs.x}"}}
    tree["params"]["output_file"] = "o"

    problems = examine(gather(steps=[tree]), lists).problems

    assert ("gather.steps[0].params.output_path", "wrong_type") in {
        (each.path, each.code) for each in problems
    }
    assert not examine(gather("${batch.outputs.x}"), lists).problems


def test_outputs_of_rows_that_have_problems_are_not_judged() -> None:
    assert not found_in(gather("${batch.outputs.unknown}"), None)


def test_a_group_takes_the_results_of_five_thousand_rows() -> None:
    paths: list[Json] = [f"/user@bvbrc/home/survey/S{n:04}/Annotation/.ann" for n in range(5_000)]

    assert not found_in(gather("${batch.outputs.x}"), {"x": paths})


def test_the_lists_of_a_batch_are_known_before_it_runs_as_far_as_can_be() -> None:
    found = workflow()
    found["steps"][0]["outputs"] = {
        "contigs": "${params.output_path}/.asm/asm_contigs.fasta",
        "bins": {"glob": "${params.output_path}/.asm/*.fa", "many": True},
    }
    checked = check(found, ROWS)

    assert output_names(checked) == ("assemble.contigs", "assemble.bins")
    assert likely_lists(checked) == {
        "assemble.contigs": [f"{FOLDER}/S{n}/Assembly/.asm/asm_contigs.fasta" for n in (1, 2)],
        "assemble.bins": [UNKNOWN_UNTIL_RUN],
    }


def test_a_row_without_a_value_is_left_out_and_lists_become_one() -> None:
    assert collect(["a", None, ["b", "c"], [], {"d": 1}]) == ["a", "b", "c", {"d": 1}]
