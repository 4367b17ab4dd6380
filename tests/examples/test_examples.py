"""Every example runs to its end in the product, and shows what its name says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devstack.processes import wait_until
from tests.product import GROUP, Product
from tests.shared import ROOT

pytestmark = GROUP
EXAMPLES = ROOT / "examples"
USER = "user@bvbrc"
SECONDS = 120


def run(product: Product, name: str) -> dict[str, Any]:
    """The whole workflow at its end."""
    document = json.loads((EXAMPLES / f"{name}.json").read_text())
    return end_of(product, product.submit(document, USER))


def run_cwl(product: Product, name: str, inputs: Any) -> dict[str, Any]:
    names = [path.name for path in (EXAMPLES / "cwl").glob("*.cwl")]
    files = {each: (EXAMPLES / "cwl" / each).read_text() for each in names}
    body = {
        "workflow": f"{name}.cwl",
        "files": files,
        "inputs": inputs,
        "workspace_output_folder": f"/{USER}/home/{name}",
    }
    answer = product.ask("POST", "/workflows/submit-cwl", USER, json=body)
    return end_of(product, str(answer["workflow_id"]))


def end_of(product: Product, workflow: str) -> dict[str, Any]:
    product.ends(workflow, SECONDS)
    return dict(product.ask("GET", f"/workflows/{workflow}", USER))


def states(workflow: dict[str, Any]) -> dict[str, str]:
    return {step["step_name"]: step["status"] for step in workflow["steps"]}


@pytest.mark.parametrize(
    "name", ["example_workflow_2step", "fan_out", "labels", "create_group", "max_parallel_steps"]
)
def test_it_succeeds(product: Product, name: str) -> None:
    assert run(product, name)["status"] == "succeeded"


def test_at_most_two_steps_run_at_a_time(product: Product) -> None:
    workflow = run(product, "max_parallel_steps")

    events = product.ask("GET", f"/workflows/{workflow['workflow_id']}/events", USER)["events"]
    in_flight: set[str] = set()
    for event in events:
        if event["subject"] == "step":
            before_end = event["after"] in ("queued", "running")
            (in_flight.add if before_end else in_flight.discard)(event["step_name"])
            assert len(in_flight) <= 2


def test_a_step_that_fails_twice_is_tried_again(product: Product) -> None:
    product.simulator.app("Date", output_file="unsteady*", outcome="failed", count=2)

    workflow = run(product, "retry")

    assert workflow["status"] == "succeeded"
    jobs = product.simulator.jobs(output_path=f"/{USER}/home/output/Dates")
    assert len([job for job in jobs if str(job["output_file"]).startswith("unsteady")]) == 3


def test_a_failed_step_cancels_the_others(product: Product) -> None:
    product.simulator.app("Date", output_file="good", run_seconds=600)
    product.simulator.app("Date", output_file="bad", outcome="failed")

    workflow = run(product, "on_failure")

    assert workflow["status"] == "failed"
    assert states(workflow)["bad"] == "failed"
    assert states(workflow)["good"] == "cancelled"


def test_outputs_are_found_by_a_pattern(product: Product) -> None:
    (found,) = run(product, "glob_outputs")["workflow_outputs"]

    assert found
    assert all(path.endswith(".fa") for path in found)


def test_labels_lead_to_the_workflow(product: Product) -> None:
    workflow = run(product, "labels")

    found = product.ask("GET", "/workflows?label=project:surveillance", USER)["workflows"]
    assert workflow["workflow_id"] in [each["workflow_id"] for each in found]


def test_a_group_reaches_the_step_that_takes_it(product: Product) -> None:
    run(product, "create_group")

    jobs = product.simulator.jobs(output_path=f"/{USER}/home/output/Tree")
    groups = [job["params"]["genome_groups"] for job in jobs]  # type: ignore[index,call-overload]
    assert [f"/{USER}/home/Genome Groups/Mine"] in groups


def test_a_batch_runs_each_row_of_its_table_and_then_makes_one_tree_of_all(
    product: Product,
) -> None:
    parts = [("workflow", "workflow.json"), ("samples", "samples.csv"), ("gather", "tree.json")]
    files = {part: (name, (EXAMPLES / "batch" / name).read_bytes()) for part, name in parts}
    batch = product.ask("POST", "/batches", USER, files=files)["batch_id"]

    def is_over() -> bool:
        return bool(product.ask("GET", f"/batches/{batch}", USER)["status"] == "succeeded")

    wait_until(is_over, "every row has succeeded", seconds=SECONDS, every_seconds=0.5)
    rows = product.ask("GET", f"/workflows?batch={batch}", USER)["workflows"]
    assert {row["status"] for row in rows} == {"succeeded"}
    assert len(rows) == 3
    (tree,) = product.simulator.jobs(output_path=f"/{USER}/home/assemblies/Tree")
    group = f"/{USER}/home/Genome Groups/Assemblies"
    assert tree["params"]["genome_groups"] == [group]  # type: ignore[index,call-overload]
    found = product.simulator.rpc(product.token(USER), "Workspace.get", {"objects": [group]})
    (((_, content),),) = found  # type: ignore[misc]
    assert len(json.loads(content)["id_list"]["genome_id"]) == 2


@pytest.mark.parametrize("name", ["assemble_annotate", "scatter_annotate", "javascript"])
def test_cwl_succeeds(product: Product, name: str) -> None:
    inputs = (EXAMPLES / f"cwl/{name}.inputs.yaml").read_text()

    assert run_cwl(product, name, inputs)["status"] == "succeeded"


def test_javascript_chooses_files_and_makes_names(product: Product) -> None:
    inputs = (EXAMPLES / "cwl/javascript.inputs.yaml").read_text()

    run_cwl(product, "javascript", inputs)

    jobs = product.simulator.jobs(output_path=f"/{USER}/home/javascript")
    assert {job["output_file"] for job in jobs} == {
        "assembled_SRR21907330",
        "assembled_SRR5121082",
    }


def test_every_example_is_listed_with_what_it_shows() -> None:
    listed = (EXAMPLES / "README.md").read_text()

    files = [path for path in EXAMPLES.rglob("*") if path.suffix in (".json", ".cwl")]
    missing = [path for path in files if str(path.relative_to(EXAMPLES)) not in listed]
    assert [path.name for path in missing] == ["bins.cwl"]  # a part of scatter_annotate.cwl
