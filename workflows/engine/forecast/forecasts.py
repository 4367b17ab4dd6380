"""Reads what a forecast needs, and makes it. Each function computes for as long as the bounds of
``workflows.rules.forecast`` allow; callers count that time against a quota."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from workflows.engine.batches.standing import find_standing
from workflows.engine.context import EngineContext
from workflows.engine.durations import history
from workflows.model.states import FINAL_WORKFLOW, StepState, WorkflowState
from workflows.model.values import Job, Spec, Workflow
from workflows.rules.durations.history import History
from workflows.rules.forecast.batch import (
    BatchForecast,
    BatchOutset,
    forecast_batch,
    missing_in_batch,
)
from workflows.rules.forecast.draws import missing_apps
from workflows.rules.forecast.forecast import (
    MOST_RUNS,
    Band,
    Forecast,
    forecast,
    quick_end,
)
from workflows.rules.forecast.outset import Outset, Underway
from workflows.spec.batches.check import CheckedBatch
from workflows.spec.compiled_spec import CompiledSpec, compile_spec
from workflows.spec.document import spec_from
from workflows.store.batches import progress, row_plans, tables
from workflows.store.batches.inserts import gather_id
from workflows.store.batches.stored import StoredBatch
from workflows.store.durations.inputs import input_bytes
from workflows.store.jobs import polling
from workflows.store.jobs import rows as job_rows
from workflows.store.mongo import clock
from workflows.store.workflows import specs
from workflows.store.workflows.stored import StoredWorkflow, progress_of

_LIST_RUNS: Final = 20
"""Runs for the end in a list."""


@dataclass(frozen=True, slots=True)
class Made:
    """A forecast, or why there is none."""

    at: datetime
    outset: Outset
    forecast: Forecast | None
    missing: Sequence[str] = ()
    """Apps without a history."""

    @property
    def likely_end(self) -> datetime | None:
        """The median."""
        return self.at + timedelta(seconds=self.forecast.end.p50) if self.forecast else None

    @property
    def late_end(self) -> datetime | None:
        """Nine cases in ten are not later."""
        return self.at + timedelta(seconds=self.forecast.end.p90) if self.forecast else None


@dataclass(frozen=True, slots=True)
class MadeForBatch:
    """The same for a batch."""

    at: datetime
    forecast: BatchForecast | None
    missing: Sequence[str] = ()


def of_spec(context: EngineContext, owner: str, spec: Spec, most_runs: int = MOST_RUNS) -> Made:
    """Of a workflow that would be submitted now."""
    count, cap = len(spec.steps), context.limits.cap
    workflow = Workflow(
        id="",
        owner=owner,
        state=WorkflowState.PENDING,
        states=(StepState.PENDING,) * count,
        attempts=(0,) * count,
        cap=min(spec.max_parallel_steps or cap, cap),
    )
    begin = _with_room(context, Outset(compile_spec(spec), workflow, clock()))
    return _make(context, begin, _seed(spec.name), most_runs)


def of_workflow(context: EngineContext, stored: StoredWorkflow) -> Made:
    """Of a stored workflow as it is now."""
    compiled = specs.get(stored.spec_id)
    jobs = job_rows.open_jobs([stored.id]).get(stored.id, job_rows.OpenJobs()).jobs
    sizes = input_bytes([stored.id]) if jobs else {}
    begin = _outset(compiled, stored.progress, jobs, clock(), sizes)
    return _make(context, _with_room(context, begin), _seed(stored.id))


def quick_ends(context: EngineContext, ids: Sequence[str]) -> tuple[datetime, dict[str, Band]]:
    """The ends of several workflows, of those that have a history: seconds from the time in the
    answer. It does not ask who may see them."""
    now, past, workflows = clock(), history(), progress_of(ids)
    jobs = job_rows.open_jobs([workflow.id for _, workflow in workflows])
    found: dict[str, Band] = {}
    for spec_id, workflow in workflows:
        own = jobs.get(workflow.id, job_rows.OpenJobs()).jobs
        begin = _outset(specs.get(spec_id), workflow, own, now, {})
        if begin.open_steps and not missing_apps(begin, past):
            found[workflow.id] = quick_end(
                begin, past, _notice_seconds(context), _seed(workflow.id), _LIST_RUNS
            )
    return now, found


def of_batch(context: EngineContext, batch: StoredBatch) -> MadeForBatch:
    """Of a stored batch as it is now."""
    now, past = clock(), history()
    begin = _batch_outset(context, batch, now)
    if missing := missing_in_batch(begin, past):
        return MadeForBatch(now, None, missing)
    if not begin.samples:
        return MadeForBatch(now, None)
    made = forecast_batch(begin, past, _notice_seconds(context), _seed(batch.id))
    return MadeForBatch(now, made)


def _batch_outset(context: EngineContext, batch: StoredBatch, now: datetime) -> BatchOutset:
    """All rows count as having the steps of the first one, as those of one template have."""
    rows = progress.active_progress(batch.id, batch.count)
    waits = 0 if batch.is_cancelled else batch.count - batch.made
    compiled = specs.get(rows[0][0]) if rows else _first_row(batch)
    jobs = job_rows.open_jobs([workflow.id for _, workflow in rows])
    active = [
        _outset(
            compiled if len(workflow.states) == len(compiled.spec.steps) else specs.get(spec_id),
            workflow,
            jobs.get(workflow.id, job_rows.OpenJobs()).jobs,
            now,
            {},
        )
        for spec_id, workflow in rows
    ]
    following = _fresh(compiled, batch.owner, _cap(context, compiled.spec), now)
    room = max(_room(context, batch.owner, 0) // max(following.workflow.cap, 1), 1)
    gather = _gather_outset(context, batch, now)
    return BatchOutset(active, following, waits, min(batch.max_active, room), gather)


def _gather_outset(context: EngineContext, batch: StoredBatch, now: datetime) -> Outset | None:
    """None where it has ended, or is not to begin."""
    standing = find_standing(batch)
    if standing.gather is None or standing.status in FINAL_WORKFLOW:
        return None
    if batch.awaits_gather:
        gather = tables.get(batch.id, batch.count).gather
        assert gather  # noqa: S101 - the batch says so
        compiled = compile_spec(spec_from(gather.document))
        return _fresh(compiled, batch.owner, _cap(context, compiled.spec), now)
    for spec_id, workflow in progress_of([gather_id(batch)]):
        jobs = job_rows.open_jobs([workflow.id]).get(workflow.id, job_rows.OpenJobs()).jobs
        return _outset(specs.get(spec_id), workflow, jobs, now, {})
    return None


def _first_row(batch: StoredBatch) -> CompiledSpec:
    checked = tables.get(batch.id, batch.count)
    if isinstance(checked, CheckedBatch):
        document = checked.document(checked.table.rows[0], {})
    else:
        document = dict(row_plans.get(batch.id, 0).document)
    return compile_spec(spec_from(document))


def _fresh(compiled: CompiledSpec, owner: str, cap: int, now: datetime) -> Outset:
    count = len(compiled.spec.steps)
    states = (StepState.PENDING,) * count
    workflow = Workflow("", owner, WorkflowState.PENDING, states, (0,) * count, cap=cap)
    return Outset(compiled, workflow, now)


def _cap(context: EngineContext, spec: Spec) -> int:
    return min(spec.max_parallel_steps or context.limits.cap, context.limits.cap)


def _outset(
    compiled: CompiledSpec,
    workflow: Workflow,
    jobs: Iterable[Job],
    now: datetime,
    sizes: Mapping[str, int],
) -> Outset:
    """A plan that is not started counts as if it began now."""
    if workflow.state is WorkflowState.PLANNED:
        workflow = replace(workflow, state=WorkflowState.PENDING)
    if workflow.state in FINAL_WORKFLOW:
        ended = tuple(StepState.CANCELLED for _ in workflow.states)
        workflow = replace(workflow, states=ended)
    present = {
        job.step: _underway(job, now, sizes.get(job.key))
        for job in jobs
        if job.attempt == workflow.attempts[job.step]
    }
    return Outset(compiled, workflow, now, present)


def _underway(job: Job, now: datetime, size: int | None) -> Underway:
    return Underway(
        (now - job.submitted_at).total_seconds() if job.submitted_at else None,
        (now - job.started_at).total_seconds() if job.started_at else None,
        job.finished_at is not None,
        size,
    )


def _with_room(context: EngineContext, begin: Outset) -> Outset:
    """The owner's other jobs keep their places as they do now."""
    room = _room(context, begin.workflow.owner, len(begin.in_flight))
    if room >= begin.workflow.cap:
        return begin
    return replace(begin, workflow=replace(begin.workflow, cap=max(room, 1)))


def _room(context: EngineContext, owner: str, own: int) -> int:
    return context.limits.user_jobs - max(polling.under_way(owner) - own, 0)


def _make(context: EngineContext, begin: Outset, seed: int, most_runs: int = MOST_RUNS) -> Made:
    past: History = history()
    if missing := missing_apps(begin, past):
        return Made(begin.now, begin, None, missing)
    if not begin.open_steps:
        return Made(begin.now, begin, None)
    made = forecast(begin, past, _notice_seconds(context), seed, most_runs)
    return Made(begin.now, begin, made)


def _notice_seconds(context: EngineContext) -> float:
    """How long after its end a job is found to have ended: about one interval."""
    return context.limits.polling_interval.total_seconds()


def _seed(name: str) -> int:
    return zlib.crc32(name.encode())
