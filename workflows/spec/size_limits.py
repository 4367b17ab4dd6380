"""Limits of what references resolve to: a workflow is no decompression bomb."""

from __future__ import annotations

from typing import Final

from workflows.model.errors import Problem, Unresolved
from workflows.model.json_path import Path, format_path
from workflows.model.values import Json

LARGEST_VALUE: Final = 1_000_000
"""How many characters one value may resolve to, about."""
LARGEST_SUM: Final = 64_000_000
"""How many characters all values of one resolver may be put together from, and how many the
parameters that it returns may have in all."""
LARGEST_OUTPUTS: Final = 16_000_000
"""How many characters the outputs that a resolver returns may have in all. They are sent to readers
but not stored, so they may be about as large as a document that can be stored."""


def measure(value: Json) -> int:
    """The characters of a value, about."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + measure(inner) for key, inner in value.items())
    if isinstance(value, list | tuple):
        return sum(map(measure, value))
    return 8


def check_value(size: int, at: Path) -> int:
    """The size of one value. Raises ``Unresolved`` where it is too large."""
    if size > LARGEST_VALUE:
        message = f"it resolves to more than {LARGEST_VALUE} characters"
        raise Unresolved(Problem(format_path(at), "too_large", message))
    return size


def budget_exceeded(budget: str, most: int, at: Path) -> Unresolved:
    """The error for values that together are larger than their budget."""
    message = f"up to here the {budget} of this workflow resolve to more than {most} characters"
    hint = "write long texts into files in the Workspace, and refer to their paths"
    return Unresolved(Problem(format_path(at), "too_large", message, hint))
