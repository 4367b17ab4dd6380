"""Gathers what ``workflows.provenance`` makes a crate of; it asks BV-BRC for nothing."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any, Final

from workflows.cwl.read.yaml_tree import Budget, parse
from workflows.engine import app_catalogue
from workflows.engine.reports.views import failure_reason, resolve_outputs
from workflows.model.errors import Conflict, Invalid
from workflows.model.states import WorkflowState
from workflows.model.values import Json
from workflows.provenance.run_facts import CwlSource, Publication, RunFacts
from workflows.store.jobs import attempts
from workflows.store.jobs import rows as job_rows
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow

CWL_FOLDER: Final = "cwl"
"""Where a crate keeps the submitted files."""
_UNUSABLE: Final = re.compile(r"[\x00-\x1f\x7f\\:]")


def run_facts(workflow: StoredWorkflow, publication: Publication) -> RunFacts:
    """Raises ``Conflict`` for a plan: nothing has happened in it."""
    if workflow.state is WorkflowState.PLANNED:
        raise Conflict("A plan has no provenance before it is submitted.")
    compiled = specs.get(workflow.spec_id)
    outputs, final = resolve_outputs(workflow)
    jobs = job_rows.of_workflow(workflow.id)
    names = [step.name for step in compiled.spec.steps]
    reason = failure_reason(names, workflow.progress, {job.step: job for job in jobs})
    return RunFacts(
        id=workflow.id,
        owner=workflow.owner,
        state=workflow.status,
        compiled=compiled,
        jobs=[job for job in jobs if attempts.was_sent(job)],
        attempts=workflow.progress.attempts,
        outputs=outputs,
        workflow_outputs=final,
        created_at=workflow.created_at,
        updated_at=workflow.updated_at,
        started_at=workflow.started_at,
        finished_at=workflow.finished_at,
        error=reason or "",
        catalogue=app_catalogue.catalogue(),
        publication=publication,
        cwl=_find_cwl(workflow.id),
    )


def _find_cwl(workflow: str) -> CwlSource | None:
    origin = specs.origin(workflow)
    if not origin.source:
        return None
    asked = json.loads(origin.request) if origin.request else {}
    return read_cwl(json.loads(origin.source), asked)


def read_cwl(source: Mapping[str, Any], asked: Mapping[str, Any]) -> CwlSource:
    """A CWL submission, and how it was asked for, as they are stored."""
    paths = {name: _crate_path(name) for name in source["files"]}
    return CwlSource(
        main=paths[source["main"]],
        files={paths[name]: _as_text(content) for name, content in source["files"].items()},
        inputs=input_object(source.get("inputs")),
        version=asked.get("workflow_type_version") or "v1.2",
    )


def _crate_path(name: str) -> str:
    """A submitted file's place in the crate: below its folder, also for a name with ``..``."""
    inside = posixpath.normpath(f"/{_UNUSABLE.sub('_', name)}").lstrip("/")
    return f"{CWL_FOLDER}/{inside or 'workflow.cwl'}"


def _as_text(content: Json) -> str:
    return content if isinstance(content, str) else json.dumps(content, indent=2)


def input_object(inputs: Json) -> Mapping[str, Any]:
    """The input object of a CWL submission, which is kept as it came: an object, JSON or YAML."""
    if isinstance(inputs, str):
        try:
            inputs = parse(inputs, "inputs", Budget()).plain()
        except Invalid:
            return {}
    return inputs if isinstance(inputs, dict) else {}
