"""Read libraries in the shapes people and models write."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.examples import codes, look, workflow

ONE, TWO = "/u@bvbrc/home/s_R1.fastq", "/u@bvbrc/home/s_R2.fastq"
PAIR = {"read1": ONE, "read2": TWO}
FILES = [{"class": "File", "location": ONE}, {"class": "File", "path": TWO}]


def libraries(app: str = "GenomeAssembly2", **params: Any) -> dict[str, Any]:
    place = {"output_path": "/u@bvbrc/home/out", "output_file": "o"}
    return workflow({"step_name": "only", "app": app, "params": {**place, **params}})


def taken(app: str, name: str, value: Any) -> Any:
    found = look(libraries(app, **{name: value}))
    assert found.problems == ()
    assert found.workflow_json is not None
    return found.workflow_json["steps"][0]["params"].get(name)


@pytest.mark.parametrize(
    "value",
    [
        [PAIR],
        PAIR,
        [ONE, TWO],
        [[ONE, TWO]],
        [{"r1": ONE, "r2": TWO}],
        [{"R1": ONE, "R2": TWO}],
        [{"forward": ONE, "reverse": TWO}],
        [{"read_1": ONE, "read_2": TWO}],
        FILES,
        [{"read1": FILES[0], "read2": FILES[1]}],
        [{"file": ONE, "lib_type": "paired"}, {"file": TWO, "lib_type": "paired"}],
    ],
)
def test_every_way_to_write_a_pair_means_the_same(value: Any) -> None:
    assert taken("GenomeAssembly2", "paired_end_libs", value) == [PAIR]


@pytest.mark.parametrize(
    "value", [[{"read": ONE}], {"read": ONE}, [ONE], ONE, [{"file": ONE}], [FILES[0]], FILES[0]]
)
def test_every_way_to_write_a_single_library_means_the_same(value: Any) -> None:
    assert taken("GenomeAssembly2", "single_end_libs", value) == [{"read": ONE}]


@pytest.mark.parametrize(
    "value",
    [
        ["SRR1", "SRR2"],
        "SRR1, SRR2",
        "SRR1 SRR2",
        ["srr1", " SRR2 "],
        [{"srr_accession": "SRR1"}, {"accession": "SRR2"}],
    ],
)
def test_every_way_to_write_accessions_means_the_same(value: Any) -> None:
    assert taken("GenomeAssembly2", "srr_ids", value) == ["SRR1", "SRR2"]


def test_an_accession_alone_names_its_sample() -> None:
    assert taken("TaxonomicClassification", "srr_libs", ["SRR1"]) == [
        {"srr_accession": "SRR1", "sample_id": "SRR1"}
    ]
    assert taken("FastqUtils", "srr_libs", "SRR1, SRR2") == [
        {"srr_accession": "SRR1"},
        {"srr_accession": "SRR2"},
    ]


def test_an_app_that_takes_one_library_gets_one() -> None:
    assert taken("ViralAssembly", "paired_end_lib", [PAIR]) == PAIR
    assert taken("ViralAssembly", "single_end_lib", ONE) == {"read": ONE}


def test_an_interleaved_library_has_one_file() -> None:
    library = {"read1": ONE, "interleaved": True}

    assert look(libraries(paired_end_libs=[library])).warnings == ()


def test_a_pair_without_its_second_file_is_warned_about() -> None:
    (warning,) = look(libraries(paired_end_libs=[{"read1": ONE}])).warnings

    assert (warning.path, warning.code) == (
        "steps[0].params.paired_end_libs[0]",
        "unpaired_library",
    )


def test_libraries_behind_references_are_left_alone() -> None:
    document = libraries(paired_end_libs="${pairs}", single_end_libs=["${one}"])
    document["base_context"] |= {"pairs": [PAIR], "one": ONE}

    found = look(document)

    assert found.problems == ()
    assert found.workflow_json is not None
    params = found.workflow_json["steps"][0]["params"]
    assert params["paired_end_libs"] == "${pairs}"
    assert params["single_end_libs"] == [{"read": "${one}"}]


def test_what_the_website_adds_to_a_library_is_only_warned_about() -> None:
    library = {"sample_id": "s", "srr_accession": "SRR1", "title": "t", "row": {}, "handle": {}}

    found = look(libraries("TaxonomicClassification", srr_libs=[library]))

    assert found.problems == ()
    assert {warning.code for warning in found.warnings} == {"unknown_parameter"}


@pytest.mark.parametrize(
    ("params", "path", "code"),
    [
        ({}, "steps[0].params", "missing_input"),
        ({"paired_end_libs": []}, "steps[0].params", "missing_input"),
        ({"srr_ids": ["not an srr"]}, "steps[0].params.srr_ids[0]", "bad_accession"),
        ({"paired_end_libs": "x"}, "steps[0].params.paired_end_libs", "wrong_type"),
        (
            {"paired_end_libs": [{"read2": TWO}]},
            "steps[0].params.paired_end_libs[0].read1",
            "missing_parameter",
        ),
        (
            {"single_end_libs": [{"read": 5}]},
            "steps[0].params.single_end_libs[0].read",
            "wrong_type",
        ),
    ],
)
def test_libraries_that_cannot_be_read_are_problems(
    params: dict[str, Any], path: str, code: str
) -> None:
    assert codes(libraries(**params)) == {path: code}


@pytest.mark.parametrize(
    ("app", "params", "path"),
    [
        ("ComprehensiveGenomeAnalysis", {"input_type": "reads"}, ""),
        ("ComprehensiveGenomeAnalysis", {"input_type": "contigs"}, ".contigs"),
        ("ComprehensiveGenomeAnalysis", {"input_type": "genbank"}, ""),
        ("CodonTree", {}, ""),
        ("CoreGenomeMLST", {"input_schema_selection": "x"}, ".input_genome_group"),
        ("MSA", {"fasta_keyboard_input": ""}, ""),
    ],
)
def test_inputs_that_others_ask_for_must_be_given(
    app: str, params: dict[str, Any], path: str
) -> None:
    found = codes(libraries(app, scientific_name="x", **params))

    assert found == {f"steps[0].params{path}": "missing_input"}


@pytest.mark.parametrize(
    ("app", "params", "suggestion"),
    [
        ("GenomeAssembly2", {"srr_id": "SRR1"}, "was 'srr_ids' meant by 'srr_id'?"),
        ("Variation", {"paired_end_lib": PAIR}, "was 'paired_end_libs' meant by 'paired_end_lib'?"),
        ("CodonTree", {"genome_group": "/u/a/g"}, "was 'genome_groups' meant by 'genome_group'?"),
        ("GenomeAssembly2", {}, "give 'paired_end_libs', 'single_end_libs', 'srr_ids'"),
        ("TaxonomicClassification", {}, "give 'paired_end_libs', 'single_end_libs', 'srr_libs'"),
    ],
)
def test_an_input_by_another_name_is_found(
    app: str, params: dict[str, Any], suggestion: str
) -> None:
    problems = look(libraries(app, **params)).problems
    (found,) = [problem for problem in problems if problem.code == "missing_input"]

    assert found.suggestion == suggestion


def test_a_choice_that_the_specification_of_a_library_does_not_list_is_a_warning() -> None:
    seen = look(libraries(single_end_libs=[{"read": PAIR["read1"], "platform": "iontorrent"}]))

    assert seen.problems == ()
    (warning,) = seen.warnings
    assert (warning.path, warning.code) == (
        "steps[0].params.single_end_libs[0].platform",
        "unusual_value",
    )
    assert "'nanopore'" in warning.suggestion
