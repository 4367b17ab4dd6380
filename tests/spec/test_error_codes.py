"""The list of codes, of which docs/errors.md is made, and the source speak of the same codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from workflows.model.error_codes import all_codes

ROOT = Path(__file__).parents[2]
OTHERS = ("cwl", "simulator")
"""CWL's codes are in docs/cwl.md."""
SOURCES = [
    path
    for folder in ("workflows", "app")
    for path in (ROOT / folder).rglob("*.py")
    if not {*path.parts} & {*OTHERS}
]
PLACE_OF_CODE = {
    "problem": 1,
    "warning": 1,
    "fix": 1,
    "fixed": 1,
    "Problem": 1,
    "_unresolved_reference": 0,
    "_refuse": 0,
}
"""Functions to the position of the code among their arguments."""


def codes(tree: ast.AST) -> Iterator[str]:
    """Codes handed to such functions, and those of the ``(path, code, message)`` yielded."""
    for node in ast.walk(tree):
        values: list[ast.expr] = []
        if isinstance(node, ast.Call):
            place = PLACE_OF_CODE.get(name_of(node.func), len(node.args))
            values = node.args[place : place + 1]
        elif isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
            values = node.value.elts[1:2] if len(node.value.elts) == 3 else []
        for value in values:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def name_of(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def test_every_code_is_explained_and_every_explained_code_exists() -> None:
    used = {code for path in SOURCES for code in codes(ast.parse(path.read_text()))}

    assert len(used) > 50
    assert sorted(used) == all_codes()
