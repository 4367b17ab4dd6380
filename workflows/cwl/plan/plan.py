"""Document, inputs and results so far → jobs, outputs, gaps, problems: the target-neutral plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workflows.cwl.check.wiring import Wiring
from workflows.cwl.model.document import Process, Step, StepInput
from workflows.cwl.model.limits import LIMITS, Limits
from workflows.cwl.model.problems import CwlProblem, Refused, Report
from workflows.cwl.model.scope import Scope
from workflows.cwl.model.target import Target
from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Link, Parameter, Source
from workflows.cwl.model.values import Slot, Value, gaps
from workflows.cwl.plan import job_inputs
from workflows.cwl.plan.expand import Expansion, Job, Place, Results
from workflows.cwl.plan.scripts import Evaluate
from workflows.cwl.read.bundle import Bundle, check_size
from workflows.cwl.read.document_reader import Reader
from workflows.cwl.read.requirement_reader import requirements
from workflows.cwl.read.yaml_tree import Budget, parse, tree_of
from workflows.model.values import Json

INPUTS = "inputs"
"""The name under which problems speak of the input object."""
_REQUIREMENTS = ("cwl:requirements", "https://w3id.org/cwl/cwl#requirements")


@dataclass(frozen=True, slots=True)
class Expanded:
    """The plan of a workflow as far as it is known."""

    process: Process | None
    jobs: tuple[Job, ...] = ()
    """Dependencies first. A later plan, made with more results, repeats these and adds others."""
    outputs: Mapping[str, Value] = field(default_factory=dict)
    """The workflow's outputs: values, references to steps' outputs, gaps."""
    waits_for: frozenset[str] = frozenset()
    """The steps on whose results further steps depend; empty when the plan is complete."""
    problems: tuple[CwlProblem, ...] = ()
    warnings: tuple[CwlProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What was submitted: the files, which of them is the workflow, and its input object."""

    files: Mapping[str, Json]
    """Text, or a JSON value, by relative path."""
    main: str
    inputs: Json = None
    """Text (YAML or JSON), or a JSON value."""
    entry: str = ""
    """The process of ``$graph`` to run; empty: ``main``, or the only one."""
    inputs_file: str = INPUTS


def expand(
    document: Document,
    target: Target,
    script: Evaluate,
    results: Results | None = None,
    limits: Limits = LIMITS,
) -> Expanded:
    """Reads, checks and expands. Problems are answered, not raised: the deepest cause only.

    ``results`` holds, for each step that has succeeded, its outputs by name. Steps that failed
    are simply not in it: what waits for them stays a gap.
    """
    report = Report()
    expansion = Expansion(target, script, results or {}, limits, report)
    try:
        process, slots = _read(document, expansion)
        if report.problems:
            return Expanded(process, problems=report.problems, warnings=report.warnings)
        return _laid_out(expansion, process, slots)
    except Refused as refused:
        found = [p for p in refused.problems if isinstance(p, CwlProblem)]
        return Expanded(None, problems=tuple(found), warnings=report.warnings)


def read_process(document: Document, target: Target, limits: Limits = LIMITS) -> Expanded:
    """The workflow without its input object, and what is wrong with it: no jobs."""
    report = Report()
    try:
        reader = _reader(document, target, limits, report)
        process = wrap_tool(reader.entry(document.main, document.entry))
        if not report.problems:
            Wiring(target, report).check(process, None, Scope())
        return Expanded(process, problems=report.problems, warnings=report.warnings)
    except Refused as refused:
        found = [p for p in refused.problems if isinstance(p, CwlProblem)]
        return Expanded(None, problems=tuple(found), warnings=report.warnings)


def _reader(document: Document, target: Target, limits: Limits, report: Report) -> Reader:
    check_size(document.files, limits)
    return Reader(Bundle(document.files, limits), report, target.app_process, target.apps)


def _read(document: Document, expansion: Expansion) -> tuple[Process, dict[str, Slot]]:
    """The workflow and its inputs. A check is made only if the checks before it passed."""
    target, limits, report = expansion.target, expansion.limits, expansion.report
    reader = _reader(document, target, limits, report)
    given = _read_inputs(document, limits)
    process = wrap_tool(
        _add_input_requirements(reader.entry(document.main, document.entry), given, reader)
    )
    if not report.problems:
        Wiring(target, report).check(process, None, Scope())
    slots: dict[str, Slot] = {}
    if not report.problems:
        slots = job_inputs.read(process, given, target, expansion.language, report)
    return process, slots


def _laid_out(expansion: Expansion, process: Process, slots: dict[str, Slot]) -> Expanded:
    place = Place((), Scope().inside(process))
    outputs = {k: slot.value for k, slot in expansion.workflow(process, slots, place).items()}
    waits = expansion.waits.union(*(gap.steps for value in outputs.values() for gap in gaps(value)))
    return Expanded(
        process=process,
        jobs=tuple(expansion.jobs.values()),
        outputs=outputs,
        waits_for=frozenset(waits - set(expansion.results)),
        problems=expansion.report.problems,
        warnings=expansion.report.warnings,
    )


def _read_inputs(document: Document, limits: Limits) -> Node:
    """The input object as a tree."""
    inputs = document.inputs
    check_size({document.inputs_file: inputs}, limits)
    read = parse if isinstance(inputs, str) else tree_of
    return read(inputs, document.inputs_file, Budget(limits))


def _add_input_requirements(process: Process, given: Node, reader: Reader) -> Process:
    """The process with the requirements of the input object, which go before its own."""
    more = next((node for name in _REQUIREMENTS if (node := given.get(name))), None)
    if more is None:
        return process
    if process.version == "v1.0":
        reader.report.problem(
            more, "cwl.unknown_input", "in CWL v1.0 an input object has no requirements"
        )
    found = requirements(more, process.version, {}, reader.types)
    return replace(process, requirements={**process.requirements, **found})


def wrap_tool(process: Process) -> Process:
    """A tool that was submitted by itself, as the only step of a workflow."""
    if process.kind in ("Workflow", ""):
        return process
    step = _only_step(process)
    outputs = {
        name: Parameter(
            name,
            each.type,
            each.node,
            link=Link((Source(step.name, name, each.node),), is_list=False),
        )
        for name, each in process.outputs.items()
    }
    return Process(
        kind="Workflow",
        name=process.name,
        scope="",
        version=process.version,
        node=process.node,
        inputs=process.inputs,
        outputs=outputs,
        requirements=process.requirements,
        hints=process.hints,
        steps={step.name: step},
        wraps=process,
    )


def _only_step(process: Process) -> Step:
    """The step that runs the tool, with the workflow's inputs as its own."""
    return Step(
        name=process.name or "run",
        slug="run",
        node=process.node,
        run=process,
        inputs={
            name: StepInput(name, each.node, Link((Source("", name, each.node),), is_list=False))
            for name, each in process.inputs.items()
        },
        outputs={name: each.node for name, each in process.outputs.items()},
        scatter=(),
        method="",
        when=None,
        requirements={},
        hints={},
    )
