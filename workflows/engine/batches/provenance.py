"""Gathers what ``workflows.provenance`` makes the crate of a batch of; it asks BV-BRC for nothing.

Rows are read some at a time, so that a batch of 5,000 takes as little memory as one of 100.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from workflows.engine import app_catalogue
from workflows.engine.batches import views
from workflows.engine.batches.commands import status_of
from workflows.engine.reports.provenance import read_cwl
from workflows.engine.reports.views import resolve_results
from workflows.model.errors import Conflict
from workflows.model.states import FINAL_WORKFLOW
from workflows.model.values import Json, Spec
from workflows.provenance.actions import name_outputs
from workflows.provenance.run_facts import BatchFacts, CwlSource, Publication, Run
from workflows.provenance.values import FOLDERS, workspace_paths
from workflows.spec.batches.planned import AnyBatch, PlannedBatch
from workflows.spec.batches.table import SAMPLE, Row
from workflows.spec.compiled_spec import CompiledSpec, compile_spec
from workflows.spec.document import spec_from
from workflows.store.batches import progress, tables
from workflows.store.batches.stored import StoredBatch
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow

_TOGETHER: Final = 100


def batch_facts(batch: StoredBatch, begun: int, publication: Publication) -> BatchFacts:
    """``begun``: rows of which there is a workflow. Raises ``Conflict`` where there is none."""
    if not begun:
        raise Conflict("No sample of the batch has begun, so it has no provenance yet.")
    checked = tables.get(batch.id, batch.count)
    status = status_of(batch)
    return BatchFacts(
        id=batch.id,
        owner=batch.owner,
        compiled=_shared_workflow(batch, checked),
        created_at=batch.created_at,
        catalogue=app_catalogue.catalogue(),
        publication=publication,
        cwl=_cwl_source(checked),
        state=status,
        samples=batch.count,
        begun=begun,
        updated_at=batch.updated_at,
        finished_at=batch.finished_at if status in FINAL_WORKFLOW else None,
        runs=_runs(batch, checked),
        table=views.table_csv(checked.table),
    )


def _shared_workflow(batch: StoredBatch, checked: AnyBatch) -> CompiledSpec:
    """What all rows have in common; of CWL, of which each row has its own plan, without steps."""
    if isinstance(checked, PlannedBatch):
        return compile_spec(Spec(name=batch.name, version="1.0", base_context={}, steps=()))
    return compile_spec(spec_from(checked.template.document))


def _cwl_source(checked: AnyBatch) -> CwlSource | None:
    if isinstance(checked, PlannedBatch):
        return read_cwl(checked.source, checked.request)
    return None


def _runs(batch: StoredBatch, checked: AnyBatch) -> Iterator[Run]:
    """Of the rows that have begun, in the order of the table."""
    after = -1
    while found := progress.workflows_of(batch.id, after, _TOGETHER):
        for number, workflow in found:
            yield _run(workflow, checked, checked.table.rows[number])
        after = found[-1][0]


def _run(workflow: StoredWorkflow, checked: AnyBatch, row: Row) -> Run:
    if isinstance(checked, PlannedBatch):
        compiled = specs.get(workflow.spec_id)
    else:
        compiled = compile_spec(spec_from(checked.document(row, {})))
    _, outputs = resolve_results(workflow.progress, compiled)
    ended = workflow.status in FINAL_WORKFLOW
    return Run(
        id=workflow.id,
        name=f"{checked.name} for sample {row.sample}",
        owner=workflow.owner,
        state=workflow.status,
        given=_given(compiled.spec, checked, row),
        files=_named_files(compiled.spec),
        results=name_outputs(workflow.status, outputs),
        starts_at=workflow.started_at or workflow.created_at,
        ends_at=(workflow.finished_at or workflow.updated_at) if ended else None,
        error=workflow.failure or "the workflow failed",
    )


def _given(spec: Spec, checked: AnyBatch, row: Row) -> Mapping[str, Json]:
    """The sample, its cells by what the workflow calls them, and what all rows were given."""
    shared = {name: value for name, value in spec.base_context.items() if name != SAMPLE}
    prefix = "" if isinstance(checked, PlannedBatch) else f"{SAMPLE}."
    cells = {f"{prefix}{name}": value for name, value in row.values.items()}
    return {SAMPLE: row.sample, **cells, **shared}


def _named_files(spec: Spec) -> list[str]:
    """Files that the workflow itself names."""
    params = ({**step.params} for step in spec.steps)
    values = (value for each in params for name, value in each.items() if name not in FOLDERS)
    paths = (path for value in values for path in workspace_paths(value))
    return list(dict.fromkeys(path for path in paths if "${" not in path))
