"""A misspelt name is a problem or a warning at its place, or fails the step; never a null."""

from __future__ import annotations

import pytest

from tests.cwl.planning import app_steps, planned, workflow
from workflows.cwl.check.input_names import InputNames, names_read

NEEDS = "StepInputExpressionRequirement InlineJavascriptRequirement"
TOOL = """\
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {{gowe: "https://github.com/wilke/GoWe#"}}
hints: {{"gowe:Execution": {{executor: bvbrc, bvbrc_app_id: GenomeAnnotation}}}}
baseCommand: [GenomeAnnotation]
inputs: {{contigs: File, scientific_name: string, code: int, domain: string}}
outputs: {{{output}: {{type: File, outputBinding: {{glob: {glob}}}}}}}
"""
GIVEN = "scientific_name: {default: x}, code: {default: 11}, domain: {default: Bacteria}"


def annotated(more: str, *fields: str) -> str:
    lines = [
        "  a:",
        "    run: bvbrc://GenomeAnnotation",
        *(f"    {field}" for field in fields),
        "    out: [genome]",
        f"    in: {{contigs: {{default: /user@bvbrc/home/x.fa}}, {GIVEN}, {more}}}",
    ]
    return workflow("\n".join(lines), inputs="{taxon: int?}", needs=NEEDS)


@pytest.mark.parametrize(
    "expression",
    [
        "$(inputs.taxom)",
        "$(inputs['taxom'])",
        "$(inputs.taxom + 1)",
        "${ /* inputs.x */ return inputs.taxom || 'inputs.y'; }",
    ],
)
def test_an_input_that_the_step_does_not_have_is_found_in_its_expressions(expression: str) -> None:
    text = annotated(f'taxon: taxon, taxonomy_id: {{valueFrom: "{expression}"}}')

    (problem,) = planned(text, {"taxon": 5}).problems

    assert (problem.code, problem.line) == ("cwl.expression", 12)
    assert "'inputs.taxom'" in problem.message
    assert problem.suggestion == "did you mean 'taxon'?"


def test_a_condition_is_checked_as_well() -> None:
    (problem,) = planned(annotated("go: taxon", "when: $(inputs.goo > 3)"), {"taxon": 5}).problems

    assert (problem.code, problem.suggestion) == ("cwl.expression", "did you mean 'go'?")


@pytest.mark.parametrize("name", ["'ta' + 'xom'", "['taxom'][0]"])
def test_what_cannot_be_read_beforehand_fails_with_the_name(name: str) -> None:
    text = annotated(f'taxon: taxon, taxonomy_id: {{valueFrom: "$(inputs[{name}])"}}')

    (problem,) = planned(text, {"taxon": 5}).problems

    assert problem.code == "cwl.expression"
    assert "there is no input 'taxom'" in problem.message


@pytest.mark.parametrize(
    "expression",
    [
        "$(inputs['tax' + 'on'])",
        "$(Object.keys(inputs).length > 3 ? inputs.taxon : null)",
        "$('taxom' in inputs ? 1 : inputs.taxon)",
        "$(inputs.hasOwnProperty('taxom') ? 1 : inputs.taxon)",
        "$(JSON.parse(JSON.stringify(inputs)).taxon)",
        "${ var f = function (inputs) { return inputs.other; }; return f({other: inputs.taxon}); }",
    ],
)
def test_expressions_that_are_right_stay_right(expression: str) -> None:
    found = planned(
        annotated(f'taxon: taxon, taxonomy_id: {{valueFrom: "{expression}"}}'), {"taxon": 5}
    )

    assert app_steps(found)["a"]["taxonomy_id"] == 5
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("expression", "read"),
    [
        ("$(self.nameroott)", "self.nameroott"),
        ("${ return self.nameroott; }", "self.nameroott"),
        ("$(inputs.reads.nameroott)", "inputs.reads.nameroott"),
        ("$('x' + inputs.reads.nameroott)", "inputs.reads.nameroott"),
    ],
)
def test_a_field_that_files_do_not_have_is_a_warning(expression: str, read: str) -> None:
    found = planned(named_by(expression), {"reads": "/user@bvbrc/home/x.fq"})

    assert found.problems == ()
    (warning,) = [each for each in found.warnings if each.code == "cwl.expression"]
    assert warning.message == f"'{read}': a File has no 'nameroott'"
    assert warning.suggestion == "did you mean 'nameroot'?"


