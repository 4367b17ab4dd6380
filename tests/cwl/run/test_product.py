"""The examples in CWL run to their end in the product, also where results say what follows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.cwl.planning import EXAMPLES
from tests.cwl.run.test_gowe import TWO
from tests.product import ALICE, GROUP, Product

pytestmark = GROUP
HELPERS = """
cwlVersion: v1.2
class: Workflow
requirements: {ScatterFeatureRequirement: {}, InlineJavascriptRequirement: {}}
inputs: {contigs: File}
outputs: {ids: {type: "string[]", outputSource: split/ids}}
steps:
  annotate:
    run: bvbrc://GenomeAnnotation
    in:
      contigs: contigs
      scientific_name: {default: E}
      domain: {default: Bacteria}
      code: {default: 11}
    out: [genome]
  id: {run: "gowe://bvbrc-get-genome-id", in: {genome_ws_path: annotate/genome}, out: [genome_id]}
  split:
    in: {id: id/genome_id}
    out: [ids]
    run:
      class: ExpressionTool
      inputs: {id: string}
      outputs: {ids: "string[]"}
      expression: '${ return {ids: [inputs.id, inputs.id.split(".")[0]]}; }'
  each:
    run: bvbrc://Date
    scatter: output_file
    in: {output_file: split/ids}
    out: []
"""
SLEEP = """\
  - id: sleep
    class: CommandLineTool
    hints: {goweHint: {bvbrc_app_id: Sleep, executor: bvbrc}}
    baseCommand: [Sleep]
    inputs: {sleep_time: {type: int, default: 1}, output_path: string, output_file: string}
    outputs: {date_result: {type: File, outputBinding: {glob: "*.txt"}}}
"""


def submitted(product: Product, folder: str, **fields: Any) -> str:
    body = {"workspace_output_folder": f"/{ALICE}/home/{folder}", **fields}
    return str(product.ask("POST", "/workflows/submit-cwl", json=body)["workflow_id"])


def jobs(product: Product, folder: str) -> Counter[str]:
    """How many jobs of each app BV-BRC has that write there; no key came twice."""
    found = product.simulator.jobs(output_path=f"/{ALICE}/home/{folder}")
    assert len({job["user_metadata"] for job in found}) == len(found)
    return Counter(job["app"] for job in found)


def texts(*names: str) -> dict[str, str]:
    return {name: Path(EXAMPLES / name).read_text("utf-8") for name in names}


def test_the_pipeline_of_two_steps_runs_to_its_end(product: Product) -> None:
    files = texts("assemble_annotate.cwl", "assemble_annotate.inputs.yaml")

    workflow_id = submitted(
        product, "cwl-two", workflow=files["assemble_annotate.cwl"],
        inputs=files["assemble_annotate.inputs.yaml"],
    )  # fmt: skip

    assert product.ends(workflow_id) == "succeeded"
    assert jobs(product, "cwl-two") == {"GenomeAssembly2": 1, "GenomeAnnotation": 1}


def test_a_scatter_over_what_a_job_leaves_runs_to_its_end(product: Product) -> None:
    product.simulator.app("MetagenomeBinning", run_seconds=None)
    workflow_id = submitted(
        product,
        "cwl-scatter",
        workflow="scatter_annotate.cwl",
        files=texts("scatter_annotate.cwl", "bins.cwl"),
        inputs={"contigs": [], "runs": ["SRR21907330"], "scientific_name": "E"},
    )
    product.reaches(workflow_id, "assemble", "running")
    assert product.steps(workflow_id).keys() == {"assemble"}

    product.simulator.act("finish", app="MetagenomeBinning", user_metadata=f"{workflow_id}/*")
    assert product.ends(workflow_id) == "succeeded"

    assert jobs(product, "cwl-scatter") == {"MetagenomeBinning": 1, "GenomeAnnotation": 2}
    (outputs,) = product.ask("GET", f"/workflows/{workflow_id}")["workflow_outputs"]
    assert len(outputs["genomes"]) == 2
    log = product.ask("GET", f"/workflows/{workflow_id}/events")["events"]
    assert [each["step_name"] for each in log if not each["before"]] == [
        "annotate__0",
        "annotate__1",
    ]


def test_a_document_of_gowe_runs_to_its_end(product: Product) -> None:
    inputs = {"folder": f"/{ALICE}/home/cwl-gowe", "name": "x"}

    workflow_id = submitted(product, "cwl-gowe", workflow=TWO, inputs=inputs)

    assert product.ends(workflow_id) == "succeeded"
    (outputs,) = product.ask("GET", f"/workflows/{workflow_id}")["workflow_outputs"]
    assert outputs["first"].startswith(f"/{ALICE}/home/cwl-gowe/.x_one/")


def test_a_document_that_wants_a_file_of_sleep_runs_to_its_end_without_it(
    product: Product,
) -> None:
    """As GoWe's test-pipeline does: Date, then Sleep, each with a file that the glob finds."""
    text = TWO.replace('two: {run: "#clock"', 'two: {run: "#sleep"').replace(
        "  - id: main\n", SLEEP + "  - id: main\n"
    )
    text = text.replace(
        "outputs: {first:", "outputs: {second: {type: File, outputSource: two/date_result}, first:"
    )
    inputs = {"folder": f"/{ALICE}/home/cwl-sleep", "name": "x"}

    workflow_id = submitted(product, "cwl-sleep", workflow=text, inputs=inputs)

    assert product.ends(workflow_id) == "succeeded"
    listed = product.ask("GET", f"/workflows/{workflow_id}")["workflow_outputs"]
    outputs = {name: value for each in listed for name, value in each.items()}
    assert outputs["first"].startswith(f"/{ALICE}/home/cwl-sleep/.x_one/")
    assert outputs["second"] is None


def test_what_an_expression_makes_of_a_result_is_scattered_over(product: Product) -> None:
    product.simulator.put(product.token(), f"/{ALICE}/home/cwl-x/contigs.fasta")
    workflow_id = submitted(
        product, "cwl-helpers", workflow=HELPERS,
        inputs={"contigs": f"/{ALICE}/home/cwl-x/contigs.fasta"},
    )  # fmt: skip

    assert product.ends(workflow_id) == "succeeded"
    assert jobs(product, "cwl-helpers") == {"GenomeAnnotation": 1, "Date": 2}
    (outputs,) = product.ask("GET", f"/workflows/{workflow_id}")["workflow_outputs"]
    assert outputs["ids"][0].startswith(f"{outputs['ids'][1]}.")
