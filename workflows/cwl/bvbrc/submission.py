"""A CWL submission for BV-BRC: ``plan(source, results so far)`` → native steps, outputs, problems.

This is what the API and the engine call. A plan is a pure function of the submission and of the
results that it is given, so it can be made again at any time and place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from workflows.cwl.bvbrc.app_target import AppTarget
from workflows.cwl.bvbrc.lowering import NativeStep, conflicts, file_name, lower, native
from workflows.cwl.model.document import Process
from workflows.cwl.model.limits import LIMITS, Limits
from workflows.cwl.model.problems import CwlProblem, Report
from workflows.cwl.model.values import gaps
from workflows.cwl.plan.expand import Results
from workflows.cwl.plan.plan import Document, expand
from workflows.cwl.plan.scripts import Evaluate
from workflows.model.values import Json

BASE_URL = "https://www.bv-brc.org"


@dataclass(frozen=True, slots=True)
class Submission:
    """Everything that a plan depends on but for the results: to be stored with the workflow."""

    files: Mapping[str, Json]
    """The bundle by relative path: text, or a JSON value that was sent as an object."""
    main: str
    """Which of the files is the workflow."""
    inputs: Json = None
    """The input object, as text or as a JSON value."""
    entry: str = ""
    workspace_output_folder: str = ""
    name: str = ""
    """The workflow's name; empty: its label or id."""
    base_url: str = BASE_URL
    now: int = 0
    """What ``new Date()`` says in expressions: milliseconds since 1970, the time of submission."""
    base_context: Mapping[str, Json] = field(default_factory=dict)
    """Further keys of the native workflow's ``base_context``."""
    settings: Mapping[str, Json] = field(default_factory=dict)
    """``labels``, ``max_parallel_steps``, ``on_failure`` and ``reuse`` of the native workflow, as
    sent."""

    def as_json(self) -> dict[str, Json]:
        return asdict(self)


def submission_from(stored: Mapping[str, Any]) -> Submission:
    """The reverse of ``as_json``."""
    return Submission(**stored)


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan as far as it is known. Made again with more results it repeats its steps and adds
    more."""

    name: str
    main: str = ""
    """The file that holds the workflow."""
    steps: tuple[NativeStep, ...] = ()
    outputs: Mapping[str, Json] = field(default_factory=dict)
    """The workflow's outputs as native values; those that are not known yet are absent."""
    waits_for: frozenset[str] = frozenset()
    """The steps after whose success the plan is to be made again. Empty: it is complete."""
    problems: tuple[CwlProblem, ...] = ()
    warnings: tuple[CwlProblem, ...] = ()
    base_context: Mapping[str, Json] = field(default_factory=dict)
    settings: Mapping[str, Json] = field(default_factory=dict)
    """Further fields of the native document: see ``Submission.settings``."""
    version: str = ""
    """The document's ``cwlVersion``."""
    output_types: Mapping[str, str] = field(default_factory=dict)
    """The types of the workflow's outputs, as CWL writes them: ``File[]``."""

    def document(self) -> dict[str, Json]:
        """The native workflow document of all steps known so far (contract, section 4)."""
        return {
            "workflow_name": self.name,
            "version": "1.0",
            "base_context": dict(self.base_context),
            "steps": [step.as_json() for step in self.steps],
            "workflow_outputs": [{name: value} for name, value in self.outputs.items()],
            **self.settings,
        }

    def new_steps(self, before: frozenset[str]) -> tuple[NativeStep, ...]:
        """The steps that an earlier plan, with these names, did not have yet."""
        return tuple(step for step in self.steps if step.name not in before)


def plan(
    source: Submission,
    target: AppTarget,
    script: Evaluate,
    results: Results | None = None,
    limits: Limits = LIMITS,
) -> Plan:
    """The plan of a submission. Problems are answered, never raised.

    ``results`` maps each step that has succeeded to its outputs by name: resolved paths, lists of
    them for globs, plain values for helpers. ``script`` runs JavaScript (``Sandbox.evaluate``).
    """
    document = Document(source.files, source.main, source.inputs, source.entry)
    found = expand(document, target, script, results, limits)
    name = _name(source, found.process)
    if found.problems:
        return Plan(name, source.main, problems=found.problems, warnings=found.warnings)
    report = Report()
    steps = lower(found.jobs, name, target, report)
    return Plan(
        name=name,
        main=source.main,
        steps=steps,
        outputs={k: native(v) for k, v in found.outputs.items() if not gaps(v)},
        waits_for=found.waits_for,
        problems=(*report.problems, *conflicts(steps)),
        warnings=(*found.warnings, *report.warnings),
        base_context={
            **source.base_context,
            "base_url": source.base_url,
            "workspace_output_folder": source.workspace_output_folder,
        },
        settings=source.settings,
        version=found.process.version if found.process else "",
        output_types=_output_types(found.process),
    )


def _output_types(process: Process | None) -> dict[str, str]:
    outputs = process.outputs if process is not None else {}
    return {name: str(each.type) for name, each in outputs.items()}


def _name(source: Submission, process: Process | None) -> str:
    """The name given, else the document's label or id, else that of its file."""
    label = process.node.get("label") if process is not None else None
    words = [source.name, label.text if label is not None else ""]
    words += [process.name if process is not None and process.name != "main" else ""]
    words += [source.main.rpartition("/")[2].rpartition(".")[0]]
    chosen = next((word for word in words if word), "cwl-workflow")
    return chosen[:200] if chosen == source.name else file_name(chosen)
