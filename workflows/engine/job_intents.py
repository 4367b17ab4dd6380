"""Makes the job of a step that is to start, with exactly the parameters that will be sent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from workflows.backends.declared_apps import backend_of, brings_outputs
from workflows.model.errors import Invalid
from workflows.model.states import JobState, StepState
from workflows.model.values import Job, Json, StepSpec, Workflow, job_key
from workflows.rules.plan import Plan, Start
from workflows.spec.compiled_spec import CompiledSpec
from workflows.spec.output_globs import globs
from workflows.spec.resolver import Resolver
from workflows.store.jobs import rows as job_rows


def intents(compiled: CompiledSpec, plan: Plan, request_id: str) -> tuple[Job, ...]:
    """One job for each start of the plan, with the id of the request that caused it."""
    if not plan.starts:
        return ()
    # Of all steps: through another step's parameters a reference reaches beyond direct needs.
    known = results(plan.workflow, compiled, range(len(compiled.spec.steps)))
    resolver = Resolver(compiled.spec, plan.workflow.attempts, known)
    return tuple(
        replace(_job(compiled, plan.workflow, start, resolver), request_id=request_id)
        for start in plan.starts
    )


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
    """Run-time outputs by step index: of successful built-in steps and of output patterns."""
    keys = [
        job_key(workflow.id, step, workflow.attempts[step])
        for step in steps
        if workflow.states[step] is StepState.SUCCEEDED and _brings(compiled.spec.steps[step])
    ]
    return job_rows.results_of(workflow.id, keys) if keys else {}


def _brings(step: StepSpec) -> bool:
    """Whether a step has outputs that only its run tells."""
    return brings_outputs(step.app) or bool(globs(step.outputs))
