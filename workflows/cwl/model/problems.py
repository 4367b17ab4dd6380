"""Problems of a CWL submission, each with its place in the user's file and a suggestion."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from workflows.cwl.model.tree import Node
from workflows.model.errors import Invalid, Problem

MOST = 50
"""At most this many problems are reported; more would only hide them."""
_COMPARED, _LONGEST = 300, 100
"""With how many words, and how long ones, a misspelt word is compared."""


@dataclass(frozen=True, slots=True)
class CwlProblem(Problem):
    """A problem with its place in the submitted bundle; codes are listed in docs/cwl.md."""

    file: str = ""
    line: int = 0
    """Counted from 1; 0 where the document came as an object and has no lines."""
    column: int = 0

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.line else f"{self.file}: "
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{place}{self.message}{hint}"


class Refused(Invalid):
    """The submission cannot go on at all: it cannot be read, or it breaks a limit."""


class Report:
    """Collects problems and warnings; the same place and code is reported once."""

    def __init__(self) -> None:
        self._problems: dict[tuple[str, int, int, str, str], CwlProblem] = {}
        self._warnings: dict[tuple[str, int, int, str, str], CwlProblem] = {}

    def problem(self, node: Node, code: str, message: str, suggestion: str = "") -> None:
        """Raises ``Refused`` with all of them when there are enough to go on with."""
        _keep(self._problems, at(node, code, message, suggestion))
        if len(self._problems) >= MOST:
            raise Refused(self.problems)

    def warning(self, node: Node, code: str, message: str, suggestion: str = "") -> None:
        _keep(self._warnings, at(node, code, message, suggestion))

    @property
    def has_room(self) -> bool:
        """Whether another warning would be kept."""
        return len(self._warnings) < MOST

    @property
    def problems(self) -> tuple[CwlProblem, ...]:
        return tuple(self._problems.values())

    @property
    def warnings(self) -> tuple[CwlProblem, ...]:
        return tuple(self._warnings.values())


def _keep(kept: dict[tuple[str, int, int, str, str], CwlProblem], problem: CwlProblem) -> None:
    if len(kept) < MOST:
        place = (problem.file, problem.line, problem.column, problem.path, problem.code)
        kept.setdefault(place, problem)


def at(node: Node, code: str, message: str, suggestion: str = "") -> CwlProblem:
    """The problem, placed at ``node``."""
    return CwlProblem(
        path=node.path,
        code=code,
        message=message,
        suggestion=suggestion,
        file=node.file,
        line=node.line,
        column=node.column,
    )


def refuse(node: Node, code: str, message: str, suggestion: str = "") -> Refused:
    """An exception for the caller to raise."""
    return Refused([at(node, code, message, suggestion)])


def closest(word: str, options: Iterable[str]) -> str:
    """The option that the word may be a slip of; empty if there is none."""
    known = sorted(set(options), key=lambda option: (abs(len(option) - len(word)), option))
    close = get_close_matches(word[:_LONGEST], known[:_COMPARED], n=1, cutoff=0.6)
    return close[0] if close else {option.lower(): option for option in known}.get(word.lower(), "")


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """``did you mean 'x'?``; else the options, if they are few; else empty."""
    known = sorted(set(options))
    if close := closest(word, known):
        return f"did you mean '{close}'?"
    few = 12
    return f"known are: {', '.join(known)}" if 0 < len(known) <= few else ""
