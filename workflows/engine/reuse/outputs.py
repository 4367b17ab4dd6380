"""A step's outputs, if it takes the results of an earlier job: they are at that job's place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from workflows.engine.jobs.intents import results
from workflows.model.errors import Invalid, NotFound
from workflows.model.values import Job, Json, Reused, Spec, StepSpec
from workflows.reuse.choice import Miss, Missed
from workflows.reuse.results import Place, place_of
from workflows.spec.compiled_spec import CompiledSpec
from workflows.spec.output_globs import globs, matching, missing
from workflows.spec.resolver import Resolver
from workflows.store.reuse.sources import Source
from workflows.store.workflows import specs, stored

Known = Mapping[int, Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a step gets from an earlier job."""

    reused: Reused
    reason: str
    """As its event tells it."""
    outputs: Mapping[str, Json]


def take_over(job: Job, source: Source) -> Takeover | Missed:
    """Raises ``Unavailable``."""
    workflow = stored.get(job.workflow)
    compiled = specs.get(workflow.spec_id)
    progress, places = workflow.progress, (place_of(job.params), place_of(source.job.params))
    here, there = places
    if here is None or there is None:
        return Missed(Miss.OUTPUT_MISSING, "The results have no place of their own.")
    known = results(progress, compiled, range(len(compiled.spec.steps)))
    try:
        outputs = _outputs_at(compiled.spec, job, there, progress.attempts, known, source)
    except Invalid as invalid:
        return Missed(Miss.OUTPUT_MISSING, f"Its outputs cannot be resolved: {invalid}.")
    if absent := _absent(outputs, source, compiled.spec.steps[job.step]):
        message = f"Job {source.job.job_id} left nothing for output {absent!r}."
        return Missed(Miss.OUTPUT_MISSING, message, compared_with=source.job.key)
    if here != there:
        resolver = Resolver(compiled.spec, progress.attempts, {**known, job.step: outputs})
        if name := _mention(compiled, job.step, here, resolver):
            step = compiled.spec.steps[job.step].name
            message = (
                f"{name} names files of step '{step}' by their path, where they would not be;"
                f" refer to them as ${{steps.{step}.outputs.NAME}}."
            )
            return Missed(Miss.NAMED_BY_PATH, message, compared_with=source.job.key)
    try:
        reused = _make_reused(source, there)
    except NotFound:
        return Missed(Miss.NO_EARLIER_JOB, "The workflow of the earlier job has been deleted.")
    return Takeover(reused, tell_reuse(reused), outputs)


def tell_reuse(reused: Reused) -> str:
    """``reused from wf_…/assemble (task 21000001, 2026-11-20)``."""
    task = f"task {reused.job_id}, {reused.finished_at:%Y-%m-%d}"
    return f"reused from {reused.workflow}/{reused.step_name} ({task})"


def _make_reused(source: Source, place: Place) -> Reused:
    job = source.job
    assert job.finished_at  # noqa: S101 - the store asks for it
    name = _step_name(job)
    return Reused(
        job.key, name, job.job_id, job.started_at, job.finished_at, place.folder, place.name
    )


def _step_name(job: Job) -> str:
    """The name of a job's step in its own workflow."""
    steps = specs.get(stored.get(job.workflow).spec_id).spec.steps
    return steps[job.step].name


def _outputs_at(  # noqa: PLR0913, PLR0917 - what a resolver needs, and the place
    spec: Spec, job: Job, place: Place, attempts: Sequence[int], known: Known, source: Source
) -> dict[str, Json]:
    """The step's outputs as if its job had written to that place. Raises ``Invalid``."""
    step = job.step
    own = spec.steps[step]
    numbers = [1 if at == step else number for at, number in enumerate(attempts)]
    params = {**own.params, "output_path": place.folder, "output_file": place.name}
    steps = (*spec.steps[:step], replace(own, params=params), *spec.steps[step + 1 :])
    others = {at: found for at, found in known.items() if at != step}
    resolver = Resolver(replace(spec, steps=steps), numbers, others)
    found = {name: resolver.output(step, name) for name in own.outputs}
    paths = [file.path for file in source.seen]
    searched = {name: matching(found[name], paths) for name in globs(own.outputs)}
    return {**found, **searched}


def _absent(outputs: Mapping[str, Json], source: Source, step: StepSpec) -> str:
    """The name of an output that is a path at which the job left nothing; empty for none."""
    wanted = globs(step.outputs)
    if lacking := missing(wanted, outputs):
        return lacking[0]
    seen = {file.path for file in source.seen}
    folders = {path[:at] for path in seen for at, sign in enumerate(path) if sign == "/"}
    for name, value in outputs.items():
        path = isinstance(value, str) and value.startswith("/")
        if path and name not in wanted and value.rstrip("/") not in {*seen, *folders}:
            return name
    return ""


def _mention(compiled: CompiledSpec, step: int, place: Place, resolver: Resolver) -> str:
    """What names the place of a step's results although the step would not write there; empty
    where nothing does. A text that only the run resolves counts if it holds the name itself.
    """
    spec = compiled.spec
    for index in _dependents(compiled, step):
        for value in (*spec.steps[index].params.values(), *spec.steps[index].outputs.values()):
            for text in _texts(value):
                if _names(text, place, resolver, index):
                    return f"Step '{spec.steps[index].name}'"
    for value in spec.workflow_outputs:
        for text in _texts(value):
            if _names(text, place, resolver, -1):
                return "workflow_outputs"
    return ""


def _names(text: str, place: Place, resolver: Resolver, step: int) -> bool:
    try:
        value = resolver.value(text, step, ()) if "${" in text else text
    except Invalid:
        return place.name in text
    return any(_in_place(each, place) for each in _texts(value))


def _in_place(text: str, place: Place) -> bool:
    return place.holds(text) or f"{place.hidden_folder}/" in text


def _dependents(compiled: CompiledSpec, step: int) -> Sequence[int]:
    """All that depend on it, directly or not."""
    found, rest = dict[int, None](), list(compiled.dag.dependents[step])
    while rest:
        each = rest.pop()
        if each not in found:
            found[each] = None
            rest += compiled.dag.dependents[each]
    return list(found)


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)
