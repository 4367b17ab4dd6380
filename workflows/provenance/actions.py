"""Actions: the run, each attempt that has ended, and how the engine brought them about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from workflows.model.states import WorkflowState
from workflows.model.values import Job, Json, Outcome
from workflows.provenance.graph import Graph, Reference, local_id, reference, stamp
from workflows.provenance.run_facts import Run, RunFacts, WorkflowFacts
from workflows.provenance.values import (
    add_file,
    add_output,
    add_parameter,
    add_values,
    add_workflow_parameter,
    app_id,
    workspace_paths,
)

COMPLETED: Final = "http://schema.org/CompletedActionStatus"
FAILED: Final = "http://schema.org/FailedActionStatus"
_ELAPSED: Final = "https://w3id.org/ro/terms/bvbrc-workflow-engine#elapsedSeconds"


def step_id(facts: WorkflowFacts, step: int) -> str:
    return f"#step/{quote(facts.compiled.spec.steps[step].name, safe='')}"


def add_job_actions(graph: Graph, facts: RunFacts, agent: Reference) -> list[Reference]:
    """One CreateAction for each attempt that has ended, with its ControlAction; returns these."""
    return [_add_job_action(graph, facts, job, agent) for job in facts.ended_jobs]


def _add_job_action(graph: Graph, facts: RunFacts, job: Job, agent: Reference) -> Reference:
    name = facts.compiled.spec.steps[job.step].name
    succeeded = job.outcome is Outcome.SUCCEEDED
    error = None if succeeded else job.reason or "the job failed"
    action = graph.add(
        local_id("job", job.reused.source if job.reused else job.key),
        "CreateAction",
        name=_action_name(job, name),
        description=_describe_job(job),
        instrument=reference(app_id(facts.catalogue, job.app)),
        agent=agent,
        startTime=stamp(job.reused.started_at if job.reused else job.started_at),
        endTime=stamp(job.reused.finished_at if job.reused else job.finished_at),
        actionStatus=COMPLETED if succeeded else FAILED,
        error=error,
        object=_inputs(graph, facts, job),
        result=_results(graph, facts, job),
        resourceUsage=_add_elapsed(graph, job),
    )
    return graph.add(
        local_id("control", job.key),
        "ControlAction",
        name=f"Reuse results for step '{name}'" if job.reused else f"Run step '{name}'",
        description=f"The step was {job.reason}" if job.reused else None,
        endTime=stamp(job.finished_at) if job.reused else None,
        instrument=reference(step_id(facts, job.step)),
        object=action,
        actionStatus=COMPLETED if succeeded else FAILED,
        error=error,
    )


def _action_name(job: Job, step: str) -> str:
    if job.reused:
        return f"{job.app} for step '{job.reused.step_name}' of {job.reused.workflow}"
    return f"{job.app} for step '{step}', attempt {job.attempt}"


def _describe_job(job: Job) -> str:
    job_id = job.reused.job_id if job.reused else job.job_id
    return f"BV-BRC task {job_id}" if job_id else "A step that the engine runs"


def _sent_params(job: Job) -> Mapping[str, Json]:
    """The parameters; of a job that was not sent, with the place where the results are."""
    if job.reused is None:
        return job.params
    return {**job.params, "output_path": job.reused.folder, "output_file": job.reused.name}


def _inputs(graph: Graph, facts: RunFacts, job: Job) -> list[Reference]:
    """The parameters as they were sent."""
    found: list[Reference] = []
    for name, value in _sent_params(job).items():
        parameter = add_parameter(graph, facts.catalogue, job.app, name, value)
        graph.link(app_id(facts.catalogue, job.app), "input", reference(parameter))
        found += add_values(graph, parameter, value)
    return _unique(found)


def _results(graph: Graph, facts: RunFacts, job: Job) -> list[Reference]:
    found: list[Reference] = []
    for name, value in facts.outputs_of(job).items():
        parameter = add_output(graph, job.app, name, value)
        graph.link(app_id(facts.catalogue, job.app), "output", reference(parameter))
        found += add_values(graph, parameter, value)
    return _unique(found)


def _add_elapsed(graph: Graph, job: Job) -> Reference | None:
    times = job.reused or job
    if times.started_at is None or times.finished_at is None:
        return None
    seconds = max((times.finished_at - times.started_at).total_seconds(), 0.0)
    return graph.add(
        local_id("elapsed", job.reused.source if job.reused else job.key),
        "PropertyValue",
        name="elapsed time",
        propertyID=_ELAPSED,
        unitCode="https://qudt.org/vocab/unit/SEC",
        value=str(seconds),
    )


def run_of(facts: RunFacts) -> Run:
    """The run as a whole."""
    given = {**facts.compiled.spec.base_context, **(facts.cwl.inputs if facts.cwl else {})}
    made = {path for job in facts.jobs for path in workspace_paths(dict(facts.outputs_of(job)))}
    taken = (path for job in facts.ended_jobs for path in workspace_paths(dict(job.params)))
    return Run(
        id=facts.id,
        name=facts.compiled.spec.name,
        owner=facts.owner,
        state=facts.state,
        given=given,
        files=[path for path in dict.fromkeys(taken) if path not in made],
        results=name_outputs(facts.state, facts.workflow_outputs),
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        error=facts.error,
    )


def name_outputs(state: WorkflowState, outputs: Sequence[Json]) -> dict[str, Json]:
    """The results of a run that succeeded. CWL names its outputs; those of native workflows are
    numbered."""
    found: dict[str, Json] = {}
    if state is WorkflowState.SUCCEEDED:
        for number, item in enumerate(outputs, 1):
            found |= item if isinstance(item, dict) else {f"output_{number}": item}
    return found


def add_run_action(graph: Graph, run: Run, main: str, agent: Reference) -> Reference:
    """The CreateAction of the run. Before its end it has neither a status nor an end."""
    succeeded = run.state is WorkflowState.SUCCEEDED
    return graph.add(
        f"#{run.id}",
        "CreateAction",
        name=f"Run of {run.name}",
        description=f"Workflow {run.id}: {run.state}",
        instrument=reference(main),
        agent=agent,
        startTime=stamp(run.starts_at),
        endTime=stamp(run.ends_at),
        actionStatus=(COMPLETED if succeeded else FAILED) if run.ends_at else None,
        error=_run_error(run),
        object=_run_inputs(graph, run, main),
        result=_run_results(graph, run, main),
    )


def _run_error(run: Run) -> str | None:
    if run.state is WorkflowState.CANCELLED:
        return f"cancelled by a user; the workflow belongs to {run.owner}"
    return run.error if run.state is WorkflowState.FAILED else None


def _run_inputs(graph: Graph, run: Run, main: str) -> list[Reference]:
    found: list[Reference] = []
    for name, value in run.given.items():
        found += _add_run_values(graph, main, "input", name, value)
    found += [add_file(graph, path) for path in run.files]
    return _unique(found)


def _run_results(graph: Graph, run: Run, main: str) -> list[Reference]:
    found: list[Reference] = []
    for name, value in run.results.items():
        found += _add_run_values(graph, main, "result", name, value)
    return _unique(found)


def _add_run_values(graph: Graph, main: str, kind: str, name: str, value: Json) -> list[Reference]:
    parameter = add_workflow_parameter(graph, kind, name, value)
    graph.link(main, "output" if kind == "result" else "input", reference(parameter))
    return add_values(graph, parameter, value)


def _unique(found: list[Reference]) -> list[Reference]:
    return [dict(pair) for pair in dict.fromkeys(tuple(each.items()) for each in found)]
