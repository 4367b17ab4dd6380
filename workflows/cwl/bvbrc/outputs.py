"""Where a job's output will be: a path template of the app, or what the tool's glob says."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from workflows.cwl.bvbrc.apps import AppFacts
from workflows.cwl.bvbrc.binding import Binding
from workflows.cwl.bvbrc.tools import FOLDER_OUTPUT
from workflows.cwl.model.problems import Report
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import DIRECTORY, Array, Parameter, members, nullable
from workflows.cwl.model.values import Open, Ref, Value, Wrong, is_file
from workflows.cwl.plan.expand import Job
from workflows.cwl.plan.expressions import Around, Language, evaluate
from workflows.model.values import Json

_FOLDER = "${params.output_path}"
_HIDDEN = f"{_FOLDER}/.${{params.output_file}}"
_WILD = re.compile(r"(?<!\$)[*?\[]")


class _Script(Wrong):
    """A glob that is written in JavaScript."""


def output(parameter: Parameter, job: Job, bound: Binding, report: Report) -> Json | None:
    """The native output: a template, ``{"glob": …}``, or None if only the run determines it."""
    app = bound.app
    if parameter.name in app.later:
        return None
    written = parameter.node.get("outputBinding")
    glob = written.get("glob") if written is not None else None
    many = any(isinstance(member, Array) for member in members(parameter.type))
    known = _find_template(parameter.name, app)
    if glob is None:
        other = app.other_outputs.get(parameter.name)
        return _output_location([other], parameter, many=many) if other and not known else known
    patterns = _patterns(glob, parameter.name, known, job, report)
    single = None if many else known
    if single and not (patterns and _leads_elsewhere(patterns, single, glob, app, report)):
        return single
    if not patterns:
        return None
    location = _output_location(patterns, parameter, many=many)
    return location if app.leaves_files else _empty(location, glob, parameter.name, app, report)


def _empty(location: Json, glob: Node, name: str, app: AppFacts, report: Report) -> Json:
    """Of an app that leaves no files, a workflow that asks for one goes on without it."""
    message = f"the app {app.id} leaves no files: '{name}' is null"
    report.warning(glob, "cwl.glob", message, "leave the output out")
    found = location if isinstance(location, dict) else {"glob": location}
    return {**found, "optional": True}


def _find_template(name: str, app: AppFacts) -> str | None:
    """The path template of the app's result of that name."""
    if name == FOLDER_OUTPUT and name not in app.outputs:
        return app.outputs.get("job_output_path", _HIDDEN)
    return app.outputs.get(name)


def _patterns(
    glob: Node, name: str, known: str | None, job: Job, report: Report
) -> list[str] | None:
    """The globs as templates; None where they cannot be read, which is reported."""
    try:
        return [_pattern(str(item.value), job) for item in glob.items]
    except (Wrong, Open) as problem:
        if known is not None and isinstance(problem, _Script):
            return None
        message = problem.message if isinstance(problem, Wrong) else "it is not known in advance"
        report.problem(glob, "cwl.glob", f"the glob of '{name}': {message}")
        return None


def _leads_elsewhere(
    patterns: list[str], known: str, glob: Node, app: AppFacts, report: Report
) -> bool:
    """Whether the glob means another result of the app than the one of the output's name.

    GoWe's tool files guess names that the app does not write; there the known result serves.
    """
    beside = [f"{_FOLDER}/{pattern.removeprefix(f'{_HIDDEN}/')}" for pattern in patterns]
    if any(fnmatchcase(known, pattern) for pattern in [*patterns, *beside]):
        return False
    paths = [*app.outputs.values(), *app.other_outputs.values()]
    other = any(fnmatchcase(path, pattern) for path in paths for pattern in patterns)
    used = "the glob is followed" if other else "that is taken"
    message = f"the app {app.id} leaves this result as '{known}', which the glob does not match"
    report.warning(glob, "cwl.glob", f"{message}; {used}", "give the output another name")
    return other


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
    raise _Script("cwl.glob", "it may hold parameter references, no JavaScript")


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
