"""Documents in the style of GoWe, the other CWL engine for BV-BRC, run as they are."""

from __future__ import annotations

import pytest

from tests.cwl.planning import app_steps, planned, workflow
from workflows.backends import declared_apps
from workflows.bvbrc.app_table import load
from workflows.cwl.bvbrc.app_checks import check_plan
from workflows.cwl.bvbrc.submission import Plan
from workflows.spec.catalogue import catalogue

KNOWN = catalogue(load(), load(), declared_apps.apps())
GROUP = "/user@bvbrc/home/group"
COMMON = "output_path: folder, output_file: name"
MLST = f"""
  mlst:
    run: gowe://CoreGenomeMLST
    in:
      input_genome_type: {{default: genome_group}}
      input_genome_group: {{default: {GROUP}}}
      input_schema_selection: {{default: Listeria}}
    out: [report, allele_results, mstree_nwk, result_folder]
"""
TWO = """\
cwlVersion: v1.2
$graph:
  - id: clock
    class: CommandLineTool
    hints: {goweHint: {bvbrc_app_id: Date, executor: bvbrc}}
    baseCommand: [Date]
    inputs: {output_path: string?, output_file: string?}
    outputs: {date_result: {type: File, outputBinding: {glob: "*.txt"}}}
  - id: main
    class: Workflow
    inputs: {folder: string, name: string}
    outputs: {first: {type: File, outputSource: one/date_result}}
    steps:
      one: {run: "#clock", in: {output_path: folder, output_file: name}, out: [date_result]}
      two: {run: "#clock", in: {output_path: folder, output_file: name}, out: [date_result]}
"""
INPUTS = {"folder": "/user@bvbrc/home/out", "name": "x"}


def checked(plan: Plan) -> Plan:
    return check_plan(plan, KNOWN)


def test_outputs_have_the_names_of_gowes_tool_files() -> None:
    found = checked(planned(workflow(MLST)))

    assert found.problems == ()
    hidden = "${params.output_path}/.${params.output_file}"
    assert found.steps[0].outputs == {
        "report": f"{hidden}/cgMLST_Report.html",
        "allele_results": f"{hidden}/result_alleles.tsv",
        "mstree_nwk": {"glob": f"{hidden}/*_MSTreeV2.tre"},
        "result_folder": hidden,
    }


def test_every_name_of_the_table_may_be_asked_for() -> None:
    for app in load():
        names = [*app["outputs"], *app.get("other_outputs", {})]
        steps = f"  a: {{run: 'gowe://{app['id']}', in: {{}}, out: {names}}}"
        codes = {problem.code for problem in planned(workflow(steps)).problems}

        assert codes <= {"cwl.missing_step_input"}, app["id"]


def test_a_submitted_tool_of_that_name_serves_first() -> None:
    tool = """\
cwlVersion: v1.2
class: CommandLineTool
$namespaces: {gowe: "https://github.com/wilke/GoWe#"}
hints: {"gowe:Execution": {bvbrc_app_id: Date, executor: bvbrc}}
baseCommand: [Date]
inputs: {output_path: Directory?, output_file: string?}
outputs: {moment: {type: File, outputBinding: {glob: now}}}
"""
    steps = "  a: {run: 'gowe://Clock', in: {}, out: [moment]}"

    found = checked(planned({"workflow.cwl": workflow(steps), "tools/Clock.cwl": tool}))

    assert found.problems == ()
    assert found.steps[0].outputs == {"moment": "${params.output_path}/.${params.output_file}/now"}


def test_the_app_itself_is_meant_where_the_file_is_the_workflow() -> None:
    text = workflow("  a: {run: 'gowe://Date', in: {}, out: [now]}")

    assert planned({"Date.cwl": text}, main="Date.cwl").problems == ()


def test_the_former_hint_is_taken_and_named() -> None:
    found = checked(planned(TWO, INPUTS))

    assert found.problems == ()
    assert {step.app for step in found.steps} == {"Date"}
    assert {(each.code, each.line) for each in found.warnings} >= {("cwl.dialect", 5)}


def test_steps_that_are_given_one_output_file_write_apart() -> None:
    found = checked(planned(TWO, INPUTS))

    assert [step.params["output_file"] for step in found.steps] == ["x_one", "x_two"]
    assert [each.code for each in found.warnings].count("cwl.converted") == 2


def test_an_app_without_that_parameter_writes_apart_as_well() -> None:
    """As in GoWe's test-pipeline: Sleep's specification names no output_file."""
    sleep = """\
  - id: sleep
    class: CommandLineTool
    hints: {goweHint: {bvbrc_app_id: Sleep, executor: bvbrc}}
    baseCommand: [Sleep]
    inputs: {sleep_time: {type: int, default: 1}, output_path: string, output_file: string}
    outputs: {sleep_result: {type: File, outputBinding: {glob: "*.txt"}}}
  - id: main
"""
    text = TWO.replace("  - id: main\n", sleep).replace(
        'two: {run: "#clock", in: {output_path: folder, output_file: name}, out: [date_result]}',
        'two: {run: "#sleep", in: {output_path: folder, output_file: name}, out: [sleep_result]}',
    )

    found = checked(planned(text, INPUTS))

    assert found.problems == ()
    assert [step.params["output_file"] for step in found.steps] == ["x_one", "x_two"]


