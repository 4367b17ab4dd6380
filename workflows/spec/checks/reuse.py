"""Checks ``reuse`` of a workflow and of a step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from workflows.model.json_path import Path
from workflows.model.values import Json, Reuse
from workflows.spec.checks.diagnostics import Diagnostics
from workflows.spec.checks.suggestions import did_you_mean, list_names

NEVER, MINE = "never", "mine"
WORDS: Final = (NEVER, MINE)
FIELDS: Final = ("max_age_days", "join")
SHORTEST_DAYS, LONGEST_DAYS = 0.001, 3_650
_HINT: Final = 'give "never", "mine", or an object such as {"max_age_days": 7}'


def read_reuse(found: Mapping[str, Json], diagnostics: Diagnostics) -> Reuse | None:
    """Of a workflow; None where it says nothing."""
    value, at = found.get("reuse"), ("reuse",)
    if value is None:
        return None
    if isinstance(value, dict):
        return _details(value, at, diagnostics)
    if value in WORDS:
        return Reuse(wanted=value == MINE)
    if isinstance(value, str):
        diagnostics.problem(at, "invalid_choice", f"{value!r} is not known", _HINT)
    else:
        diagnostics.problem(at, "wrong_type", "it must be a word or an object", _HINT)
    return None


def read_step_reuse(found: Mapping[str, Json], path: Path, diagnostics: Diagnostics) -> bool:
    value = found.get("reuse")
    if value is None or isinstance(value, bool):
        return value is not False
    hint = "false: its job runs in any case; what is reused is said in the workflow's own reuse"
    diagnostics.problem((*path, "reuse"), "wrong_type", "it must be true or false", hint)
    return True


def _details(value: Mapping[str, Json], at: Path, diagnostics: Diagnostics) -> Reuse:
    for name in value:
        if name not in FIELDS:
            hint = did_you_mean(name, FIELDS) or f"known are {list_names(FIELDS)}"
            diagnostics.problem((*at, name), "unknown_field", "there is no such field", hint)
    days, join = value.get("max_age_days"), value.get("join", False)
    if not isinstance(join, bool):
        diagnostics.problem((*at, "join"), "wrong_type", "it must be true or false")
        join = False
    return Reuse(max_age=_age(days, (*at, "max_age_days"), diagnostics), join=join)


def _age(days: Json, at: Path, diagnostics: Diagnostics) -> timedelta | None:
    if days is None:
        return None
    number = isinstance(days, int | float) and not isinstance(days, bool)
    if number and SHORTEST_DAYS <= days <= LONGEST_DAYS:
        return timedelta(days=days)
    message = f"it must be a number of days from {SHORTEST_DAYS} to {LONGEST_DAYS}"
    diagnostics.problem(at, "wrong_type", message)
    return None
