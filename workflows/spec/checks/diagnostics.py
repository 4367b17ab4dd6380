"""The findings of a validation: problems, warnings and fixes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from workflows.model.errors import Problem, Unresolved
from workflows.model.json_path import Path, format_path

MOST_PROBLEMS = 1000
MOST_SUGGESTIONS = 200
"""The most suggestions that are computed, so that hostile input cannot cost much time."""

Hint = str | Callable[[], str]
"""A suggestion, or the function that computes one."""


@dataclass(slots=True)
class Diagnostics:
    """Collects findings in the order of the checks."""

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    fixes: list[Problem] = field(default_factory=list)
    fixed: int = 0
    """How many fixes there were, reported or not."""
    unreported: int = 0
    hints: int = 0
    faulty: set[str] = field(default_factory=set)
    """Paths with a problem; problems that only follow from it are not reported."""
    because: dict[Problem, Sequence[Path]] = field(default_factory=dict)
    """Problem to the paths of which a faulty one explains it."""

    def problem(
        self, path: Path, code: str, message: str, hint: Hint = "", because: Sequence[Path] = ()
    ) -> None:
        """Notes a problem that makes the workflow invalid. It is not reported if one of the places
        ``because`` is faulty itself: it only follows from that.
        """
        if len(self.problems) < MOST_PROBLEMS:
            self.faulty.add(format_path(path))
        self._add(self.problems, path, code, message, hint)
        if because:
            self.because[self.problems[-1]] = because

    def warning(self, path: Path, code: str, message: str, hint: Hint = "") -> None:
        """Notes a warning: the value may be intended."""
        self._add(self.warnings, path, code, message, hint)

    def fix(self, path: Path, code: str, message: str) -> None:
        """Notes a correction that was made."""
        self.fixed += 1
        self._add(self.fixes, path, code, message, "")

    def add_unresolved(self, reason: Unresolved) -> None:
        """Notes a reference without a value, unless a known problem explains it."""
        problem = reason.problems[0]
        if problem.path not in self.faulty and reason.target not in self.faulty:
            self._keep(self.problems, problem)
        self.faulty.add(problem.path)

    def is_faulty(self, path: Path) -> bool:
        return bool(self.faulty) and format_path(path) in self.faulty

    def _add(self, where: list[Problem], path: Path, code: str, message: str, hint: Hint) -> None:
        if len(where) < MOST_PROBLEMS:
            self._keep(where, Problem(format_path(path), code, message, self._hint(hint)))
        else:
            self.unreported += where is self.problems

    def _keep(self, where: list[Problem], problem: Problem) -> None:
        if len(where) < MOST_PROBLEMS:
            where.append(problem)
        else:
            self.unreported += 1

    def _hint(self, hint: Hint) -> str:
        if isinstance(hint, str):
            return hint
        self.hints += 1
        return hint() if self.hints <= MOST_SUGGESTIONS else ""

    def all_problems(self) -> tuple[Problem, ...]:
        """Every problem once; where there are too many to report, the last one says how many
        more."""
        distinct = dict.fromkeys(self.problems)
        reported = [problem for problem in distinct if not self._follows(problem)]
        if not self.unreported:
            return tuple(reported)
        more = Problem("", "more_problems", f"and {self.unreported} more problems")
        return (*reported, more)

    def _follows(self, problem: Problem) -> bool:
        return any(self.is_faulty(path) for path in self.because.get(problem, ()))
