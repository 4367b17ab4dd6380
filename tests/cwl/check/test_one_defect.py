"""One defect is one problem, at the place where it is to be mended."""

from __future__ import annotations

import pytest

from tests.cwl.planning import app_steps, planned, workflow

HEAD = """\
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {gowe: "https://github.com/wilke/GoWe#"}
baseCommand: [x]
"""
HINT = 'hints: {"gowe:Execution": {executor: bvbrc, bvbrc_app_id: %s}}\n'
CODE = 'code: {type: "string?", default: %s}'
ANNOTATE = f"""{HEAD}{HINT % "GenomeAnnotation"}\
inputs: {{contigs: File, scientific_name: string, domain: string, {CODE}}}
outputs: {{}}
"""
GIVEN = {"contigs": "/user@bvbrc/home/x.fa", "scientific_name": "x", "domain": "Bacteria"}


def test_a_version_that_is_not_known_hides_what_follows_from_it() -> None:
    text = workflow("  a: {run: 'bvbrc://Date', in: {}, outputs: [{id: now}]}")

    (problem,) = planned(text.replace("v1.2", "draft-3")).problems

    assert (problem.code, problem.line) == ("cwl.unsupported_version", 1)


def test_an_input_that_is_not_declared_is_one_problem() -> None:
    steps = """
  a: {run: 'bvbrc://Date', in: {output_file: nme}, out: [now]}
  b: {run: 'bvbrc://Date', in: {output_file: nme}, out: [now]}
"""

    (problem,) = planned(workflow(steps, inputs="{name: string}"), {"name": "x"}).problems

    assert (problem.code, problem.suggestion) == ("cwl.unknown_source", "did you mean 'name'?")


def test_a_list_of_sources_for_a_single_value_is_one_problem() -> None:
    entry = "{source: [x, y], pickValue: all_non_null}"
    steps = f"  a: {{run: 'bvbrc://Date', in: {{output_file: {entry}}}, out: [now]}}\n"
    inputs, needs = "{x: string, y: string}", "MultipleInputFeatureRequirement"

    (problem,) = planned(workflow(steps, inputs=inputs, needs=needs), {"x": "1", "y": "2"}).problems

    assert problem.code == "cwl.wrong_type"
    assert "'x' (string) arrives as string[]" in problem.message


def test_pick_value_on_a_single_value_is_a_warning() -> None:
    entry = "{source: n, pickValue: first_non_null}"
    steps = f"  a: {{run: 'bvbrc://Date', in: {{output_file: {entry}}}, out: [now]}}\n"

    found = planned(workflow(steps, inputs="{n: string}"), {"n": "x"})
    several = planned(workflow(steps, inputs="{n: 'string[]'}"), {"n": ["x"]})

    assert [warning.code for warning in found.warnings] == ["cwl.pick_value"]
    assert "is no list" in found.warnings[0].message
    assert (several.warnings, several.problems) == ((), ())


def test_javascript_that_is_not_declared_is_one_problem() -> None:
    steps = """
  a: {run: 'bvbrc://Date', in: {output_file: {valueFrom: "$('a' + 1)"}}, out: [now]}
  b: {run: 'bvbrc://Date', in: {output_file: {valueFrom: "$('b' + 1)"}}, out: [now]}
"""

    (problem,) = planned(workflow(steps, needs="StepInputExpressionRequirement")).problems

    assert problem.code == "cwl.undeclared_requirement"


def test_a_null_in_the_input_object_is_blamed_there() -> None:
    text = workflow(
        "  a: {run: 'bvbrc://Date', in: {output_file: n}, out: []}", inputs="{n: string}"
    )

    (problem,) = planned(text, "other: 1\nn: null\n").problems

    assert (problem.code, problem.file, problem.line) == ("cwl.missing_input", "inputs", 2)


def test_a_tool_by_itself_is_judged_as_in_a_step() -> None:
    found = planned(ANNOTATE % 11, {**GIVEN, "scientific_name": 7})

    assert app_steps(found)["run"] == {**GIVEN, "scientific_name": "7", "code": "11"}


def test_a_tool_that_looks_for_results_says_where_they_are() -> None:
    text = f"""{HEAD}{HINT % "Sleep"}inputs: {{sleep_time: int}}
outputs: {{found: {{type: "File[]", outputBinding: {{glob: "*.txt"}}}}}}
"""

    (step,) = planned(text, {"sleep_time": 1}).steps

    assert step.params.keys() == {"sleep_time", "output_path", "output_file"}


def test_a_wrong_default_of_a_tool_by_itself_is_one_problem() -> None:
    found = planned(ANNOTATE % "[1]", GIVEN)

    assert [each.code for each in found.problems] == ["cwl.wrong_type"]
    assert [each for each in found.warnings if each.code == "cwl.wrong_type"] == []


@pytest.mark.parametrize("given", [True, False])
def test_a_wrong_default_is_a_warning_where_the_step_gives_a_value(*, given: bool) -> None:
    code = "code: {default: '11'}, " if given else ""
    steps = f"""
  a:
    run: t.cwl
    in: {{{code}contigs: {{default: /user@bvbrc/home/x.fa}}, scientific_name: {{default: x}},
      domain: {{default: Bacteria}}}}
    out: []
"""

    found = planned({"workflow.cwl": workflow(steps), "t.cwl": ANNOTATE % "[1]"})

    said = [each.code for each in (found.warnings if given else found.problems)]
    assert said == ["cwl.wrong_type"]
    assert bool(found.problems) is not given
