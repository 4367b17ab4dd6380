"""Examples for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from workflows.model.values import Json

ID: Final = "wf_5f1d2c3b4a59687786a5b4c3d2e1f001"

WORKFLOW: Final[Json] = {
    "workflow_name": "assembly-to-annotation-pipeline",
    "version": "1.0",
    "base_context": {
        "base_url": "https://www.bv-brc.org",
        "workspace_output_folder": "/user@bvbrc/home/output",
    },
    "steps": [
        {
            "step_name": "assemble",
            "app": "GenomeAssembly2",
            "params": {
                "srr_ids": ["SRR1"],
                "recipe": "auto",
                "output_path": "${workspace_output_folder}/Assembly",
                "output_file": "asm",
            },
            "outputs": {
                "contigs": "${params.output_path}/.${params.output_file}"
                "/${params.output_file}_contigs.fasta"
            },
        },
        {
            "step_name": "annotate",
            "app": "GenomeAnnotation",
            "depends_on": ["assemble"],
            "params": {
                "contigs": "${steps.assemble.outputs.contigs}",
                "scientific_name": "Escherichia coli",
                "code": 11,
                "domain": "Bacteria",
                "output_path": "${workspace_output_folder}/Annotation",
                "output_file": "ann",
            },
        },
    ],
    "workflow_outputs": ["${steps.annotate.outputs.genome}"],
}
CWL: Final[Json] = {
    "workflow": {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {"reads": "string"},
        "steps": {
            "assemble": {
                "run": "bvbrc://GenomeAssembly2",
                "in": {"srr_ids": "reads", "recipe": {"default": "auto"}},
                "out": ["contigs"],
            }
        },
        "outputs": {"contigs": {"type": "File", "outputSource": "assemble/contigs"}},
    },
    "inputs": {"reads": "SRR1234567"},
    "workspace_output_folder": "/user@bvbrc/home/output",
}
SUBMITTED: Final[Json] = {
    "workflow_id": ID,
    "status": "pending",
    "message": "Workflow submitted successfully",
}
PLANNED: Final[Json] = {
    "workflow_id": ID,
    "status": "planned",
    "workflow_name": "assembly-to-annotation-pipeline",
    "step_count": 2,
    "problems": [],
    "message": "Workflow planned successfully",
}
VALIDATED: Final[Json] = {
    "valid": True,
    "workflow_json": WORKFLOW,
    "warnings": [],
    "auto_fixes": [],
    "message": "Workflow validated successfully",
}
STATUS: Final[Json] = {
    "workflow_id": ID,
    "workflow_name": "assembly-to-annotation-pipeline",
    "status": "running",
    "created_at": "2026-01-19T10:00:00.000Z",
    "updated_at": "2026-01-19T10:05:23.412Z",
    "error_message": None,
    "paused": False,
    "parked": False,
    "parked_since": None,
    "steps": [
        {
            "step_id": "19542145",
            "step_name": "assemble",
            "name": "assemble",
            "status": "running",
            "app": "GenomeAssembly2",
        },
        {
            "step_id": "",
            "step_name": "annotate",
            "name": "annotate",
            "status": "pending",
            "app": "GenomeAnnotation",
        },
    ],
}
PAGE: Final[Json] = {
    "workflows": [
        {
            "workflow_id": ID,
            "workflow_name": "assembly-to-annotation-pipeline",
            "status": "running",
            "owner": "me@bvbrc",
            "paused": False,
            "parked": False,
            "parked_since": None,
            "error_message": None,
            "step_count": 2,
            "apps": ["GenomeAnnotation", "GenomeAssembly2"],
            "labels": {"project": "outbreak-7"},
            "created_at": "2026-01-19T10:00:00.000Z",
            "updated_at": "2026-01-19T10:05:23.412Z",
            "submitted_at": "2026-01-19T10:00:00.000Z",
            "started_at": "2026-01-19T10:00:41.000Z",
            "completed_at": None,
        }
    ],
    "next_page_token": None,
}
RETRY: Final[Json] = {"params": {"assemble": {"recipe": "auto", "trim": True}}}
OUTPUTS: Final[Json] = {
    "assemble": {
        "contigs": {
            "value": "/me@bvbrc/home/out/.asm/asm_contigs.fasta",
            "url": "https://www.bv-brc.org/workspace/me@bvbrc/home/out/.asm/asm_contigs.fasta",
        }
    },
    "workflow_outputs": [
        {
            "value": "/me@bvbrc/home/out/.asm/asm_contigs.fasta",
            "url": "https://www.bv-brc.org/workspace/me@bvbrc/home/out/.asm/asm_contigs.fasta",
            "step_name": "assemble",
            "output": "contigs",
        }
    ],
}
STEP_REUSE: Final[Json] = {
    "step_name": "assemble",
    "attempt": 1,
    "outcome": "missed",
    "message": 'params.recipe was "auto" in job 19541020 and is "unicycler" now.',
    "reused_from": None,
    "miss": {
        "code": "differs",
        "message": 'params.recipe was "auto" in job 19541020 and is "unicycler" now.',
        "part": "params.recipe",
        "before": '"auto"',
        "now": '"unicycler"',
        "compared_with": "wf_8d1f0c9e2a7b4d6f9e0a1b2c3d4e5f60/0/1",
    },
    "key": "6d1f2e0b8c9a4f7e5d3c2b1a0f9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e",
}

EXPLANATION: Final[Json] = {
    "workflow_id": ID,
    "status": "running",
    "priority": 0,
    "weight": 1,
    "message": "It is under way: 2 steps have not ended yet.",
    "steps": [
        {
            "step_name": "assemble",
            "status": "running",
            "code": "running",
            "message": "Job 19542145 is running.",
            "unblocked_by": "The job ends.",
            "since": "2026-01-19T10:00:41.000Z",
            "until": None,
            "waiting_for": [],
            "job_id": "19542145",
            "hold": None,
        },
        {
            "step_name": "annotate",
            "status": "pending",
            "code": "waiting_for_steps",
            "message": "It waits for step 'assemble' to succeed.",
            "unblocked_by": "The success of step 'assemble'.",
            "since": "2026-01-19T10:00:00.000Z",
            "until": None,
            "waiting_for": ["assemble"],
            "job_id": "",
            "hold": None,
        },
    ],
}
CANCELLED: Final[Json] = {
    "workflow_id": ID,
    "status": "cancelled",
    "message": "Workflow cancelled successfully",
    "steps": [
        {"step_name": "assemble", "job_id": "19542145", "outcome": "kill_requested"},
        {"step_name": "annotate", "job_id": "", "outcome": "never_started"},
    ],
}

USAGE: Final[Json] = {
    "limits": {
        "active_workflows": {"used": 12, "allowed": 10000},
        "stored_bytes": {"used": 51200, "allowed": 10737418240},
        "requests_per_minute": {
            "used": 30,
            "allowed": 60000,
            "resets_at": "2026-01-19T10:01:00.000Z",
        },
    }
}
APPS: Final[Json] = {
    "apps": [
        {
            "app": "GenomeAssembly2",
            "label": "Assemble reads into contigs",
            "description": "Assemble reads into a set of contigs",
        }
    ],
    "next_page_token": None,
    "warnings": [],
}
