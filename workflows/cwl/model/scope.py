"""Which requirements and hints hold at a place: those of the innermost object that names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workflows.cwl.model.document import Process, Step
from workflows.cwl.model.tree import Node


@dataclass(frozen=True, slots=True)
class Scope:
    """Requirements and hints in force, by class."""

    requirements: Mapping[str, Node] = field(default_factory=dict)
    hints: Mapping[str, Node] = field(default_factory=dict)

    def inside(self, part: Process | Step) -> Scope:
        """The scope within a process or step."""
        if not part.requirements and not part.hints:
            return self
        return Scope({**self.requirements, **part.requirements}, {**self.hints, **part.hints})

    def has(self, name: str) -> bool:
        return name in self.requirements or name in self.hints

    @property
    def library(self) -> tuple[str, ...] | None:
        """JavaScript's ``expressionLib``; None where JavaScript is not declared."""
        name = "InlineJavascriptRequirement"
        declared = self.requirements.get(name) or self.hints.get(name)
        if declared is None:
            return None
        library = declared.get("expressionLib")
        return tuple(item.text for item in library.items) if library is not None else ()

    @property
    def listing(self) -> str:
        """How deep Directories are listed where a parameter does not say; empty: not at all."""
        name = "LoadListingRequirement"
        declared = self.requirements.get(name) or self.hints.get(name)
        written = declared.get("loadListing") if declared is not None else None
        return written.text if written is not None else ""
