"""What an agent does with templates and batches."""

from __future__ import annotations

from devstack.processes import wait_until
from tests.agents.conftest import Agent
from tests.agents.test_tools import end, key
from tests.product import ALICE, GROUP

pytestmark = GROUP

FOLDER = f"/{ALICE}/home/agents"


def test_an_agent_finds_a_template_and_starts_it(agent: Agent) -> None:
    listed = agent.call("list_templates", query="primers")["templates"]
    found = agent.call("describe_template", template=listed[0]["name"])
    template = f"{found['name']}@{found['version']}"
    usual = {"template": template, "workspace_output_folder": FOLDER, "idempotency_key": key()}

    refused = agent.refused("submit_template", inputs={"sequense": "ACGT"}, **usual)
    shown = agent.call("submit_template", inputs=found["example"], dry_run=True, **usual)
    submitted = agent.call("submit_template", inputs=found["example"], **usual)

    assert found["needs_folder"]
    assert "- inputs.sequense: " in refused
    assert "did you mean 'sequence'?" in refused
    assert shown["workflow_id"] is None
    assert shown["workflow"]["steps"][0]["app"] == "PrimerDesign"
    assert end(agent, submitted["workflow_id"])["status"] == "succeeded"


def test_an_agent_runs_a_template_over_samples(agent: Agent) -> None:
    samples = [{"sample": "S1", "run": "SRR1234567"}, {"sample": "S2", "run": "SRR12"}]
    names = {"names": "${batch.outputs.call.variants}", "output_path": FOLDER, "output_file": "all"}
    context = {"base_url": "https://www.bv-brc.org", "workspace_output_folder": FOLDER}
    gather = {
        "workflow_name": "all",
        "version": "1.0",
        "base_context": context,
        "steps": [{"step_name": "all", "app": "Date", "params": names}],
    }
    usual = {
        "template": "variation@1",
        "samples": samples,
        "columns": {"srr_ids": "run"},
        "inputs": {"reference_genome_id": "83332.12"},
        "workspace_output_folder": FOLDER,
        "idempotency_key": key(),
        "gather": gather,
    }
    agent.product.simulator.app("*", run_seconds=0)

    checked = agent.call("submit_batch", dry_run=True, **usual)
    wrong = agent.call("submit_batch", dry_run=True, **{**usual, "columns": {"srr_id": "run"}})
    batch = agent.call("submit_batch", **usual)["batch_id"]
    again = agent.call("submit_batch", **usual)["batch_id"]
    neither = agent.refused("submit_batch", samples=samples, idempotency_key=key())

    assert (checked["status"], checked["count"]) == ("valid", 2)
    assert wrong["status"] == "invalid"
    assert wrong["problems"][0]["path"] == "map.srr_id"
    assert again == batch
    assert "either workflow or template" in neither
    wait_until(lambda: agent.call("get_batch", batch_id=batch)["finished"], "the batch ends")
    found = agent.call("get_batch", batch_id=batch, detail="results")
    assert found["counts"] == {"succeeded": 2}
    assert [row["sample"] for row in found["rows"]] == ["S1", "S2"]
    assert all(row["outputs"] for row in found["rows"])
    assert (found["gather"]["status"], found["gather"]["rows"]) == ("succeeded", 2)