def test_a_name_that_one_step_alone_is_given_stays() -> None:
    steps = """
  one: {run: 'bvbrc://Date', in: {output_path: folder, output_file: name}, out: []}
  two: {run: 'bvbrc://Sleep', in: {output_file: name, sleep_time: {default: 1}}, out: []}
"""
    text = workflow(steps, inputs="{folder: Directory, name: string}")

    found = planned(text, INPUTS)

    assert found.problems == ()
    assert found.steps[0].params["output_file"] == "x"


NO_FILES = TWO.replace("bvbrc_app_id: Date, executor", "bvbrc_app_id: Sleep, executor")
READS = """\
cwlVersion: v1.2
$graph:
  - id: assembly
    class: CommandLineTool
    hints: {goweHint: {bvbrc_app_id: GenomeAssembly2, executor: bvbrc}}
    baseCommand: ["true"]
    inputs: {read1: File, read2: File, recipe: {type: string, default: auto}}
    outputs: {contigs: {type: File, outputBinding: {glob: "*.contigs.fasta"}}}
  - id: main
    class: Workflow
    inputs: {forward: File, backward: File}
    outputs: {}
    steps:
      assemble: {run: "#assembly", in: {read1: forward, read2: backward}, out: [contigs]}
"""


def test_a_file_of_an_app_that_leaves_none_is_null_and_the_author_is_warned() -> None:
    found = checked(planned(NO_FILES, INPUTS))

    assert found.problems == ()
    hidden = "${params.output_path}/.${params.output_file}"
    output = {"date_result": {"glob": f"{hidden}/*.txt", "optional": True}}
    assert [step.outputs for step in found.steps] == [output, output]
    message = "the app Sleep leaves no files: 'date_result' is null"
    assert message in [each.message for each in found.warnings]


def test_inputs_that_are_members_of_an_apps_group_go_into_it() -> None:
    reads = {name: f"/user@bvbrc/home/{name}.fq" for name in ("forward", "backward")}

    found = checked(planned(READS, reads))

    assert found.problems == ()
    (step,) = found.steps
    assert step.params["paired_end_libs"] == [
        {"read1": "/user@bvbrc/home/forward.fq", "read2": "/user@bvbrc/home/backward.fq"}
    ]
    assert "read1" not in step.params
    codes = [each.code for each in found.warnings]
    assert codes.count("cwl.converted") == 1
    assert "cwl.unknown_parameter" not in codes


def test_an_input_that_the_app_does_not_know_is_named_once() -> None:
    text = READS.replace("recipe: {type", "recipy: {type")

    found = checked(planned(text, {"forward": "/u@x/home/f.fq", "backward": "/u@x/home/b.fq"}))

    assert found.problems == ()
    assert [each.message for each in found.warnings if "recipy" in each.message] == [
        "the app GenomeAssembly2 knows no parameter 'recipy'"
    ]


@pytest.mark.parametrize("run", ["gowe://ModelReconstruction", "gowe://GenomeAnotation"])
def test_an_app_that_bvbrc_lacks_is_named_with_a_way_out(run: str) -> None:
    (problem,) = planned(workflow(f"  a: {{run: '{run}', in: {{}}, out: []}}")).problems

    assert problem.code == "cwl.unknown_app"
    lists = "GET /api/v1/apps lists the apps"
    near = "did you mean 'GenomeAnnotation'?"
    assert problem.suggestion == (near if "Anotation" in run else lists)


@pytest.mark.parametrize("name", ["bvbrc-get-genome-id", "GenomeAnnotation"])
def test_helpers_and_apps_need_no_file(name: str) -> None:
    steps = f"  a: {{run: 'gowe://{name}', in: {{}}, out: []}}"

    assert {each.code for each in planned(workflow(steps)).problems} == {"cwl.missing_step_input"}


def test_a_pipeline_of_several_apps_and_expressions_plans() -> None:
    steps = """
  annotate:
    run: gowe://ComprehensiveGenomeAnalysis
    in: {input_type: {default: contigs}, contigs: contigs, scientific_name: {default: x},
      domain: {default: Bacteria}, code: {default: "11"}, output_path: folder, output_file: name}
    out: [annotated_genome, full_report, result_folder]
  id:
    run: gowe://bvbrc-get-genome-id
    in:
      genome_ws_path:
        source: annotate/annotated_genome
        valueFrom: $(self.location.replace('ws://', ''))
    out: [genome_id]
"""
    text = workflow(
        steps,
        inputs="{contigs: 'File?', folder: Directory, name: string}",
        outputs="{report: {type: File, outputSource: annotate/full_report}}",
        needs="StepInputExpressionRequirement InlineJavascriptRequirement",
    )
    given = {**INPUTS, "contigs": "/user@bvbrc/home/x.fa"}
    folder = "/user@bvbrc/home/out/.x"

    first = checked(planned(text, given))
    later = planned(text, given, {"annotate": {"annotated_genome": f"{folder}/annotated.genome"}})

    assert (first.problems, first.waits_for) == ((), {"annotate"})
    assert app_steps(later)["id"] == {"genome_ws_path": f"{folder}/annotated.genome"}
