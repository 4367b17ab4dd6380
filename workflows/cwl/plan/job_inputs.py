"""The input object against a workflow's declarations: typed, files resolved, problems placed."""

from __future__ import annotations

from workflows.cwl.check.value_types import Misfit, misfits
from workflows.cwl.model.document import Process
from workflows.cwl.model.problems import Report, did_you_mean
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.target import Target
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Parameter, nullable
from workflows.cwl.model.values import Slot, Value, Wrong, blame, is_file
from workflows.cwl.plan.expressions import Around, Language
from workflows.cwl.plan.parameter_values import place, resolve_files
from workflows.cwl.plan.secondary_files import Discovery


def read(
    process: Process, given: Node, target: Target, language: Language, report: Report
) -> dict[str, Slot]:
    """A slot for each declared input; null for an optional one without a value."""
    if given.value is not None and not isinstance(given.value, dict):
        report.problem(given, "cwl.wrong_shape", "the input object must be a map")
        return {}
    for name in given.map:
        if not report.has_room:
            break
        if name not in process.inputs and ":" not in name and name not in ("id", "$schema"):
            hint = did_you_mean(name, process.inputs)
            message = f"the workflow has no input '{name}'; it is not used"
            report.warning(given.at_key(name), "cwl.unknown_input", message, hint)
    values = {
        name: _value(parameter, given, process, target, report)
        for name, parameter in process.inputs.items()
    }
    if report.problems:
        return {}
    around = Around({"inputs": values}, Scope().inside(process).library, process.version)
    discovery = Discovery(target, language, around)
    return {
        name: Slot(_add_secondary_files(parameter, values[name], given, discovery, report))
        for name, parameter in process.inputs.items()
    }


def _add_secondary_files(
    parameter: Parameter, value: Value, given: Node, discovery: Discovery, report: Report
) -> Value:
    """The value with its secondary files."""
    try:
        return discovery.complete(value, parameter)
    except Wrong as wrong:
        place = wrong.node or given.get(parameter.name) or parameter.default or parameter.node
        report.problem(place, wrong.code, wrong.message, wrong.suggestion)
        return None


def _value(
    parameter: Parameter, given: Node, process: Process, target: Target, report: Report
) -> Value:
    node = given.get(parameter.name)
    if node is not None:
        return _check_input(parameter, node, process, target, report)
    if parameter.default is None:
        if not nullable(parameter.type):
            _missing(parameter, given, process, report)
        return None
    try:
        return resolve_files(parameter.default.plain(), parameter.default, target)
    except Wrong as wrong:
        report.problem(parameter.default, wrong.code, wrong.message, wrong.suggestion)
        return None


def _missing(parameter: Parameter, given: Node, process: Process, report: Report) -> None:
    unused = set(given.map) - set(process.inputs)
    report.problem(
        given.map.get(parameter.name, parameter.node),
        "cwl.missing_input",
        f"the input '{parameter.name}' ({parameter.type}) has no value",
        (did_you_mean(parameter.name, unused) if unused else "") or 'give it in "inputs"',
    )


def _check_input(
    parameter: Parameter, node: Node, process: Process, target: Target, report: Report
) -> Value:
    value = target.coerce(node.plain(), parameter.type, process.judged_as)
    wrong = next(misfits(value, parameter.type), None)
    if wrong is not None:
        message = f"'{place(parameter.name, wrong)}': {wrong.message}"
        report.problem(_node(node, wrong), "cwl.wrong_type", message, wrong.suggestion)
        return None
    try:
        return _files(value, node, target)
    except Wrong as bad:
        report.problem(bad.node or node, bad.code, bad.message, bad.suggestion)
        return None


def _files(value: Value, node: Node, target: Target) -> Value:
    """The value with its files resolved; one that is wrong is blamed on its own place."""
    if isinstance(value, list) and isinstance(node.value, list):
        return [_files(v, n, target) for v, n in zip(value, node.value, strict=True)]
    if is_file(value):
        with blame(node.get("location") or node.get("path") or node):
            return resolve_files(value, node, target)
    if isinstance(value, dict):
        return {key: _files(item, node.map.get(key, node), target) for key, item in value.items()}
    return value


def _node(node: Node, wrong: Misfit) -> Node:
    """The innermost node that exists on the way to the misfit."""
    for key in wrong.path:
        inner = node.items[key] if isinstance(key, int) else node.map.get(key)
        if inner is None:
            return node
        node = inner
    return node
