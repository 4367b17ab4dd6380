"""Batches for tests of the engine, checked as the API checks them."""

from __future__ import annotations

from typing import Any

from tests.engine.conftest import Engine
from tests.spec.examples import CATALOGUE
from workflows.engine.batches import commands as batches
from workflows.engine.batches.commands import Submission
from workflows.spec.batches.check import CheckedBatch, Request, check_batch
from workflows.spec.batches.table import table_from_json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.validate import Limits
from workflows.store.batches import stored

TEMPLATE: dict[str, Any] = {
    "workflow_name": "dates",
    "version": "1.0",
    "base_context": {
        "base_url": "https://www.bv-brc.org",
        "workspace_output_folder": "/alice@patricbrc.org/home/run",
    },
    "steps": [
        {
            "step_name": "a",
            "app": "Date",
            "params": {
                "output_path": "${workspace_output_folder}",
                "output_file": "${sample.sample}",
            },
        }
    ],
}


def checked(rows: int) -> CheckedBatch:
    noted = Diagnostics()
    table = table_from_json([{"sample": f"S{number}"} for number in range(rows)], noted)
    return check_batch(Request(TEMPLATE, table), CATALOGUE, Limits(), noted)


def submit_batch(engine: Engine, rows: int, max_active: int = 50, key: str | None = None) -> str:
    submission = Submission(checked(rows), max_active, idempotency_key=key, body=b"body")
    return batches.submit(engine.context, engine.owner(), submission).id


def end_batch(engine: Engine, batch: str) -> None:
    """Let the sweep go on with it until it has ended."""
    engine.until(lambda: stored.get(batch).finished_at is not None)
