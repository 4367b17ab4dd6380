"""Estimates whether a token lasts as long as its workflow. Pure; the estimate is rough."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from workflows.model.errors import Problem
from workflows.model.values import Spec
from workflows.rules.tokens.renewal import shortest_rest
from workflows.spec.compiled_spec import CompiledSpec, compile_spec

STEP: Final = timedelta(hours=1)
"""How long a step at BV-BRC takes with its time in the queue: a high estimate."""


def ends_too_soon(spec: Spec, cap: int, expires_at: datetime, now: datetime) -> Problem | None:
    """A warning if a token of this expiry is likely to end before its workflow.

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
        f"your token expires at {expires_at:%Y-%m-%d %H:%M} UTC, and this workflow may take about"
        f" {hours:.0f} h: its steps would then wait",
        "hand in a fresh token before that: PUT /api/v1/workflows/{id}/token",
    )


def job_outlives_token(expires_at: datetime, now: datetime) -> Problem | None:
    """The warning where the engine renews the token: a job keeps the one that it was sent with,
    which may be about to be renewed.
    """
    rest = shortest_rest(expires_at - now)
    if rest >= STEP:
        return None
    return Problem(
        "",
        "token_ends_soon",
        f"your token expires at {expires_at:%Y-%m-%d %H:%M} UTC. The engine renews it, but a job"
        f" keeps the token that it was sent with, which may last for {_minutes(rest)} only: a job"
        " that takes longer loses its access to the Workspace and fails",
        "hand in a token that lasts longer: PUT /api/v1/workflows/{id}/token",
    )


def _minutes(rest: timedelta) -> str:
    return f"{max(rest, timedelta(0)) / timedelta(minutes=1):.0f} min"


def rounds(found: CompiledSpec, cap: int) -> int:
    """The least number of rounds of steps, with at most ``cap`` at a time."""
    longest: dict[int, int] = {}
    for step in found.order:
        longest[step] = 1 + max((longest[need] for need in found.dag.needs[step]), default=0)
    return max(-(-len(longest) // cap), max(longest.values(), default=0))
