"""A sample sheet as a table: what its columns fill, edits, and problems at their cells."""

from __future__ import annotations

from typing import Any

import pytest

from app.ui.sheets.columns import fill_columns, find_targets, match_columns
from app.ui.sheets.table import SHOWN, read_table, show_table, write_table
from tests.ui.start.test_forms import CATALOGUE
from workflows.model.errors import Problem

SHEET = "sample;R1;R2\n#\nA;/a;\n\nB;/b;/c\n"


def workflow(app: str = "GenomeAssembly2", **params: Any) -> dict[str, Any]:
    return {"steps": [{"step_name": "s", "app": app, "params": params}]}


def matched(document: dict[str, Any], *columns: str, **chosen: str) -> dict[str, str]:
    targets = find_targets(document, CATALOGUE.apps)
    return {each.name: each.fills for each in match_columns(columns, document, targets, chosen)}


def test_columns_are_recognised_by_the_names_that_people_give_them() -> None:
    assert matched(workflow(), "sample", "R1", "reverse", "accession", "colour") == {
        "sample": "",
        "R1": "steps[0].params.paired_end_libs[0].read1",
        "reverse": "steps[0].params.paired_end_libs[0].read2",
        "accession": "steps[0].params.srr_ids",
        "colour": "",
    }


def test_a_choice_goes_before_a_guess() -> None:
    path = "steps[0].params.single_end_libs[0].read"

    found = matched(workflow(), "R1", "recipe", R1=path, recipe="", other=path)

    assert found == {"R1": path, "recipe": ""}


def test_the_workflow_itself_may_say_where_a_column_belongs() -> None:
    document = workflow(srr_ids="${sample.R1}")
    columns = match_columns(["R1"], document, find_targets(document, CATALOGUE.apps), {})

    assert [(each.fills, each.written) for each in columns] == [("", True)]


@pytest.mark.parametrize(
    ("column", "reference"),
    [
        ("run", "${sample.run}"),
        ("SRA run", "${sample['SRA run']}"),
        ("it's", '${sample["it\'s"]}'),
        ("{x}", None),
    ],
)
def test_columns_of_every_name_are_referred_to(column: str, reference: str | None) -> None:
    document = workflow(srr_ids=[])
    targets = find_targets(document, CATALOGUE.apps)
    columns = match_columns([column], document, targets, {column: "steps[0].params.srr_ids"})

    params = fill_columns(document, targets, columns)["steps"][0]["params"]

    assert params == {"srr_ids": reference or []}
    assert document == workflow(srr_ids=[])


def test_groups_are_made_where_they_are_missing() -> None:
    document = workflow(paired_end_libs="odd")
    targets = find_targets(document, CATALOGUE.apps)
    columns = match_columns(["R1", "R2"], document, targets, {})

    params = fill_columns(document, targets, columns)["steps"][0]["params"]

    assert params == {"paired_end_libs": [{"read1": "${sample.R1}", "read2": "${sample.R2}"}]}


def test_cells_are_edited_and_rows_keep_their_numbers() -> None:
    text, table, noted = read_table(SHEET, {(0, 2): 'x, "y"', (1, 1): "", (9, 0): "z"})

    assert not noted.problems
    assert [(row.number, dict(row.cells)) for row in table.rows] == [
        (3, {"sample": "A", "R1": "/a", "R2": 'x, "y"'}),
        (5, {"sample": "B", "R2": "/c"}),
    ]
    assert write_table(table) == text
    assert read_table(text, {(0, 0): "A"})[1] == table


def test_a_table_that_cannot_be_read_stays_as_it_is() -> None:
    text, _, noted = read_table('a,b\n"x', {(0, 0): "y"})

    assert text == 'a,b\n"x'
    assert noted.problems


def test_each_problem_is_at_its_cell_its_row_or_apart() -> None:
    _, table, _ = read_table(SHEET, {})
    paths = ["samples[1].R2", "samples[0]", "samples", "workflow.steps[0].app", "samples[7].R1"]
    message = "steps[0].params.x: it is wrong"

    sheet = show_table(table, [Problem(path, "c", message, "mend it") for path in paths], [])

    assert [note.text for note in sheet.rows[1].cells[2].notes] == ["it is wrong: mend it"]
    assert [note.text for note in sheet.rows[0].notes] == ["it is wrong: mend it"]
    assert [each.path for each in sheet.others] == paths[2:]
    assert sheet.faulty == 2


def test_of_a_long_table_the_rows_with_problems_are_shown() -> None:
    lines = [f"S{number},x" for number in range(3 * SHOWN)]
    _, table, _ = read_table("\n".join(["sample,a b", *lines]), {})

    sheet = show_table(table, [Problem("samples[250]['a b']", "c", "wrong")], [])

    assert sheet.count == 3 * SHOWN
    assert [row.number for row in sheet.rows[SHOWN:]] == [252]
    assert sheet.rows[-1].cells[1].is_faulty
