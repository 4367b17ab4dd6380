"""Jobs of apps → native steps: plain parameters, references, outputs, names that do not collide."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.cwl.bvbrc.app_target import AppTarget
from workflows.cwl.bvbrc.apps import AppFacts, is_multiple, is_required
from workflows.cwl.bvbrc.binding import Binding
from workflows.cwl.bvbrc.groups import gather
from workflows.cwl.bvbrc.outputs import output
from workflows.cwl.model.document import Step
from workflows.cwl.model.origin import Origin, origin
from workflows.cwl.model.problems import MOST, CwlProblem, Report
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.types import ANY, Array, members
from workflows.cwl.model.values import Ref, Value, Wrong, is_file
from workflows.cwl.plan.expand import Job
from workflows.model.values import Json

_PLAIN_NAME = re.compile(r"[^.\[\]'\"{}]+")
FOLDER = "${workspace_output_folder}"
"""The folder of results if the document names none."""


@dataclass(frozen=True, slots=True)
class NativeStep:
    """A step of a native workflow, and where it comes from."""

    name: str
    app: str
    params: Mapping[str, Json]
    outputs: Mapping[str, Json]
    """Name to path template, or ``{"glob": template}`` (``many``: a list; ``optional``: may be
    none) for what is looked for among the job's results when it has ended (``globs``). Outputs that
    only the run determines are absent."""
    depends_on: tuple[str, ...]
    origin: Origin
    """The CWL step."""
    inputs: Mapping[str, Origin] = field(default_factory=dict)
    """By parameter: the step's input that gives its value."""

    def as_json(self) -> dict[str, Json]:
        """As the native workflow document has it."""
        return {
            "step_name": self.name,
            "app": self.app,
            "params": dict(self.params),
            "outputs": dict(self.outputs),
            "depends_on": list(self.depends_on),
        }


def lower(
    jobs: tuple[Job, ...], workflow: str, target: AppTarget, report: Report
) -> tuple[NativeStep, ...]:
    """The native steps, in the jobs' order."""
    order = {job.name: index for index, job in enumerate(jobs)}
    return tuple(_step(job, workflow, target, order, report) for job in jobs)


def _step(
    job: Job, workflow: str, target: AppTarget, order: Mapping[str, int], report: Report
) -> NativeStep:
    bound = target.binding(job.process, job.scope)
    params = _params(job, bound.app)
    _gather(params, job, bound, report)
    _fill_in(params, job, bound, workflow)
    _make_own_name(params, job, target, report)
    return NativeStep(
        name=job.name,
        app=bound.app.id,
        params=params,
        outputs=_outputs(job, bound, report),
        depends_on=tuple(sorted(job.after, key=lambda name: order.get(name, -1))),
        origin=origin(job.step.node),
        inputs={name: origin(entry.node) for name, entry in job.step.inputs.items()},
    )


def _params(job: Job, app: AppFacts) -> dict[str, Json]:
    out: dict[str, Json] = {}
    for name, value in job.inputs.items():
        if value is None:
            continue
        parameter = app.parameters.get(name, {})
        plain = native(value)
        if plain is None or (plain == [] and not is_required(parameter)):
            continue
        if is_multiple(parameter) and not _is_list(value):
            plain = [plain]
        out[name] = plain
    return out


def _gather(params: dict[str, Json], job: Job, bound: Binding, report: Report) -> None:
    for group, names in gather(params, bound.app).items():
        listed = ", ".join(f"'{name}'" for name in names)
        message = f"step '{job.name}' gives {listed} as members of the app's '{group}'"
        report.warning(job.step.inputs[names[0]].node, "cwl.converted", message)


def _is_list(value: Value) -> bool:
    if isinstance(value, Ref):
        return any(isinstance(m, Array) or m == ANY for m in members(value.type))
    return isinstance(value, list)


def native(value: Value) -> Json:
    """A CWL value as a native parameter: files are paths, nulls go, ``${`` is escaped."""
    if isinstance(value, Ref):
        return reference(value)
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [native(item) for item in value]
    if is_file(value):
        return native(value.get("path"))
    if isinstance(value, dict):
        return {k: plain for k, item in value.items() if (plain := native(item)) is not None}
    return value


