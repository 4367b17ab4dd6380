"""How long validation of many steps takes: ``python -m benchmarks.parts.validate [steps]``.

Pairs of assembly and annotation, each annotation reading its assembly's contigs, every tenth pair
waiting for the one before; shapes as the MCP server sends them.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from workflows.backends import declared_apps
from workflows.bvbrc import app_table
from workflows.spec.catalogue import catalogue
from workflows.spec.validate import validate


def pair(number: int) -> list[dict[str, Any]]:
    contigs = "${params.output_path}/.${params.output_file}/${params.output_file}_contigs.fasta"
    assembly = {
        "step_name": f"assembly_{number}",
        "app": "GenomeAssembly2",
        "params": {
            "recipe": "auto",
            "srr_ids": [f"SRR{1000000 + number}"],
            "output_path": "${workspace_output_folder}/assembly",
            "output_file": f"asm_{number}",
        },
        "outputs": {"contigs": contigs},
        "depends_on": [f"annotation_{number - 1}"] if number % 10 == 9 else [],
    }
    annotation = {
        "step_name": f"annotation_{number}",
        "app": "GenomeAnnotation",
        "depends_on": [f"assembly_{number}"],
        "params": {
            "contigs": f"${{steps.assembly_{number}.outputs.contigs}}",
            "scientific_name": "Escherichia coli",
            "code": 11,
            "domain": "Bacteria",
            "output_path": "${workspace_output_folder}/annotation",
            "output_file": f"ann_{number}",
        },
    }
    return [assembly, annotation]


def workflow(steps: int) -> dict[str, Any]:
    return {
        "workflow_name": "many",
        "version": "1.0",
        "base_context": {
            "base_url": "https://www.bv-brc.org",
            "workspace_output_folder": "/alice@bvbrc/home/WorkflowRuns/run1",
        },
        "steps": [step for number in range(steps // 2) for step in pair(number)],
        "workflow_outputs": ["${steps.annotation_0.outputs.genome}"],
    }


def main(steps: int) -> None:
    table = app_table.load()
    known = catalogue(table, table, declared_apps.apps())
    document = workflow(steps)
    for _ in range(3):
        begun = time.process_time()
        found = validate(document, known)
        seconds = time.process_time() - begun
        print(f"{len(found.spec.steps)} steps validated in {seconds:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
