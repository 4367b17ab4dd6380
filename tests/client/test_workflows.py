"""Submit, wait, follow and read results, as a script or a notebook does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pandas import DataFrame

from bvbrc_workflows_client import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    RunFailed,
    Unauthenticated,
    Workflows,
)
from tests.client.conftest import USER, Connect
from tests.product import BOB, GROUP, Product, document
from tests.shared import ROOT

pytestmark = GROUP
LONG = 120
FOLDER = f"/{USER}/home/client"


def two_steps(**fields: Any) -> dict[str, Any]:
    context = {"base_url": "https://www.bv-brc.org", "workspace_output_folder": FOLDER}
    return document({"a": "", "b": "a"}, "client", base_context=context, **fields)


def test_a_workflow_is_submitted_waited_for_and_its_results_are_a_data_frame(
    workflows: Workflows, tmp_path: Path
) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(two_steps(workflow_outputs=["${steps.b.params.output_file}"])))

    run = workflows.submit(file).wait(LONG)
    results = run.results()

    assert isinstance(results, DataFrame)
    assert list(results["value"]) == ["b"]
    assert [step["status"] for step in run.status()["steps"]] == ["succeeded", "succeeded"]
    assert "Workflow" in run.log()
    assert workflows.run(run.id) == run


def test_without_pandas_results_are_rows(
    workflows: Workflows, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = workflows.submit(two_steps(workflow_outputs=["${steps.b.params.output_file}"])).wait(LONG)
    monkeypatch.setitem(sys.modules, "pandas", None)

    (row,) = run.results()

    assert row["value"] == "b"


def test_a_refusal_carries_every_problem(workflows: Workflows) -> None:
    wrong = two_steps(max_parallel_steps=0)
    wrong["steps"][0] |= {"app": "GenomeAssembly2"}
    wrong["steps"][0]["params"] |= {"srr_ids": ["SRR5121082"], "recipe": "auot"}

    with pytest.raises(Invalid) as refusal:
        workflows.submit(wrong)

    problems = {each.path: each for each in refusal.value.problems}
    assert set(problems) == {"max_parallel_steps", "steps[0].params.recipe"}
    assert "auto" in problems["steps[0].params.recipe"].suggestion
    assert "steps[0].params.recipe" in str(refusal.value)
    assert refusal.value.status == 400
    assert workflows.validate(two_steps())["valid"]


def test_each_refusal_has_its_type(
    workflows: Workflows, connect: Connect, product: Product
) -> None:
    run = workflows.submit(two_steps())

    with pytest.raises(Forbidden):
        connect(BOB).run(run.id).cancel()
    with pytest.raises(NotFound):
        workflows.run("wf_0").status()
    with (
        pytest.raises(Unauthenticated),
        Workflows(product.url, "un=x|sig=no", patience_seconds=0) as other,
    ):
        other.run(run.id).status()
    run.wait(LONG)
    with pytest.raises(Conflict):
        run.retry()


def test_events_come_as_they_happen_until_the_end(workflows: Workflows) -> None:
    events = list(workflows.submit(two_steps()).stream())

    assert [each["id"] for each in events] == list(range(1, len(events) + 1))
    assert (events[-1]["subject"], events[-1]["after"]) == ("workflow", "succeeded")


def test_waiting_for_one_that_fails_says_so(workflows: Workflows, product: Product) -> None:
    product.simulator.app("*", output_file="a*", run_seconds=0, outcome="failed")
    run = workflows.submit(two_steps())

    with pytest.raises(RunFailed) as failure:
        run.wait(LONG)

    assert failure.value.state == "failed"
    assert run.id in str(failure.value)
    assert [step["step_name"] for step in failure.value.answer["steps"]] == ["a"]
    assert run.wait(check=False) is run


def test_waiting_has_a_limit_and_the_workflow_goes_on(
    workflows: Workflows, product: Product
) -> None:
    product.simulator.app("*", run_seconds=600)
    run = workflows.submit(two_steps())

    with pytest.raises(TimeoutError):
        run.wait(0.1)

    assert run.status()["status"] not in ("failed", "cancelled")
    run.cancel()
    with pytest.raises(RunFailed) as failure:
        run.wait(LONG)
    assert failure.value.state == "cancelled"


def test_a_result_is_downloaded(workflows: Workflows, product: Product, tmp_path: Path) -> None:
    wanted = two_steps()
    wanted["steps"][1]["outputs"] = {"out": "${params.output_path}/.${params.output_file}/x.txt"}
    run = workflows.submit(wanted).wait(LONG)
    path = f"{FOLDER}/.b/x.txt"
    entry = {"objects": [[path, "txt", {}, "result\n"]], "overwrite": 1}
    product.simulator.rpc(product.token(USER), "Workspace.create", entry)
    target = tmp_path / "saved.txt"

    assert run.download(path, target) == len("result\n")
    with pytest.raises(NotFound):
        run.download(f"{path}x", tmp_path / "none")

    assert target.read_text() == "result\n"
    assert [each.name for each in tmp_path.iterdir()] == ["saved.txt"]


SAMPLES = [{"sample": "S1", "text": "one"}, {"sample": "S2", "text": ""}]


@pytest.mark.parametrize("kind", ["dictionaries", "data frame", "file"])
def test_a_batch_runs_for_each_sample_and_its_results_are_a_table(
    workflows: Workflows, kind: str, tmp_path: Path
) -> None:
    file = tmp_path / "samples.tsv"
    file.write_text("sample\ttext\nS1\tone\nS2\t\n")
    samples = {"dictionaries": SAMPLES, "data frame": DataFrame(SAMPLES), "file": file}[kind]
    template = two_steps(workflow_outputs=["${steps.b.params.output_file}"])
    template["steps"][0]["params"]["output_file"] = "${sample.sample}"

    batch = workflows.submit_batch(template, samples, name="mine", labels={"of": "client"})
    states = list(batch.stream())
    table = batch.wait(LONG).results()

    assert states[-1]["status"] == "succeeded"
    assert list(table["sample"]) == ["S1", "S2"]
    assert list(table["status"]) == ["succeeded", "succeeded"]
    assert batch.status()["labels"]["of"] == "client"
    assert workflows.batch(batch.id) == batch
    more = [{"sample": "S3", "text": "three"}]
    further = tmp_path / "more.csv"
    further.write_text("sample,text\nS3,three\n")
    added = {"dictionaries": more, "data frame": DataFrame(more), "file": further}[kind]
    assert len(batch.add(added).wait(LONG).results()) == 3


def test_the_examples_are_documents_that_it_submits(connect: Connect) -> None:
    run = connect("user@bvbrc").submit(ROOT / "examples" / "labels.json", reuse="never").wait(LONG)

    assert run.status()["status"] == "succeeded"
