"""Whether the fields that expressions read of files exist; with JavaScript others are null."""

from __future__ import annotations

from collections.abc import Mapping

from workflows.cwl.check.input_names import fields_read
from workflows.cwl.model.document import Process, Step, StepInput
from workflows.cwl.model.problems import Report, did_you_mean
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import (
    DIRECTORY,
    FILE,
    NULL,
    Array,
    Parameter,
    Source,
    Type,
    members,
    union,
    without_null,
)

_COMMON = frozenset(("class", "location", "path", "basename"))
FIELDS = {
    "File": _COMMON.union(
        ("dirname", "nameroot", "nameext", "checksum", "size"),
        ("secondaryFiles", "format", "contents"),
    ),
    "Directory": _COMMON | {"listing"},
}
"""What expressions can read of a file (CWL v1.2, File and Directory)."""


def check_fields(step: Step, process: Process, report: Report) -> None:
    """Warns of ``self.x`` and ``inputs.y.x`` where a file has no such field."""
    kinds = {name: _kind(entry, step, process) for name, entry in step.inputs.items()}
    if step.when is not None:
        _check(step.when, process, kinds, report)
    for name, entry in step.inputs.items():
        if entry.value_from is not None:
            _check(entry.value_from, process, {**kinds, "": kinds[name]}, report)


def _check(node: Node, process: Process, kinds: Mapping[str, str], report: Report) -> None:
    for name, field in sorted(fields_read(node.value, process.version)):
        kind = kinds.get(name, "")
        if kind and field not in FIELDS[kind]:
            read = f"inputs.{name}.{field}" if name else f"self.{field}"
            hint = did_you_mean(field, FIELDS[kind])
            report.warning(node, "cwl.expression", f"'{read}': a {kind} has no '{field}'", hint)


def _kind(entry: StepInput, step: Step, process: Process) -> str:
    """``File`` or ``Directory`` where one source brings nothing else; else empty."""
    link = entry.link
    if len(link.sources) != 1 or link.is_list or link.pick:
        return ""
    found = _source_type(link.sources[0], process)
    if entry.name in step.scatter and isinstance(found, Array):
        found = found.items
    only = members(without_null(found)) if found is not None else ()
    return str(only[0]) if only in {(FILE,), (DIRECTORY,)} else ""


def _source_type(source: Source, process: Process) -> Type | None:
    """None where there is no such source."""
    step = process.steps.get(source.step)
    if step is not None:
        output = step.run.outputs.get(source.name)
        return output_type(step, output) if output is not None else None
    parameter = None if source.step else process.inputs.get(source.name)
    return parameter.type if parameter is not None else None


def output_type(step: Step, output: Parameter) -> Type:
    """The type of a step's output, seen from outside: conditions make it null, scatters a list."""
    found = output.type if step.when is None else union([NULL, output.type])
    depth = len(step.scatter) if step.method == "nested_crossproduct" else bool(step.scatter)
    for _ in range(depth):
        found = Array(found)
    return found
