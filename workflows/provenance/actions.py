"""Actions: the run, each attempt that has ended, and how the engine brought them about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from workflows.model.states import WorkflowState
from workflows.model.values import Job, Json, Outcome
from workflows.provenance.graph import Graph, Reference, local_id, reference, stamp
from workflows.provenance.run_facts import RunFacts
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


def step_id(facts: RunFacts, step: int) -> str:
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


def add_run_action(graph: Graph, facts: RunFacts, main: str, agent: Reference) -> Reference:
    """The CreateAction of the run. Before its end it has neither a status nor an end."""
    succeeded = facts.state is WorkflowState.SUCCEEDED
    status = (COMPLETED if succeeded else FAILED) if facts.has_ended else None
    return graph.add(
        f"#{facts.id}",
        "CreateAction",
        name=f"Run of {facts.compiled.spec.name}",
        description=f"Workflow {facts.id}: {facts.state}",
        instrument=reference(main),
        agent=agent,
        startTime=stamp(facts.starts_at),
        endTime=stamp(facts.ends_at),
        actionStatus=status,
        error=_run_error(facts),
        object=_run_inputs(graph, facts, main),
        result=_run_results(graph, facts, main),
    )


def _run_error(facts: RunFacts) -> str | None:
    if facts.state is WorkflowState.CANCELLED:
        return f"cancelled by a user; the workflow belongs to {facts.owner}"
    return facts.error if facts.state is WorkflowState.FAILED else None


def _run_inputs(graph: Graph, facts: RunFacts, main: str) -> list[Reference]:
    """What was given: base_context, the input object, and files that no step made."""
    given: dict[str, Json] = {**facts.compiled.spec.base_context}
    given |= facts.cwl.inputs if facts.cwl else {}
    found: list[Reference] = []
    for name, value in given.items():
        found += _add_run_values(graph, main, "input", name, value)
    made = {path for job in facts.jobs for path in workspace_paths(dict(facts.outputs_of(job)))}
    taken = (path for job in facts.ended_jobs for path in workspace_paths(dict(job.params)))
    found += [add_file(graph, path) for path in dict.fromkeys(taken) if path not in made]
    return _unique(found)


def _run_results(graph: Graph, facts: RunFacts, main: str) -> list[Reference]:
    if facts.state is not WorkflowState.SUCCEEDED:
        return []
    found: list[Reference] = []
    for name, value in _named_outputs(facts).items():
        found += _add_run_values(graph, main, "result", name, value)
    return _unique(found)


def _named_outputs(facts: RunFacts) -> Mapping[str, Json]:
    """CWL names its outputs; those of native workflows are numbered."""
    found: dict[str, Json] = {}
    for number, item in enumerate(facts.workflow_outputs, 1):
        found |= item if isinstance(item, dict) else {f"output_{number}": item}
    return found


def _add_run_values(graph: Graph, main: str, kind: str, name: str, value: Json) -> list[Reference]:
    parameter = add_workflow_parameter(graph, kind, name, value)
    graph.link(main, "output" if kind == "result" else "input", reference(parameter))
    return add_values(graph, parameter, value)


def _unique(found: list[Reference]) -> list[Reference]:
    return [dict(pair) for pair in dict.fromkeys(tuple(each.items()) for each in found)]
