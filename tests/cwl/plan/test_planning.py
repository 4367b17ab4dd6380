"""What documents come to as native steps: one behaviour of CWL on apps after the other."""

from __future__ import annotations

import pytest

from tests.cwl.planning import annotate, app_steps, planned, workflow
from workflows.model.values import Json

SCATTER = "ScatterFeatureRequirement StepInputExpressionRequirement"
FILES = [f"/user@bvbrc/home/{name}.fa" for name in "abc"]


def annotated(contigs: Json) -> dict[str, Json]:
    return {"contigs": contigs, "scientific_name": "x", "code": 11, "domain": "Bacteria"}


@pytest.mark.parametrize(
    "location",
    ["ws:///user@bvbrc/home/a.fa", "/user@bvbrc/home/a.fa", "ws://user@bvbrc/home//a.fa"],
)
def test_a_file_is_sent_as_its_workspace_path(location: str) -> None:
    steps = "  a:\n" + annotate("f")

    found = planned(workflow(steps, inputs="{f: File}"), {"f": {"class": "File", "path": location}})

    assert app_steps(found) == {"a": annotated("/user@bvbrc/home/a.fa")}


def test_a_path_may_stand_for_a_file() -> None:
    steps = "  a:\n" + annotate("f").replace("bvbrc:", "gowe:")

    found = planned(workflow(steps, inputs="{f: File}"), {"f": FILES[0]})

    assert app_steps(found) == {"a": annotated(FILES[0])}


def test_a_dollar_brace_in_a_value_is_no_reference() -> None:
    steps = "  a: {run: 'bvbrc://CodonTree', in: {genome_ids: ids}, out: []}"

    found = planned(workflow(steps, inputs="{ids: 'string[]'}"), {"ids": ["${steps.x}"]})

    assert app_steps(found) == {"a": {"genome_ids": ["$${steps.x}"]}}


def test_nulls_are_not_sent_and_one_becomes_a_list_where_the_app_takes_several() -> None:
    steps = "  a: {run: 'bvbrc://GenomeAssembly2', in: {srr_ids: id, genome_size: n}, out: []}"

    found = planned(workflow(steps, inputs="{id: string, n: int?}"), {"id": "SRR1"})

    assert app_steps(found) == {"a": {"srr_ids": ["SRR1"]}}
    assert [warning.code for warning in found.warnings] == ["cwl.converted"]


def test_where_a_step_writes_is_filled_in() -> None:
    steps = (
        "  a: {run: 'bvbrc://Date', in: [], out: []}\n  b: {run: 'bvbrc://Date', in: [], out: []}"
    )

    found = planned(workflow(steps), name="my run")

    assert [step.params for step in found.steps] == [
        {"output_path": "${workspace_output_folder}", "output_file": "my_run_a"},
        {"output_path": "${workspace_output_folder}", "output_file": "my_run_b"},
    ]


def test_a_scatter_gives_each_run_a_name_of_its_own() -> None:
    steps = (
        "  a: {run: 'bvbrc://Date', scatter: x, in: {x: xs, output_file: {default: d}}, out: []}"
    )
    document = workflow(steps, inputs="{xs: 'int[]'}", needs=SCATTER)

    found = planned(document, {"xs": [7, 8]})

    assert [step.params["output_file"] for step in found.steps] == ["d_0", "d_1"]


def test_edges_of_a_scatter_go_from_element_to_element() -> None:
    steps = "  a:\n" + annotate("fs", "scatter: contigs", out="[contigs]")
    steps += "  b:\n" + annotate("a/contigs", "scatter: contigs")

    found = planned(workflow(steps, inputs="{fs: 'File[]'}", needs=SCATTER), {"fs": FILES})

    assert app_steps(found)["b__1"] == annotated("${steps.a__1.outputs.contigs}")
    assert {step.name: step.depends_on for step in found.steps if step.name[0] == "b"} == {
        "b__0": ("a__0",),
        "b__1": ("a__1",),
        "b__2": ("a__2",),
    }


