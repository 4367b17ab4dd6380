"""Writes docs/states.md from ``workflows/model/states.py`` and ``job_moves.py`` beside it."""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from workflows.model import job_moves, states  # noqa: E402 - the project's root must be on the path first

PAGE = ROOT / "docs" / "states.md"
TABLES: tuple[tuple[str, type[StrEnum], Mapping[StrEnum, frozenset[StrEnum]]], ...] = (
    ("Workflow", states.WorkflowState, states.WORKFLOW_MOVES),  # type: ignore[arg-type]
    ("Step", states.StepState, states.STEP_MOVES),  # type: ignore[arg-type]
    ("Job", states.JobState, job_moves.JOB_MOVES),  # type: ignore[arg-type]
)
HEAD = """# States

Made by `scripts/states.py` from the tables in `workflows/model/states.py` and `job_moves.py`; a
test compares them. A move that is not in a table raises an error. A state without moves is final;
only a user's `retry` leaves it: a failed or cancelled workflow goes back to `pending`, and so do
its failed, cancelled and upstream_failed steps.
"""


def page() -> str:
    """The whole document."""
    sections = [_section(name, kind, moves) for name, kind, moves in TABLES]
    return HEAD + "".join(sections) + _job_moves()


def _section(name: str, kind: type[StrEnum], moves: Mapping[StrEnum, frozenset[StrEnum]]) -> str:
    meanings = _comments(kind.__name__)
    rows = "".join(
        f"| `{state}` | {meanings.get(state.name, '')} | {_listed(kind, moves[state])} |\n"
        for state in kind
    )
    edges = "".join(
        f"  {state} --> {after}\n" for state in kind for after in kind if after in moves[state]
    )
    return (
        f"\n## {name}\n\n{kind.__doc__}\n\n| state | meaning | may become |\n|---|---|---|\n{rows}"
        f"\n```mermaid\nstateDiagram-v2\n{edges}```\n"
    )


def _listed(kind: type[StrEnum], after: frozenset[StrEnum]) -> str:
    return ", ".join(f"`{state}`" for state in kind if state in after) or "(final)"


def _job_moves() -> str:
    """Every write to a job that depends on its state."""
    fences = "".join(f"* `{each}`: {text}\n" for each, text in _fences().items())
    rows = "".join(
        f"| {move.name} | {_either(*move.sources)} "
        f"| {_either(move.target, move.target_if_unwanted) or '(stays)'} "
        f"| {_either(*move.fence)} | {move.mark} |\n"
        for move in job_moves.TRANSITIONS
    )
    return (
        "\n### Moves of a job\n\nNothing is written unless the job is in one of the states *from* "
        f"and its fence holds:\n\n{fences}\n*count*: the job's version counts the move. *process*: "
        "it does, and the workflow must process it.\n\n"
        f"| move | from | to | fence | mark |\n|---|---|---|---|---|\n{rows}"
    )


def _either(*found: StrEnum | None) -> str:
    return ", ".join(f"`{each}`" for each in found if each)


def _fences() -> dict[str, str]:
    comments = _comments("Fence", job_moves.__file__)
    return {str(each): comments[each.name] for each in job_moves.Fence}


def _comments(name: str, path: str = states.__file__) -> dict[str, str]:
    """The comment behind each member: what the state means."""
    source = Path(path).read_text(encoding="utf-8")
    lines = source.splitlines()
    tree = ast.parse(source)
    found = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {
        node.targets[0].id: lines[node.lineno - 1].partition("#")[2].strip()
        for node in found.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    PAGE.write_text(page(), encoding="utf-8")
