"""Where in the user's files something of the plan comes from: a place that can be stored."""

from __future__ import annotations

from dataclasses import dataclass

from workflows.cwl.model.problems import CwlProblem
from workflows.cwl.model.tree import Node


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in a submitted file; lines and columns count from 1, 0 means unknown."""

    file: str
    line: int
    column: int
    path: str

    def problem(self, code: str, message: str, suggestion: str = "") -> CwlProblem:
        return CwlProblem(
            path=self.path,
            code=code,
            message=message,
            suggestion=suggestion,
            file=self.file,
            line=self.line,
            column=self.column,
        )


def origin(node: Node) -> Origin:
    return Origin(node.file, node.line, node.column, node.path)