@pytest.mark.parametrize(
    ("method", "names", "values"),
    [
        ("dotproduct", ["0", "1"], ["a1", "b2"]),
        ("flat_crossproduct", ["0", "1", "2", "3"], ["a1", "a2", "b1", "b2"]),
        ("nested_crossproduct", ["0__0", "0__1", "1__0", "1__1"], ["a1", "a2", "b1", "b2"]),
    ],
)
def test_scatter_methods(method: str, names: list[str], values: list[str]) -> None:
    steps = f"""
  s:
    run: bvbrc://Date
    scatter: [x, y]
    scatterMethod: {method}
    in: {{x: xs, y: ys, output_file: {{valueFrom: $(inputs.x)$(inputs.y)}}}}
    out: [now]
"""
    document = workflow(
        steps,
        inputs="{xs: 'string[]', ys: 'string[]'}",
        outputs="{o: {type: Any, outputSource: s/now}}",
        needs=SCATTER,
    )

    found = planned(document, {"xs": ["a", "b"], "ys": ["1", "2"]})

    assert [step.name for step in found.steps] == [f"s__{name}" for name in names]
    assert [step.params["output_file"] for step in found.steps] == values
    refs = [f"${{steps.s__{name}.outputs.now}}" for name in names]
    nested = [refs[:2], refs[2:]] if method == "nested_crossproduct" else refs
    assert found.outputs == {"o": nested}


def test_a_false_condition_leaves_no_step_and_a_null() -> None:
    steps = """
  a: {run: 'bvbrc://Date', when: $(inputs.go), in: {go: go}, out: [now]}
  b: {run: 'bvbrc://Date', in: [], out: [now]}
"""
    document = workflow(
        steps,
        inputs="{go: boolean}",
        outputs="{o: {type: File, outputSource: [a/now, b/now], pickValue: first_non_null}}",
        needs="MultipleInputFeatureRequirement",
    )

    assert planned(document, {"go": False}).outputs == {"o": "${steps.b.outputs.now}"}
    assert planned(document, {"go": True}).outputs == {"o": "${steps.a.outputs.now}"}
    assert [step.name for step in planned(document, {"go": False}).steps] == ["b"]


def test_a_subworkflow_is_inlined_with_its_name_before() -> None:
    steps = """
  sub:
    in: {n: n}
    out: [o]
    run:
      class: Workflow
      inputs: {n: string}
      outputs: {o: {type: File, outputSource: in/now}}
      steps: {in: {run: 'bvbrc://Date', in: {output_file: n}, out: [now]}}
"""
    document = workflow(
        steps,
        inputs="{n: string}",
        outputs="{o: {type: File, outputSource: sub/o}}",
        needs="SubworkflowFeatureRequirement",
    )

    found = planned(document, {"n": "x"})

    assert app_steps(found).keys() == {"sub__in"}
    assert found.outputs == {"o": "${steps.sub__in.outputs.now}"}


def test_names_of_steps_are_made_safe_and_stay_apart() -> None:
    steps = """
  "a.b": {run: 'bvbrc://Date', in: [], out: []}
  a_b: {run: 'bvbrc://Date', in: [], out: []}
  a__b: {run: 'bvbrc://Date', in: [], out: []}
"""

    assert [step.name for step in planned(workflow(steps)).steps] == ["a_b", "a_b-2", "a_b-3"]


def test_a_result_found_by_pattern_is_left_to_the_end_of_the_job() -> None:
    tool = {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "hints": [
            {
                "class": "https://github.com/wilke/GoWe#Execution",
                "bvbrc_app_id": "MetagenomeBinning",
            }
        ],
        "inputs": {"output_file": "string"},
        "outputs": {
            "bins": {"type": "File[]", "outputBinding": {"glob": "bin.*.fa"}},
            "first": {"type": "File", "outputBinding": {"glob": "bin.1.*"}},
            "exact": {"type": "File", "outputBinding": {"glob": "$(inputs.output_file).txt"}},
            "all": {"type": "Directory", "outputBinding": {"glob": "."}},
        },
    }
    steps = "  a: {run: tool.cwl, in: {output_file: {default: x}}, out: [bins, first, exact, all]}"

    found = planned({"workflow.cwl": workflow(steps), "tool.cwl": tool})

    folder = "${params.output_path}/.${params.output_file}"
    assert found.problems == ()
    assert found.steps[0].outputs == {
        "bins": {"glob": f"{folder}/bin.*.fa", "many": True},
        "first": {"glob": f"{folder}/bin.1.*"},
        "exact": f"{folder}/${{params.output_file}}.txt",
        "all": folder,
    }


