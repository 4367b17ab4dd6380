"""A workflow and its inputs → the jobs known so far, and the values of its outputs.

Sub-workflows are inlined, scatters laid out, conditions and expressions folded. A part that needs
a result which does not exist yet becomes a gap, and is expanded when the plan is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from workflows.cwl.check.value_types import misfits
from workflows.cwl.check.wiring import order_steps
from workflows.cwl.model.document import Process, Step, StepInput
from workflows.cwl.model.limits import Limits
from workflows.cwl.model.problems import Report, refuse
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.target import Target
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import ANY, Link, Parameter, nullable
from workflows.cwl.model.values import (
    NOTHING,
    Gap,
    Inputs,
    Open,
    Ref,
    Slot,
    Value,
    Wrong,
    blame,
    gaps,
    referenced_steps,
)
from workflows.cwl.plan import scatter
from workflows.cwl.plan.expressions import Around, Language, evaluate
from workflows.cwl.plan.merge import is_null, join_sources
from workflows.cwl.plan.parameter_values import Completion
from workflows.cwl.plan.scripts import Evaluate
from workflows.cwl.plan.scripts import run as run_script
from workflows.model.values import Json

Results = Mapping[str, Mapping[str, Json]]
"""Of each step that has succeeded: its outputs by name."""
State = dict[tuple[str, str], Slot]
"""The values in one workflow, by (step, output); its inputs under ``("", name)``."""
_LONGEST_NAME = 150
RUNTIME = {"cores": 1, "ram": 1024, "tmpdirSize": 1024, "outdirSize": 1024}
"""What an expression tool sees as ``runtime``: it runs nowhere in particular."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a leaf process."""

    name: str
    process: Process
    step: Step
    scope: Scope
    inputs: Mapping[str, Value]
    """By name, defaults filled in; without gaps."""
    after: frozenset[str]
    """The steps that must have ended before it can start."""
    workflow: Process
    """The workflow that ``step`` is a step of."""
    index: tuple[int, ...] = ()
    """Its place in the innermost scatter it belongs to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the plan something is being expanded."""

    path: tuple[str, ...]
    scope: Scope
    index: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The native step's name; a long one is cut and made unique by a hash."""
        full = "__".join(self.path)
        if len(full) <= _LONGEST_NAME:
            return full
        digest = hashlib.sha256(full.encode()).hexdigest()[:12]
        return f"{full[: _LONGEST_NAME - 13]}-{digest}"