@pytest.mark.parametrize(
    "expression",
    [
        "$(self.nameroot)",
        "$(self.location.split('/').pop())",
        "${ var self = {a: 'x'}; return self.a; }",
    ],
)
def test_fields_that_files_have_are_fine(expression: str) -> None:
    found = planned(named_by(expression), {"reads": "/user@bvbrc/home/x.fq"})

    assert found.problems == ()
    assert "cwl.expression" not in {each.code for each in found.warnings}


def named_by(expression: str) -> str:
    entry = f'{{source: reads, valueFrom: "{expression}"}}'
    steps = f"  a: {{run: 'bvbrc://Date', in: {{reads: reads, output_file: {entry}}}, out: []}}\n"
    return workflow(steps, inputs="{reads: File}", needs=NEEDS)


def test_what_a_misspelt_name_means_is_not_unused_as_well() -> None:
    text = annotated("taxon: taxon, taxonomy_id: {valueFrom: '$(inputs.taxom)'}")

    assert planned(text, {"taxon": 5}).warnings == ()


def test_an_expression_tool_reads_its_own_inputs() -> None:
    steps = """
  a:
    run:
      class: ExpressionTool
      inputs: {number: int}
      outputs: {one: int}
      expression: "${ return {one: inputs.numbre}; }"
    in: {number: {default: 1}}
    out: [one]
"""

    (problem,) = planned(workflow(steps, needs="InlineJavascriptRequirement")).problems

    assert (problem.code, problem.suggestion) == ("cwl.expression", "did you mean 'number'?")


@pytest.mark.parametrize("fields", [["when: $(inputs.go)"], []])
def test_a_misspelt_input_is_told_beside_expressions(fields: list[str]) -> None:
    more = "go: {default: true}, taxonomyid: {valueFrom: '5'}" if fields else "taxonomyid: taxon"

    found = planned(annotated(more, *fields))

    assert found.problems == ()
    assert [(each.code, each.suggestion) for each in found.warnings] == [
        ("cwl.unused_step_input", "did you mean 'taxonomy_id'?")
    ]


@pytest.mark.parametrize(
    ("output", "glob", "path", "warned"),
    [
        ("genome", "$(inputs.output_file).genome", "${params.output_file}.genome", False),
        ("genome", "'*.genome'", "${params.output_file}.genome", False),
        ("genome", "'*.gff'", None, True),
        ("genome", "$(inputs.output_file).gff", "${params.output_file}.gff", True),
        ("contigs", "'*_contigs.fa'", "${params.output_file}.contigs.fasta", True),
    ],
)
def test_a_glob_that_leads_elsewhere_is_told(
    output: str, glob: str, path: str | None, *, warned: bool
) -> None:
    steps = f"""
  a: {{run: t.cwl, in: {{contigs: {{default: /user@bvbrc/home/x.fa}}, {GIVEN}}}, out: [{output}]}}
"""
    tool = TOOL.format(output=output, glob=glob)

    found = planned({"workflow.cwl": workflow(steps), "t.cwl": tool})

    hidden = "${params.output_path}/.${params.output_file}"
    expected = {"glob": f"{hidden}/*.gff"} if path is None else f"{hidden}/{path}"
    assert found.steps[0].outputs == {output: expected}
    assert [each.code for each in found.warnings] == (["cwl.glob"] if warned else [])


def test_a_misspelt_name_in_the_glob_of_a_known_output_is_a_problem() -> None:
    steps = f"""
  a: {{run: t.cwl, in: {{contigs: {{default: /user@bvbrc/home/x.fa}}, {GIVEN}}}, out: [genome]}}
"""
    tool = TOOL.format(output="genome", glob="$(inputs.output_fil).genome")

    (problem,) = planned({"workflow.cwl": workflow(steps), "t.cwl": tool}).problems

    assert problem.code == "cwl.glob"


@pytest.mark.parametrize(
    ("text", "names", "complete"),
    [
        ("plain", [], True),
        ("$(inputs.a)/$(inputs.b.c)", ["a", "b"], True),
        ("$(inputs)", [], False),
        ("$(self.inputs.a)", [], True),
        ("${ return 'inputs.a' + inputs.b; }", ["b"], True),
        ("${ inputs.a = 1; return inputs.a; }", ["a"], False),
        ("${ var inputs = {}; return inputs.a; }", [], False),
        ("${ return `${inputs.a}`; }", [], False),
        ("${ return x.replace(/'/g, '') + inputs.a; }", [], False),
        ("$(never closed", [], False),
    ],
)
def test_names_are_read_from_expressions(text: str, names: list[str], *, complete: bool) -> None:
    assert names_read(text, "v1.2") == InputNames(frozenset(names), complete)