def reference(ref: Ref) -> str:
    """``${steps.S.outputs.O}``; odd output names are quoted."""
    if _PLAIN_NAME.fullmatch(ref.output):
        return f"${{steps.{ref.step}.outputs.{ref.output}}}"
    quote = '"' if "'" in ref.output else "'"
    return f"${{steps.{ref.step}.outputs[{quote}{ref.output}{quote}]}}"


def _fill_in(params: dict[str, Json], job: Job, bound: Binding, workflow: str) -> None:
    """Where the job writes, if the document does not say; names that a scatter would repeat."""
    looked_for = bool(job.step.outputs) and not bound.is_helper
    if looked_for or "output_path" in bound.app.parameters:
        params.setdefault("output_path", FOLDER)
    if not looked_for and "output_file" not in bound.app.parameters:
        return
    given = params.get("output_file")
    if given is None:
        params["output_file"] = file_name(f"{workflow}_{job.name}")
    elif isinstance(given, str) and job.index and _is_same_for_all(job):
        params["output_file"] = "_".join([given, *map(str, job.index)])


def _make_own_name(params: dict[str, Json], job: Job, target: AppTarget, report: Report) -> None:
    """Adds the step's name to an ``output_file`` that other steps are given as well.

    GoWe's workflows give one input of the workflow to several apps. BV-BRC would let the second
    write over the results of the first.
    """
    given = params.get("output_file")
    if not isinstance(given, str):
        return
    if not any(_writes_to_same_place(job.step, other, target) for other in _others(job)):
        return
    params["output_file"] = f"{given}_{job.step.slug}"
    report.warning(
        job.step.inputs["output_file"].node,
        "cwl.converted",
        f"several steps take this output_file; step '{job.name}' writes to"
        f" '{params['output_file']}'",
    )


def _others(job: Job) -> list[Step]:
    return [step for step in job.workflow.steps.values() if step is not job.step]


def _writes_to_same_place(step: Step, other: Step, target: AppTarget) -> bool:
    """Whether both are given the same workflow inputs as ``output_path`` and ``output_file``."""
    name = _workflow_input(step, "output_file")
    if not name or name != _workflow_input(other, "output_file"):
        return False
    if _workflow_input(step, "output_path") != _workflow_input(other, "output_path"):
        return False
    try:
        target.binding(other.run, Scope().inside(other).inside(other.run))
    except Wrong:  # not an app
        return False
    return True


def _workflow_input(step: Step, name: str) -> str:
    """The workflow's input that the step's input is connected to, unchanged; empty if none."""
    entry = step.inputs.get(name)
    if entry is None or entry.value_from is not None or len(entry.link.sources) != 1:
        return ""
    source = entry.link.sources[0]
    return source.name if not source.step and name not in step.scatter else ""


def _is_same_for_all(job: Job) -> bool:
    """Whether every run of the scattered step is given the same ``output_file``."""
    entry = job.step.inputs.get("output_file")
    scattered = "output_file" in job.step.scatter
    return not scattered and (entry is None or entry.value_from is None)


def file_name(text: str) -> str:
    """A name that a job may write to: ASCII, without slashes and colons."""
    return re.sub(r"_{2,}", "_", re.sub(r"[^A-Za-z0-9._-]", "_", text)).strip("_.")[:150] or "out"


def _outputs(job: Job, bound: Binding, report: Report) -> dict[str, Json]:
    out: dict[str, Json] = {}
    for name in job.step.outputs:
        parameter = job.process.outputs[name]
        found = output(parameter, job, bound, report)
        if found is not None:
            out[parameter.name] = found
    return out


def conflicts(steps: tuple[NativeStep, ...]) -> tuple[CwlProblem, ...]:
    """A problem for each step that would write where another one does."""
    found: list[CwlProblem] = []
    first: dict[tuple[str, str], NativeStep] = {}
    for step in steps:
        name, folder = step.params.get("output_file"), step.params.get("output_path")
        if not isinstance(name, str) or not isinstance(folder, str):
            continue
        other = first.setdefault((folder.rstrip("/"), name), step)
        if other is not step:
            place = step.inputs.get("output_file", step.origin)
            found.append(
                place.problem(
                    "cwl.output_conflict",
                    f"the steps '{other.name}' and '{step.name}' both write to '{name}'",
                    "give each its own output_file, or leave output_file out",
                )
            )
    return tuple(found[:MOST])
