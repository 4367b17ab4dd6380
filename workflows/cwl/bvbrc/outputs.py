"""Where a job's output will be: a path template of the app, or what the tool's glob says."""

from __future__ import annotations

import re

from workflows.cwl.bvbrc.binding import Binding
from workflows.cwl.bvbrc.tools import FOLDER_OUTPUT
from workflows.cwl.model.document import Parameter
from workflows.cwl.model.problems import Report
from workflows.cwl.model.types import DIRECTORY, Array, members, nullable
from workflows.cwl.model.values import Open, Ref, Value, Wrong, is_file
from workflows.cwl.plan.expand import Job
from workflows.cwl.plan.expressions import Around, Language, evaluate
from workflows.model.values import Json

_HIDDEN = "${params.output_path}/.${params.output_file}"
_WILD = re.compile(r"(?<!\$)[*?\[]")


def output(parameter: Parameter, job: Job, bound: Binding, report: Report) -> Json | None:
    """The native output: a template, ``{"glob": …}``, or None if only the run determines it."""
    app = bound.app
    if parameter.name in app.later:
        return None
    written = parameter.node.get("outputBinding")
    glob = written.get("glob") if written is not None else None
    known = app.outputs.get(parameter.name)
    if known is None and parameter.name == FOLDER_OUTPUT:
        known = app.outputs.get("job_output_path", _HIDDEN)
    many = any(isinstance(member, Array) for member in members(parameter.type))
    if glob is None and known is None and parameter.name in app.other_outputs:
        return _output_location([app.other_outputs[parameter.name]], parameter, many=many)
    if glob is None or (known is not None and not many):
        return known
    try:
        patterns = [_pattern(str(item.value), job) for item in glob.items]
    except (Wrong, Open) as problem:
        message = problem.message if isinstance(problem, Wrong) else "it is not known in advance"
        report.problem(glob, "cwl.glob", f"the glob of '{parameter.name}': {message}")
        return None
    return _output_location(patterns, parameter, many=many)


def _output_location(patterns: list[str], parameter: Parameter, *, many: bool) -> Json:
    if not many and len(patterns) == 1 and not _WILD.search(patterns[0]):
        return patterns[0]
    if not many and DIRECTORY in members(parameter.type) and patterns == [f"{_HIDDEN}/."]:
        return _HIDDEN
    found: dict[str, Json] = {"glob": patterns[0] if len(patterns) == 1 else patterns}
    if nullable(parameter.type):
        found["optional"] = True
    return {**found, "many": True} if many else found


def _pattern(text: str, job: Job) -> str:
    """The glob as a template: relative ones lie in the job's folder of results."""
    roots: dict[str, Value] = {"inputs": _symbolic(job)}
    around = Around(roots, None, job.process.version)
    found = evaluate(text, around, Language(lambda value: value, _no_script))
    if not isinstance(found, str) or ".." in found.split("/"):
        raise Wrong("cwl.glob", "it must come to a relative path")
    if found.startswith(("ws://", "/", "${params.output_path}")):
        return found.removeprefix("ws://")
    if found in (".", "./"):
        return _HIDDEN
    inside = found.removeprefix("./").removeprefix(".${params.output_file}/")
    return f"{_HIDDEN}/{inside}"


def _no_script(code: str, around: Around) -> Value:  # noqa: ARG001 - as expressions call it
    raise Wrong("cwl.glob", "it may hold parameter references, no JavaScript")


def _symbolic(job: Job) -> dict[str, Value]:
    """The inputs, with the two that a later attempt changes left as references."""
    out: dict[str, Value] = {name: _text(value) for name, value in job.inputs.items()}
    folder = "${params.output_path}"
    out["output_file"] = "${params.output_file}"
    out["output_path"] = {"class": "Directory", "location": folder, "path": folder}
    return out


def _text(value: Value) -> Value:
    if isinstance(value, Ref):
        return f"${{steps.{value.step}.outputs.{value.output}}}"
    if isinstance(value, str):
        return value.replace("${", "$${")
    if is_file(value):
        return {k: v for k, v in value.items() if k != "dirname"}
    return value
