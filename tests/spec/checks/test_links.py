"""References to what is not there, with what was meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.spec.examples import codes, look, step, workflow


def annotated(**params: Any) -> dict[str, Any]:
    """An assembly and an annotation of it, some parameters of which are given."""
    first = {**step("GenomeAssembly2"), "step_name": "assemble"}
    second = {**step("GenomeAnnotation"), "step_name": "annotate"}
    second["params"] = {
        **second["params"],
        "contigs": "${steps.assemble.outputs.contigs}",
        "output_file": "annotated",
        **params,
    }
    return workflow(first, second)


@pytest.mark.parametrize(
    ("text", "code", "suggestion"),
    [
        ("${steps.asemble.outputs.contigs}", "unknown_step", "did you mean 'assemble'?"),
        ("${steps.assemble.outputs.contig}", "unknown_output", "did you mean 'contigs'? known"),
        ("${steps.assemble.params.outputfile}", "unknown_reference", "did you mean 'output_file'?"),
        ("${params.scientificname}", "unknown_reference", "did you mean 'scientific_name'?"),
        ("${workspace_folder}", "unknown_reference", "did you mean 'workspace_output_folder'?"),
        ("${scientific_name}", "unknown_reference", "did you mean ${params.scientific_name}?"),
        ("${assemble}", "unknown_reference", "did you mean ${steps.assemble.outputs.…}?"),
        ("${base_context.base_url}", "unknown_reference", "write the name alone: "),
        ("${PATH}", "unknown_reference", "base_context has 'base_url', "),
        ("${steps.assemble}", "malformed_reference", "write $${ where"),
        ("${steps.assemble.outputs}", "malformed_reference", "write $${ where"),
        (
            "${steps.assemble.contigs}",
            "malformed_reference",
            "did you mean ${steps.assemble.outputs.contigs}?",
        ),
        (
            "${steps.assemble.output.contigs}",
            "malformed_reference",
            "did you mean ${steps.assemble.outputs.contigs}?",
        ),
        (
            "${steps.assemble.param.libs.x}",
            "malformed_reference",
            "did you mean ${steps.assemble.params.libs.x}?",
        ),
        ("${", "malformed_reference", "write $${ where"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem(text: str, code: str, suggestion: str) -> None:
    (problem,) = look(annotated(reference_genome_id=text)).problems

    assert (problem.path, problem.code) == ("steps[1].params.reference_genome_id", code)
    assert problem.suggestion.startswith(suggestion)


OUTPUT = "${params.output_path}/${params.output_file}/${params.output_file}.fa"


def only(**fields: Any) -> dict[str, Any]:
    """One assembly that says in a template where its output is."""
    return workflow({**step("GenomeAssembly2"), "outputs": {"mine": OUTPUT}, **fields})


def test_what_follows_from_a_missing_parameter_is_not_told_again() -> None:
    document = only()
    del document["steps"][0]["params"]["output_file"]

    assert [problem.path for problem in look(document).problems] == ["steps[0].params.output_file"]


@pytest.mark.parametrize("params", [None, "{}", ["srr_ids"]])
def test_what_follows_from_unusable_parameters_is_not_told_again(params: object) -> None:
    problems = look(only(params=params)).problems

    assert [problem.path for problem in problems] == ["steps[0].params"]


def test_what_follows_from_a_missing_base_context_is_not_told_again() -> None:
    folderless, bare = only(), only()
    del folderless["base_context"]["workspace_output_folder"]
    del bare["base_context"]

    assert codes(folderless) == {"base_context.workspace_output_folder": "missing_field"}
    assert codes(bare) == {"base_context": "missing_field"}


def test_what_is_missing_for_no_other_reason_is_told_beside_it_and_once() -> None:
    document = only(outputs={"mine": OUTPUT + "${params.sample}${params.sample}"})
    del document["steps"][0]["params"]["output_file"]

    assert [(problem.path, problem.code) for problem in look(document).problems] == [
        ("steps[0].outputs.mine", "unknown_reference"),
        ("steps[0].params.output_file", "missing_parameter"),
    ]


def test_an_escaped_reference_is_none() -> None:
    assert codes(annotated(scientific_name="$${PATH}")) == {}


def test_each_known_output_is_listed_once() -> None:
    document = annotated(contigs="${steps.assemble.outputs.genome}")
    document["steps"][0]["outputs"] = {"contigs": OUTPUT}

    (problem,) = look(document).problems

    assert problem.suggestion.count("'contigs'") == 1


def test_a_known_output_is_declared_for_the_step() -> None:
    found = look(annotated())

    assert found.spec is not None
    assert set(found.spec.steps[0].outputs) == {"contigs"}
    assert [(fix.path, fix.code) for fix in found.auto_fixes] == [
        ("steps[0].outputs.contigs", "filled_output")
    ]


def test_a_declared_output_may_have_any_name() -> None:
    document = annotated(contigs="${steps.assemble.outputs.mine}")
    document["steps"][0]["outputs"] = {"mine": "${params.output_path}/.${params.output_file}/x"}

    assert codes(document) == {}
    assert look(document).warnings == ()


def test_an_output_where_the_app_does_not_write_is_warned_about() -> None:
    document = annotated(contigs="${steps.assemble.outputs.mine}")
    document["steps"][0]["outputs"] = {
        "mine": "${params.output_path}/${params.output_file}.fasta",
        "contigs": "${params.output_path}/.${params.output_file}/contigs.fa",
    }

    warnings = look(document).warnings

    assert [(warning.path, warning.code) for warning in warnings] == [
        ("steps[0].outputs.mine", "odd_output"),
        ("steps[0].outputs.contigs", "odd_output"),
    ]
    assert "_contigs.fasta" in warnings[1].suggestion


def test_a_cycle_is_shown_as_a_path() -> None:
    document = annotated()
    document["steps"][0]["depends_on"] = ["annotate"]

    (problem,) = look(document).problems

    assert problem.code == "dependency_cycle"
    assert problem.message.endswith("assemble → annotate → assemble")


def test_workflow_outputs_are_checked_too() -> None:
    outputs = ["${steps.annotate.outputs.genom}", "${params.x}", "plain", "${steps.x.outputs.y}"]

    assert codes({**annotated(), "workflow_outputs": outputs}) == {
        "workflow_outputs[0]": "unknown_output",
        "workflow_outputs[1]": "unknown_reference",
        "workflow_outputs[3]": "unknown_step",
    }


def test_base_context_may_only_refer_to_itself() -> None:
    document = annotated(scientific_name="${organism}")
    document["base_context"] |= {"organism": "E. ${species}", "species": "coli"}
    assert codes(document) == {}

    document["base_context"]["species"] = "${params.x}"
    assert codes(document) == {"base_context.species": "unknown_reference"}


@pytest.mark.parametrize(
    ("params", "path"),
    [
        ({"scientific_name": "${params.scientific_name}"}, "scientific_name"),
        ({"scientific_name": "a ${params.workflow}", "workflow": "${params.scientific_name}"}, ""),
        ({"scientific_name": "${base_url.deeper}"}, "scientific_name"),
        ({"scientific_name": "x ${nothing}"}, "scientific_name"),
    ],
)
def test_what_never_gets_a_value_is_a_problem(params: dict[str, str], path: str) -> None:
    document = annotated(**params)
    document["base_context"]["nothing"] = None

    found = codes(document)

    assert set(found.values()) <= {"reference_cycle", "unresolved_reference"}
    assert any(f"steps[1].params.{path}" in place for place in found)


def test_what_follows_from_a_problem_is_not_told_again() -> None:
    document = annotated(scientific_name="${steps.assemble.params.recipe}")
    document["steps"][0]["params"]["recipe"] = "${nowhere}"
    document["workflow_outputs"] = ["${steps.annotate.params.scientific_name}"]

    assert codes(document) == {"steps[0].params.recipe": "unknown_reference"}


def test_built_in_steps_have_outputs_that_the_run_brings() -> None:
    group = {**step("CreateGroup"), "step_name": "group"}
    similar = {**step("SimilarGenomeFinder"), "step_name": "similar"}
    tree = {**step("CodonTree"), "step_name": "tree"}
    tree["params"] = {
        **tree["params"],
        "genome_groups": ["${steps.group.outputs.group_path}"],
        "genome_ids": "${steps.similar.outputs.genome_ids}",
    }
    assert codes(workflow(group, similar, tree)) == {}

    tree["params"]["genome_ids"] = "${steps.similar.outputs.genomes}"
    assert codes(workflow(group, similar, tree)) == {"steps[2].params.genome_ids": "unknown_output"}
