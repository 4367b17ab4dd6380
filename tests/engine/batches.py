"""Batches for tests of the engine, checked as the API checks them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.engine.conftest import Engine
from tests.spec.examples import CATALOGUE
from workflows.engine.batches import commands as batches
from workflows.engine.batches.advance import advance_batch
from workflows.engine.batches.commands import Submission
from workflows.engine.batches.standing import find_standing
from workflows.model.states import FINAL_WORKFLOW
from workflows.spec.batches.check import CheckedBatch, Request, check_batch
from workflows.spec.batches.gather_check import examine_gather
from workflows.spec.batches.outputs import likely_lists
from workflows.spec.batches.table import table_from_json
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.validate import Limits
from workflows.store.batches import stored, user_commands

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
            "outputs": {"result": "${params.output_path}/${params.output_file}"},
        }
    ],
}

GATHER: dict[str, Any] = {
    **TEMPLATE,
    "workflow_name": "all dates",
    "steps": [
        {
            "step_name": "all",
            "app": "Date",
            "params": {
                "output_path": "${workspace_output_folder}",
                "output_file": "all",
                "names": "${batch.outputs.a.result}",
            },
        }
    ],
}


def checked(rows: int, gather: dict[str, Any] | None = None) -> CheckedBatch:
    noted = Diagnostics()
    table = table_from_json([{"sample": f"S{number}"} for number in range(rows)], noted)
    found = check_batch(Request(TEMPLATE, table), CATALOGUE, Limits(), noted)
    if gather is None:
        return found
    seen = examine_gather(gather, likely_lists(found), CATALOGUE, Limits())
    assert seen.gather, seen.problems
    return replace(found, gather=seen.gather)


def submit_batch(
    engine: Engine,
    rows: int,
    max_active: int = 50,
    key: str | None = None,
    gather: dict[str, Any] | None = None,
) -> str:
    submission = Submission(checked(rows, gather), max_active, idempotency_key=key, body=b"body")
    return batches.submit(engine.context, engine.owner(), submission).id


def end_rows(engine: Engine, batch: str) -> None:
    """All rows end; the batch is paused before and resumed after that, so that nothing else has
    begun."""
    advance_batch(engine.context, batch)
    assert user_commands.pause(batch)
    engine.until(lambda: set(find_standing(stored.get(batch)).counts) <= set(FINAL_WORKFLOW))
    assert user_commands.resume(batch)


def end_batch(engine: Engine, batch: str) -> None:
    """Let the sweep go on with it until it has ended."""
    engine.until(lambda: stored.get(batch).finished_at is not None)
