"""Every template that comes with the engine runs to its end, with the inputs that it shows."""

from __future__ import annotations

from typing import Any

from tests.product import ALICE, GROUP, Product
from workflows.bvbrc import template_table

pytestmark = GROUP


def test_every_template_runs_to_its_end_with_its_example(product: Product) -> None:
    product.simulator.app("*", run_seconds=0)
    contigs = f"/{ALICE}/home/isolate-1.fasta"
    product.simulator.put(product.token(), contigs)

    def submit(name: str) -> str:
        example: dict[str, Any] = product.ask("GET", f"/templates/{name}")["example"]
        if name == "outbreak-tree":
            example = {**example, "contigs": contigs}  # the engine reads it itself
        body = {"inputs": example, "workspace_output_folder": f"/{ALICE}/home/{name}"}
        sent = product.ask("POST", f"/templates/{name}@latest/submit", json=body)
        codes = {each["code"] for each in sent.get("warnings", ())}
        assert codes <= {"apps_not_asked"}, sent
        return str(sent["workflow_id"])

    started = {name: submit(name) for name in template_table.load()}

    ends = {name: product.ends(workflow) for name, workflow in started.items()}
    assert ends == dict.fromkeys(started, "succeeded")
