"""Batches are checked whole: the template, every row, and what rows write to."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from tests.spec.examples import CATALOGUE
from workflows.model.errors import Invalid, Problem
from workflows.spec.batches.check import CheckedBatch, Request, check_batch
from workflows.spec.batches.problems import MOST_PROBLEMS
from workflows.spec.batches.table import table_from_json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.validate import Limits, validate

FOLDER = "/alice@bvbrc/home/out"
ASSEMBLY = {
    "srr_ids": "${sample.srr}",
    "genome_size": "${sample.size}",
    "output_path": "${workspace_output_folder}/Assembly",
    "output_file": "asm",
}


def workflow(**params: Any) -> dict[str, Any]:
    return {
        "workflow_name": "w",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": FOLDER,
        },
        "steps": [
            {
                "step_name": "assemble",
                "app": "GenomeAssembly2",
                "params": {**ASSEMBLY, **params},
            }
        ],
    }


def check(found: dict[str, Any], rows: Sequence[dict[str, Any]], **options: Any) -> CheckedBatch:
    noted = Diagnostics()
    table = table_from_json(copy.deepcopy(list(rows)), noted)
    return check_batch(Request(found, table, **options), CATALOGUE, Limits(), noted)


def problems(found: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Sequence[Problem]:
    with pytest.raises(Invalid) as refused:
        check(found, rows)
    return refused.value.problems


def params(checked: CheckedBatch, index: int = 0) -> dict[str, Any]:
    document = checked.document(checked.table.rows[index], {})
    return dict(document["steps"][0]["params"])


def cells(checked: CheckedBatch, index: int = 0) -> dict[str, Any]:
    document = checked.document(checked.table.rows[index], {})
    return dict(document["base_context"]["sample"])


ROWS = [{"sample": "S1", "srr": "SRR1234567", "size": "5M"}, {"sample": "S2", "srr": "SRR7654321"}]


@pytest.mark.parametrize("index", [0, 1])
def test_the_workflow_of_a_row_is_valid_as_it_is(index: int) -> None:
    checked = check(workflow(), ROWS)
    document = checked.document(checked.table.rows[index], {"batch": "b_1"})

    again = validate(document, CATALOGUE)

    assert again.workflow_json == document
    assert document["base_context"]["workspace_output_folder"] == f"{FOLDER}/S{index + 1}"
    assert document["labels"] == {"batch": "b_1", "sample": f"S{index + 1}"}


def test_the_parameter_decides_the_type_of_a_cell() -> None:
    row = {"srr": "SRR1;SRR2", "size": "5M", "taxon": "007", "pilon": "2", "trim": "yes"}
    found = workflow(
        taxonomy_note="${sample.taxon}", pilon_iter="${sample.pilon}", trim="${sample.trim}"
    )

    given = cells(check(found, [row]))

    assert given["srr"] == ["SRR1", "SRR2"]
    assert given["size"] == 5_000_000
    assert given["taxon"] == "007"
    assert given["pilon"] == 2
    assert given["trim"] is True


def test_an_empty_cell_leaves_its_parameter_out() -> None:
    checked = check(workflow(), ROWS)

    assert "genome_size" in params(checked, 0)
    assert "genome_size" not in params(checked, 1)


def test_an_empty_cell_is_left_out_of_groups_and_lists_too() -> None:
    found = workflow(
        paired_end_libs=[{"read1": "${sample.r1}", "read2": "${sample.r2}"}],
        single_end_libs=[{"read": "${sample.r1}"}],
    )
    row = {"sample": "A", "srr": "SRR1", "r1": "/u@bvbrc/home/1.fq"}
    full = {
        "sample": "B",
        "size": 1,
        "srr": "SRR1",
        "r1": "/u@bvbrc/home/1.fq",
        "r2": "/u@bvbrc/home/2.fq",
    }
    none = {"sample": "C", "srr": "SRR1"}

    checked = check(found, [full, none, row])

    assert params(checked)["paired_end_libs"][0]["read2"] == "${sample.r2}"
    assert "paired_end_libs" not in params(checked, 1)
    assert "single_end_libs" not in params(checked, 1)
    assert params(checked, 2)["paired_end_libs"] == [{"read1": "${sample.r1}"}]


@pytest.mark.parametrize(
    ("row", "code", "path"),
    [
        ({"size": "big"}, "wrong_type", "samples[1].size"),
        ({"srr": ""}, "missing_input", "samples[1].srr"),
        ({"srr": "${params.x}"}, "reference_in_cell", "samples[1].srr"),
    ],
)
def test_a_bad_row_is_named_with_its_cell(row: dict[str, Any], code: str, path: str) -> None:
    (problem,) = problems(workflow(), [ROWS[0], {**ROWS[1], **row}])

    assert (problem.code, problem.path) == (code, path)
    assert problem.as_json()["row"] == 2
    assert problem.as_json()["sample"] == "S2"


def test_a_relative_path_is_refused() -> None:
    found = workflow(single_end_libs=[{"read": "${sample.r1}"}])

    (problem,) = problems(found, [{**ROWS[0], "r1": "reads/1.fq"}])

    assert problem.code == "relative_path"


def test_an_empty_cell_inside_a_text_is_refused() -> None:
    (problem,) = problems(workflow(output_file="${sample.size}_asm"), ROWS)

    assert (problem.code, problem.path) == ("empty_cell", "samples[1].size")


def test_a_column_that_does_not_exist_is_refused_once_with_a_suggestion() -> None:
    (problem,) = problems(workflow(srr_ids="${sample.Srr}"), ROWS)

    assert (problem.code, problem.path) == ("unknown_column", "workflow.steps[0].params.srr_ids")
    assert problem.suggestion == "did you mean 'srr'?"


def test_a_problem_of_the_template_is_said_once() -> None:
    found = workflow(recipe="no such recipe")
    found["steps"].append({"step_name": "b", "app": "NoSuchApp", "params": {}})

    (problem,) = problems(found, ROWS * 1)

    assert problem.path == "workflow.steps[1].app"


def test_a_column_that_is_not_used_is_warned_about() -> None:
    checked = check(workflow(), [{**ROWS[0], "note": "x"}])

    assert [(each.code, each.path) for each in checked.warnings] == [("unused_column", "samples")]


def test_two_rows_that_write_to_one_place_are_named_both() -> None:
    found = workflow(output_path="/alice@bvbrc/home/fixed")

    (problem,) = problems(found, ROWS)

    assert problem.code == "output_conflict"
    assert "(S1)" in problem.message
    assert "(S2)" in problem.message


def test_a_template_that_names_its_outputs_by_columns_gets_no_folder_of_its_own() -> None:
    checked = check(workflow(output_file="${sample.sample}"), ROWS)

    document = checked.document(checked.table.rows[0], {})

    assert document["base_context"]["workspace_output_folder"] == FOLDER


def test_the_same_problem_in_many_rows_is_one_with_a_count() -> None:
    rows = [{"sample": f"S{at}", "srr": "SRR1", "size": "big"} for at in range(120)]

    (problem,) = problems(workflow(), rows)

    assert problem.as_json()["count"] == 120


def test_no_more_problems_are_reported_than_a_person_reads() -> None:
    rows = [{"sample": f"S{at}", "srr": "SRR1", "size": f"big{at}"} for at in range(120)]

    found = problems(workflow(), rows)

    assert len(found) == MOST_PROBLEMS + 1
    assert found[-1].code == "more_problems"


def test_bad_rows_can_be_left_out() -> None:
    rows = [ROWS[0], {"sample": "bad", "srr": "SRR1", "size": "big"}, ROWS[1]]

    checked = check(workflow(), rows, skip_invalid=True)

    assert [row.sample for row in checked.table.rows] == ["S1", "S2"]
    assert [each.code for each in checked.skipped] == ["wrong_type"]


def test_too_many_steps_in_all_are_refused() -> None:
    found = workflow(output_file="asm_${sample.sample}")
    step = found["steps"][0]
    found["steps"] = [
        {**step, "step_name": f"s{at}", "params": {**step["params"], "output_file": f"a{at}"}}
        for at in range(11)
    ]
    rows = [{"sample": f"S{at}", "srr": "SRR1", "size": "1"} for at in range(5_000)]

    assert [each.code for each in problems(found, rows)] == ["too_many_steps"]


def test_the_document_of_a_row_can_be_the_template_of_a_batch() -> None:
    checked = check(workflow(), ROWS)
    document = checked.document(checked.table.rows[0], {"batch": "b_1"})

    again = check(document, ROWS, name="again")

    assert again.name == "again"
    assert params(again) == params(checked)


def test_accessions_of_a_column_are_checked_each() -> None:
    rows = [{"sample": "S1", "srr": "SRR1;SRR2"}, {"sample": "S2", "srr": "SRR3;nonsense"}]

    (found,) = problems(workflow(genome_size=5), rows)

    assert (found.path, found.code) == ("samples[1].srr", "bad_accession")


def test_rows_of_one_name_are_told_so_once() -> None:
    found = problems(workflow(), [ROWS[0], {**ROWS[1], "sample": ROWS[0]["sample"]}])

    assert [each.code for each in found] == ["duplicate_sample"]
