"""Does a token live as long as a workflow is likely to take? Pure; nobody knows for sure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workflows.model.errors import Problem
from workflows.model.values import Spec
from workflows.spec.compiled_spec import CompiledSpec, compile_spec

STEP: Final = timedelta(hours=1)
"""How long a step of BV-BRC's takes with its time in the queue: a guess, rather high than low."""


def ends_too_soon(spec: Spec, cap: int, expires_at: datetime, now: datetime) -> Problem | None:
    """A warning where the token that expires then is likely to end before the workflow does.

    ``cap``: how many steps may be under way at once, where the spec names no lower number.
    """
    if expires_at - now >= STEP * len(spec.steps):  # even one after the other
        return None
    likely = STEP * rounds(compile_spec(spec), min(spec.max_parallel_steps or cap, cap))
    if expires_at - now >= likely:
        return None
    hours = likely / timedelta(hours=1)
    return Problem(
        "",
        "token_ends_soon",
        f"your token ends at {expires_at:%Y-%m-%d %H:%M} UTC, and this workflow may take about"
        f" {hours:.0f} h: its steps would then wait",
        "hand in a fresh token before that: PUT /api/v1/workflows/{id}/token",
    )


def rounds(found: CompiledSpec, cap: int) -> int:
    """How many steps follow one another at least, with so many at a time."""
    longest: dict[int, int] = {}
    for step in found.order:
        longest[step] = 1 + max((longest[need] for need in found.dag.needs[step]), default=0)
    return max(-(-len(longest) // cap), max(longest.values(), default=0))