class Expansion:
    """One making of a plan. ``jobs`` are in an order in which dependencies come first."""

    def __init__(
        self, target: Target, script: Evaluate, results: Results, limits: Limits, report: Report
    ) -> None:
        self.target = target
        self.results = results
        self.limits = limits
        self.report = report
        self.jobs: dict[str, Job] = {}
        self.waits: set[str] = set()
        self.touched: set[str] = set()
        self.spent = 0
        self.language = Language(
            self.look, lambda code, around: run_script(code, around, script, self.read_result)
        )
        self.complete = Completion(target, self.look)

    def read_result(self, ref: Ref) -> Json:
        """The result behind a reference; raises ``Open`` where there is none yet."""
        if ref.step not in self.results:
            raise Open(frozenset({ref.step}))
        self.touched.add(ref.step)
        return self.target.result(self.results[ref.step].get(ref.output), ref.type)

    def look(self, value: Value) -> Value:
        if isinstance(value, Ref):
            return self.read_result(value)
        if isinstance(value, Gap):
            raise Open(value.steps)
        return value

    def workflow(self, process: Process, inputs: Inputs, place: Place) -> dict[str, Slot]:
        """Expands all steps of a workflow; answers its outputs."""
        state: State = {
            ("", name): self._entering(parameter, inputs.get(name, NOTHING), process)
            for name, parameter in process.inputs.items()
        }
        for step in order_steps(process):
            for name, slot in self._step(step, state, process, place).items():
                state[step.name, name] = slot
        return {name: self._output(output, state) for name, output in process.outputs.items()}

    def _entering(self, parameter: Parameter, slot: Slot, process: Process) -> Slot:
        """What an input of a workflow is inside of it."""
        try:
            with blame(parameter.node):
                return replace(
                    slot, value=self.complete.input(parameter, slot.value, process.judged_as)
                )
        except Open as gap:
            return Slot(Gap(gap.steps))
        except Wrong as wrong:
            return self._report_wrong(wrong, parameter.node)

    def _output(self, output: Parameter, state: State) -> Slot:
        try:
            with blame(output.node):
                slot = self._link_value(output.link, state)
                self._check_output(output, slot.value)
                return slot
        except Open as gap:
            return Slot(Gap(gap.steps))
        except Wrong as wrong:
            return self._report_wrong(wrong, output.node)

    def _check_output(self, output: Parameter, value: Value) -> None:
        """A null is let through: CWL's own runners do not mind a skipped step here."""
        wrong = next(misfits(value, output.type), None) if value is not None else None
        if wrong is not None:
            raise Wrong("cwl.wrong_type", f"output '{output.name}': {wrong.message}")

    def _report_wrong(self, wrong: Wrong, node: Node) -> Slot:
        self.report.problem(wrong.node or node, wrong.code, wrong.message, wrong.suggestion)
        return Slot(Gap())

    def _link_value(self, link: Link | None, state: State) -> Slot:
        if link is None:
            return NOTHING
        slots = [state.get((source.step, source.name), NOTHING) for source in link.sources]
        before, self.touched = self.touched, set()
        try:
            value = join_sources([slot.value for slot in slots], link, self.look)
            return Slot(value, frozenset(self.touched).union(*(slot.after for slot in slots)))
        finally:
            self.touched = before

    def _step(self, step: Step, state: State, process: Process, place: Place) -> dict[str, Slot]:
        scope = place.scope.inside(step)
        slots = {name: self._step_input(entry, state) for name, entry in step.inputs.items()}
        inside = Place((*place.path, step.slug), scope)
        expand = self._scatter if step.scatter else self._instance
        return self._expand_safely(step, lambda: expand(step, slots, inside, process))

    def _step_input(self, entry: StepInput, state: State) -> Slot:
        try:
            with blame(entry.node):
                slot = self._link_value(entry.link, state)
                if entry.default is None or not self._is_null(slot):
                    return slot
                after = slot.after | referenced_steps(slot.value)
                return Slot(self.complete.default(entry.default), after)
        except Open as gap:
            return Slot(Gap(gap.steps))
        except Wrong as wrong:
            return self._report_wrong(wrong, entry.node)

    def _is_null(self, slot: Slot) -> bool:
        return is_null(slot.value, self.look)

    def _expand_safely(self, step: Step, expand: Callable[[], dict[str, Slot]]) -> dict[str, Slot]:
        """The step's outputs; gaps where it has to wait, or where something is wrong with it."""
        before, self.touched = self.touched, set()
        try:
            with blame(step.node):
                return expand()
        except Open as gap:
            self.waits |= gap.steps
            return dict.fromkeys(step.outputs, Slot(Gap(gap.steps)))
        except Wrong as wrong:
            return dict.fromkeys(step.outputs, self._report_wrong(wrong, step.node))
        finally:
            self.touched = before

    def _scatter(
        self, step: Step, slots: Inputs, place: Place, process: Process
    ) -> dict[str, Slot]:
        lists = {name: self._list(step, name, slots[name]) for name in step.scatter}
        laid = scatter.layout(step.method, {name: len(items) for name, items in lists.items()})
        after = frozenset(self.touched)
        instances = []
        for index, positions in laid.instances:
            own = dict(slots)
            for name, position in positions.items():
                own[name] = Slot(lists[name][position], slots[name].after | after)
            inside = Place((*place.path, *map(str, index)), place.scope, index)
            instances.append(self._expand_safely(step, self._one(step, own, inside, process)))
        return {
            name: Slot(
                laid.nest([instance[name].value for instance in instances]),
                after.union(*(instance[name].after for instance in instances)),
            )
            for name in step.outputs
        }

    def _one(
        self, step: Step, slots: Inputs, place: Place, process: Process
    ) -> Callable[[], dict[str, Slot]]:
        return lambda: self._instance(step, slots, place, process)

    def _list(self, step: Step, name: str, slot: Slot) -> list[Value]:
        value = self.look(slot.value)
        if isinstance(value, list):
            return value
        raise Wrong(
            "cwl.scatter_not_a_list",
            f"step '{step.name}' scatters over '{name}', whose value is no list",
            node=step.inputs[name].node,
        )

    def _instance(
        self, step: Step, slots: Inputs, place: Place, process: Process
    ) -> dict[str, Slot]:
        """One run of a step: its values worked out, its condition asked, what it runs expanded."""
        self._spend(step.node)
        values = self._worked_out(step, slots, place, process)
        if not self._condition_holds(step, values, place, process):
            after = frozenset(self.touched).union(*(slot.after for slot in slots.values()))
            return dict.fromkeys(step.outputs, Slot(None, after))
        after = frozenset(self.touched)
        ready = {name: Slot(value, slots[name].after | after) for name, value in values.items()}
        inside = replace(place, scope=place.scope.inside(step.run))
        if step.run.kind == "Workflow":
            outputs = self.workflow(step.run, ready, inside)
        else:
            outputs = self._process(step, ready, slots, inside, process)
        return {name: outputs.get(name, NOTHING) for name in step.outputs}

    def _spend(self, node: Node) -> None:
        self.spent += 1
        if self.spent > self.limits.expansions:
            message = f"this workflow comes to more than {self.limits.expansions} step runs"
            raise refuse(node, "cwl.too_many_steps", message)

    def _worked_out(
        self, step: Step, slots: Inputs, place: Place, process: Process
    ) -> dict[str, Value]:
        """The step's inputs after ``loadContents`` and ``valueFrom``."""
        given: dict[str, Value] = {name: slot.value for name, slot in slots.items()}
        for name, entry in step.inputs.items():
            if entry.load_contents or entry.load_listing:
                given[name] = self._or_gap(
                    entry.node,
                    lambda e=entry: self.complete.load(  # type: ignore[misc] # bound now
                        given[e.name], contents=e.load_contents, listing=e.load_listing
                    ),
                )
        values = dict(given)
        for name, entry in step.inputs.items():
            if entry.value_from is not None:
                around = self._around({"inputs": given, "self": given[name]}, place, process)
                values[name] = self._or_gap(
                    entry.value_from,
                    lambda e=entry, a=around: evaluate(e.value_from.value, a, self.language),  # type: ignore[misc]
                )
        return values

    def _around(self, roots: dict[str, Value], place: Place, process: Process) -> Around:
        return Around(roots, place.scope.library, process.version)

    def _or_gap(self, node: Node, value: Callable[[], Value]) -> Value:
        try:
            with blame(node):
                return value()
        except Open as gap:
            return Gap(gap.steps)

    def _condition_holds(
        self, step: Step, values: dict[str, Value], place: Place, process: Process
    ) -> bool:
        if step.when is None:
            return True
        with blame(step.when):
            around = self._around({"inputs": values, "self": None}, place, process)
            answer = self.look(evaluate(step.when.value, around, self.language))
            if not isinstance(answer, bool):
                raise Wrong("cwl.when", f"'when' must come to true or false, not {answer!r:.60}")
            return answer

    def _process(
        self, step: Step, ready: Inputs, slots: Inputs, place: Place, workflow: Process
    ) -> dict[str, Slot]:
        """A leaf's outputs: those of an expression at once, those of a job as references."""
        process = step.run
        values = self._arguments(step, ready)
        if process.kind == "ExpressionTool":
            values = self._load_listings(process, values, place.scope.listing)
        after = frozenset().union(
            *(slot.after for slot in ready.values()),
            *(referenced_steps(slot.value) for slot in [*ready.values(), *slots.values()]),
        )
        if process.kind == "ExpressionTool":
            return self._expression_tool(process, values, place, frozenset(after))
        holes = [gap.steps for value in values.values() for gap in gaps(value)]
        holes += [gap.steps for slot in ready.values() for gap in gaps(slot.value)]
        if holes:
            raise Open(frozenset().union(*holes))
        after |= self.touched
        self._plan(
            Job(place.name, process, step, place.scope, values, after, workflow, place.index)
        )
        return {
            name: Slot(Ref(place.name, name, output.type))
            for name, output in process.outputs.items()
        }

    def _plan(self, job: Job) -> None:
        if len(self.jobs) >= self.limits.steps:
            message = f"this workflow comes to more than {self.limits.steps} steps"
            raise refuse(job.step.node, "cwl.too_many_steps", message)
        self.jobs[job.name] = job

    def _arguments(self, step: Step, ready: Inputs) -> dict[str, Value]:
        """What the leaf is given: its declared inputs, with defaults, of the right types."""
        values: dict[str, Value] = {}
        for name, parameter in step.run.inputs.items():
            entry = step.inputs.get(name)
            if entry is None and parameter.default is None and nullable(parameter.type):
                values[name] = None
                continue
            with blame(entry.node if entry is not None else step.node):
                value = ready.get(name, NOTHING).value
                if isinstance(value, Ref) and not self.target.null_references:
                    value = None if is_null(value, self.look) else value
                values[name] = self.complete.input(parameter, value, step.run)
        return values

    def _load_listings(
        self, process: Process, values: dict[str, Value], listing: str
    ) -> dict[str, Value]:
        """Directories as LoadListingRequirement wants them, unless a parameter says it itself."""
        return {
            name: value
            if process.inputs[name].load_listing
            else self.complete.load(value, contents=False, listing=listing)
            for name, value in values.items()
        }

    def _expression_tool(
        self, process: Process, values: dict[str, Value], place: Place, after: frozenset[str]
    ) -> dict[str, Slot]:
        if process.expression is None:
            raise Open(frozenset())
        with blame(process.expression):
            roots = {"inputs": values, "self": None, "runtime": RUNTIME}
            around = self._around(roots, place, process)
            answer = self.look(evaluate(process.expression.value, around, self.language))
            if not isinstance(answer, dict):
                raise Wrong("cwl.expression", "an expression tool must come to a map of outputs")
            return {
                name: Slot(self._result(output, answer.get(name), process), after | self.touched)
                for name, output in process.outputs.items()
            }

    def _result(self, output: Parameter, value: Value, process: Process) -> Value:
        if value is None:
            if output.type != ANY and not nullable(output.type):
                message = f"the expression gives no value for '{output.name}'"
                raise Wrong("cwl.wrong_type", message)
            return None
        return self.complete.input(replace(output, default=None), value, process)
