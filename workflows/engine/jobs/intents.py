"""Makes the job of a step that is to start, with exactly the parameters that will be sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache

from workflows.backends.declared_apps import backend_of, brings_outputs
from workflows.bvbrc import app_table
from workflows.model.errors import Invalid
from workflows.model.states import JobState, StepState
from workflows.model.values import Job, Json, Spec, StepSpec, Workflow, job_key
from workflows.reuse.choice import why_never
from workflows.rules.plan import Plan, Start
from workflows.spec.compiled_spec import CompiledSpec
from workflows.spec.output_globs import globs
from workflows.spec.resolver import Resolver
from workflows.store.jobs import rows as job_rows


def intents(
    compiled: CompiledSpec, plan: Plan, request_id: str, reuse_until: datetime | None = None
) -> tuple[Job, ...]:
    """One job for each start of the plan, with the id of the request that caused it.
    ``reuse_until``: how long an earlier result is looked for, where that is asked for; None: not.
    """
    if not plan.starts:
        return ()
    # Of all steps: through another step's parameters a reference reaches beyond direct needs.
    known = results(plan.workflow, compiled, range(len(compiled.spec.steps)))
    resolver = Resolver(compiled.spec, plan.workflow.attempts, known)
    return tuple(
        _checking(
            compiled,
            replace(_job(compiled, plan.workflow, start, resolver), request_id=request_id),
            reuse_until,
        )
        for start in plan.starts
    )


def _checking(compiled: CompiledSpec, job: Job, until: datetime | None) -> Job:
    """The job, to be looked for among earlier ones first if its step may reuse results."""
    if until is None or job.state is not JobState.INTENDED or why_not_reused(compiled.spec, job):
        return job
    return replace(job, state=JobState.CHECKING, reuse_until=until)


def why_not_reused(spec: Spec, job: Job) -> str:
    """Why no earlier result is looked for; empty where it is."""
    step = spec.steps[job.step]
    return why_never(spec, step, job.backend, _volatile_apps().get(job.app), job.params)


@cache
def _volatile_apps() -> dict[str, bool]:
    return {app["id"]: app.get("reuse") == "never" for app in app_table.load()}


def _job(compiled: CompiledSpec, workflow: Workflow, start: Start, resolver: Resolver) -> Job:
    """A job whose parameters cannot be resolved is stored as refused, with the reason."""
    spec, step = compiled.spec, compiled.spec.steps[start.step]
    state, reason, params, looked_for = JobState.INTENDED, "", dict[str, Json](), dict[str, Json]()
    try:
        params = resolver.params(start.step)
        looked_for = {name: resolver.output(start.step, name) for name in globs(step.outputs)}
    except Invalid as invalid:
        state, reason = JobState.REJECTED, str(invalid)
    return Job(
        key=job_key(workflow.id, start.step, start.attempt),
        workflow=workflow.id,
        step=start.step,
        attempt=start.attempt,
        retries_left=start.retries_left,
        priority=workflow.priority,
        owner=workflow.owner,
        app=step.app,
        backend=backend_of(step.app),
        params=params,
        globs=looked_for,
        base_url=str(spec.base_context.get("base_url", "")),
        state=state,
        reason=reason,
    )


def results(
    workflow: Workflow, compiled: CompiledSpec, steps: Iterable[int]
) -> dict[int, dict[str, Json]]:
    """Run-time outputs by step index: of successful built-in steps and of output patterns; where
    results may be reused, of all steps, since those of an earlier job are at its place."""
    reuses = compiled.spec.reuse is not None and compiled.spec.reuse.wanted
    keys = [
        job_key(workflow.id, step, workflow.attempts[step])
        for step in steps
        if workflow.states[step] is StepState.SUCCEEDED
        and (reuses or _brings(compiled.spec.steps[step]))
    ]
    return job_rows.results_of(workflow.id, keys) if keys else {}


def _brings(step: StepSpec) -> bool:
    """Whether a step has outputs that only its run tells."""
    return brings_outputs(step.app) or bool(globs(step.outputs))
