"""A CWL document as it was understood: frozen values that still know where they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.cwl.model.tree import Node
from workflows.cwl.model.types import Link, Parameter


@dataclass(frozen=True, slots=True)
class StepInput:
    """One entry of a step's ``in``."""

    name: str
    node: Node
    link: Link
    default: Node | None = None
    value_from: Node | None = None
    load_contents: bool = False
    load_listing: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """A workflow, tool, expression tool or operation."""

    kind: str
    """Its class."""
    name: str
    """Its id without the file; empty where it has none."""
    scope: str
    """The fragment under which its parts are named, e.g. ``main`` or ``main/step1/run``."""
    version: str
    node: Node
    inputs: Mapping[str, Parameter]
    outputs: Mapping[str, Parameter]
    requirements: Mapping[str, Node]
    hints: Mapping[str, Node]
    """By class or by IRI, namespaces expanded."""
    steps: Mapping[str, Step] = field(default_factory=dict)
    expression: Node | None = None
    wraps: Process | None = None
    """For a workflow that was made around a tool sent by itself: that tool."""

    @property
    def judged_as(self) -> Process:
        """The process whose rules hold for the values of its inputs."""
        return self.wraps or self


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a workflow. ``run`` is what it runs."""

    name: str
    slug: str
    """Its part of a native step's name: unique among its siblings, safe, without ``__``."""
    node: Node
    run: Process
    inputs: Mapping[str, StepInput]
    outputs: Mapping[str, Node]
    """What it offers to others: each name, and where it is written."""
    scatter: tuple[str, ...]
    method: str
    """``dotproduct``, ``flat_crossproduct`` or ``nested_crossproduct``; empty without scatter."""
    when: Node | None
    requirements: Mapping[str, Node]
    hints: Mapping[str, Node]
