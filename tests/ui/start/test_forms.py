"""The form of an app: what its controls mean, which are used, and where problems appear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from app.ui.start import form_layout, form_values
from app.ui.start.form_layout import Field, Form, Rows
from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.model.errors import Problem
from workflows.model.values import Json
from workflows.spec.app_descriptions import describe_app
from workflows.spec.app_examples import build_example
from workflows.spec.catalogue import App, catalogue
from workflows.spec.validate import validate

CATALOGUE = catalogue(app_table.load(), extra=declared_apps.apps())
SPECS = {spec["id"]: spec for spec in [*app_table.load(), *declared_apps.specs()]}


def lay_out(app: App, texts: Mapping[str, str]) -> Form:
    described = form_layout.descriptions(describe_app(app, SPECS[app.id], {}), SPECS[app.id])
    values = form_values.read_values(app.parameters, texts)
    return form_layout.lay_out(app, texts, values, described)


def fields(form: Form) -> Iterator[Field]:
    for item in form.items:
        if isinstance(item, Rows):
            yield from (each for row in item.rows for each in (*row.fields, *row.more))
        else:
            yield item


@pytest.mark.parametrize("name", sorted(CATALOGUE.apps))
def test_the_form_of_every_app_takes_a_workflow_that_validates(name: str) -> None:
    app = CATALOGUE.apps[name]
    document: Any = build_example(app)
    texts, others = form_values.write_values(app.parameters, document["steps"][0]["params"])

    read = form_values.read_values(app.parameters, texts)
    document["steps"][0]["params"] = {**others, **form_layout.active_values(app, read)}
    controls = {each.name for each in fields(lay_out(app, texts))}

    assert others == {}
    assert validate(document, CATALOGUE).spec.steps
    assert texts.keys() <= controls
    assert len({each.id for each in fields(lay_out(app, texts))}) == len(controls)


@pytest.mark.parametrize(
    ("parameter", "texts", "value"),
    [
        ("recipe", {"p.recipe": " auto "}, "auto"),
        ("min_contig_len", {"p.min_contig_len": "300"}, 300),
        ("min_contig_len", {"p.min_contig_len": "many"}, "many"),
        ("trim", {"p.trim": "true"}, True),
        ("srr_ids", {"p.srr_ids.0": "SRR1", "p.srr_ids.4": "SRR2", "p.srr_ids.2": ""},
         ["SRR1", "SRR2"]),
        ("single_end_libs", {"p.single_end_libs.7.read": "/a", "p.single_end_libs.9.read": ""},
         [{"read": "/a"}, {}]),
    ],
)  # fmt: skip
def test_texts_become_values_of_the_right_type(
    parameter: str, texts: dict[str, str], value: Json
) -> None:
    app = CATALOGUE.apps["GenomeAssembly2"]

    assert form_values.read_values(app.parameters, texts) == {parameter: value}


def test_lines_and_json_are_lists() -> None:
    parameters = CATALOGUE.apps["CodonTree"].parameters

    def read(text: str) -> Json:
        return form_values.read_values(parameters, {"p.genome_ids": text})["genome_ids"]

    assert read("1.1\r\n\r\n 1.2 ") == ["1.1", "1.2"]
    assert read('["1.1", "1.2"]') == ["1.1", "1.2"]


def test_a_group_is_removed_and_the_others_keep_their_names() -> None:
    parameter = CATALOGUE.apps["GenomeAssembly2"].parameters["paired_end_libs"]
    texts = form_values.add_row(form_values.add_row({}, parameter), parameter)
    texts |= {"p.paired_end_libs.0.read1": "/a", "p.paired_end_libs.1.read1": "/b"}

    texts = form_values.drop_row(texts, "paired_end_libs", "0")

    assert texts == {"p.paired_end_libs.1.read1": "/b"}
    assert form_values.row_keys(form_values.add_row(texts, parameter), "paired_end_libs") == [1, 2]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([{"read1": "${steps.a.outputs.x}", "read2": "/b"}], True),
        ([{"read1": "/a", "strange": 1}], False),
        ("${steps.a.outputs.libraries}", False),
        ([["/a", "/b"]], False),
    ],
)
def test_what_no_control_can_show_is_kept_apart(value: Json, shown: bool) -> None:
    parameters = CATALOGUE.apps["GenomeAssembly2"].parameters

    texts, others = form_values.write_values(parameters, {"paired_end_libs": value, "odd": 1})

    assert others == {"odd": 1, **({} if shown else {"paired_end_libs": value})}
    assert bool(texts) is shown


def test_a_choice_decides_which_inputs_are_used() -> None:
    app = CATALOGUE.apps["ComprehensiveGenomeAnalysis"]
    texts = {"p.input_type": "contigs", "p.contigs": "/a", "p.genbank_file": "/b"}

    shown = {each.path: each.active for each in lay_out(app, texts).items}
    values = form_values.read_values(app.parameters, texts)

    assert shown["steps[0].params.contigs"]
    assert not shown["steps[0].params.genbank_file"]
    assert not shown["steps[0].params.paired_end_libs"]
    assert form_layout.active_values(app, values) == {"input_type": "contigs", "contigs": "/a"}


def test_choices_that_do_not_go_together_stand_apart() -> None:
    app = CATALOGUE.apps["TaxonomicClassification"]

    found = {each.name: each for each in fields(lay_out(app, {"p.analysis_type": "pathogen"}))}

    assert found["p.database"].choices == ("bvbrc", "standard")
    assert found["p.database"].unusual == ("Greengenes", "SILVA")
    assert found["p.analysis_type"].decides


def test_each_problem_is_at_its_control() -> None:
    app = CATALOGUE.apps["GenomeAssembly2"]
    form = lay_out(app, {"p.srr_ids.3": "", "p.srr_ids.5": "x", "p.paired_end_libs.2.read2": "/b"})
    paths = [
        "steps[0].params.srr_ids[0]",
        "steps[0].params.paired_end_libs[0].read1",
        "steps[0].params.paired_end_libs[0]",
        "steps[0].params.recipe",
        "workflow_name",
        "steps[0].params",
        "steps[0].params.recipes",
    ]

    form_layout.annotate(form, [Problem(path, "c", f"at {path}") for path in paths], [])

    found = {each.name: [note.text for note in each.notes] for each in fields(form) if each.notes}
    assert found == {
        "p.srr_ids.5": [f"at {paths[0]}"],
        "p.paired_end_libs.2.read1": [f"at {paths[1]}"],
        "p.recipe": [f"at {paths[3]}"],
        "name": [f"at {paths[4]}"],
    }
    rows = [row for item in form.reads if isinstance(item, Rows) for row in item.rows]
    assert [note.text for row in rows for note in row.notes] == [f"at {paths[2]}"]
    assert [note.text for note in form.notes] == [
        f"{path}: at {path}" for path in (paths[5], paths[6])
    ]
