"""Reads runs: workflows with what WES shows of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.connections import connections
from app.wes.run_log import Run, cwl_outputs, native_outputs, native_request
from app.wes.states import ENDED, RunState, run_state
from workflows.engine.reports.explain import explanation
from workflows.engine.reports.provenance import input_object
from workflows.engine.reports.views import resolve_outputs
from workflows.model.errors import NotFound
from workflows.model.states import WorkflowState
from workflows.model.values import Json
from workflows.store.jobs import attempts
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import specs
from workflows.store.workflows.specs import Origin
from workflows.store.workflows.stored import StoredWorkflow, WorkflowSummary


def load(workflow: str) -> StoredWorkflow:
    """The workflow of a run, for its owner or an admin. Raises ``NotFound``, ``Forbidden``."""
    found = connections().gate.load(workflow)
    if found.state is WorkflowState.PLANNED:
        raise NotFound(f"Workflow '{workflow}' is planned: it is no run before it is submitted.")
    return found


def states_of(workflows: Sequence[WorkflowSummary]) -> dict[str, RunState]:
    """The states of runs by id."""
    by_status = {
        status: [each.id for each in workflows if each.status is status]
        for status in (WorkflowState.FAILED, WorkflowState.CANCELLED)
    }
    failed = attempts.failed_at_bvbrc(by_status[WorkflowState.FAILED])
    killed = attempts.being_killed(by_status[WorkflowState.CANCELLED])
    return {
        each.id: run_state(
            each.status,
            paused=each.paused,
            failed_at_bvbrc=each.id in failed,
            being_killed=each.id in killed,
        )
        for each in workflows
    }


def read(workflow: StoredWorkflow) -> Run:
    """The whole run."""
    state = states_of([workflow])[workflow.id]
    origin = specs.origin(workflow.id)
    request = _request(workflow, origin)
    types = request.pop("output_types", None)
    return Run(
        workflow=workflow,
        spec=specs.get(workflow.spec_id).spec,
        state=state,
        jobs=[job for job in job_rows.history(workflow.id) if attempts.was_sent(job)],
        reasons=_reasons(workflow, state),
        outputs=_outputs(workflow, types if origin.source else None),
        request=request,
    )


def _reasons(workflow: StoredWorkflow, state: RunState) -> list[str]:
    """Why unfinished steps do not run."""
    if state in ENDED:
        return []
    found = explanation(workflow, connections().context)
    steps = [f"{step['step_name']}: {step['message']}" for step in found["steps"]]
    return [found["message"], *steps]


def _outputs(workflow: StoredWorkflow, types: Mapping[str, str] | None) -> dict[str, Json]:
    """``types``: of the CWL document's outputs, if it is one."""
    outputs, final = resolve_outputs(workflow)
    if types is None:
        spec = specs.get(workflow.spec_id).spec
        return native_outputs(spec, workflow.progress.states, outputs)
    return cwl_outputs(final, types) if workflow.state is WorkflowState.SUCCEEDED else {}


def _request(workflow: StoredWorkflow, origin: Origin) -> dict[str, Any]:
    """What was sent, and ``output_types``."""
    asked: dict[str, Any] = json.loads(origin.request) if origin.request else native_request()
    if origin.source:
        source = json.loads(origin.source)
        asked.setdefault("output_types", {})
        asked["workflow_params"] = dict(input_object(source.get("inputs")))
    if "tags" not in asked and workflow.labels:
        asked["tags"] = dict(workflow.labels)
    return asked
