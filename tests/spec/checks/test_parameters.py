"""Single values: what is put right, what is a problem, what may pass; also through references."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.spec.examples import CATALOGUE, codes, look, minimal_params, workflow
from workflows.model.errors import Problem

PAIR = {"read1": "/u@bvbrc/home/1.fq", "read2": "/u@bvbrc/home/2.fq"}
ANNOTATION = minimal_params(CATALOGUE.apps["GenomeAnnotation"])


def step(app: str, **changes: Any) -> dict[str, Any]:
    params = {**minimal_params(CATALOGUE.apps[app]), **changes}
    return {"step_name": "only", "app": app, "params": params}


def put_right(app: str, name: str, value: Any) -> tuple[Any, list[str]]:
    """What a value became, and the codes of the fixes."""
    found = look(workflow(step(app, **{name: value})))
    assert found.problems == ()
    assert found.workflow_json is not None
    better = found.workflow_json["steps"][0]["params"].get(name, "<dropped>")
    return better, [fix.code for fix in found.auto_fixes]


@pytest.mark.parametrize(
    ("app", "name", "value", "better", "code"),
    [
        ("GenomeAnnotation", "taxonomy_id", "562", 562, "made_number"),
        ("GenomeAnnotation", "taxonomy_id", 562.0, 562, "made_number"),
        ("GenomeAnnotation", "code", "11", 11, "made_number"),
        ("GenomeAnnotation", "domain", "bacteria", "Bacteria", "made_choice"),
        ("GenomeAnnotation", "domain", "viral", "Viruses", "made_choice"),
        ("GenomeAnnotation", "public", "false", False, "made_truth"),
        ("GenomeAnnotation", "scientific_name", 7, "7", "made_text"),
        ("GenomeAnnotation", "taxonomy_id", None, "<dropped>", "dropped_empty"),
        ("GenomeAnnotation", "taxonomy_id", "", "<dropped>", "dropped_empty"),
        ("GenomeAnnotation", "contigs", "ws:/u@bvbrc/home/c", "/u@bvbrc/home/c", "made_path"),
        (
            "GenomeAnnotation",
            "contigs",
            {"class": "File", "location": "ws:///u@bvbrc/home/c"},
            "/u@bvbrc/home/c",
            "made_path",
        ),
        ("GenomeAssembly2", "genome_size", "5M", 5_000_000, "made_number"),
        ("GenomeAssembly2", "min_contig_cov", "2.5", 2.5, "made_number"),
        ("GenomeAssembly2", "debug", True, 1, "made_number"),
        ("GenomeAssembly2", "recipe", "META_SPADES", "meta-spades", "made_choice"),
        ("GenomeAssembly2", "trim", "0", False, "made_truth"),
        ("GenomeAssembly2", "single_end_libs", [], "<dropped>", "dropped_empty"),
        ("GenomeAlignment", "genome_ids", "83332.12", ["83332.12"], "made_list"),
        ("GenomeAlignment", "genome_ids", '["1.1", "2.2"]', ["1.1", "2.2"], "made_list"),
        ("GenomeAlignment", "genome_ids", "1.1, 2.2", ["1.1", "2.2"], "made_list"),
        ("GenomeAssembly2", "srr_ids", '["SRR1", "SRR2"]', ["SRR1", "SRR2"], "made_list"),
        ("GenomeAssembly2", "paired_end_libs", f"[{json.dumps(PAIR)}]", [PAIR], "made_list"),
        ("RNASeq", "experimental_conditions", "hot", ["hot"], "made_list"),
        ("TaxonomicClassification", "confidence_interval", "0.1", 0.1, "made_number"),
        ("CreateGroup", "group_type", "genome_group", "genome", "made_choice"),
    ],
)
def test_a_safe_mistake_is_put_right_and_told(
    app: str, name: str, value: Any, better: Any, code: str
) -> None:
    found, fixes = put_right(app, name, value)

    assert found == better
    assert type(found) is type(better)
    assert code in fixes


@pytest.mark.parametrize(
    ("app", "name", "value"),
    [
        ("GenomeAnnotation", "scientific_name", "Ünïcode café –"),
        ("GenomeAnnotation", "public", 0),
        ("GenomeAnnotation", "code", 11),
        ("GenomeAnnotation", "custom_pipeline", {"call-features-rRNA-SEED": {}}),
        ("TaxonomicClassification", "confidence_interval", 0.1),
        ("TnSeq", "read_files", {"control": {"library": ["/u/home/a"]}}),
        ("GeneTree", "sequences", [{"filename": "/u/home/a", "type": "feature_group"}]),
        ("RNASeq", "contrasts", [["a", "b"], ["c", "d"]]),
        ("MetagenomeBinning", "paired_end_libs", [{"read1": "/u/a/1", "read2": "/u/a/2"}]),
        ("MetagenomeBinning", "paired_end_libs", {"read1": "/u/a/1", "read2": "/u/a/2"}),
        ("PrimerDesign", "SEQUENCE_TARGET", [[1, 2]]),
        ("PrimerDesign", "SEQUENCE_TARGET", "47,21"),
        ("RNASeq", "single_end_libs", [{"sample_id": "s", "read": "/u/a/r", "condition": "hot"}]),
        ("MetaCATS", "auto_groups", [{"id": "fig|1.2.peg.3", "grp": ""}]),
        ("HASubtypeNumberingConversion", "types", ["H3", "H4"]),
        ("MSA", "fasta_keyboard_input", ""),
        ("FluxBalanceAnalysis", "objective_fraction", 1),
    ],
)
def test_a_sound_value_is_left_alone(app: str, name: str, value: Any) -> None:
    found = look(workflow(step(app, **{name: value})))

    assert found.problems == found.auto_fixes == found.warnings == ()


@pytest.mark.parametrize(
    ("app", "name", "value", "code"),
    [
        ("GenomeAnnotation", "code", 99, "invalid_choice"),
        ("GenomeAnnotation", "domain", "Plants", "invalid_choice"),
        ("GenomeAnnotation", "domain", ["Bacteria"], "wrong_type"),
        ("GenomeAnnotation", "contigs", ["/u/home/c"], "wrong_type"),
        ("GenomeAnnotation", "contigs", {"class": "File"}, "wrong_type"),
        ("GenomeAnnotation", "contigs", "", "missing_parameter"),
        ("GenomeAnnotation", "contigs", None, "missing_parameter"),
        ("GenomeAnnotation", "scientific_name", "", "missing_parameter"),
        ("GenomeAnnotation", "taxonomy_id", "E. coli", "wrong_type"),
        ("GenomeAnnotation", "taxonomy_id", 1.5, "wrong_type"),
        ("GenomeAssembly2", "min_contig_cov", "inf", "wrong_type"),
        ("GenomeAssembly2", "min_contig_cov", "1e999", "wrong_type"),
        ("GenomeAssembly2", "trim", 2, "wrong_type"),
        ("TaxonomicClassification", "confidence_interval", "high", "wrong_type"),
        ("TaxonomicClassification", "confidence_interval", 7, "invalid_choice"),
        ("MSA", "strategy", "bogus", "invalid_choice"),
    ],
)
def test_what_the_app_would_fail_at_is_a_problem(
    app: str, name: str, value: Any, code: str
) -> None:
    assert codes(workflow(step(app, **{name: value})))[f"steps[0].params.{name}"] == code


@pytest.mark.parametrize(
    ("app", "name", "value", "code"),
    [
        ("GenomeAnnotation", "code", 5, "unusual_value"),
        ("GenomeAnnotation", "contigs", "contigs.fasta", "odd_path"),
        ("TaxonomicClassification", "confidence_interval", 0.15, "unusual_value"),
        ("TaxonomicClassification", "analysis_type", "pathogen", "unusual_value"),
        ("RNASeq", "genome_type", "host", "unusual_value"),
        ("GenomeAnnotation", "taxonomy_id", -1, "odd_taxonomy_id"),
        ("GenomeAlignment", "genome_ids", ["E. coli"], "odd_genome_id"),
        ("GenomeAlignment", "genome_ids", [83332.1], "odd_genome_id"),
        ("Variation", "reference_genome_id", 83332.1, "odd_genome_id"),
        ("GenomeAssembly2", "srr_ids", ["PRJNA12345"], "odd_accession"),
    ],
)
def test_what_is_merely_odd_is_a_warning(app: str, name: str, value: Any, code: str) -> None:
    found = look(workflow(step(app, **{name: value})))

    assert found.problems == ()
    assert [warning.code for warning in found.warnings] == [code]


def test_a_blast_of_the_wrong_kind_is_warned_about() -> None:
    kinds = {"input_type": "aa", "db_type": "fna", "blast_program": "blastp"}

    (warning,) = look(workflow(step("Homology", **kinds))).warnings

    assert (warning.path, warning.code) == ("steps[0].params.db_type", "unusual_value")
    assert warning.suggestion == "usual are 'faa'"


def seen(value: Any, app: str = "GenomeAnnotation", **params: Any) -> list[Problem]:
    """The problems of parameters that read ``value`` from base_context."""
    document = workflow(step(app, **params))
    document["base_context"]["shared"] = value
    return list(look(document).problems)


def test_a_value_behind_a_reference_is_checked_where_it_is_read() -> None:
    assert seen("Bacteria", domain="${shared}") == []
    assert seen("562", taxonomy_id="${shared}") == []
    assert seen("many", taxonomy_id="${shared}")[0].path == "steps[0].params.taxonomy_id"
    assert seen("Plants", domain="${shared}")[0].code == "invalid_choice"


def test_what_cannot_be_put_right_behind_a_reference_is_a_problem() -> None:
    (problem,) = seen("bacteria", domain="${shared}")

    assert problem.suggestion == "it must be 'Bacteria'"


def test_a_list_behind_a_reference_is_taken_whole_and_one_value_is_wrapped() -> None:
    assert seen(["SRR1", "SRR2"], "GenomeAssembly2", srr_ids="${shared}") == []

    document = workflow(step("GenomeAssembly2", srr_ids="${one}"))
    document["base_context"]["one"] = "SRR1"
    found = look(document).workflow_json
    assert found is not None
    assert found["steps"][0]["params"]["srr_ids"] == ["${one}"]


def test_what_only_the_run_will_tell_is_not_complained_about() -> None:
    group = step("CreateGroup") | {"step_name": "group"}
    tree = step(
        "CodonTree", genome_ids=["${steps.group.outputs.group_path}"], number_of_genes="${x}"
    )
    tree["params"]["number_of_genes"] = "${steps.group.outputs.group_path}"

    assert codes(workflow(group, tree)) == {}


def test_names_that_differ_in_case_and_separators_are_put_right() -> None:
    params = {**ANNOTATION}
    params["Scientific-Name"] = params.pop("scientific_name")
    params["outputFile"] = params.pop("output_file")

    found = look(workflow({"step_name": "s", "app": "GenomeAnnotation", "params": params}))

    assert found.workflow_json is not None
    assert found.workflow_json["steps"][0]["params"].keys() == ANNOTATION.keys()
    assert {fix.code for fix in found.auto_fixes} == {"renamed_parameter"}


def test_references_are_held_against_the_names_that_were_put_right() -> None:
    params = {**ANNOTATION}
    params["outputFile"] = params.pop("output_file")
    sound = {"step_name": "s", "app": "GenomeAnnotation", "params": params}

    assert codes(workflow({**sound, "outputs": {"x": "${params.output_file}"}})) == {}
    (problem,) = look(workflow({**sound, "outputs": {"x": "${params.outputFile}"}})).problems
    assert (problem.code, problem.path) == ("unknown_reference", "steps[0].outputs.x")
    assert problem.suggestion == "did you mean 'output_file'?"


def test_a_library_by_a_misspelt_name_is_reshaped_as_well() -> None:
    params = {**minimal_params(CATALOGUE.apps["GenomeAssembly2"])}
    del params["paired_end_libs"]
    params |= {"pairedEndLibs": [*PAIR.values()], "srrIds": "SRR1, SRR2"}

    assembly = {"step_name": "s", "app": "GenomeAssembly2", "params": params}
    found = look(workflow(assembly)).workflow_json

    assert found is not None
    params = found["steps"][0]["params"]
    assert params["paired_end_libs"] == [PAIR]
    assert params["srr_ids"] == ["SRR1", "SRR2"]


@pytest.mark.parametrize(
    "text",
    [
        '["\\ud800"]',
        '["\\u0000"]',
        "[NaN]",
        "[1e999]",
        f"[{2**63}]",
        '[{"$a": 1}]',
        f"{'[' * 47}{']' * 47}",
        f"{'[' * 9999}",
    ],
)
@pytest.mark.parametrize("name", ["genome_ids", "genome_groups"])
def test_a_list_as_text_that_cannot_be_kept_stays_a_text(name: str, text: str) -> None:
    found = look(workflow(step("CodonTree", **{name: text})))

    assert found.workflow_json is not None
    assert found.workflow_json["steps"][0]["params"][name] == [text]
    assert look(found.workflow_json).workflow_json == found.workflow_json


def test_results_need_no_place_where_the_app_is_told_to_leave_none() -> None:
    params = {name: value for name, value in ANNOTATION.items() if not name.startswith("output")}

    document = workflow({"step_name": "s", "app": "GenomeAnnotation", "params": params})
    assert set(codes(document).values()) == {"missing_parameter"}

    params["skip_workspace_output"] = True
    assert codes(document) == {}


@pytest.mark.parametrize("app", ["GenomeAnnotation", "Date"])
def test_a_missing_name_for_the_results_is_asked_for_as_a_name(app: str) -> None:
    nameless = step(app)
    del nameless["params"]["output_file"]

    [problem] = look(workflow(nameless)).problems

    assert (problem.code, problem.suggestion) == (
        "missing_parameter",
        "give a name, such as that of the step",
    )