def test_the_helpers_of_gowe_are_steps_of_the_engine() -> None:
    steps = f"""
  annotate:
{annotate("f", out="[genome]")}
  id:
    run: gowe://bvbrc-get-genome-id
    in: {{genome_ws_path: annotate/genome}}
    out: [genome_id]
  tree: {{run: 'gowe://CodonTree', in: {{genome_ids: id/genome_id}}, out: []}}
"""

    found = planned(workflow(steps, inputs="{f: File}"), {"f": FILES[0]})

    assert found.problems == ()
    assert [step.app for step in found.steps] == ["GenomeAnnotation", "GetGenomeId", "CodonTree"]
    assert found.steps[1].outputs == {}
    assert app_steps(found)["tree"] == {"genome_ids": ["${steps.id.outputs.genome_id}"]}


def test_the_former_engines_dialect_is_understood_with_a_warning() -> None:
    steps = "  a:\n" + annotate("$(inputs.f)", out="[contigs]")
    steps += "  b:\n" + annotate("$(steps.a.contigs)")

    found = planned(workflow(steps, inputs="{f: File}"), {"f": FILES[0]})

    assert app_steps(found)["b"] == annotated("${steps.a.outputs.contigs}")
    assert [warning.code for warning in found.warnings] == ["cwl.dialect", "cwl.dialect"]


def test_the_defaults_of_a_records_fields_are_filled_in_with_a_warning() -> None:
    steps = "  a: {run: 'bvbrc://GenomeAssembly2', in: {single_end_libs: libs}, out: []}"
    inputs = """
  libs:
    type:
      type: array
      items:
        type: record
        fields: {read: File, platform: {type: string, default: illumina}}
"""

    found = planned(workflow(steps, inputs=inputs), {"libs": [{"read": FILES[0]}]})

    assert app_steps(found) == {
        "a": {"single_end_libs": [{"read": FILES[0], "platform": "illumina"}]}
    }
    assert [warning.code for warning in found.warnings] == ["cwl.field_default"]


def test_date_and_chance_are_the_same_in_every_plan() -> None:
    steps = """
  a:
    run: bvbrc://Date
    in: {output_file: {valueFrom: '$(new Date().toISOString().slice(0, 10) + "_" + Math.random())'}}
    out: []
"""
    document = workflow(steps, needs="InlineJavascriptRequirement StepInputExpressionRequirement")

    first, second = (
        planned(document, now=1_800_000_000_000),
        planned(document, now=1_800_000_000_000),
    )

    assert first.steps == second.steps
    assert str(first.steps[0].params["output_file"]).startswith("2027-01-15_0.")


def test_the_input_object_may_bring_requirements() -> None:
    steps = "  a: {run: 'bvbrc://Date', scatter: x, in: {x: xs}, out: []}"
    inputs = {"xs": [1, 2], "cwl:requirements": [{"class": "ScatterFeatureRequirement"}]}

    found = planned(workflow(steps, inputs="{xs: 'int[]'}"), inputs)

    assert [step.name for step in found.steps] == ["a__0", "a__1"]


def test_what_is_missing_of_a_record_is_null_to_an_expression() -> None:
    steps = (
        "  a: {run: 'bvbrc://Sleep', out: [], in: {e: e,"
        " sleep_time: {valueFrom: '$(inputs.e.b === null ? 5 : 6)'}}}"
    )
    needs = "StepInputExpressionRequirement InlineJavascriptRequirement"
    inputs = "{e: {type: {type: record, fields: {a: int, b: 'string?'}}}}"

    found = planned(workflow(steps, inputs=inputs, needs=needs), {"e": {"a": 1}})

    assert app_steps(found)["a"]["sleep_time"] == 5


@pytest.mark.parametrize("source", ["sub/a/genome", "'#sub/a/genome'", "'#main/sub/a/genome'"])
def test_a_step_may_have_a_name_with_slashes(source: str) -> None:
    steps = f"  b:\n{annotate(source)}  sub/a:\n{annotate('f', out='[genome]')}"
    document = workflow(steps, inputs="{f: File}").replace("class:", 'id: "#main"\nclass:')

    found = planned(document, {"f": FILES[0]})

    assert [str(problem) for problem in found.problems] == []
    assert [(step.name, list(step.depends_on)) for step in found.steps] == [
        ("sub_a", []),
        ("b", ["sub_a"]),
    ]
