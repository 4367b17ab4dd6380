"""Checks that the parts of a workflow fit together: sources, types, declared features, cycles.

All checks need only the documents, no inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter

from workflows.cwl.check.file_fields import check_fields, output_type
from workflows.cwl.check.input_names import names_read
from workflows.cwl.check.value_types import misfits
from workflows.cwl.model.document import Process, Step, StepInput
from workflows.cwl.model.problems import Report, closest, did_you_mean
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.target import Target
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import (
    ANY,
    NULL,
    Array,
    Link,
    Parameter,
    Source,
    Type,
    may_connect,
    members,
    nullable,
    union,
    without_null,
)
from workflows.cwl.model.values import Wrong
from workflows.cwl.plan import expressions
from workflows.cwl.plan.merge import nests
from workflows.cwl.plan.parameter_values import place

_FEATURE = "cwl.undeclared_requirement"


@dataclass(frozen=True, slots=True)
class _Sink:
    """Where a link leads to."""

    name: str
    type: Type | None
    """None where an expression comes between."""
    run: Process | None = None
    """For an input of a step: what the step runs."""
    is_scattered: bool = False


def order_steps(process: Process) -> list[Step]:
    """The steps, dependencies first, else as written. Steps of a cycle are left out."""
    names = TopologicalSorter(
        {name: sorted(_needs(step, process)) for name, step in process.steps.items()}
    )
    try:
        return [process.steps[name] for name in names.static_order()]
    except CycleError:
        return []


def _needs(step: Step, process: Process) -> set[str]:
    return {
        source.step
        for entry in step.inputs.values()
        for source in entry.link.sources
        if source.step in process.steps
    }


class Wiring:
    """Checks a process and all that it runs; each process once."""

    def __init__(self, target: Target, report: Report) -> None:
        self.target = target
        self.report = report
        self._seen: set[tuple[int, str, frozenset[str]]] = set()
        self._undeclared: set[tuple[str, str]] = set()
        self._unknown_sources: set[tuple[int, str]] = set()
        self._defaults: set[tuple[str, tuple[str, int, int]]] = set()

    def check(self, process: Process, step: Step | None, scope: Scope) -> None:
        """``scope`` is that around the process; ``step`` is the one that runs it."""
        inside = scope.inside(process)
        key = (id(process.node), process.kind, frozenset([*inside.requirements, *inside.hints]))
        if key in self._seen or not process.kind:
            return
        self._seen.add(key)
        for parameter in process.inputs.values():
            self._check_default(parameter, process, step)
        if process.kind == "Workflow":
            self._workflow(process, inside)
        elif process.kind == "ExpressionTool":
            self._expression(process.expression, process, inside)
            self._check_names(process.expression, process, "the tool", process.inputs)
        else:
            self.target.check(process, step, inside, self.report)

    def _check_default(self, parameter: Parameter, process: Process, step: Step | None) -> None:
        """A default of a wrong type is a warning where the step gives a value in its place."""
        default = parameter.default
        if default is None or default.value is None:
            return
        if (parameter.name, _place_of(default)) in self._defaults:
            return  # a tool by itself: its inputs are those of the workflow around it as well
        self._defaults.add((parameter.name, _place_of(default)))
        given = step is not None and parameter.name in step.inputs
        report = self.report.warning if given else self.report.problem
        value = self.target.coerce(default.plain(), parameter.type, process.judged_as)
        for wrong in misfits(value, parameter.type):
            at = default
            for key in wrong.path:
                at = at.items[key] if isinstance(key, int) else at.map[key]
            message = f"the default of '{place(parameter.name, wrong)}': {wrong.message}"
            report(at, "cwl.wrong_type", message, wrong.suggestion)

    def _workflow(self, process: Process, scope: Scope) -> None:
        self._check_cycles(process)
        for step in process.steps.values():
            self._step(step, process, scope)
        for output in process.outputs.values():
            link = output.link or Link((), is_list=False)
            self._link(link, _Sink(f"output '{output.name}'", output.type), process, scope)
        for step in process.steps.values():
            self.check(step.run, step, scope.inside(step))

    def _check_cycles(self, process: Process) -> None:
        graph = {name: _needs(step, process) for name, step in process.steps.items()}
        try:
            list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            names = list(reversed(error.args[1]))
            around = " → ".join(names)
            node = process.steps[names[0]].node
            self.report.problem(node, "cwl.cycle", f"the steps wait for each other: {around}")

    def _step(self, step: Step, process: Process, scope: Scope) -> None:
        inside = scope.inside(step)
        self._features(step, inside)
        if not step.run.kind:
            return
        self._check_out(step)
        self._check_in(step)
        for name in step.scatter:
            if name not in step.inputs:
                hint = did_you_mean(name, step.inputs)
                message = f"step '{step.name}' has no input '{name}' to scatter over"
                self.report.problem(step.node.map["scatter"], "cwl.unknown_scatter", message, hint)
        for entry in step.inputs.values():
            self._step_input(entry, step, process, inside)
        self._expression(step.when, process, inside)
        for expression in _expressions(step):
            self._check_names(expression, process, f"step '{step.name}'", step.inputs)
        check_fields(step, process, self.report)

    def _check_names(
        self, node: Node | None, process: Process, where: str, known: Mapping[str, object]
    ) -> None:
        """Reports ``inputs.x`` if there is no such input: it would silently be null."""
        if node is None:
            return
        for name in sorted(names_read(node.value, process.version).names - set(known)):
            message = f"'inputs.{name}': {where} has no input '{name}'"
            self.report.problem(node, "cwl.expression", message, did_you_mean(name, known))

    def _features(self, step: Step, scope: Scope) -> None:
        if step.scatter:
            self._check_declared("ScatterFeatureRequirement", step.node.at_key("scatter"), scope)
        if step.run.kind == "Workflow":
            self._check_declared("SubworkflowFeatureRequirement", step.node.at_key("run"), scope)

    def _check_declared(self, name: str, node: Node, scope: Scope) -> None:
        if not scope.has(name) and (node.file, name) not in self._undeclared:
            self._undeclared.add((node.file, name))
            self.report.problem(
                node,
                _FEATURE,
                f"this needs {name}, which is not declared",
                f"add '{name}: {{}}' to the workflow's requirements",
            )

    def _check_out(self, step: Step) -> None:
        for name, node in step.outputs.items():
            if name not in step.run.outputs:
                hint = did_you_mean(name, step.run.outputs)
                message = f"what step '{step.name}' runs has no output '{name}'"
                self.report.problem(node, "cwl.unknown_output", message, hint)

    def _check_in(self, step: Step) -> None:
        extra = [name for name in step.inputs if name not in step.run.inputs]
        for parameter in step.run.inputs.values():
            optional = nullable(parameter.type) or parameter.default is not None
            if parameter.name not in step.inputs and not optional:
                hint = did_you_mean(parameter.name, extra) if extra else ""
                message = f"step '{step.name}' gives no value for the input '{parameter.name}'"
                self.report.problem(step.node.at_key("in"), "cwl.missing_step_input", message, hint)
        read = [names_read(node.value, step.run.version) for node in _expressions(step)]
        used = set(step.scatter).union(*(each.names for each in read))
        # A misspelt name is reported where it is read; the input that it means is not unused.
        used |= {closest(name, step.inputs) for name in used - set(step.inputs)}
        unsure = not all(each.is_complete for each in read)
        for name in extra if not unsure else ():
            if name in used:
                continue
            message = f"what step '{step.name}' runs has no input '{name}'; it is not passed on"
            hint = did_you_mean(name, step.run.inputs)
            self.report.warning(step.inputs[name].node, "cwl.unused_step_input", message, hint)

    def _step_input(self, entry: StepInput, step: Step, process: Process, scope: Scope) -> None:
        if entry.value_from is not None:
            self._check_declared(
                "StepInputExpressionRequirement", entry.node.at_key("valueFrom"), scope
            )
            self._expression(entry.value_from, process, scope)
        parameter = step.run.inputs.get(entry.name)
        wanted = ANY if parameter is None else parameter.type
        if entry.default is not None or (parameter and parameter.default is not None):
            wanted = union([NULL, wanted])
        if entry.name in step.scatter:
            wanted = Array(wanted)
        what = f"input '{entry.name}' of step '{step.name}'"
        unsure = entry.value_from is not None or not step.inputs.keys() >= set(step.scatter)
        scattered = entry.name in step.scatter
        sink = _Sink(what, None if unsure else wanted, step.run, is_scattered=scattered)
        self._link(entry.link, sink, process, scope)
        no_value = not entry.link.sources and entry.default is None and entry.value_from is None
        if no_value and not nullable(wanted) and parameter is not None:
            self.report.problem(entry.node, "cwl.missing_step_input", f"{what} has no value")

    def _link(self, link: Link, sink: _Sink, process: Process, scope: Scope) -> None:
        if len(link.sources) > 1:
            second = link.sources[1].node
            self._check_declared("MultipleInputFeatureRequirement", second.parent or second, scope)
        for source in link.sources:
            found = self._source_type(source, process)
            if found is None or sink.type is None:
                continue
            arriving = _arriving(found, link)
            self._check_pick(source, found, link)
            if may_connect(arriving, sink.type):
                continue
            self._mismatch(source, found, arriving, sink)
            if may_connect(found, sink.type):
                return  # what does not fit is the list of all sources: one defect

    def _check_pick(self, source: Source, found: Type, link: Link) -> None:
        """Warns of a ``pickValue`` on a single value, which is passed on as it is."""
        lists = [member for member in members(found) if isinstance(member, Array) or member == ANY]
        if not link.pick or nests(link) or lists:
            return
        message = f"{link.pick} changes nothing: '{_path(source)}' ({found}) is no list"
        hint = "write several sources, or leave pickValue out"
        self.report.warning(source.node, "cwl.pick_value", message, hint)

    def _mismatch(self, source: Source, found: Type, arriving: Type, sink: _Sink) -> None:
        arrives = "" if arriving == found else f" arrives as {arriving} and"
        what = f"'{_path(source)}' ({found}){arrives}", f"{sink.name} ({sink.type})"
        if self._is_understood(arriving, sink):
            message = f"{what[0]} is turned into what {what[1]} takes"
            self.report.warning(source.node, "cwl.converted", message)
        else:
            message = f"{what[0]} cannot be connected to {what[1]}"
            self.report.problem(source.node, "cwl.wrong_type", message)

    def _is_understood(self, arriving: Type, sink: _Sink) -> bool:
        """Whether the target can turn the one into the other; what is scattered must be a list."""
        if sink.run is None or sink.type is None:
            return False
        if not sink.is_scattered:
            return self.target.accepts(arriving, sink.type, sink.run)
        lists = [member for member in members(arriving) if isinstance(member, Array)]
        wanted = [member.items for member in members(sink.type) if isinstance(member, Array)]
        return bool(lists) and self.target.accepts(lists[0].items, wanted[0], sink.run)

    def _source_type(self, source: Source, process: Process) -> Type | None:
        """The type of a source. None if there is no such source, which is reported, or if its step
        could not be read."""
        if not source.step:
            if source.name in process.inputs:
                return process.inputs[source.name].type
            self._unknown(source, process)
            return None
        step = process.steps.get(source.step)
        if step is None or source.name not in step.outputs:
            self._unknown(source, process)
            return None
        if source.name not in step.run.outputs:
            return None
        return output_type(step, step.run.outputs[source.name])

    def _unknown(self, source: Source, process: Process) -> None:
        step = process.steps.get(source.step)
        if step is not None and source.name in step.run.outputs:
            message = f"step '{source.step}' does not list '{source.name}' in its 'out'"
            self.report.problem(
                source.node, "cwl.unknown_source", message, f"add it to 'out' of '{source.step}'"
            )
            return
        name = f"{source.step}/{source.name}".strip("/")
        if (id(process.node), name) in self._unknown_sources:
            return  # one input that is not declared is one problem, however often it is used
        self._unknown_sources.add((id(process.node), name))
        message = f"there is no input or step output '{name}'"
        hint = did_you_mean(name, _sources(process))
        self.report.problem(source.node, "cwl.unknown_source", message, hint)

    def _expression(self, node: Node | None, process: Process, scope: Scope) -> None:
        if node is None:
            return
        try:
            expressions.check(node.value, process.version, scope.library)
        except Wrong as wrong:
            if wrong.code == _FEATURE:
                if (node.file, "JavaScript") in self._undeclared:
                    return
                self._undeclared.add((node.file, "JavaScript"))
            self.report.problem(node, wrong.code, wrong.message, wrong.suggestion)


def _place_of(node: Node) -> tuple[str, int, int]:
    return node.file, node.line, node.column


def _expressions(step: Step) -> list[Node]:
    """The expressions that see the step's inputs as ``inputs``."""
    written = [step.when, *(entry.value_from for entry in step.inputs.values())]
    return [node for node in written if node is not None]


def _sources(process: Process) -> Iterator[str]:
    yield from process.inputs
    for step in process.steps.values():
        yield from (f"{step.name}/{name}" for name in step.outputs)


def _path(source: Source) -> str:
    """As the document writes it."""
    return f"{source.step}/{source.name}".strip("/")


def _arriving(source: Type, link: Link) -> Type:
    """What one source of a link looks like where it arrives."""
    if link.merge == "merge_flattened":
        items = [m.items if isinstance(m, Array) else m for m in members(source)]
        found: Type = Array(union(items))
    elif nests(link):
        found = Array(source)
    else:
        found = source
    lists = [m for m in members(found) if isinstance(m, Array)]
    if not link.pick or not lists:
        return found
    items_type = without_null(lists[0].items)
    return Array(items_type) if link.pick == "all_non_null" else items_type
